"""Tests of how frames are stored: rotation, size, pixel aspect, colours, transparency."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from written import HEIGHT, WIDTH, clip_frames, decoded, facts, picture, write, write_source

from pix2style.video.clip import ClipColour, ClipFrame
from pix2style.video.encoders import choose_settings
from pix2style.video.facts import read_facts
from pix2style.video.read import read_frames

TIMES = [512 * i for i in range(5)]
LIMITED_709 = ClipColour(full_range=False, matrix=1, primaries=1, transfer=1)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_source(tmp_path_factory.mktemp("source") / "in.mp4", frames=5)


def first_frame(path: Path) -> ClipFrame:
    return next(iter(read_frames(read_facts(path))))


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
@pytest.mark.parametrize("turn", [(0, False), (90, False), (180, False), (270, False), (0, True), (90, True)])
def test_frames_are_shown_upright(source: Path, tmp_path: Path, suffix: str, turn: tuple[int, bool]) -> None:
    """In MP4 and QuickTime by the metadata that the source had; in Matroska and WebM they are stored upright."""
    out, (rotation, is_mirrored) = tmp_path / f"out{suffix}", turn
    changes = {"rotation_deg": rotation, "is_mirrored": is_mirrored, "pixel_aspect": Fraction(4, 3)}
    notes = write(facts(source, **changes), out, clip_frames(TIMES))
    found = read_facts(out)
    lies = rotation in (90, 270)
    if suffix == ".webm":  # it cannot say that pixels are not square
        assert (found.width_px, found.height_px) == ((WIDTH, 64) if lies else (85, HEIGHT))
        assert (found.rotation_deg, found.is_mirrored, found.pixel_aspect) == (0, False, 1)
        assert notes[0].startswith(f"has pixels whose width and height are as {'3 to 4' if lies else '4 to 3'}: ")
        return
    keeps = suffix in (".mp4", ".mov")
    assert (found.rotation_deg, found.is_mirrored) == ((rotation, is_mirrored) if keeps else (0, False))
    assert (found.width_px, found.height_px) == ((HEIGHT, WIDTH) if keeps and lies else (WIDTH, HEIGHT))
    assert found.pixel_aspect == (Fraction(3, 4) if lies and not keeps else Fraction(4, 3))
    assert abs(first_frame(out).rgb.astype(int) - picture(0)).mean() < 8


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        (".mp4", "h264"),
        (".mp4", "hevc"),
        (".mp4", "av1"),
        (".mp4", "vp9"),
        (".mp4", "mpeg4"),
        (".mov", "prores"),
        (".mov", "qtrle"),
        (".mkv", "ffv1"),
        (".webm", "vp9"),
    ],
)
def test_odd_sizes_are_exact(source: Path, tmp_path: Path, suffix: str, codec: str) -> None:
    out = tmp_path / f"out{suffix}"
    notes = write(facts(source), out, clip_frames(TIMES, 65, 49), codec=codec)
    images, _ = decoded(out)
    assert [image.shape for image in images] == [(49, 65, 3)] * 5
    assert abs(images[0].astype(int) - picture(0, 65, 49)).mean() < 8
    odd = [note for note in notes if "odd size" in note]
    assert len(odd) == (codec in ("h264", "hevc"))
    assert not odd or "65x49: written as" in odd[0]


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        *((".mkv", codec) for codec in ("h264", "hevc", "ffv1", "av1", "prores")),
        *((".mp4", codec) for codec in ("h264", "hevc", "av1")),
        *((".mov", codec) for codec in ("h264", "hevc", "prores")),
    ],
)
@pytest.mark.parametrize(
    "colour",
    [
        LIMITED_709,
        ClipColour(full_range=True, matrix=1, primaries=1, transfer=13),
        ClipColour(full_range=False, matrix=6, primaries=6, transfer=6),
        ClipColour(full_range=True, matrix=5, primaries=5, transfer=6),
        ClipColour(full_range=False, matrix=2, primaries=2, transfer=2),
        ClipColour(full_range=False, matrix=9, primaries=9, transfer=14),
    ],
)
def test_colours_are_kept_and_stated(
    source: Path, tmp_path: Path, *, suffix: str, codec: str, colour: ClipColour
) -> None:
    out = tmp_path / f"out{suffix}"
    colours = np.array(
        [[0, 0, 0], [255, 255, 255], [200, 40, 30], [30, 160, 60], [20, 60, 220], [128, 128, 128]], np.uint8
    )
    rgb = np.repeat(np.repeat(colours[None], 12, 1), 48, 0)
    frames = [ClipFrame(rgb, None, time, i) for i, time in enumerate(TIMES)]
    write(facts(source, colour=colour), out, frames, codec=codec, crf=1 if codec in ("h264", "hevc", "av1") else None)
    found = read_facts(out).colour
    if codec == "ffv1":
        assert (found.matrix, found.full_range) == (0, True)
    else:
        assert found.matrix == (6 if colour.matrix == 2 else colour.matrix)
        assert found.full_range == (colour.full_range and codec != "prores")
    assert (found.primaries, found.transfer) == (colour.primaries, colour.transfer)
    inner = np.arange(6) * 12 + 6
    # Twice rounded to 8 bits: by the encoder's format and by the reader. Wide primaries have wide steps.
    limit = 0 if codec == "ffv1" and colour.primaries != 9 else 5 if colour.primaries == 9 else 3
    assert abs(first_frame(out).rgb[24, inner].astype(int) - colours).max() <= limit


def test_lossless_round_trip(source: Path, tmp_path: Path) -> None:
    """The conversion to YUV and back is off by one or two levels at most, where chroma is not shared by pixels."""
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (47, 63, 3)).astype(np.uint8)
    frames = [ClipFrame(rgb, None, time, i) for i, time in enumerate(TIMES)]
    write(facts(source, colour=replace(LIMITED_709, full_range=True)), tmp_path / "out.mp4", frames, crf=0)
    assert abs(first_frame(tmp_path / "out.mp4").rgb.astype(int) - rgb).max() <= 2


@pytest.mark.parametrize("codec", ["h264", "hevc", "mpeg4"])
def test_chroma_stays_in_place(source: Path, tmp_path: Path, codec: str) -> None:
    """Half a pixel to the side would change a slope of 6 levels a pixel by 3."""
    rgb = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    slope = np.abs((np.arange(WIDTH) + 16) % 64 - 32) * 6 + 32
    rgb[..., 2] = slope
    frames = [ClipFrame(rgb, None, time, i) for i, time in enumerate(TIMES)]
    write(facts(source, colour=LIMITED_709), tmp_path / "out.mp4", frames, codec=codec)
    blue = first_frame(tmp_path / "out.mp4").rgb[8:40, :, 2].astype(float).mean(axis=0)
    rising, falling = slice(20, 44), [*range(4, 12), *range(52, 60)]
    shift = ((blue - slope)[falling].mean() - (blue - slope)[rising].mean()) / 12
    assert abs(shift) < 0.2


def test_hdr_becomes_bt709(source: Path, tmp_path: Path) -> None:
    hdr = ClipColour(full_range=False, matrix=9, primaries=9, transfer=16)
    settings, _ = choose_settings(facts(source, colour=hdr, is_hdr=True, bits=10), tmp_path / "out.mp4")
    assert settings.colour == LIMITED_709
    write(facts(source, colour=hdr, is_hdr=True, bits=10), tmp_path / "out.mp4", clip_frames(TIMES))
    found = read_facts(tmp_path / "out.mp4")
    assert (found.colour, found.bits, found.is_hdr) == (LIMITED_709, 8, False)


@pytest.mark.parametrize(
    ("suffix", "codec", "chosen"),
    [
        (".webm", None, "vp9"),
        (".mkv", None, "vp9"),
        (".mov", None, "prores"),
        (".mov", "qtrle", "qtrle"),
        (".mkv", "ffv1", "ffv1"),
        (".mkv", "prores", "prores"),
    ],
)
def test_transparency_is_kept(source: Path, tmp_path: Path, suffix: str, codec: str | None, chosen: str) -> None:
    out = tmp_path / f"out{suffix}"
    alpha = np.zeros((HEIGHT, WIDTH), np.uint8)
    alpha[:, WIDTH // 2 :] = 255
    alpha[: HEIGHT // 3] = 128
    frames = [replace(frame, alpha=alpha) for frame in clip_frames(TIMES)]
    notes = write(facts(source, has_alpha=True), out, frames, codec=codec, size=2)
    assert ["sound" in note for note in notes] == [True] * (suffix == ".webm")
    found = read_facts(out)
    assert found.has_alpha
    with av.open(out) as container:
        assert container.streams.video[0].codec_context.name == chosen
    read = list(read_frames(found))
    assert len(read) == 5
    for frame in read:
        assert frame.alpha is not None
        difference = abs(frame.alpha.astype(int) - alpha)
        assert np.quantile(difference, 0.9) <= 2
        opaque = alpha == 255
        assert abs(frame.rgb.astype(int) - frames[frame.index].rgb)[opaque].mean() < 8


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", None), (".mp4", "vp9"), (".mov", "h264")])
def test_lost_transparency_is_said(source: Path, tmp_path: Path, suffix: str, codec: str | None) -> None:
    settings, notes = choose_settings(facts(source, has_alpha=True), tmp_path / f"out{suffix}", codec=codec)
    assert not settings.has_alpha
    start = f"loses its transparency, which {codec or 'h264'} in {suffix} does not hold"
    assert notes == [f"{start}: .mov (prores or qtrle), .mkv (vp9, ffv1 or prores) or .webm (vp9) keeps it"]


def test_settings_say_all_that_changes_bytes(source: Path, tmp_path: Path) -> None:
    settings, _ = choose_settings(facts(source), tmp_path / "out.mp4")
    others: list[dict[str, Any]] = [{"threads": 1}, {"has_alpha": True}, {"colour": LIMITED_709}, {"codec": "hevc"}]
    digests = {settings.digest(), *(replace(settings, **other).digest() for other in others)}
    assert len(digests) == 1 + len(others)


def test_x264_works_on_several_frames_at_once(source: Path, tmp_path: Path) -> None:
    """Each frame is one slice. If its threads share frames, it is slower, and the files are larger."""
    write(facts(source), out := tmp_path / "out.mp4", clip_frames(TIMES, 320, 256))
    with av.open(str(out)) as container:
        assert [len(slices_of(bytes(packet))) for packet in container.demux(video=0) if packet.size] == [1] * len(TIMES)


def slices_of(packet: bytes) -> list[int]:
    """Return the types of the slices in a packet of H.264, whose units have their length before them."""
    kinds = []
    while packet:
        length = int.from_bytes(packet[:4], "big")
        kinds.append(packet[4] & 31)
        packet = packet[4 + length :]
    return [kind for kind in kinds if kind in (1, 5)]
