"""Tests of what is copied from the source: sound, subtitles, chapters, tags, fonts; and what is not."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from written import (
    add_subtitles,
    clip_frames,
    decoded,
    facts,
    packet_digests,
    packet_times_s,
    picture,
    track_facts,
    write,
    write_source,
)

from pix2style.video.facts import read_facts
from pix2style.video.read import read_frames

TIMES = [512 * i for i in range(30)]


@pytest.fixture(scope="module")
def with_subtitles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source")
    return add_subtitles(write_source(folder / "plain.mkv", sounds=("flac",)), folder / "in.mkv", font=True)


def test_subtitles_and_fonts_are_copied(with_subtitles: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mkv"
    assert write(facts(with_subtitles), out, clip_frames(TIMES)) == []
    for kind in ("audio", "subtitle"):
        assert packet_digests(out, kind) == packet_digests(with_subtitles, kind) != [[]]
        assert packet_times_s(out, kind) == packet_times_s(with_subtitles, kind)
    assert track_facts(out) == track_facts(with_subtitles)
    with av.open(out) as container:
        [font] = container.streams.attachments
        assert (font.name or font.metadata["filename"], font.data) == ("font.ttf", b"no font")


def test_subtitles_of_a_part_are_cut_to_it(with_subtitles: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mkv"
    write(facts(with_subtitles), out, clip_frames(TIMES)[10:20], start_s=0.4, end_s=0.8)
    with av.open(out) as container:
        found = [(packet.pts, packet.duration, bytes(packet)) for packet in container.demux(subtitles=0) if packet.size]
    assert found == [(0, 400, b"two"), (350, 50, b"three")]


@pytest.mark.parametrize("codec", ["subrip", "ass"])
def test_lines_that_are_shown_at_once_keep_their_times(tmp_path: Path, codec: str) -> None:
    lines = [(0.1 + number // 30 / 2, 0.4, f"{number},0,Default,,0,0,0,,line") for number in range(60)]
    source = add_subtitles(write_source(tmp_path / "plain.mkv"), tmp_path / "in.mkv", codec, lines=lines)
    write(facts(source), tmp_path / "out.mkv", clip_frames(TIMES))
    [found] = packet_times_s(tmp_path / "out.mkv", "subtitle")
    assert found == [Fraction(1, 10)] * 30 + [Fraction(6, 10)] * 30


@pytest.mark.parametrize(("suffix", "rate"), [(".mkv", 48000), (".mp4", 48000), (".mp4", 44100)])
def test_packets_of_less_than_a_millisecond_stay_in_step(tmp_path: Path, suffix: str, rate: int) -> None:
    """Matroska rounds their times, so that some are equal."""
    source = tmp_path / "in.mkv"
    with av.open(source, "w") as container:
        video: Any = container.add_stream("mpeg4", rate=25, width=64, height=48, pix_fmt="yuv420p")
        sound: Any = container.add_stream("alac", rate=rate, layout="mono")
        for number in range(30):
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture(number), "rgb24")))
        container.mux(video.encode(None))
        for number in range(1440):  # 40 samples each, as those of Dolby TrueHD
            packet = av.Packet(number.to_bytes(40))
            packet.stream, packet.time_base = sound, Fraction(1, rate)
            packet.pts = packet.dts = 40 * number
            container.mux(packet)
    write(facts(source), tmp_path / f"out{suffix}", clip_frames(TIMES))
    [found], [wanted] = packet_times_s(tmp_path / f"out{suffix}"), packet_times_s(source)
    assert len({*wanted}) < len(wanted) == 1440
    if suffix == ".mkv":
        assert found == wanted
    else:  # the last packet, whose duration Matroska does not say, ends with its beginning
        assert max(abs(a - b) for a, b in zip(found, wanted[:-1], strict=True)) < Fraction(1, 1000)


def test_tracks_that_the_container_cannot_hold_are_said(with_subtitles: Path, tmp_path: Path) -> None:
    notes = write(facts(with_subtitles), tmp_path / "out.mp4", clip_frames(TIMES))
    assert notes == ["its subtitle track (subrip) is left out: .mp4 cannot hold it; .mkv keeps it"]
    assert packet_digests(tmp_path / "out.mp4") == packet_digests(with_subtitles)
    notes = write(facts(with_subtitles), tmp_path / "out.webm", clip_frames(TIMES))
    assert notes == [
        "its sound track (flac) is left out: .webm cannot hold it; .mkv keeps it",
        "its subtitle track (subrip) is left out: .webm cannot hold it; .mkv keeps it",
    ]


@pytest.mark.parametrize(
    ("suffix", "codecs", "out_suffix", "left_out"),
    [
        (
            ".mov",
            ("pcm_s16le", "pcm_s16le"),
            ".webm",
            "2 sound tracks (pcm_s16le) are left out: .webm cannot hold them",
        ),
        (".mkv", ("libopus", "libopus"), ".webm", ""),
        (".mkv", ("flac", "libmp3lame"), ".mp4", ""),
        (".mkv", ("ac3", "libopus"), ".mp4", ""),
        (".mp4", ("alac",), ".mov", ""),
        (".ts", ("aac",), ".mp4", ""),
        (".avi", ("libmp3lame",), ".mkv", ""),
    ],
)
def test_sound_of_other_containers(
    tmp_path: Path, suffix: str, codecs: tuple[str, ...], out_suffix: str, left_out: str
) -> None:
    source = write_source(tmp_path / f"in{suffix}", sounds=codecs)
    clip = read_facts(source)
    target = tmp_path / f"out{out_suffix}"
    notes = write(clip, target, list(read_frames(clip)))
    assert [note.split(";")[0] for note in notes if "left out" in note] == [left_out] * bool(left_out)
    images, times = decoded(target)
    assert len(images) == 30
    if left_out:
        return
    assert [len(track) for track in packet_digests(target)] == [len(track) for track in packet_digests(source)]
    if suffix != ".ts":  # there each packet has a header of its own, which MP4 has once
        assert packet_digests(target) == packet_digests(source)
    offset = times[0] - decoded(source)[1][0]
    assert times[0] < Fraction(1, 10), "broadcasts count from anywhere: the file begins at its beginning"
    for found, wanted in zip(packet_times_s(target), packet_times_s(source), strict=True):
        assert max(abs(a - b - offset) for a, b in zip(found, wanted, strict=True)) <= Fraction(2, 1000)


@pytest.mark.parametrize(
    ("suffix", "codec", "note"),
    [
        (".mp4", "h264", "do not play in .mp4: .mov or .mkv keeps it playable"),
        (".m4v", "h264", "do not play in .m4v: .mov or .mkv keeps it playable"),
        (".mp4", "vp9", "do not play in .mp4: .mkv keeps it playable"),
        (".mov", "h264", ""),
        (".mkv", "h264", ""),
    ],
)
def test_raw_sound_in_mp4_is_said(tmp_path: Path, suffix: str, codec: str, note: str) -> None:
    source = write_source(tmp_path / "in.mov", sounds=("pcm_s16le", "aac"))
    notes = write(facts(source), tmp_path / f"out{suffix}", clip_frames(TIMES), codec=codec)
    what = "its sound (pcm_s16le) is not compressed, which QuickTime and most browsers "
    assert notes == ([what + note] if note else [])
    assert packet_digests(tmp_path / f"out{suffix}")[1] == packet_digests(source)[1]


def test_languages_in_quicktime_files(tmp_path: Path) -> None:
    source = write_source(tmp_path / "in.mp4", sounds=("aac", "aac"))
    write(facts(source), tmp_path / "out.mov", clip_frames(TIMES))
    assert [tags["language"] for _, _, tags, _ in track_facts(tmp_path / "out.mov")] == ["eng", "ger"]


def test_the_title_is_kept_and_the_place_is_not(tmp_path: Path) -> None:
    tags = {"title": "Sea", "location": "+52.5200+013.4050/", "com.apple.quicktime.make": "X", "comment": "private"}
    source = write_source(tmp_path / "in.mp4", tags={**tags, "creation_time": "2024-01-01T00:00:00"})
    for suffix in (".mp4", ".mov", ".mkv"):
        out = tmp_path / f"out{suffix}"
        write(facts(source), out, clip_frames(TIMES), origin="abc-def")
        with av.open(out) as container:
            kept = {key.lower(): value for key, value in container.metadata.items()}
        assert kept["title"] == "Sea"
        assert kept["comment"] == "pix2style abc-def"
        assert not {"location", "creation_time", "com.apple.quicktime.make"} & set(kept)
        assert b"+52.52" not in out.read_bytes()
        assert b"2024" not in out.read_bytes()


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_chapters_are_kept(tmp_path: Path, suffix: str) -> None:
    source = tmp_path / f"in{suffix}"
    with av.open(source, "w") as container:
        base = Fraction(1, 1000)
        container.set_chapters(
            [
                {"id": 1, "start": 0, "end": 500, "time_base": base, "metadata": {"title": "Dawn"}},
                {"id": 2, "start": 500, "end": 1200, "time_base": base, "metadata": {"title": "Day"}},
            ]
        )
        video: Any = container.add_stream("mpeg4", rate=25, width=64, height=48, pix_fmt="yuv420p")
        for number in range(30):
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture(number), "rgb24")))
        container.mux(video.encode(None))
    clip = read_facts(source)
    write(clip, tmp_path / f"out{suffix}", list(read_frames(clip, start_s=0.4)), start_s=0.4)
    with av.open(tmp_path / f"out{suffix}") as container:
        found = [
            (float(chapter["start"] * chapter["time_base"]), float(chapter["end"] * chapter["time_base"]), title)
            for chapter in container.chapters()
            if (title := chapter["metadata"]["title"])
        ]
    assert found == [(pytest.approx(0), pytest.approx(0.1), "Dawn"), (pytest.approx(0.1), pytest.approx(0.8), "Day")]


def test_sound_of_a_clip_that_is_cut_off(tmp_path: Path) -> None:
    """The packets that can be read are copied."""
    whole = write_source(tmp_path / "whole.mkv", sounds=("libopus",))
    source = tmp_path / "in.mkv"
    source.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    clip = read_facts(source)
    write(clip, tmp_path / "out.mkv", list(read_frames(clip)))
    [found], [wanted] = packet_digests(tmp_path / "out.mkv"), packet_digests(whole)
    assert 10 < len(found) < len(wanted)
    assert found[:-1] == wanted[: len(found) - 1]
