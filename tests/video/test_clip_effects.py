"""Effects on clips: the photo's colours and masks are those of the frame, also where strokes follow the scene."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av", reason="the extra video is not installed")

from clips import numbered_frames, write_clip
from negative_stylizer import Negative
from PIL import Image

from pix2style import stylize_video
from pix2style.effects.masked import with_mask
from pix2style.effects.preserve_color import PreserveColor, preserve_color
from pix2style.errors import ConfigError, DataError
from pix2style.images import Image8
from pix2style.steady import SteadyMode, SteadyStylizer
from pix2style.stylizer import Stylizer
from pix2style.video.api import stylize_clip
from pix2style.video.facts import read_facts
from pix2style.video.read import read_frames
from pix2style.video.timeline import read_timeline


class OnGrid(Negative):
    """A negative whose strokes would hang on a grid, so that frames are padded."""

    @property
    def grid_px(self) -> int:
        return 16


def _mask(frame: Image8) -> np.ndarray:
    mask = np.zeros(frame.shape[:2], bool)
    mask[5:20, 7:40] = True
    return mask


@pytest.mark.parametrize("mode", list(SteadyMode))
def test_masks_and_colours_lie_on_the_frame(mode: SteadyMode) -> None:
    frames = [np.roll(frame, 3 * number, axis=1) for number, frame in enumerate(numbered_frames(4))]
    plain, colour = SteadyStylizer(OnGrid(), mode), SteadyStylizer(PreserveColor(OnGrid()), mode)
    both = SteadyStylizer(with_mask(PreserveColor(OnGrid()), _mask(frames[0]), feather_px=0), mode)
    for frame in frames:
        stylized, coloured, masked = (s.stylize(frame, s.follow(frame)) for s in (plain, colour, both))
        assert np.array_equal(coloured, preserve_color(frame, stylized))
        assert np.array_equal(masked, np.where(_mask(frame)[..., None], coloured, frame))


def test_a_clip_through_masks(tmp_path: Path) -> None:
    frames = numbered_frames(5)
    clip = write_clip(tmp_path / "clip.mp4", frames, options={"crf": "1"})
    clip = tmp_path / "clip.mp4"
    (tmp_path / "masks").mkdir()
    Image.fromarray(_mask(frames[0])).save(tmp_path / "masks" / "clip.png")
    original = [frame.rgb for frame in read_frames(read_facts(clip))]
    by_file, by_name = (
        list(stylize_video(with_mask(Negative(), tmp_path / "masks" / name, feather_px=0), clip))
        for name in ("clip.png", "")
    )
    for frame, one, other in zip(original, by_file, by_name, strict=True):
        assert np.array_equal(one, np.where(_mask(frame)[..., None], 255 - frame, frame))
        assert np.array_equal(one, other)
    report = stylize_clip(with_mask(Negative(), "alpha"), clip, tmp_path / "out.mp4")
    assert "has no transparency for the mask: all of it is stylized" in report.notes
    with pytest.raises(DataError, match=r"has no mask in .*masks, where it would be called none\.png"):
        stylize_video(with_mask(Negative(), tmp_path / "masks"), tmp_path / "none.mp4")


def test_transparency_of_frames_is_the_mask() -> None:
    [frame] = numbered_frames(1)
    alpha = np.where(_mask(frame), 255, 0).astype(np.uint8)
    steady = SteadyStylizer(with_mask(Negative(), "alpha", feather_px=0), SteadyMode.LOCK)
    output = steady.stylize(frame, steady.follow(frame), alpha)
    assert np.array_equal(output, np.where(_mask(frame)[..., None], 255 - frame, frame))


def test_a_timeline_reaches_the_filter_inside_of_effects(tmp_path: Path, red_filter: Path) -> None:
    from pix2style.loading import load_stylizer

    (tmp_path / "timeline.txt").write_text("0 strength=0.25")
    effect: Stylizer = with_mask(load_stylizer(red_filter, preserve_color=True), np.ones((48, 64), bool))
    copied = effect.copy_for_clips()
    read_timeline(tmp_path / "timeline.txt", effect).apply(copied, 0)
    assert (effect.strength, copied.strength) == (1, 0.25)
    with pytest.raises(ConfigError, match="with filter files"):
        read_timeline(tmp_path / "timeline.txt", load_stylizer(f"{red_filter}:1,{red_filter}:1"))
