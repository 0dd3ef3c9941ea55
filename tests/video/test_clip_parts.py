"""Parts of clips in which a frame is shown for long, as in recordings of a screen."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

pytest.importorskip("av")

import av
from clips import number_of, numbered_frames, write_clip
from negative_stylizer import Negative

from pix2style.errors import DataError
from pix2style.video import stylize_clip
from pix2style.video.facts import read_facts
from pix2style.video.read import read_frames

_BASE = Fraction(1, 1000)
_TIMES = [0, 8000, 8040, 12000]


@pytest.fixture(params=["mp4", "mkv"])
def recording(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write_clip(tmp_path / f"in.{request.param}", numbered_frames(4), times=_TIMES, time_base=_BASE)


def _shown(path: Path) -> tuple[list[tuple[int, float]], float]:
    """Return the numbers and times of the frames of a written clip that is negative, and when it ends."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
        assert container.duration is not None
        end_s = container.duration / 1e6
    return [(number_of(255 - frame.to_ndarray(format="rgb24")), frame.time) for frame in frames], end_s


@pytest.mark.parametrize(
    ("start_s", "end_s", "frames", "length_s"),
    [
        (None, 3.0, [(0, 0)], 3),
        (3.0, 7.0, [(0, 0)], 4),
        (3.0, 8.02, [(0, 0), (1, 5)], 5.02),
        (7.95, 10.0, [(1, 0), (2, 0.04)], 2),
        (9.0, 12.01, [(2, 0), (3, 3)], 3.01),
        (8.01, 8.03, [(1, 0)], 0.02),
    ],
)
def test_what_is_shown_in_a_part(
    recording: Path, start_s: float | None, end_s: float, frames: list[tuple[int, float]], length_s: float
) -> None:
    out = recording.with_name(f"out{recording.suffix}")
    stylize_clip(Negative(), recording, out, start_s=start_s, end_s=end_s)
    found, end = _shown(out)
    assert [number for number, _ in found] == [number for number, _ in frames]
    assert [time for _, time in found] == pytest.approx([time for _, time in frames], abs=0.0011)
    assert end == pytest.approx(length_s, abs=0.0011)


def test_a_part_from_the_last_frame_on(tmp_path: Path) -> None:
    """It is shown as long as it says, and no longer."""
    clip = write_clip(tmp_path / "in.mp4", numbered_frames(2), rate=1, time_base=Fraction(1, 1))
    facts = read_facts(clip)
    [frame] = read_frames(facts, start_s=1.5)
    assert (number_of(frame.rgb), facts.seconds_of(frame.time)) == (1, 1.5)
    assert frame.duration == round(Fraction(1, 2) / facts.time_base_s)
    assert list(read_frames(facts, start_s=2.5)) == []


@pytest.mark.parametrize(("start_s", "end_s", "stop"), [(3.0, 10.0, 1), (3.0, 10.0, 2), (10.0, None, 1)])
def test_a_part_is_resumed_to_the_same_bytes(recording: Path, start_s: float, end_s: float | None, stop: int) -> None:
    def fail() -> None:
        raise DataError("no memory")

    outs = [recording.with_name(f"{name}{recording.suffix}") for name in ("whole", "resumed")]
    part = {"start_s": start_s, "end_s": end_s, "segment_frames": 1}
    whole = stylize_clip(Negative(), recording, outs[0], **part)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="no memory"):
        stylize_clip(Negative((stop, fail)), recording, outs[1], **part)  # type: ignore[arg-type]
    report = stylize_clip(Negative(), recording, outs[1], **part)  # type: ignore[arg-type]
    assert report.frames == whole.frames
    assert outs[0].read_bytes() == outs[1].read_bytes()


def test_going_on_behind_a_frame_that_is_shown_before_the_part(tmp_path: Path) -> None:
    """All of the part may be done, and nothing but the joining be left."""
    clip = write_clip(tmp_path / "in.mp4", numbered_frames(1), rate=1, time_base=Fraction(1, 1))
    facts = read_facts(clip)
    [frame] = read_frames(facts, start_s=0.5)
    assert list(read_frames(facts, start_s=0.5, first=1, first_time=frame.time + 1)) == []
