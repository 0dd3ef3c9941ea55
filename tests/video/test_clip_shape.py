"""Shape of frames: rotation, sizes, pixel aspect, transparency, interlacing, several tracks."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("av")

import av
from clips import number_of, numbered_frames, write_clip

from pix2style.images import Image8
from pix2style.video.facts import read_facts
from pix2style.video.read import read_frames


def _corners(rgb: Image8) -> list[int]:
    """Return the levels of the four quarters, row by row."""
    height, width = rgb.shape[:2]
    ys, xs = (height // 4, 3 * height // 4), (width // 4, 3 * width // 4)
    return [int(rgb[y, x].mean().round(-1)) for y in ys for x in xs]


def _quarters(height: int = 48, width: int = 64) -> Image8:
    """Return a frame whose quarters, row by row, are 50, 100, 150 and 200."""
    image = np.empty((height, width, 3), np.uint8)
    image[: height // 2, : width // 2], image[: height // 2, width // 2 :] = 50, 100
    image[height // 2 :, : width // 2], image[height // 2 :, width // 2 :] = 150, 200
    return image


@pytest.mark.parametrize(
    ("clockwise", "mirrored", "shown"),
    [
        (0, False, [50, 100, 150, 200]),
        (90, False, [150, 50, 200, 100]),
        (180, False, [200, 150, 100, 50]),
        (270, False, [100, 200, 50, 150]),
        (0, True, [100, 50, 200, 150]),
        (90, True, [50, 150, 100, 200]),
    ],
)
@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
def test_frames_come_upright(tmp_path: Path, suffix: str, clockwise: int, *, mirrored: bool, shown: list[int]) -> None:
    if suffix == "mkv" and mirrored:
        pytest.skip("Matroska has no place for mirroring that FFmpeg writes")

    def rotate(stream: Any) -> None:
        stream.set_display_rotation(-clockwise, hflip=mirrored)

    facts = read_facts(write_clip(tmp_path / f"a.{suffix}", [_quarters()] * 3, prepare=rotate))
    assert (facts.width_px, facts.height_px) == (64, 48)
    assert (facts.rotation_deg, facts.is_mirrored) == (clockwise, mirrored)
    for frame in read_frames(facts):
        assert frame.rgb.shape == ((48, 64, 3) if clockwise % 180 == 0 else (64, 48, 3))
        assert frame.rgb.flags.c_contiguous
        assert _corners(frame.rgb) == shown


@pytest.mark.parametrize("clockwise", [0, 90, 180, 270])
def test_rotation_beside_side_data_that_pyav_does_not_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clockwise: int
) -> None:
    """As spatial video of phones has it (two views in HEVC), which no encoder here makes."""
    clip = write_clip(
        tmp_path / "a.mov", [_quarters()], prepare=lambda stream: stream.set_display_rotation(-clockwise, hflip=False)
    )

    def fail(_frame: object) -> None:
        raise ValueError("29 is not a valid Type")

    monkeypatch.setattr("av.frame.SideDataContainer", fail)
    with pytest.raises(ValueError, match="29 is not"), av.open(str(clip)) as container:
        next(container.decode(video=0)).side_data.get("DISPLAYMATRIX")
    assert read_facts(clip).rotation_deg == clockwise


@pytest.mark.parametrize(("codec", "suffix"), [("ffv1", "mkv"), ("mjpeg", "mov"), ("libvpx-vp9", "webm")])
def test_odd_sizes(tmp_path: Path, codec: str, suffix: str) -> None:
    clip = tmp_path / f"a.{suffix}"
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    facts = read_facts(write_clip(clip, numbered_frames(3, 47, 65), codec=codec, pix_fmt=pix_fmt))
    frames = list(read_frames(facts))
    assert [frame.rgb.shape for frame in frames] == [(47, 65, 3)] * 3
    assert [number_of(frame.rgb) for frame in frames] == [0, 1, 2]


def test_frames_are_shrunk_not_enlarged(tmp_path: Path) -> None:
    facts = read_facts(write_clip(tmp_path / "a.mp4", numbered_frames(4, 96, 128)))
    small = list(read_frames(facts, max_side_px=40))
    assert [frame.rgb.shape for frame in small] == [(30, 40, 3)] * 4
    assert [number_of(frame.rgb) for frame in small] == [0, 1, 2, 3]
    assert next(read_frames(facts, max_side_px=51)).rgb.shape == (38, 50, 3), "H.264 holds even sizes"
    assert next(read_frames(facts, max_side_px=128)).rgb.shape == (96, 128, 3)
    assert next(read_frames(facts, max_side_px=500)).rgb.shape == (96, 128, 3)


@pytest.mark.parametrize(("size", "shown"), [((47, 65), (46, 64)), ((48, 65), (48, 64)), ((48, 64), (48, 64))])
def test_sizes_within_a_side_are_even(tmp_path: Path, size: tuple[int, int], shown: tuple[int, int]) -> None:
    """A person who names a side gets a clip that plays everywhere, also if it does not have to be shrunk."""
    clip = write_clip(tmp_path / "a.mkv", numbered_frames(2, *size), codec="ffv1", pix_fmt="bgr0")
    frames = list(read_frames(read_facts(clip), max_side_px=100))
    assert [frame.rgb.shape[:2] for frame in frames] == [shown] * 2
    assert [number_of(frame.rgb) for frame in frames] == [0, 1]


def test_shrinking_averages(tmp_path: Path) -> None:
    """A fine pattern becomes an even grey instead of a coarse one."""
    pattern = np.zeros((96, 128, 3), np.uint8)
    pattern[:, ::2] = 255
    clip = write_clip(tmp_path / "a.mkv", [pattern], codec="ffv1", pix_fmt="bgr0")
    [frame] = read_frames(read_facts(clip), max_side_px=32)
    assert np.abs(frame.rgb.astype(int) - 127).max() <= 2


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi"])
def test_pixel_aspect(tmp_path: Path, suffix: str) -> None:
    def stretch(stream: Any) -> None:
        stream.codec_context.sample_aspect_ratio = Fraction(64, 45)

    codec = "mpeg4" if suffix == "avi" else "libx264"
    facts = read_facts(write_clip(tmp_path / f"a.{suffix}", [_quarters()] * 2, codec=codec, prepare=stretch))
    assert facts.pixel_aspect == Fraction(64, 45)
    assert read_facts(write_clip(tmp_path / f"b.{suffix}", [_quarters()] * 2, codec=codec)).pixel_aspect == 1


@pytest.mark.parametrize(
    ("codec", "suffix", "pix_fmt", "off"),
    [
        ("libvpx-vp9", "webm", "yuva420p", 4),
        ("libvpx", "webm", "yuva420p", 4),
        ("prores_ks", "mov", "yuva444p10le", 2),
        ("ffv1", "mkv", "bgra", 0),
        ("ffv1", "mkv", "yuva420p", 2),
        ("qtrle", "mov", "argb", 0),
        ("png", "mov", "rgba", 0),
        ("png", "mov", "rgba64be", 1),
    ],
)
def test_transparency(tmp_path: Path, codec: str, suffix: str, pix_fmt: str, off: int) -> None:
    pixels = np.empty((48, 64, 4), np.uint8)
    pixels[...] = (200, 60, 90, 255)
    pixels[:, 32:, 3] = 0
    pixels[32:, :, 3] = 128
    options = {"auto-alt-ref": "0"} if codec.startswith("libvpx") else {}
    clip = tmp_path / f"a.{suffix}"
    write_clip(clip, [pixels] * 5, codec=codec, pix_fmt=pix_fmt, options=options, array_format="rgba")
    facts = read_facts(clip)
    assert facts.has_alpha
    frames = list(read_frames(facts))
    assert len(frames) == 5
    for frame in frames:
        assert frame.alpha is not None
        assert np.abs(frame.alpha[4:28, 4:28].astype(int) - 255).max() <= off
        assert frame.alpha[4:28, 36:60].max() <= off
        assert np.abs(frame.alpha[36:, 4:60].astype(int) - 128).max() <= off
        # Straight, not multiplied: half transparent pixels have their full colours, hidden ones are white.
        assert np.abs(frame.rgb[36:, 4:60].astype(int) - (200, 60, 90)).max() <= off + 3
        assert (frame.rgb[frame.alpha == 0] == 255).all()
        assert (frame.alpha == 0).any()


def test_opaque_clips_have_no_alpha(tmp_path: Path) -> None:
    facts = read_facts(write_clip(tmp_path / "a.mp4", [_quarters()]))
    assert not facts.has_alpha
    assert next(read_frames(facts)).alpha is None


def test_frames_of_another_size_in_the_middle_are_scaled_to_the_first(tmp_path: Path) -> None:
    frames = numbered_frames(6, 96, 128), numbered_frames(12)[6:]
    parts = [write_clip(tmp_path / f"{i}.h264", part, options={"bf": "0"}) for i, part in enumerate(frames)]
    joined = tmp_path / "joined.h264"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    notes: list[str] = []
    read = list(read_frames(read_facts(joined), on_note=notes.append))
    assert [frame.rgb.shape for frame in read] == [(96, 128, 3)] * 12
    assert [number_of(frame.rgb) for frame in read] == list(range(12))
    assert notes == ["frame 7 (0.240 s) has another size (64x48) than the first (128x96): scaled to it"]


def _bars(count: int = 12) -> list[Image8]:
    """Return frames whose fields show other moments: a bar that moves right shows a comb at its edges."""
    frames = []
    for i in range(count):
        frame = np.full((64, 96, 3), 60, np.uint8)
        for field in (0, 1):
            left = 8 + 6 * i + 3 * field
            frame[field::2, left : left + 16] = 200
        frames.append(frame)
    return frames


def _write_dvd(path: Path, frames: Sequence[Image8], *, is_interlaced: bool = True) -> Path:
    """Write frames as those of a DVD, with key frames at every sixth."""
    options = {"g": "6", "b": "4000000"} | ({"flags": "+ilme+ildct", "top": "1"} if is_interlaced else {})

    def interlace(stream: Any) -> None:
        stream.codec_context.field_order = 2 if is_interlaced else 1

    return write_clip(path, frames, codec="mpeg2video", options=options, prepare=interlace)


def test_interlaced_frames_are_deinterlaced_and_said(tmp_path: Path) -> None:
    frames = _bars()
    clip = _write_dvd(tmp_path / "a.mkv", frames)
    facts = read_facts(clip)
    notes: list[str] = []
    read = list(read_frames(facts, on_note=notes.append))
    assert notes == ["is interlaced: the two fields of each frame are made one picture of one moment"]
    assert len(read) == 12
    combs = [float(np.abs(np.diff(frame.rgb[8:56].astype(int), axis=0)).mean()) for frame in read]
    before = float(np.abs(np.diff(frames[5][8:56].astype(int), axis=0)).mean())
    assert max(combs[1:-1]) < before / 3
    # Going on in the middle gives the same pictures, although a picture depends on its neighbours.
    for first in (3, 6, 7):
        rest = list(read_frames(facts, first=first, first_time=read[first - 1].time + 1))
        assert [frame.index for frame in rest] == list(range(first, 12))
        assert all((a.rgb == b.rgb).all() and a.time == b.time for a, b in zip(rest, read[first:], strict=True))


@pytest.mark.parametrize("progressive", [1, 5, 8])
def test_a_recording_that_begins_without_fields_is_deinterlaced(tmp_path: Path, progressive: int) -> None:
    """As recordings of television and DVDs that begin with a film."""
    frames = [np.roll(numbered_frames(1, 64, 96)[0], i, 0) for i in range(progressive)] + _bars()
    parts = [
        _write_dvd(tmp_path / "film.mkv", frames[:progressive], is_interlaced=False),
        _write_dvd(tmp_path / "fields.mkv", frames[progressive:]),
    ]
    with av.open(str(tmp_path / "a.mkv"), "w") as out:
        for number, part in enumerate(parts):
            with av.open(str(part)) as container:
                stream = container.streams.video[0]
                copy = out.streams.video[0] if number else out.add_stream_from_template(stream)
                for packet in container.demux(stream):
                    if packet.size:
                        packet.pts, packet.dts = (time + 40 * progressive * number for time in (packet.pts, packet.dts))
                        packet.stream = copy
                        out.mux(packet)
    facts = read_facts(tmp_path / "a.mkv")
    notes: list[str] = []
    read = list(read_frames(facts, on_note=notes.append))
    assert notes == ["is interlaced: the two fields of each frame are made one picture of one moment"]
    assert [frame.duration for frame in read] == [40] * len(frames)
    differences = [float(np.abs(frame.rgb.astype(int) - frames[frame.index]).mean()) for frame in read]
    assert max(differences[:progressive]) < 4, "frames without fields stay as they are"
    combs = [float(np.abs(np.diff(frame.rgb[8:56].astype(int), axis=0)).mean()) for frame in read]
    before = float(np.abs(np.diff(frames[-5][8:56].astype(int), axis=0)).mean())
    assert max(combs[progressive + 1 : -1]) < before / 3
    for first in range(1, len(frames)):
        rest = list(read_frames(facts, first=first, first_time=read[first - 1].time + 1))
        assert all((a.rgb == b.rgb).all() and a.time == b.time for a, b in zip(rest, read[first:], strict=True))


def test_cover_picture_is_not_the_video(tmp_path: Path) -> None:
    from av.stream import Disposition

    clip = tmp_path / "a.mp4"
    with av.open(str(clip), "w") as out:
        cover: Any = out.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 32, 32, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        video: Any = out.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        picture = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), "rgb24")
        out.mux(cover.encode(picture))
        for i, pixels in enumerate(numbered_frames(3)):
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
            frame.pts, frame.time_base = i, Fraction(1, 25)
            out.mux(video.encode(frame))
        out.mux(video.encode())
    notes: list[str] = []
    frames = list(read_frames(read_facts(clip), on_note=notes.append))
    assert [number_of(frame.rgb) for frame in frames] == [0, 1, 2]
    assert notes == []


def test_of_several_video_tracks_the_default_one_is_used_and_said(tmp_path: Path) -> None:
    from av.stream import Disposition

    clip = tmp_path / "a.mkv"
    with av.open(str(clip), "w") as out:
        streams: list[Any] = [out.add_stream("ffv1", rate=25) for _ in range(2)]
        for stream, disposition in zip(streams, (Disposition(0), Disposition.default), strict=True):
            stream.width, stream.height, stream.pix_fmt = 64, 48, "bgr0"
            stream.disposition = disposition
        for i, pixels in enumerate(numbered_frames(3)):
            for stream, shown in zip(streams, (255 - pixels, pixels), strict=True):
                frame = av.VideoFrame.from_ndarray(shown, "rgb24")
                frame.pts, frame.time_base = i, Fraction(1, 25)
                out.mux(stream.encode(frame))
    notes: list[str] = []
    frames = list(read_frames(read_facts(clip), on_note=notes.append))
    assert [number_of(frame.rgb) for frame in frames] == [0, 1, 2]
    assert notes == ["holds 2 video tracks: only the one that players show is used"]
