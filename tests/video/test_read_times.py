"""Reading clips in which frames have no presentation times, or wrong ones after a seek."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("av")

from clips import number_of, numbered_frames, write_clip

from pix2style.errors import ClipError
from pix2style.video.facts import read_facts
from pix2style.video.read import read_frames

_B_FRAMES = {"g": "12", "bf": "3"}


@pytest.mark.parametrize("suffix", ["avi", "asf"])
@pytest.mark.parametrize("reordered", ["0", "3"])
@pytest.mark.parametrize("rate", [25, 30])
def test_all_frames_of_formats_that_hold_decoding_times_only(
    tmp_path: Path, suffix: str, reordered: str, rate: int
) -> None:
    options = _B_FRAMES | {"bf": reordered}
    facts = read_facts(write_clip(tmp_path / f"a.{suffix}", numbered_frames(60), rate=rate, options=options))
    notes: list[str] = []
    frames = list(read_frames(facts, on_note=notes.append))
    assert [number_of(frame.rgb) for frame in frames] == list(range(60))
    # The first frame is shown when the sound begins.
    assert [facts.seconds_of(frame.time) for frame in frames] == pytest.approx([i / rate for i in range(60)], abs=1e-3)
    assert notes == []
    for first in (1, 13, 30, 59):
        later = read_frames(facts, first=first, first_time=frames[first - 1].time + 1)
        assert [(f.index, f.time, number_of(f.rgb)) for f in later] == [
            (f.index, f.time, f.index) for f in frames[first:]
        ]


def test_damaged_frame_of_an_avi_leaves_the_times_of_the_others(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.avi", numbered_frames(48), options=_B_FRAMES)
    whole = {number_of(frame.rgb): frame.time for frame in read_frames(read_facts(clip))}
    data = bytearray(clip.read_bytes())
    chunks = [at for at in range(len(data)) if data[at : at + 4] == b"00dc"][:48]
    size = int.from_bytes(data[chunks[20] + 4 : chunks[20] + 8], "little")
    data[chunks[20] + 8 : chunks[20] + 8 + size] = bytes(size)
    clip.write_bytes(data)
    notes: list[str] = []
    frames = list(read_frames(read_facts(clip), on_note=notes.append))
    assert notes
    late = [frame for frame in frames if number_of(frame.rgb) >= 24]
    assert [frame.time for frame in late] == [whole[number] for number in range(24, 48)]


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mpg", "mpeg2video"), ("a.264", "libx264"), ("a.265", "libx265"), ("a.m2v", "mpeg2video"), ("a.m4v", "mpeg4")],
)
def test_going_on_in_streams_that_hold_few_times_or_none(tmp_path: Path, name: str, codec: str) -> None:
    options = {"g": "10", "bf": "2", "b": "2000k"}
    if codec == "libx265":
        options = {"x265-params": "keyint=12:log-level=none"}
    facts = read_facts(write_clip(tmp_path / name, numbered_frames(60), codec=codec, options=options))
    frames = list(read_frames(facts))
    assert [number_of(frame.rgb) for frame in frames] == list(range(60))
    for first in (*range(19, 28), 48, 58, 60):
        later = read_frames(facts, first=first, first_time=frames[first - 1].time + 1)
        assert [(f.index, f.time, number_of(f.rgb)) for f in later] == [
            (f.index, f.time, f.index) for f in frames[first:]
        ]


@pytest.mark.parametrize("name", ["a.264", "a.mkv"])
def test_going_on_in_a_clip_that_has_become_shorter_is_an_error(tmp_path: Path, name: str) -> None:
    facts = read_facts(write_clip(tmp_path / name, numbered_frames(30), options=_B_FRAMES))
    frames = list(read_frames(facts))
    write_clip(tmp_path / name, numbered_frames(20), options=_B_FRAMES)
    with pytest.raises(ClipError, match="ends before the frame from which to go on"):
        list(read_frames(facts, first=25, first_time=frames[24].time + 1))
