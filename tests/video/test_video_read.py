"""Reading clips: all frames with their times, parts of clips, and going on after a stop."""

from __future__ import annotations

import gc
import hashlib
import os
import sys
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("av")

import av
from clips import number_of, numbered_frames, write_clip

from pix2style.video.clip import ClipFacts, ClipFrame
from pix2style.video.facts import read_facts
from pix2style.video.read import read_frames

_B_FRAMES = {"g": "10", "bf": "2"}
_CODECS = {
    "h264.mp4": ("libx264", {"g": "10", "bf": "3", "x264-params": "open-gop=1:b-pyramid=normal"}),
    "h264.ts": ("libx264", _B_FRAMES),
    "hevc.mkv": ("libx265", {"x265-params": "keyint=10:open-gop=1:log-level=none"}),
    "mpeg4.avi": ("mpeg4", _B_FRAMES),
    "mpeg2.mpg": ("mpeg2video", _B_FRAMES),
    "vp9.webm": ("libvpx-vp9", {"g": "10", "cpu-used": "8", "deadline": "realtime"}),
    "vp8.webm": ("libvpx", {"g": "10", "auto-alt-ref": "1", "lag-in-frames": "10", "cpu-used": "8"}),
    "av1.mp4": ("libsvtav1", {"g": "10", "preset": "12"}),
    "mjpeg.avi": ("mjpeg", {}),
}


def _seconds(facts: ClipFacts, frames: list[ClipFrame]) -> list[float]:
    return [float(frame.time * facts.time_base_s - facts.begin_s) for frame in frames]


def _digest(frame: ClipFrame) -> tuple[int, int, str]:
    return frame.index, frame.time, hashlib.sha256(frame.rgb.tobytes()).hexdigest()


def _make(path: Path, name: str, count: int = 32) -> Path:
    codec, options = _CODECS[name]
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    return write_clip(path / name, numbered_frames(count), codec=codec, pix_fmt=pix_fmt, options=options)


@pytest.mark.parametrize("name", _CODECS)
def test_all_frames_come_in_order_and_parts_are_the_same_frames(tmp_path: Path, name: str) -> None:
    facts = read_facts(_make(tmp_path, name))
    assert (facts.width_px, facts.height_px) == (64, 48)
    assert facts.frame_rate == 25
    notes: list[str] = []
    frames = list(read_frames(facts, on_note=notes.append))
    assert notes == []
    assert [frame.index for frame in frames] == list(range(32))
    assert [number_of(frame.rgb) for frame in frames] == list(range(32))
    seconds = _seconds(facts, frames)
    assert seconds[0] == pytest.approx(0)
    assert [second - seconds[0] for second in seconds] == pytest.approx([i / 25 for i in range(32)], abs=0.0011)
    digests = [_digest(frame) for frame in frames]
    for first in (1, 10, 11, 23, 31):
        # With the time, reading begins at a key frame in the middle.
        later = frames[first - 1].time + 1
        assert [_digest(frame) for frame in read_frames(facts, first=first, first_time=later)] == digests[first:]
        assert [_digest(frame) for frame in read_frames(facts, first=first)] == digests[first:]
    part = read_frames(facts, start_s=seconds[10], end_s=seconds[20])
    assert [_digest(frame)[1:] for frame in part] == [digest[1:] for digest in digests[10:20]]


def test_part_of_a_clip_is_resumed_by_its_own_numbers(tmp_path: Path) -> None:
    facts = read_facts(_make(tmp_path, "h264.mp4"))
    part = [_digest(frame) for frame in read_frames(facts, start_s=0.5, end_s=1.0)]
    assert [index for index, *_ in part] == list(range(12))
    assert [_digest(f) for f in read_frames(facts, start_s=0.5, end_s=1.0, first=5)] == part[5:]
    later = part[4][1] + 1
    assert [_digest(f) for f in read_frames(facts, start_s=0.5, end_s=1.0, first=5, first_time=later)] == part[5:]
    assert list(read_frames(facts, start_s=60)) == []
    assert list(read_frames(facts, end_s=0)) == []


