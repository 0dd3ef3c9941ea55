"""Damaged clips: what is lost is said, everything else comes with its times."""

from __future__ import annotations

import random
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("av")

import av
from clips import number_of, numbered_frames, write_clip
from negative_stylizer import Negative
from written import decoded, packet_digests, packet_times_s, write_source

from pix2style.errors import ClipError
from pix2style.video import stylize_clip
from pix2style.video.damage import DamageReport
from pix2style.video.facts import read_facts
from pix2style.video.read import read_frames

_COUNT = 40


def _packets(clip: Path) -> list[Any]:
    with av.open(str(clip)) as container:
        return [packet for packet in container.demux(video=0) if packet.size]


def _spoil(clip: Path, *numbers: int) -> None:
    """Fill a part of the packets with these numbers, in the order of decoding, with noise."""
    data = bytearray(clip.read_bytes())
    packets = _packets(clip)
    for number in numbers:
        packet = packets[number]
        begin, end = packet.pos + min(24, packet.size // 3), packet.pos + packet.size - packet.size // 4
        data[begin:end] = random.Random(number).randbytes(end - begin)
    clip.write_bytes(data)


def _clip(folder: Path, codec: str, suffix: str, options: dict[str, str]) -> Path:
    pix_fmt = {"mjpeg": "yuvj420p", "prores_ks": "yuv422p10le"}.get(codec, "yuv420p")
    clip = folder / f"a.{suffix}"
    return write_clip(clip, numbered_frames(_COUNT, 96, 128), codec=codec, pix_fmt=pix_fmt, options=options)


@pytest.mark.parametrize(
    ("codec", "suffix", "options"),
    [
        ("libx264", "mp4", {"g": "10", "bf": "0"}),
        ("mjpeg", "mov", {}),
        ("prores_ks", "mov", {}),
        ("libx264", "mkv", {"g": "1"}),
    ],
)
def test_damaged_frame_is_left_out_and_said(tmp_path: Path, codec: str, suffix: str, options: dict[str, str]) -> None:
    clip = _clip(tmp_path, codec, suffix, options)
    _spoil(clip, 20)
    facts = read_facts(clip)
    notes: list[str] = []
    frames = list(read_frames(facts, on_note=notes.append))
    assert notes == ["frame 21 (0.800 s) is damaged: left out"]
    assert [frame.index for frame in frames] == list(range(_COUNT - 1))
    seconds = [float(frame.time * facts.time_base_s) for frame in frames]
    assert seconds == pytest.approx([i / 25 for i in range(_COUNT) if i != 20], abs=0.001)
    good = [number_of(frame.rgb) for frame in frames]
    assert good[:20] == list(range(20))
    assert good[30:] == list(range(31, _COUNT))
    # Going on behind the damage gives the same frames, although the key frame before may be the damaged one.
    for first in (20, 22, 30):
        rest = list(read_frames(facts, first=first, first_time=frames[first - 1].time + 1))
        assert [(frame.index, frame.time) for frame in rest] == [(f.index, f.time) for f in frames[first:]]
        assert all((a.rgb == b.rgb).all() for a, b in zip(rest, frames[first:], strict=True))


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_the_sound_beside_a_damaged_frame_stays_in_step(tmp_path: Path, suffix: str) -> None:
    clip = tmp_path / f"a.{suffix}"
    write_source(clip, frames=_COUNT, size=(128, 96), codec="libx264", options={"g": "10", "bf": "0"})
    sound, times = packet_digests(clip), packet_times_s(clip)
    _spoil(clip, 20)
    out = tmp_path / f"out.{suffix}"
    report = stylize_clip(Negative(), clip, out, segment_frames=15)
    assert report.notes == ["frame 21 (0.800 s) is damaged: left out"]
    assert packet_digests(out) == sound
    assert packet_times_s(out) == times
    _, frames = decoded(out)
    assert frames == [Fraction(i, 25) for i in range(_COUNT) if i != 20]


@pytest.mark.parametrize(("codec", "suffix"), [("mjpeg", "mov"), ("prores_ks", "mov")])
def test_damage_at_the_end_takes_no_other_frame(tmp_path: Path, codec: str, suffix: str) -> None:
    clip = _clip(tmp_path, codec, suffix, {})
    _spoil(clip, _COUNT - 3)
    notes: list[str] = []
    frames = list(read_frames(read_facts(clip), on_note=notes.append))
    assert notes == ["frame 38 (1.480 s) is damaged: left out"]
    assert [number_of(frame.rgb) for frame in frames] == [i for i in range(_COUNT) if i != _COUNT - 3]


def test_runs_of_damaged_frames_are_one_note(tmp_path: Path) -> None:
    clip = _clip(tmp_path, "mjpeg", "mov", {})
    _spoil(clip, 0, 9, 10, 11, 25)
    notes: list[str] = []
    frames = list(read_frames(read_facts(clip), on_note=notes.append))
    assert len(frames) == _COUNT - 5
    assert notes == [
        "frame 1 (0.000 s) is damaged: left out",
        "frames 10 to 12 (0.360 to 0.440 s) are damaged: left out",
        "frame 26 (1.000 s) is damaged: left out",
    ]


def test_many_damaged_places_are_counted() -> None:
    notes: list[str] = []
    report = DamageReport(Fraction(1, 25), Fraction(0), notes.append)
    for number in range(0, 100, 2):
        report.add(number, number)
    report.end()
    assert len(notes) == 21
    assert notes[-1] == "30 more frames are damaged: left out"


def test_all_frames_damaged(tmp_path: Path) -> None:
    clip = _clip(tmp_path, "mjpeg", "mov", {})
    _spoil(clip, *range(_COUNT))
    with pytest.raises(ClipError, match=r"a\.mov: holds no frame that can be decoded"):
        read_facts(clip)


def test_header_without_frames(tmp_path: Path) -> None:
    clip = _clip(tmp_path, "libx264", "mp4", {})
    data = bytearray(clip.read_bytes())
    begin = data.index(b"mdat") + 4
    size = int.from_bytes(data[begin - 8 : begin - 4], "big") - 8
    data[begin : begin + size] = bytes(size)
    clip.write_bytes(data)
    with pytest.raises(ClipError, match="holds no frame that can be decoded"):
        read_facts(clip)


@pytest.mark.parametrize(
    ("codec", "suffix", "options"),
    [
        ("libx264", "mp4", {"movflags": "+faststart"}),
        ("ffv1", "mkv", {}),
        ("libvpx-vp9", "webm", {}),
        ("mpeg4", "avi", {}),
    ],
)
def test_clip_that_is_cut_off(tmp_path: Path, codec: str, suffix: str, options: dict[str, str]) -> None:
    clip = tmp_path / f"a.{suffix}"
    write_clip(clip, numbered_frames(_COUNT, 96, 128), codec=codec, options={"g": "10"}, container_options=options)
    assert list(read_frames(read_facts(clip), on_note=pytest.fail))
    last = _packets(clip)[_COUNT // 2]
    clip.write_bytes(clip.read_bytes()[: last.pos + last.size // 2])
    facts = read_facts(clip)
    notes: list[str] = []
    frames = list(read_frames(facts, on_note=notes.append))
    assert notes[0] == "is cut off: its end is missing"
    assert _COUNT // 2 - 4 <= len(frames) <= _COUNT // 2 + 1
    assert [number_of(frame.rgb) for frame in frames[:-1]] == list(range(len(frames) - 1))


@pytest.mark.parametrize("suffix", ["mp4", "mov"])
def test_clip_without_its_index(tmp_path: Path, suffix: str) -> None:
    clip = _clip(tmp_path, "libx264", suffix, {})
    clip.write_bytes(clip.read_bytes()[: _packets(clip)[-1].pos])
    with pytest.raises(ClipError, match="its index is missing or damaged, as after an interrupted recording or copy"):
        read_facts(clip)


def test_clip_that_begins_in_the_middle(tmp_path: Path) -> None:
    clip = _clip(tmp_path, "libx264", "ts", {"g": "10", "bf": "0"})
    packet = _packets(clip)[15]
    clip.write_bytes(clip.read_bytes()[packet.pos :])
    notes: list[str] = []
    frames = list(read_frames(read_facts(clip), on_note=notes.append))
    assert [number_of(frame.rgb) for frame in frames] == list(range(20, _COUNT))
    assert len(notes) == 1


@pytest.mark.parametrize("options", [{}, {"movflags": "+faststart"}])
def test_data_behind_the_last_box_is_not_a_missing_end(tmp_path: Path, options: dict[str, str]) -> None:
    """As some dashcams write them."""
    clip = write_clip(tmp_path / "a.mp4", numbered_frames(12), container_options=options)
    data = clip.read_bytes()
    clip.write_bytes(data + b"\x40\x00\x00\x11\x01\x02\xff\x00" + random.Random(1).randbytes(5000))
    assert len(list(read_frames(read_facts(clip), on_note=pytest.fail))) == 12
