"""The bar of the size of strokes: the result, shrunk, has the strokes of the shrunk photo, by their Gram matrices."""

from __future__ import annotations

from pathlib import Path

import pytest

from pix2style import load_stylizer
from pix2style.effects.stroke import StrokeSize
from pix2style.evaluation.style import load_style_metric
from pix2style.images import read_picture, resize

_SAMPLES = Path(__file__).parents[2] / "pix2style" / "samples" / "photos"


def test_the_result_has_the_strokes_of_the_small_version() -> None:
    metric, note = load_style_metric(None)
    if metric is None:
        pytest.skip(note or "no feature network")
    photo, plain = read_picture(sorted(_SAMPLES.glob("*.jpg"))[2]).rgb, load_stylizer("watercolor")
    effect = StrokeSize(plain, look_px=max(photo.shape) * 10 // 27)
    version = effect.version(photo)
    [small], [large], [stylized] = (
        one.stylize([image]) for one, image in ((plain, version), (plain, photo), (effect, photo))
    )
    reference = metric.grams(small)
    ours, plainly = (
        metric.distance(metric.grams(resize(image, *small.shape[:2])), reference) for image in (stylized, large)
    )
    assert ours <= 0.1
    assert ours < 0.5 * plainly
