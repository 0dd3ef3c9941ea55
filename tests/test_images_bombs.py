"""Small files that would fill the memory or occupy the processor for long are refused, or read fast."""

from __future__ import annotations

import tracemalloc
import zlib
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from PIL import Image

from pix2style.errors import ImageError
from pix2style.images import colour, decode, decode_picture, png
from pix2style.images.cicp import ADOBE_RGB_PRIMARIES
from pix2style.images.icc import matrix_profile
from pix2style.images.pixels import take_pixels
from pix2style.images.sequence import Frame, PictureSequence, open_images

from pictures import encoded, ramps, with_chunk  # isort: skip

ADOBE_RGB = matrix_profile("Adobe RGB", ADOBE_RGB_PRIMARIES, 563 / 256)


def gif(*sizes: tuple[int, int]) -> bytes:
    """A GIF file whose frames lie at its upper left corner and have any sizes; its canvas has that of the first."""
    files = [encoded(Image.new("P", size, 1), "GIF") for size in sizes]
    heads = [13 + 3 * 2 ** ((data[10] & 7) + 1) for data in files]
    frames = [data[head:-1] for data, head in zip(files, heads, strict=True)]
    return files[0][: heads[0]] + b"".join(frames) + b";"


def opened(path: Path, data: bytes) -> PictureSequence:
    path.write_bytes(data)
    sequence = open_images(path)
    assert isinstance(sequence, PictureSequence)
    return sequence


def sizes(frames: list[Frame]) -> list[tuple[int, ...]]:
    return [frame.picture.rgb.shape[:2] for frame in frames]


@pytest.mark.parametrize("large", [1, 2, 3])
def test_later_frames_of_a_gif_count_by_their_own_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: int
) -> None:
    """When an animation is written, every frame gets the size of the largest one."""
    frames = [(2, 3), (2, 3), (2, 3), (2, 3)]
    frames[large] = (24, 16)
    sequence = opened(tmp_path / "a.gif", gif(*frames))
    assert sizes(list(sequence.frames())) == [(3, 2)] * large + [(16, 24)] * (4 - large)
    monkeypatch.setattr("pix2style.images.sequence.MAX_PIXELS", 4 * 24 * 16 - 1)
    decoded: list[Frame] = []
    with pytest.raises(ImageError, match="4 frames of 24x16 are more than 1535 pixels in all: make it smaller"):
        decoded.extend(sequence.frames())
    assert sizes(decoded) == [(3, 2)] * large  # those before the error


def test_pages_have_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pages of a small file can share their pixels."""
    page = Image.new("L", (24, 16))
    data = encoded(page, "TIFF", save_all=True, append_images=[page] * 3)
    assert len(list(opened(tmp_path / "a.tif", data).frames())) == 4
    monkeypatch.setattr("pix2style.images.sequence.MAX_PIXELS_OF_PAGES", 3 * 24 * 16 - 1)
    frames = opened(tmp_path / "a.tif", data).frames()
    assert sizes([next(frames), next(frames)]) == [(16, 24)] * 2
    with pytest.raises(ImageError, match="the first 3 of 4 pages are more than 1151 pixels in all: split the document"):
        next(frames)


def test_only_the_first_profile_is_unpacked(tmp_path: Path) -> None:
    """Hundreds of profiles that unpack to megabytes would occupy the processor for seconds."""
    data = encoded(ramps(), "PNG", icc_profile=ADOBE_RGB)
    bomb = b"bomb\0\0" + zlib.compress(bytes(1 << 20))
    for _ in range(50):
        data = with_chunk(data, b"iCCP", bomb)
    (tmp_path / "a.png").write_bytes(data)
    with mock.patch.object(png, "_unpack", wraps=png._unpack) as unpack:
        picture = open_images(tmp_path / "a.png")
    assert unpack.call_count == 1
    assert not isinstance(picture, PictureSequence)
    assert picture.icc_profile == ADOBE_RGB
    assert picture.notes == ()
    assert np.array_equal(picture.rgb, ramps())


def test_only_the_first_text_with_the_orientation_is_unpacked() -> None:
    data = encoded(ramps(), "PNG")
    for _ in range(50):
        data = with_chunk(data, b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(bytes(900_000)))
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf tiff:Orientation="6"/></x:xmpmeta>'
    data = with_chunk(data, b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(xmp))
    with mock.patch.object(png, "_unpack", wraps=png._unpack) as unpack:
        assert decode_picture(data, name="x").rgb.shape == (60, 40, 3)
    assert unpack.call_count == 2


@pytest.mark.parametrize("strength", [0.0, 0.3, 1.0])
def test_colours_are_converted_in_strips(monkeypatch: pytest.MonkeyPatch, strength: float) -> None:
    photo, stylized = ramps(), 255 - ramps()
    space = colour.colour_profile(ADOBE_RGB)
    lost = photo.astype(np.float32) - space.from_srgb(colour.to_srgb(photo, ADOBE_RGB))
    expected = np.clip(np.rint(space.from_srgb(stylized) + np.float32(1 - strength) * lost), 0, 255)
    whole = colour.to_srgb(photo, ADOBE_RGB)
    for pixels in (1, 7 * 60, 1_000_000):
        monkeypatch.setattr(colour, "_PIXELS_PER_STRIP", pixels)
        assert np.array_equal(colour.to_srgb(photo, ADOBE_RGB), whole)
        for in_srgb in (None, whole):
            made = colour.stylized_in(ADOBE_RGB, photo, stylized, strength, in_srgb=in_srgb)
            assert np.array_equal(made, expected)


def test_large_photos_of_wide_gamut_need_no_copies_in_floats() -> None:
    photo = np.zeros((1500, 1000, 3), np.uint8)
    in_srgb = colour.to_srgb(photo, ADOBE_RGB)
    tracemalloc.start()
    colour.stylized_in(ADOBE_RGB, photo, photo, 0.5, in_srgb=in_srgb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2.5 * photo.nbytes  # the result, and a strip


@pytest.mark.parametrize("mode", ["1", "L", "LA"])
def test_greys_of_8_bits_become_no_floats(mode: str) -> None:
    image = Image.new(mode, (1000, 1500), (1, 255) if mode == "LA" else 1)
    assert np.asarray(take_pixels(image).values).dtype == np.uint8
    tracemalloc.start()
    rgb = decode.picture_from_pillow(image, to_srgb=False).rgb
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rgb.shape == (1500, 1000, 3)
    assert peak < 3 * rgb.nbytes
