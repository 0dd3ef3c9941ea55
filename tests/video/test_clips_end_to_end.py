"""Clips of many kinds from file to file, each stopped once and gone on with: frames, times, sound of the original."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clips import number_of, numbered_frames, write_clip
from negative_stylizer import Negative
from written import add_subtitles, decoded, packet_digests, packet_times_s, track_facts, write_source

from pix2style.errors import DataError
from pix2style.images import Image8
from pix2style.video import stylize_clip, stylize_video
from pix2style.video.clip_job import ClipReport
from pix2style.video.facts import read_facts
from pix2style.video.read import read_frames


def stop() -> None:
    raise DataError("stopped")


def make(clip: Path, out: Path, **options: Any) -> ClipReport:
    """Stylize a clip in short segments, stopped at the 17th frame if it has so many, and gone on with."""
    with contextlib.suppress(DataError):
        stylize_clip(Negative((17, stop)), clip, out, segment_frames=5, crf=4, **options)
    return stylize_clip(Negative(), clip, out, segment_frames=5, crf=4, **options)


def shown(path: Path) -> tuple[list[Image8], list[Fraction]]:
    """Return the frames of a clip as players show them, and their times in seconds."""
    images, times = decoded(path)
    with av.open(str(path)) as container:
        quarters = next(container.decode(video=0)).rotation // 90
    return [np.rot90(image, quarters) for image in images], times


def numbers(images: list[Image8]) -> list[int]:
    return [number_of(255 - image) for image in images]


def ten_bits(path: Path) -> Path:
    return write_clip(path, numbered_frames(20), pix_fmt="yuv420p10le")


def odd_size(path: Path) -> Path:
    return write_clip(path, numbered_frames(20, 49, 67), pix_fmt="yuv444p")


def one_frame(path: Path) -> Path:
    return write_clip(path, numbered_frames(1))


def variable_rate(path: Path) -> Path:
    return write_clip(path, numbered_frames(30), times=[i * i + 7 for i in range(30)], time_base=Fraction(1, 600))


def turned(path: Path) -> Path:
    frames = [np.rot90(frame).copy() for frame in numbered_frames(20, 64, 48)]
    return write_clip(path, frames, prepare=lambda stream: stream.set_display_rotation(-90))


def full_range(path: Path) -> Path:
    return write_clip(path, numbered_frames(20), codec="mjpeg", pix_fmt="yuvj420p")


KINDS = [ten_bits, odd_size, one_frame, variable_rate, turned, full_range]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.__name__))
def test_frames_and_times_of_every_kind(tmp_path: Path, kind: Callable[[Path], Path], suffix: str) -> None:
    clip = kind(tmp_path / f"clip{suffix}")
    facts = read_facts(clip)
    read = list(read_frames(facts))
    report = make(clip, tmp_path / f"out{suffix}")
    images, times = shown(tmp_path / f"out{suffix}")
    assert report.frames == len(images) == len(read)
    assert report.resumed_frames in ((0,) if len(read) < 17 else (10, 15))
    assert numbers(images) == [number_of(frame.rgb) for frame in read]
    assert images[0].shape == read[0].rgb.shape
    for image, frame in zip(images, read, strict=True):
        assert np.abs(image.astype(int) - (255 - frame.rgb)).mean() < 6
    for time, frame in zip(times, read, strict=True):
        assert abs(time - frame.time * facts.time_base_s) <= Fraction(1, 1000)


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_rotation_is_kept(tmp_path: Path, suffix: str) -> None:
    clip = turned(tmp_path / "clip.mp4")
    make(clip, tmp_path / f"out{suffix}")
    before, after = read_facts(clip), read_facts(tmp_path / f"out{suffix}")
    assert after.rotation_deg == before.rotation_deg == 90
    assert (after.width_px, after.height_px) == (before.width_px, before.height_px)
    assert decoded(tmp_path / f"out{suffix}")[0][0].shape == decoded(clip)[0][0].shape


def test_subtitles_of_mp4(tmp_path: Path) -> None:
    """The text has its length before it; between the lines there are packets of empty ones."""
    lines = [(0.1, 0.2, "\0\3one"), (0.36, 0.28, "\0\3two"), (0.8, 0.3, "\0\5three")]
    clip = add_subtitles(write_source(tmp_path / "plain.mp4"), tmp_path / "clip.mp4", "mov_text", lines=lines)
    report = make(clip, tmp_path / "out.mp4")
    assert (report.frames, report.notes) == (30, [])
    assert len(packet_digests(clip, "subtitle")[0]) >= 3
    for kind in ("audio", "subtitle"):
        assert packet_digests(tmp_path / "out.mp4", kind) == packet_digests(clip, kind)
        assert packet_times_s(tmp_path / "out.mp4", kind) == packet_times_s(clip, kind)
    assert track_facts(tmp_path / "out.mp4") == track_facts(clip)
    for path in (clip, tmp_path / "out.mp4"):
        with av.open(str(path)) as container:
            found = [(float(p.pts * p.time_base), bytes(p)) for p in container.demux(subtitles=0) if p.size > 2]
        assert found == [(begin, text.encode()) for begin, _, text in lines]


def test_sound_of_two_tracks(tmp_path: Path) -> None:
    clip = write_source(tmp_path / "clip.mkv", sounds=("aac", "libopus"))
    report = make(clip, tmp_path / "out.mkv")
    assert (report.frames, report.notes) == (30, [])
    assert packet_digests(tmp_path / "out.mkv") == packet_digests(clip)
    assert packet_times_s(tmp_path / "out.mkv") == packet_times_s(clip)


def test_part_with_its_sound(tmp_path: Path) -> None:
    clip = write_source(tmp_path / "clip.mp4", frames=50)
    make(clip, tmp_path / "out.mp4", start_s=0.4, end_s=1.6)
    digests, [part] = packet_digests(clip)[0], packet_digests(tmp_path / "out.mp4")
    begin = digests.index(part[0])
    assert digests[begin : begin + len(part)] == part
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert len(list(container.decode(video=0))) == 30
        assert container.duration is not None
        assert abs(container.duration / 1e6 - 1.2) <= 0.05


def test_a_clip_that_is_cut_off(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "whole.mkv", numbered_frames(60))
    (tmp_path / "cut.mkv").write_bytes(clip.read_bytes()[: clip.stat().st_size * 3 // 5])
    report = make(tmp_path / "cut.mkv", tmp_path / "out.mkv")
    images, _ = decoded(tmp_path / "out.mkv")
    assert 17 < report.frames == len(images) < 60
    assert numbers(images)[:17] == list(range(17))
    assert any("cut off" in note for note in report.notes)


@pytest.mark.parametrize(("suffix", "codec"), [(".webm", "libvpx-vp9"), (".mov", "prores_ks")])
def test_transparency(tmp_path: Path, suffix: str, codec: str) -> None:
    frames = [
        np.dstack([frame, np.full(frame.shape[:2], 60 + i, np.uint8)]) for i, frame in enumerate(numbered_frames(20))
    ]
    pix_fmt = "yuva420p" if suffix == ".webm" else "yuva444p10le"
    clip = write_clip(tmp_path / f"clip{suffix}", frames, codec=codec, pix_fmt=pix_fmt, array_format="rgba")
    assert read_facts(clip).has_alpha
    stylize_clip(Negative(), clip, tmp_path / f"out{suffix}")
    for old, new in zip(
        *(list(read_frames(read_facts(path))) for path in (clip, tmp_path / f"out{suffix}")), strict=True
    ):
        assert old.alpha is not None
        assert new.alpha is not None
        assert np.abs(old.alpha.astype(int) - new.alpha).max() <= 6
    report = stylize_clip(Negative(), clip, tmp_path / "out.mp4")
    assert any("transparen" in note for note in report.notes)


def test_frames_from_python_are_those_that_are_written(tmp_path: Path) -> None:
    clip = turned(tmp_path / "clip.mp4")
    stylize_clip(Negative(), clip, tmp_path / "out.mkv", codec="ffv1")
    images, _ = decoded(tmp_path / "out.mkv")
    for image, frame in zip(images, stylize_video(Negative(), clip), strict=True):
        assert image.shape == (64, 48, 3)
        assert np.array_equal(image, frame)
