"""Frames that are in work at the same time give the bytes of frames one after another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import write_clip

import pix2style
from pix2style.effects.preserve_color import PreserveColor
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.stylizer import Stylizer
from pix2style.video import painter, stylize_clip
from pix2style.video.clip_settings import clip_settings
from pix2style.video.facts import read_facts
from pix2style.video.painter import Painter


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pan over noise with a cut."""
    scene = np.random.default_rng(0).integers(0, 255, (2, 80, 200, 3), np.uint8)
    frames = [scene[number // 14, 4:68, 3 * number : 3 * number + 96] for number in range(26)]
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", frames)


@pytest.fixture(scope="module")
def filter_file(lite_file: Callable[..., Path]) -> Path:
    return lite_file(norm="instance")


def at_once(stylizer: Stylizer, clip: Path, **options: Any) -> int:
    return Painter(stylizer, read_facts(clip), clip_settings(steady="lock", **options))._at_once


@pytest.mark.parametrize("steady", ["off", "lock", "full"])
def test_the_bytes_do_not_depend_on_frames_at_once(
    clip: Path, filter_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steady: str
) -> None:
    made = []
    for count in (1, 2, 3):
        monkeypatch.setattr(painter, "_FRAMES_AT_ONCE", count)
        stylizer = OnnxStylizer(filter_file, threads=3)
        assert at_once(stylizer, clip) == count
        out = tmp_path / f"{count}.mp4"
        stylize_clip(stylizer, clip, out, steady=steady, segment_frames=7)
        made.append(out.read_bytes())
    assert made[0] == made[1] == made[2]


def test_how_many_frames_are_in_work(clip: Path, filter_file: Path, tmp_path: Path) -> None:
    assert at_once(OnnxStylizer(filter_file, threads=1), clip) == 1
    two = OnnxStylizer(filter_file, threads=2)
    assert at_once(two, clip) == 2
    assert at_once(PreserveColor(two), clip) == 2
    assert at_once(pix2style.load_stylizer("watercolor"), clip) == 1
    large = write_clip(tmp_path / "large.mp4", [np.zeros((1440, 2560, 3), np.uint8)])
    assert at_once(two, large) == 1
    assert at_once(two, large, max_side_px=1280) == 2


def test_threads_of_the_copy_for_clips(filter_file: Path) -> None:
    stylizer = OnnxStylizer(filter_file, threads=4)
    assert [stylizer.copy_for_clips(count).threads for count in (1, 2, 4)] == [4, 3, 1]
