"""Colours of clips: RGB against exact values computed by numpy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("av")

from clips import planes_clip, write_clip

from pix2style.images import Image8
from pix2style.images.cicp import Cicp
from pix2style.images.hdr import tone_map
from pix2style.video.clip import ClipColour
from pix2style.video.colour import map_from_srgb, matrix_of
from pix2style.video.facts import read_facts
from pix2style.video.read import read_frames

# Weights of red and blue in luminance.
_BT601 = (0.299, 0.114)
_WEIGHTS = {1: (0.2126, 0.0722), 4: (0.30, 0.11), 5: _BT601, 6: _BT601, 7: (0.212, 0.087), 9: (0.2627, 0.0593)}
_BLOCK = 16
_INSIDE = slice(_BLOCK // 2 - 3, _BLOCK // 2 + 3)


def _blocks(bits: int, full: bool, sub_y: int, sub_x: int, seed: int) -> list[NDArray[np.uint16]]:
    """Return planes of random blocks in luminance and chroma, whose middles interpolation does not reach."""
    rng = np.random.default_rng(seed)
    unit, top = 2 ** (bits - 8), 2**bits - 1
    low, high = (0, top) if full else (16 * unit, 235 * unit)
    luminance = rng.integers(low, high, (3, 4), endpoint=True)
    chroma = rng.integers(64 * unit, 192 * unit, (2, 3, 4))
    kind = np.uint8 if bits == 8 else np.uint16
    return [
        np.kron(luminance, np.ones((_BLOCK, _BLOCK))).astype(kind),
        *(np.kron(c, np.ones((_BLOCK // sub_y, _BLOCK // sub_x))).astype(kind) for c in chroma),
    ]


def _exact_rgb(planes: list[NDArray[np.uint16]], bits: int, full: bool, matrix: int) -> NDArray[np.float64]:
    """Return RGB, 0 to 255, of the middles of the blocks."""
    y, u, v = (
        plane.astype(float)[plane.shape[0] // 6 :: plane.shape[0] // 3, plane.shape[1] // 8 :: plane.shape[1] // 4]
        for plane in planes
    )
    unit, top = 2 ** (bits - 8), 2**bits - 1
    y = y / top if full else (y - 16 * unit) / (219 * unit)
    u, v = ((c - 128 * unit) / (top if full else 224 * unit) for c in (u, v))
    red, blue = _WEIGHTS[matrix]
    r, b = y + 2 * (1 - red) * v, y + 2 * (1 - blue) * u
    g = (y - red * r - blue * b) / (1 - red - blue)
    return 255 * np.clip(np.stack((r, g, b), axis=-1), 0, 1)


def _middles(rgb: Image8) -> NDArray[np.float64]:
    blocks = rgb.reshape(3, _BLOCK, 4, _BLOCK, 3)[:, _INSIDE, :, _INSIDE].astype(float)
    assert np.ptp(blocks, axis=(1, 3)).max() <= 1, "interpolation reaches the middle of a block"
    return blocks.mean(axis=(1, 3))


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(
    ("pix_fmt", "bits", "sampling", "matrix"),
    [
        ("yuv420p", 8, (2, 2), 1),
        ("yuv420p", 8, (2, 2), 5),
        ("yuv422p", 8, (1, 2), 6),
        ("yuv444p", 8, (1, 1), 9),
        ("yuv420p10le", 10, (2, 2), 9),
        ("yuv422p10le", 10, (1, 2), 1),
        ("yuv444p12le", 12, (1, 1), 6),
        ("yuv420p12le", 12, (2, 2), 1),
        ("yuv444p16le", 16, (1, 1), 7),
        ("yuv440p", 8, (2, 1), 4),
    ],
)
def test_rgb_is_right(
    tmp_path: Path, pix_fmt: str, bits: int, sampling: tuple[int, int], matrix: int, *, full: bool
) -> None:
    planes = _blocks(bits, full, *sampling, seed=matrix)
    facts = read_facts(planes_clip(tmp_path / "a.mkv", planes, pix_fmt, matrix=matrix, full=full))
    assert (facts.bits, facts.colour.full_range, facts.colour.matrix) == (bits, full, matrix)
    [frame] = read_frames(facts)
    off = np.abs(_middles(frame.rgb) - _exact_rgb(planes, bits, full, matrix))
    assert off.max() < 1.5
    assert off.mean() < 0.6


def test_matrix_is_guessed_by_size_where_it_is_not_stated(tmp_path: Path) -> None:
    planes = _blocks(8, False, 2, 2, seed=2)
    facts = read_facts(planes_clip(tmp_path / "a.mkv", planes, "yuv420p", matrix=2, full=False))
    [frame] = read_frames(facts)
    assert np.abs(_middles(frame.rgb) - _exact_rgb(planes, 8, False, 6)).max() < 1.5
    unstated = ClipColour(full_range=False, matrix=2, primaries=2, transfer=2)
    assert [matrix_of(unstated, *size) for size in ((720, 576), (1280, 534), (720, 1280))] == [6, 1, 1]
    assert matrix_of(ClipColour(full_range=False, matrix=2, primaries=9, transfer=14), 640, 480) == 9


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(("pix_fmt", "bits"), [("gray", 8), ("gray10le", 10), ("gray16le", 16)])
def test_grey(tmp_path: Path, pix_fmt: str, bits: int, *, full: bool) -> None:
    [luminance, *_] = _blocks(bits, full, 1, 1, seed=1)
    [frame] = read_frames(read_facts(planes_clip(tmp_path / "a.mkv", [luminance], pix_fmt, matrix=2, full=full)))
    unit, values = 2 ** (bits - 8), luminance.astype(float)
    exact = 255 * (values / (2**bits - 1) if full else (values - 16 * unit) / (219 * unit))
    assert np.abs(frame.rgb - exact[..., None]).max() < 2


def test_unread_matrix_is_said(tmp_path: Path) -> None:
    planes = [np.full((48, 64), 128, np.uint8)] * 3
    facts = read_facts(planes_clip(tmp_path / "a.mkv", planes, "yuv444p", matrix=8, full=False))
    notes: list[str] = []
    [frame] = read_frames(facts, on_note=notes.append)
    assert notes == ["its colours are in a form that is not read (matrix 8): they may look wrong"]
    assert np.ptp(frame.rgb) <= 1


@pytest.mark.parametrize(("codec", "suffix", "pix_fmt"), [("ffv1", "mkv", "bgr0"), ("png", "mov", "rgb24")])
def test_rgb_codecs_are_exact(tmp_path: Path, codec: str, suffix: str, pix_fmt: str) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (48, 64, 3)).astype(np.uint8)
    [frame] = read_frames(read_facts(write_clip(tmp_path / f"a.{suffix}", [pixels], codec=codec, pix_fmt=pix_fmt)))
    assert (frame.rgb == pixels).all()


@pytest.mark.parametrize("bits", [10, 16])
def test_rgb_codecs_of_more_bits(tmp_path: Path, bits: int) -> None:
    green, blue, red = np.random.default_rng(3).integers(0, 2**bits, (3, 48, 64)).astype(np.uint16)
    clip = planes_clip(tmp_path / "a.mkv", [green, blue, red], f"gbrp{bits}le", matrix=0, full=True)
    [frame] = read_frames(read_facts(clip))
    exact = 255 * np.dstack((red, green, blue)).astype(float) / (2**bits - 1)
    assert np.abs(frame.rgb - exact).max() < 2  # swscale dithers


def _wide(chromaticities_code: int, srgb: Image8) -> NDArray[np.float64]:
    """Return sRGB values in other primaries, 0 to 1."""
    from pix2style.images.icc import linear_to_xyz

    light = srgb / 255
    light = np.where(light <= 0.04045, light / 12.92, ((light + 0.055) / 1.055) ** 2.4)
    matrix = np.linalg.solve(
        linear_to_xyz(Cicp(chromaticities_code, 1).chromaticities), linear_to_xyz(Cicp(1, 1).chromaticities)
    )
    other = np.clip(light @ matrix.T, 0, 1)
    return np.where(other <= 0.0031308, 12.92 * other, 1.055 * other ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("primaries", [9, 12])
def test_wide_gamuts_become_srgb_and_go_back(tmp_path: Path, primaries: int) -> None:
    srgb = np.random.default_rng(5).integers(0, 256, (48, 64, 3)).astype(np.uint8)
    red, green, blue = np.moveaxis(np.rint(1023 * _wide(primaries, srgb)).astype(np.uint16), 2, 0)
    clip = planes_clip(
        tmp_path / "a.mkv", [green, blue, red], "gbrp10le", matrix=0, full=True, primaries=primaries, transfer=1
    )
    facts = read_facts(clip)
    [frame] = read_frames(facts)
    off = np.abs(frame.rgb.astype(int) - srgb)
    assert off.mean() < 0.5
    assert np.percentile(off, 99.5) <= 2  # 10 bits are coarse for dark, saturated colours
    back = np.empty_like(srgb)
    map_from_srgb(facts.colour).convert((srgb[..., 0], srgb[..., 1], srgb[..., 2]), back)
    assert np.abs(back - 255 * _wide(primaries, srgb)).max() < 1.5


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
def test_hdr_is_tone_mapped_like_photos_and_said(tmp_path: Path, transfer: int, name: str) -> None:
    # Photos are tone-mapped from 8 bits, so compare at values that both can hold; 1000 nits make the peaks equal.
    levels = np.random.default_rng(7).integers(0, 180 if name == "PQ" else 235, (48, 64, 3)).astype(np.uint8)
    levels[0] = 192 if name == "PQ" else 255
    red, green, blue = np.moveaxis(np.rint(levels * (1023 / 255)).astype(np.uint16), 2, 0)
    clip = planes_clip(
        tmp_path / "a.mkv", [green, blue, red], "gbrp10le", matrix=0, full=True, primaries=9, transfer=transfer
    )
    facts = read_facts(clip)
    assert facts.is_hdr
    assert facts.bits == 10
    notes: list[str] = []
    [frame] = read_frames(facts, on_note=notes.append)
    assert notes == [f"has a high dynamic range ({name}): tone-mapped to sRGB"]
    off = np.abs(frame.rgb.astype(int) - tone_map(levels, Cicp(9, transfer)))
    assert np.percentile(off, 99) <= 3, off.max()


def test_hdr_does_not_flicker_with_what_the_frames_show(tmp_path: Path) -> None:
    """A bright light that comes into the picture must not darken the rest."""
    results = []
    for light in (300, 1023):
        grey = np.full((48, 64), 400, np.uint16)
        grey[:8, :8] = light
        clip = planes_clip(
            tmp_path / f"{light}.mkv", [grey] * 3, "gbrp10le", matrix=0, full=True, primaries=9, transfer=16
        )
        results.append(next(read_frames(read_facts(clip))).rgb)
    assert (results[0][20:] == results[1][20:]).all()