@pytest.mark.parametrize(("suffix", "time_base"), [("mp4", Fraction(1, 90000)), ("mkv", Fraction(1, 1000))])
def test_variable_frame_rates_and_a_late_beginning_are_kept(tmp_path: Path, suffix: str, time_base: Fraction) -> None:
    steps = [1, 3, 2, 7, 1, 1, 30, 2, 5, 4, 1]
    unit = int(Fraction(1, 100) / time_base)
    times = [unit * (50 + sum(steps[:i])) for i in range(len(steps) + 1)]
    clip = write_clip(
        tmp_path / f"a.{suffix}", numbered_frames(12), times=times, time_base=time_base, options={"bf": "2"}
    )
    facts = read_facts(clip)
    frames = list(read_frames(facts))
    assert [number_of(frame.rgb) for frame in frames] == list(range(12))
    exact = [Fraction(later.time - earlier.time) * facts.time_base_s for earlier, later in pairwise(frames)]
    assert exact == [Fraction(step, 100) for step in steps]
    # Times in seconds count from the beginning, as players show them.
    assert facts.begin_s == frames[0].time * facts.time_base_s
    [*middle] = read_frames(facts, start_s=0.04, end_s=0.14)
    assert [number_of(frame.rgb) for frame in middle] == [2, 3, 4]


def test_edit_list_hides_frames_and_moves_times(tmp_path: Path) -> None:
    """Players that cut without encoding anew keep the frames from the key frame on, and hide some by an edit list."""
    source = _make(tmp_path, "h264.mp4")
    clip = tmp_path / "cut.mp4"
    with av.open(str(source)) as original, av.open(str(clip), "w") as out:
        stream = original.streams.video[0]
        copy = out.add_stream_from_template(stream)
        for packet in original.demux(stream):
            if packet.size:
                # Frames before time 0 are hidden by the edit list that FFmpeg writes.
                shift = round(Fraction(5, 25) / stream.time_base)
                packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
                packet.stream = copy
                out.mux(packet)
    facts = read_facts(clip)
    frames = list(read_frames(facts))
    assert [number_of(frame.rgb) for frame in frames] == list(range(5, 32))
    assert _seconds(facts, frames) == pytest.approx([i / 25 for i in range(27)], abs=0.001)


def test_sound_that_begins_earlier_counts(tmp_path: Path) -> None:
    clip = tmp_path / "a.mkv"
    with av.open(str(clip), "w") as out:
        sound: Any = out.add_stream("pcm_s16le", rate=8000)
        video: Any = out.add_stream("ffv1", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "bgr0"
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), "s16", "mono")
        silence.sample_rate, silence.pts = 8000, 0
        out.mux(sound.encode(silence))
        for i, pixels in enumerate(numbered_frames(5)):
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
            frame.pts, frame.time_base = 10 + i, Fraction(1, 25)
            out.mux(video.encode(frame))
        out.mux(video.encode())
    facts = read_facts(clip)
    assert (facts.begin_s, facts.sounds, facts.subtitles) == (0, 1, 0)
    frames = list(read_frames(facts, start_s=0.44))
    assert [number_of(frame.rgb) for frame in frames] == [1, 2, 3, 4]


@pytest.mark.parametrize("codec", ["libx264", "ffv1"])
def test_one_frame(tmp_path: Path, codec: str) -> None:
    clip = write_clip(tmp_path / "a.mkv", numbered_frames(1), codec=codec, pix_fmt="yuv420p")
    facts = read_facts(clip)
    [frame] = read_frames(facts)
    assert (frame.index, number_of(frame.rgb)) == (0, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_files_and_threads_end_with_the_iterator(tmp_path: Path) -> None:
    facts = read_facts(_make(tmp_path, "h264.mp4"))

    def open_files() -> int:
        handles = [handle for handle in Path("/proc/self/fd").iterdir() if handle.is_symlink()]
        return sum(handle.is_file() and handle.resolve() == facts.path.resolve() for handle in handles)

    def threads() -> int:
        return sum(1 for _ in Path("/proc/self/task").iterdir())

    threads_before = threads()
    frames = read_frames(facts)
    assert open_files() == 0
    next(frames)
    assert open_files() == 1
    assert threads() - threads_before <= 2 * (os.cpu_count() or 1)
    del frames
    gc.collect()
    assert open_files() == 0
    assert threads() <= threads_before  # those of other tests may have ended meanwhile


def test_nothing_is_written_to_stderr(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    clip = _make(tmp_path, "h264.mp4")
    data = bytearray(clip.read_bytes())
    data[600:700] = bytes(100)
    clip.write_bytes(data)
    capfd.readouterr()
    list(read_frames(read_facts(clip)))
    assert capfd.readouterr().err == ""
