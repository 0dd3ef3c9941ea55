"""Tests of joining segments into a clip with the sound of its source: times, tracks, tags, the same bytes."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from written import (
    clip_frames,
    decoded,
    facts,
    packet_digests,
    packet_times_s,
    segments_of,
    track_facts,
    write,
    write_source,
)

from pix2style.errors import ArtifactError
from pix2style.video.encoders import choose_settings
from pix2style.video.join import join_segments
from pix2style.video.segments import encode_segment

EVERY_40_MS = [512 * i for i in range(30)]
VARIABLE = [0, 7, 1000, 1001, 5000, 9000, 9100, 12800, 25000, 25001, 25002, 31000]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_source(tmp_path_factory.mktemp("source") / "in.mp4", sounds=("aac", "aac"))


def test_segments_become_one_clip_with_the_same_sound(source: Path, tmp_path: Path) -> None:
    frames = clip_frames(EVERY_40_MS)
    out = tmp_path / "out.mp4"
    assert write(facts(source), out, frames) == []
    images, times = decoded(out)
    assert times == [Fraction(i, 25) for i in range(30)]
    assert all(abs(image.astype(int) - frame.rgb).mean() < 8 for image, frame in zip(images, frames, strict=True))
    assert packet_digests(out) == packet_digests(source)
    assert packet_times_s(out) == packet_times_s(source)
    assert track_facts(out) == track_facts(source)
    assert out.read_bytes()[:200].find(b"moov") > 0, "the index lies at the front"


@pytest.mark.parametrize("suffix", [".mp4", ".m4v", ".mov", ".mkv"])
@pytest.mark.parametrize(
    "timing",
    [
        (Fraction(1, 12800), EVERY_40_MS, 512),
        (Fraction(1, 12800), VARIABLE, 6400),
        (Fraction(1, 90000), [123456 + 3003 * i for i in range(20)], 3003),
        (Fraction(1001, 30000), list(range(7, 27)), 1),
        (Fraction(1, 1_000_000), [i * i * 1000 + 3 for i in range(15)], 77777),
        (Fraction(1, 25), [5], 4),
    ],
)
def test_times_are_kept(source: Path, tmp_path: Path, suffix: str, timing: tuple[Fraction, list[int], int]) -> None:
    """Exactly in MP4 and QuickTime, in whole milliseconds in Matroska: of every frame, and the end of the last one."""
    base, times, last = timing
    out = tmp_path / f"out{suffix}"
    rate = len(times) / (base * (times[-1] - times[0] + last))
    write(facts(source, time_base_s=base, frame_rate=rate), out, clip_frames(times, duration=last))
    unit = Fraction(1, 1000) if suffix == ".mkv" else Fraction(0)
    _, found = decoded(out)
    assert len(found) == len(times)
    assert all(abs(time - wanted * base) <= unit / 2 for time, wanted in zip(found, times, strict=True))
    end = (times[-1] + last) * base
    with av.open(out) as container:
        video = container.streams.video[0]
        assert container.duration is not None
        if unit:
            # Matroska states one duration, that of the longest track.
            sound_s = Fraction(12, 10)
            assert abs(Fraction(container.duration, 1_000_000) - max(end, sound_s)) <= unit
        else:
            assert video.duration is not None
            assert video.duration * video.time_base == end - times[0] * base


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1"])
def test_decode_times_ascend_over_the_borders_of_segments(source: Path, tmp_path: Path, codec: str) -> None:
    write(facts(source), tmp_path / "out.mp4", clip_frames(VARIABLE), size=5, codec=codec)
    with av.open(tmp_path / "out.mp4") as container:
        packets: list[Any] = [packet for packet in container.demux(video=0) if packet.size]
    assert all(before.dts < after.dts for before, after in itertools.pairwise(packets))
    assert all(packet.pts >= packet.dts for packet in packets)
    assert codec == "av1" or any(packet.pts > packet.dts for packet in packets), "frames refer to later ones"
    assert decoded(tmp_path / "out.mp4")[1] == [Fraction(time, 12800) for time in VARIABLE]


def test_ten_minutes_do_not_drift(tmp_path: Path) -> None:
    """Frames at 30000/1001 per second, and sound of ten minutes: the last ones lie where they lay."""
    count, base = 18_000, Fraction(1, 30000)
    source = write_source(tmp_path / "in.mov", frames=1, sounds=("pcm_s16le",), seconds=600, rate=8000, size=(16, 16))
    frames = clip_frames([1001 * i for i in range(count)], 16, 16)
    settings, _ = choose_settings(facts(source, time_base_s=base, frame_rate=Fraction(30000, 1001)), tmp_path / "o.mov")
    segments = [tmp_path / f"{begin}" for begin in range(0, count, 6000)]
    for segment in segments:
        begin = int(segment.name)
        encode_segment(frames[begin : begin + 6000], segment, settings)
    out = tmp_path / "o.mov"
    join_segments(segments, facts(source, time_base_s=base, frame_rate=Fraction(30000, 1001)), out, settings)
    with av.open(out) as container:
        shown = sorted(packet.pts for packet in container.demux(video=0) if packet.pts is not None)
        assert shown == [1001 * i for i in range(count)]
        assert container.streams.video[0].duration == 1001 * count
    assert packet_times_s(out) == packet_times_s(source)
    assert packet_digests(out) == packet_digests(source)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_the_same_segments_give_the_same_bytes(source: Path, tmp_path: Path, suffix: str) -> None:
    """No date, no random identifier; and encoding a segment again, as after a stop, changes nothing."""
    frames = clip_frames(EVERY_40_MS)
    outs = [tmp_path / name / f"out{suffix}" for name in ("a", "b")]
    for out in outs:
        out.parent.mkdir()
        write(facts(source), out, frames, origin="abc-def")
    assert outs[0].read_bytes() == outs[1].read_bytes()


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "h264"), (".mp4", "hevc"), (".mp4", "av1"), (".webm", "vp9")])
def test_a_segment_depends_on_its_frames_alone(tmp_path: Path, suffix: str, codec: str) -> None:
    """Not on where in the clip it lies, nor on what was encoded before."""
    settings, _ = choose_settings(facts(tmp_path), tmp_path / f"o{suffix}", codec=codec)
    bytes_of = []
    for begin in (0, 512 * 250):
        frames = clip_frames([begin + 512 * i for i in range(12)])
        segment = encode_segment(frames, tmp_path / str(begin), settings)
        packets = (tmp_path / str(begin)).read_bytes()
        bytes_of.append(packets[: packets.rindex(b'{"header"')])
        assert segment.times.tolist() == [frame.time for frame in frames]
    assert bytes_of[0] == bytes_of[1]


@pytest.mark.parametrize("size", [(200, 120), (80, 96)])
def test_x264_encodes_the_same_frames_to_the_same_bytes(tmp_path: Path, size: tuple[int, int]) -> None:
    """With AVX-512 it does not, at these sizes."""
    settings, _ = choose_settings(facts(tmp_path), tmp_path / "o.mp4")
    digests = set()
    for trial in range(8):
        ballast = [bytes([trial]) * 100_003 for _ in range(5)]
        encode_segment(clip_frames(EVERY_40_MS, *size), tmp_path / "segment", settings)
        digests.add((tmp_path / "segment").read_bytes())
        del ballast
    assert len(digests) == 1


def test_part_of_a_clip(source: Path, tmp_path: Path) -> None:
    """It begins at time 0 with its first frame, and the sound is in step with it."""
    frames = clip_frames(EVERY_40_MS)[10:20]
    out = tmp_path / "out.mp4"
    write(facts(source), out, frames, start_s=0.39, end_s=0.8)
    assert decoded(out)[1] == [Fraction(i, 25) for i in range(10)]
    wanted = [
        [time - Fraction(4, 10) for time in track if Fraction(4, 10) <= time < Fraction(8, 10)]
        for track in packet_times_s(source)
    ]
    assert packet_times_s(out) == wanted
    for kept, track in zip(packet_digests(out), packet_digests(source), strict=True):
        first = track.index(kept[0])
        assert kept == track[first : first + len(kept)]


def test_playable_file_of_what_is_done(source: Path, tmp_path: Path) -> None:
    """Its sound ends with its frames."""
    write(facts(source), tmp_path / "out.partial.mp4", clip_frames(EVERY_40_MS)[:15], end_s=0.6)
    assert len(decoded(tmp_path / "out.partial.mp4")[0]) == 15
    assert all(
        Fraction(57, 100) < track[-1] < Fraction(6, 10) for track in packet_times_s(tmp_path / "out.partial.mp4")
    )


def test_segments_of_other_settings_are_refused(source: Path, tmp_path: Path) -> None:
    segments = segments_of(facts(source), tmp_path / "out.mp4", clip_frames(EVERY_40_MS), crf=30)
    settings, _ = choose_settings(facts(source), tmp_path / "out.mp4")
    with pytest.raises(ArtifactError, match=r"segment: was made with other settings: remove it"):
        join_segments(segments, facts(source), tmp_path / "out.mp4", settings)
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize("size", [0, 10, -1])
def test_damaged_segments_are_refused(source: Path, tmp_path: Path, size: int) -> None:
    segments = segments_of(facts(source), tmp_path / "out.mp4", clip_frames(EVERY_40_MS))
    data = segments[1].read_bytes()
    segments[1].write_bytes(data[:size])
    settings, _ = choose_settings(facts(source), tmp_path / "out.mp4")
    with pytest.raises(ArtifactError, match="is not a complete segment"):
        join_segments(segments, facts(source), tmp_path / "out.mp4", settings)
