"""Clips with cuts from file to file: what is behind a cut depends on nothing before it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av")

from clips import write_clip
from written import decoded

from pix2style.images import Image8, read_picture
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.video import stylize_clip

SAMPLES = Path(__file__).parents[2] / "pix2style" / "samples" / "photos"
CUT = 6


def pan(photo: Path, count: int) -> list[Image8]:
    """Return frames of a pan over a photo, by parts of the filter's grid."""
    scene = read_picture(photo).rgb
    return [scene[100 - i : 196 - i, 120 - 3 * i : 248 - 3 * i] for i in range(count)]


def lossless(path: Path, frames: list[Image8]) -> Path:
    return write_clip(path, frames, codec="ffv1", pix_fmt="bgr0")


@pytest.mark.parametrize("steady", ["lock", "full"])
def test_frames_behind_a_cut_are_those_of_a_clip_that_begins_there(
    lite_file: Callable[..., Path], tmp_path: Path, steady: str
) -> None:
    """Glimpse, grid and blending begin again: the filter sees the whole picture and draws on a grid of 4 pixels."""
    first, second = sorted(SAMPLES.glob("*.jpg"))[:2]
    behind = pan(second, 7)
    clips = {
        "cut": lossless(tmp_path / "cut.mkv", pan(first, CUT) + behind),
        "behind": lossless(tmp_path / "behind.mkv", behind),
        "same": lossless(tmp_path / "same.mkv", pan(first, CUT + 7)),
        "late": lossless(tmp_path / "late.mkv", pan(first, CUT + 7)[CUT:]),
    }
    made = {}
    for name, clip in clips.items():
        out = tmp_path / f"{name}-out.mkv"
        stylize_clip(OnnxStylizer(lite_file(), threads=1), clip, out, steady=steady, lossless=True, segment_frames=5)
        made[name], _ = decoded(out)
    assert len(made["behind"]) == 7
    for number, expected in enumerate(made["behind"]):
        assert np.array_equal(made["cut"][CUT + number], expected), number
    # Without a cut they depend on what was before.
    for number, alone in enumerate(made["late"]):
        assert not np.array_equal(made["same"][CUT + number], alone), number
