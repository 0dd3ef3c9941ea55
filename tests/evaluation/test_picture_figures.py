"""Figures and words of single pictures."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pix2style.evaluation.picture_figures import PictureFigures, measure_picture
from pix2style.evaluation.structure import structure_distance
from pix2style.evaluation.style import load_style_metric
from pix2style.fidelity import ssim
from pix2style.images import Image8


def test_figures_of_a_picture(photos: Callable[..., list[Image8]], vgg_to_conv3_1: Path) -> None:
    metric, _ = load_style_metric(str(vgg_to_conv3_1))
    assert metric is not None
    photo, output, painting = photos(3)
    target = 255 - output
    figures = measure_picture(metric, output, photo, paintings=[painting], target=target)
    style = metric.painting(painting).grams
    assert figures.style_to_painting == metric.distance(metric.grams(output), style)
    assert figures.photo_to_painting == metric.distance(metric.grams(photo), style)
    assert figures.ssim_to_target == ssim(output, target)
    structures = metric.features(photo).structure, metric.features(output).structure
    assert structures[0] is not None
    assert structures[1] is not None
    assert figures.structure_distance == structure_distance(structures[0], structures[1])
    assert json.loads(json.dumps(figures.to_json()))["words"] == figures.words


def test_without_painting_and_target_the_other_figures_are_none(
    photos: Callable[..., list[Image8]], vgg_to_conv3_1: Path
) -> None:
    metric, _ = load_style_metric(str(vgg_to_conv3_1))
    assert metric is not None
    [photo] = photos(1)
    figures = measure_picture(metric, photo, photo)
    assert (figures.style_to_painting, figures.style_to_target, figures.ssim_to_target) == (None, None, None)
    assert figures.structure_distance == pytest.approx(0, abs=1e-4)
    assert figures.words == "structure kept (distance 0.00)"


@pytest.mark.parametrize(
    ("to_painting", "structure", "words"),
    [
        (0.9, 0.1, "style weak (10 % of the way from the photo to the painting); structure kept (distance 0.10)"),
        (0.6, 0.7, "style clear (40 % of the way from the photo to the painting); structure loosened (distance 0.70)"),
        (
            0.3,
            1.2,
            "style strong (70 % of the way from the photo to the painting); structure repainted (distance 1.20)",
        ),
        (1.2, None, "style weak (0 % of the way from the photo to the painting)"),
    ],
)
def test_words(to_painting: float, structure: float | None, words: str) -> None:
    assert PictureFigures(to_painting, 1.0, None, structure, None).words == words
