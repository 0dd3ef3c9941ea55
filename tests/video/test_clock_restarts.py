"""Clips whose clock starts again or jumps, as recordings that were put together."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("av")

import av
import numpy as np
from clips import number_of, numbered_frames
from negative_stylizer import Negative
from written import packet_digests, packet_times_s

from pix2style.errors import DataError
from pix2style.video import stylize_clip
from pix2style.video.facts import read_facts
from pix2style.video.read import read_frames

_ONE_RESTART = "its clock starts again or jumps 1 time: the parts are joined, so that each begins where one ends"
_SOUND_S = Fraction(1024, 48000)


def _write_part(path: Path, numbers: range, *, begin_s: float = 0.0, sound_s: float | None = None) -> bytes:
    """Write a clip with numbered frames and a tone, and return its bytes. Its clock begins at about `begin_s`."""
    is_transport = path.suffix == ".ts"
    with av.open(str(path), "w", format=None if is_transport else "vob") as container:
        video: Any = container.add_stream("libx264" if is_transport else "mpeg2video", rate=25)
        video.width, video.height, video.pix_fmt = 128, 96, "yuv420p"
        video.options = {"g": "10", "bf": "2"} if is_transport else {"g": "10", "bf": "2", "b": "2000k"}
        sound: Any = container.add_stream("aac" if is_transport else "mp2", rate=48000, layout="mono")
        packets = []
        for number, pixels in zip(numbers, numbered_frames(64, 96, 128)[numbers.start : numbers.stop], strict=True):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number - numbers.start + round(begin_s * 25), Fraction(1, 25)
            packets += video.encode(frame)
        packets += video.encode(None)
        size = sound.codec_context.frame_size or 1152
        for begin in range(0, round((sound_s or len(numbers) / 25) * 48000), size):
            tone = np.sin(np.arange(begin, begin + size) / 20)[None] * 0.3
            fitting = tone.astype(np.float32) if is_transport else (tone * 32767).astype(np.int16)
            samples = av.AudioFrame.from_ndarray(fitting, format="fltp" if is_transport else "s16", layout="mono")
            samples.sample_rate, samples.time_base = 48000, Fraction(1, 48000)
            samples.pts = begin + round(begin_s * 48000)
            packets += sound.encode(samples)
        packets += sound.encode(None)
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            container.mux(packet)
    return path.read_bytes()


def _joined(folder: Path, suffix: str, parts: Sequence[bytes]) -> Path:
    path = folder / f"joined{suffix}"
    path.write_bytes(b"".join(parts))
    return path


def _distances(times: Sequence[Any]) -> list[float]:
    return [float(later - earlier) for earlier, later in itertools.pairwise(times)]


@pytest.mark.parametrize("suffix", [".ts", ".vob"])
@pytest.mark.parametrize("begins_s", [(0, 0, 0), (100, 0, 50), (0, 3600, 3700)])
def test_all_frames_and_sound_follow_each_other(tmp_path: Path, suffix: str, begins_s: tuple[int, ...]) -> None:
    ranges = (range(25), range(25, 50), range(50, 64))
    parts = [
        _write_part(tmp_path / f"{i}{suffix}", numbers, begin_s=begin_s)
        for i, (numbers, begin_s) in enumerate(zip(ranges, begins_s, strict=True))
    ]
    clip = _joined(tmp_path, suffix, parts)
    facts = read_facts(clip)
    notes: list[str] = []
    frames = list(read_frames(facts, on_note=notes.append))
    assert notes == [_ONE_RESTART.replace("1 time", "2 times")]
    assert [number_of(frame.rgb) for frame in frames] == list(range(64))
    # Sound may be a little longer than the frames of a part.
    seconds = [facts.seconds_of(frame.time) for frame in frames]
    assert all(0.039 < distance < 0.15 for distance in _distances(seconds))
    assert facts.duration_s == pytest.approx(seconds[-1] + 0.04, abs=0.1)
    assert facts.frames == pytest.approx(64, abs=4)

    report = stylize_clip(Negative(), clip, tmp_path / "out.mp4")
    assert report.frames == 64
    [sound], [digests] = packet_times_s(tmp_path / "out.mp4"), packet_digests(tmp_path / "out.mp4")
    assert len(digests) == sum(len(packet_digests(tmp_path / f"{i}{suffix}")[0]) for i in range(3))
    assert all(0.02 < distance < 0.15 for distance in _distances(sound))
    # Sound is as far from the frames as in the parts.
    for i, numbers in enumerate(ranges):
        part = read_facts(tmp_path / f"{i}{suffix}")
        [wanted] = packet_times_s(part.path)
        first = next(iter(read_frames(part))).time * part.time_base_s
        place = sum(len(packet_digests(tmp_path / f"{j}{suffix}")[0]) for j in range(i))
        with av.open(str(tmp_path / "out.mp4")) as container:
            times = sorted(packet.pts * packet.time_base for packet in container.demux(video=0) if packet.size)
        assert float(sound[place] - times[numbers.start]) == pytest.approx(float(wanted[0] - first), abs=0.002)


@pytest.mark.parametrize("suffix", [".ts", ".vob"])
@pytest.mark.parametrize("stop", [12, 24, 36])
def test_going_on_gives_the_same_bytes(tmp_path: Path, suffix: str, stop: int) -> None:
    def fail() -> None:
        raise DataError("no memory")

    parts = [_write_part(tmp_path / f"{i}{suffix}", range(25 * i, 25 * i + 25)) for i in range(2)]
    damaged = bytearray(parts[1])
    middle = len(damaged) // 2
    damaged[middle : middle + 400] = bytes(400)
    clip = _joined(tmp_path, suffix, [parts[0], bytes(damaged)])
    whole = stylize_clip(Negative(), clip, tmp_path / "whole.mp4", segment_frames=6)
    with pytest.raises(DataError, match="no memory"):
        stylize_clip(Negative((stop, fail)), clip, tmp_path / "out.mp4", segment_frames=6)
    report = stylize_clip(Negative(), clip, tmp_path / "out.mp4", segment_frames=6)
    assert report.resumed_frames >= stop - 6
    assert report.frames == whole.frames >= 40
    assert (tmp_path / "out.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()


def test_a_part_counts_on_the_clock_that_goes_on(tmp_path: Path) -> None:
    parts = [_write_part(tmp_path / f"{i}.ts", range(25 * i, 25 * i + 25)) for i in range(2)]
    facts = read_facts(_joined(tmp_path, ".ts", parts))
    whole = list(read_frames(facts))
    start_s, end_s = facts.seconds_of(whole[30].time), facts.seconds_of(whole[40].time)
    part = list(read_frames(facts, start_s=start_s, end_s=end_s))
    assert [number_of(frame.rgb) for frame in part] == list(range(30, 40))
    assert [frame.time for frame in part] == [frame.time for frame in whole[30:40]]
    stylize_clip(Negative(), facts.path, tmp_path / "out.mp4", start_s=start_s, end_s=end_s)
    [sound] = packet_times_s(tmp_path / "out.mp4")
    assert 0 <= sound[0] < _SOUND_S * 2
    assert Fraction(38, 100) - _SOUND_S < sound[-1] < Fraction(4, 10)


def test_a_gap_in_other_formats_stays(tmp_path: Path) -> None:
    """Recordings of a screen have such gaps."""
    part = _write_part(tmp_path / "a.ts", range(25))
    clip = _joined(tmp_path, ".ts", [part, _write_part(tmp_path / "b.ts", range(25, 50), begin_s=3600)])
    with av.open(str(clip)) as original, av.open(str(tmp_path / "gap.mkv"), "w") as container:
        copy = container.add_stream_from_template(original.streams.video[0])
        for packet in original.demux(video=0):
            if packet.size:
                packet.stream = copy
                container.mux(packet)
    facts = read_facts(tmp_path / "gap.mkv")
    frames = list(read_frames(facts, on_note=pytest.fail))
    assert len(frames) == 50
    assert facts.seconds_of(frames[25].time) == pytest.approx(3600, abs=2)


def test_a_picture_that_stands_still_while_its_sound_goes_on(tmp_path: Path) -> None:
    part = _write_part(tmp_path / "a.ts", range(25), sound_s=20)
    clip = _joined(tmp_path, ".ts", [part, _write_part(tmp_path / "b.ts", range(25, 50), begin_s=20.2)])
    facts = read_facts(clip)
    assert facts.restarts.positions == ()
    times = {number_of(frame.rgb): facts.seconds_of(frame.time) for frame in read_frames(facts)}
    assert times[0] < 0.2
    assert times[25] == pytest.approx(20.2, abs=0.2)


@pytest.mark.parametrize("kind", ["video", "audio"])
def test_a_single_wrong_time_is_no_restart(tmp_path: Path, kind: str) -> None:
    clip = tmp_path / "a.ts"
    data = bytearray(_write_part(clip, range(50)))
    with av.open(str(clip)) as container:
        packets = [packet for packet in container.demux() if packet.size and packet.stream.type == kind]
    position = packets[len(packets) // 2].pos
    assert position is not None
    at = data.index(b"\0\0\1", position) + 9  # behind the start of the PES packet: 33 bits, from the highest on
    data[at] &= 0xF1
    data[at + 1] = data[at + 2] = 1
    clip.write_bytes(data)
    assert read_facts(clip).restarts.positions == ()
