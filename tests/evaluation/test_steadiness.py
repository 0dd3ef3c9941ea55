"""Measures of steadiness against cases whose result is known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from pix2style.errors import DataError
from pix2style.evaluation.dataset import PhotoDataset
from pix2style.evaluation.moving_clip import render_moving_clip
from pix2style.evaluation.steadiness import evaluate_steadiness
from pix2style.evaluation.steadiness_measures import clip_errors, noise_gain, partial_shift, whole_shift_difference
from pix2style.evaluation.steadiness_report import render_steadiness
from pix2style.images import Image8, encode_png, read_picture
from pix2style.steady import SteadyMode
from pix2style.stylizer import Stylizer, StylizerIdentity

_SAMPLES = Path(__file__).parents[2] / "pix2style" / "samples" / "photos"


class Negative(Stylizer):
    """Inverts every pixel: perfectly steady."""

    @property
    def identity(self) -> StylizerIdentity:
        return StylizerIdentity("negative", "0" * 64)

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        return [255 - image for image in images]


class Checkers(Negative):
    """Draws on a grid of 4 pixels, which hangs on the frame."""

    @property
    def grid_px(self) -> int:
        return 4

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        outputs = []
        for image in images:
            rows, columns = (np.arange(size) // 2 % 2 for size in image.shape[:2])
            outputs.append((image // 2 + 100 * (rows[:, None] ^ columns)[..., None]).astype(np.uint8))
        return outputs


@pytest.fixture(scope="module")
def photos() -> list[Image8]:
    return [read_picture(path).rgb for path in sorted(_SAMPLES.glob("*.jpg"))[:3]]


def test_a_filter_of_single_pixels_is_perfectly_steady(photos: list[Image8]) -> None:
    render = Negative().stylize
    assert [whole_shift_difference(render, photos[0][:120, :160], shift) for shift in (1, 2, 3, 4)] == [0] * 4
    partial = partial_shift(render, photos[0][:120, :160], 0.5)
    assert partial.change == pytest.approx(partial.photo_change, rel=1e-5)
    assert partial.difference < 0.1 * partial.change
    assert noise_gain(render, photos[0][:64, :64]) == pytest.approx(1)


def test_a_grid_that_hangs_on_the_frame_shows(photos: list[Image8]) -> None:
    differences = [whole_shift_difference(Checkers().stylize, photos[0][:120, :160], shift) for shift in (1, 2, 4)]
    assert differences == [pytest.approx(70.7, abs=0.2), pytest.approx(100), 0]


def test_the_rendered_clip_moves_as_it_says(photos: list[Image8]) -> None:
    clip = render_moving_clip(photos, frames=5, max_side_px=300)
    warping, flicker = clip_errors(clip, clip.frames)
    assert warping < 3
    assert flicker < 0.3
    assert all(sum(mask.sum() for _, mask in clip.layers(frame)) > 2000 for frame in range(1, 5))
    still = [clip.frames[0]] * 5
    assert clip_errors(clip, still)[0] > 8  # images that do not follow the motion


def test_small_photos_make_no_clip(photos: list[Image8]) -> None:
    with pytest.raises(DataError, match="at least 216x184"):
        render_moving_clip([photos[0][:100, :100]])


def test_a_report_compares_modes(photos: list[Image8], tmp_path: Path) -> None:
    for number, photo in enumerate(photos[:2]):
        (tmp_path / f"{number}.png").write_bytes(encode_png(photo[:190, :220]))
    (tmp_path / "tiny.png").write_bytes(encode_png(photos[0][:20, :20]))
    steps: list[tuple[int, int]] = []
    report = evaluate_steadiness(
        {"checkers": Checkers()},
        PhotoDataset([tmp_path]),
        [SteadyMode.OFF, SteadyMode.LOCK],
        on_progress=lambda done, total: steps.append((done, total)),
    )
    off, lock = report.stylizers
    assert steps == [(1, 2), (2, 2)]
    assert off.shifts["2"] == pytest.approx(100)
    assert set(lock.shifts.values()) == {0}
    assert off.clip is not None
    assert lock.clip is not None
    assert lock.clip.warping_error < off.clip.warping_error
    assert [failure.name for failure in report.failures] == ["tiny.png"]
    table = render_steadiness(report)
    assert "2 photos" in table
    assert "1 rendered clip" in table
    assert "20x20 pixels" in table


def test_photos_that_are_all_too_small(tmp_path: Path, photos: list[Image8]) -> None:
    (tmp_path / "tiny.png").write_bytes(encode_png(photos[0][:20, :20]))
    with pytest.raises(DataError, match=r"none of 1 photo can be used.*tiny\.png"):
        evaluate_steadiness({"n": Negative()}, PhotoDataset([tmp_path]), [SteadyMode.OFF], on_progress=print)
