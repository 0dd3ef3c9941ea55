"""Files that are sound though unusual: read as they are meant, or refused with the true reason."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pix2style.errors import ImageError
from pix2style.images import Image8, decode_picture, has_alpha, read_picture, write_picture

from pictures import encoded, png_file, png_header, ramps, tiff_file, with_chunk  # isort: skip

RNG = np.random.default_rng(0)
GREY16 = RNG.integers(0, 65536, (6, 8)).astype(np.uint16)
RGB16 = RNG.integers(0, 65536, (6, 8, 3)).astype(np.uint16)
LARGE = b"a" * 3_000_000


def rgb_of(data: bytes) -> Image8:
    return decode_picture(data, name="x").rgb


def alpha_of(data: bytes) -> Image8 | None:
    return decode_picture(data, name="x").alpha


def grey8(levels: np.ndarray) -> Image8:
    return np.repeat(np.rint(levels / 257).astype(np.uint8)[..., None], 3, axis=2)


# --- PNG: large metadata ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "chunk",
    [
        (b"tEXt", b"Comment\0" + LARGE),
        (b"zTXt", b"Comment\0\0" + zlib.compress(LARGE)),
        (b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(LARGE)),
        (b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(LARGE)),
        (b"iTXt", b"Comment\0\0\0\0\0" + LARGE),
        (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(LARGE)),
        (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + LARGE),
        (b"zTXt", b"Comment\0\0" + b"damaged"),
        (b"iCCP", b"large\0\0" + zlib.compress(LARGE)),
        (b"iCCP", b"large\0\0" + b"damaged"),
    ],
    ids=lambda chunk: f"{chunk[0].decode()}-{chunk[1][:3].decode()}",
)
@pytest.mark.parametrize("before", [b"IDAT", b"IEND"])
def test_large_texts_and_profiles_of_png(chunk: tuple[bytes, bytes], before: bytes) -> None:
    if chunk[0] == b"iCCP" and before == b"IEND":
        pytest.skip("a profile stands before the pixels")
    photo = ramps()
    picture = decode_picture(with_chunk(encoded(photo, "PNG"), *chunk, before=before), name="x")
    assert np.array_equal(picture.rgb, photo)
    assert any("profile" in note for note in picture.notes) == (chunk[0] == b"iCCP")


def test_texts_of_64_megabytes_together() -> None:
    data = encoded(ramps(), "PNG")
    text = b"Comment\0\0" + zlib.compress(b"a" * 900_000)
    for _ in range(80):
        data = with_chunk(data, b"zTXt", text)
    assert np.array_equal(rgb_of(data), ramps())


def test_orientation_in_a_text_of_png_is_kept() -> None:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf tiff:Orientation="6"/></x:xmpmeta>'
    data = with_chunk(encoded(ramps(), "PNG"), b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp)
    assert rgb_of(data).shape == (60, 40, 3)
    data = with_chunk(encoded(ramps(), "PNG"), b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(xmp))
    assert rgb_of(data).shape == (60, 40, 3)


# --- PNG: transparent colours -----------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_transparent_grey_of_any_depth(bits: int) -> None:
    levels = np.arange(64).reshape(8, 8, 1) % (1 << bits) if bits < 8 else RNG.integers(0, 1 << bits, (8, 8, 1))
    key = int(levels[3, 5, 0])
    alpha = alpha_of(png_file(levels, bits, 0, (b"tRNS", struct.pack(">H", key))))
    assert alpha is not None
    assert np.array_equal(alpha == 0, levels[..., 0] == key)
    assert set(np.unique(alpha)) <= {0, 255}


def test_transparent_colour_of_16_bits_is_not_its_neighbour() -> None:
    colours = np.full((1, 4, 3), 0x1234, np.uint16)
    colours[0, 1, 2] += 1  # differs in the lower byte alone
    colours[0, 2, 0] += 256
    alpha = alpha_of(png_file(colours, 16, 2, (b"tRNS", struct.pack(">3H", 0x1234, 0x1234, 0x1234))))
    assert alpha is not None
    assert alpha.tolist() == [[0, 255, 255, 0]]


@pytest.mark.parametrize(("mode", "colour_type"), [("LA", 4), ("RGBA", 6)])
def test_alpha_of_16_bits(mode: str, colour_type: int) -> None:
    samples = RNG.integers(1, 256, (5, 7, len(mode))).astype(np.uint16) * 257
    picture = decode_picture(png_file(samples, 16, colour_type), name="x")
    assert picture.alpha is not None
    assert np.array_equal(picture.alpha, samples[..., -1] // 257)
    assert np.array_equal(picture.rgb, np.broadcast_to(samples[..., :-1] // 257, (5, 7, 3)))


def test_a_damaged_animation_is_told() -> None:
    data = with_chunk(encoded(ramps(), "PNG"), b"acTL", struct.pack(">II", 0, 0))
    with pytest.warns(UserWarning, match="Invalid APNG"):
        picture = decode_picture(data, name="x")
    assert picture.notes == ("its animation is damaged: only its first picture is used",)


# --- TIFF -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("channels", [3, 4])
def test_channels_apart_in_tiff(order: str, channels: int) -> None:
    samples = np.dstack([RGB16, np.full((6, 8), 65535, np.uint16)])[..., :channels]
    tags = {256: (8,), 257: (6,), 258: (16,) * channels, 262: (2,), 277: (channels,)}
    tags |= {338: (2,)} if channels == 4 else {}
    typed = samples.astype(f"{order}u2")
    together = decode_picture(tiff_file([typed.tobytes()], tags, order), name="x")
    strips = [np.ascontiguousarray(typed[..., band]).tobytes() for band in range(channels)]
    apart = decode_picture(tiff_file(strips, tags | {284: (2,)}, order), name="x")
    assert np.abs(together.rgb.astype(int) - RGB16 // 256).max() <= 1
    assert np.array_equal(apart.rgb, together.rgb)
    assert (apart.alpha is None) == (channels == 3)


@pytest.mark.parametrize("order", ["<", ">"])
def test_white_is_zero_of_16_bits(order: str) -> None:
    tags = {256: (8,), 257: (6,), 258: (16,)}
    data = GREY16.astype(f"{order}u2").tobytes()
    assert np.array_equal(rgb_of(tiff_file([data], tags | {262: (1,)}, order)), grey8(GREY16))
    assert np.array_equal(rgb_of(tiff_file([data], tags | {262: (0,)}, order)), grey8(65535 - GREY16))


def test_twelve_bits() -> None:
    levels = GREY16[:, :8] >> 4
    digits = (levels[..., None] >> np.arange(11, -1, -1, dtype=np.uint16)) & 1
    data = np.packbits(digits.reshape(6, -1).astype(np.uint8), axis=1).tobytes()
    read = rgb_of(tiff_file([data], {256: (8,), 257: (6,), 258: (12,), 262: (1,)}))
    assert np.abs(read[..., 0].astype(int) - levels * (255 / 4095)).max() <= 0.51


@pytest.mark.parametrize(
    ("kind", "bits", "sample_format", "word"),
    [
        ("i2", 16, 2, "signed"),
        ("i1", 8, 2, "signed"),
        ("u4", 32, 1, "32-bit"),
        ("i4", 32, 2, "signed"),
        ("f4", 32, 3, "floating-point"),
    ],
)
def test_values_without_a_fixed_range_are_refused(kind: str, bits: int, sample_format: int, word: str) -> None:
    tags = {256: (8,), 257: (6,), 258: (bits,), 262: (1,), 339: (sample_format,)}
    with pytest.raises(ImageError, match=rf"{word}.* have no fixed range"):
        decode_picture(tiff_file([np.ones((6, 8), kind).tobytes()], tags), name="x")


@pytest.mark.parametrize("extra", [1, 2])
def test_grey_with_alpha_in_tiff(extra: int) -> None:
    alpha = np.tile(np.arange(1, 9, dtype=np.uint8) * 31, (6, 1))
    grey = np.full((6, 8), 120, np.uint8)
    stored = np.rint(grey * (alpha / 255)).astype(np.uint8) if extra == 1 else grey
    tags = {256: (8,), 257: (6,), 258: (8, 8), 262: (1,), 277: (2,), 338: (extra,)}
    picture = decode_picture(tiff_file([np.dstack([stored, alpha]).tobytes()], tags), name="x")
    assert picture.alpha is not None
    assert np.array_equal(picture.alpha, alpha)
    assert np.abs(picture.rgb.astype(int) - 120).max() <= 4


def test_colour_maps_of_8_bits() -> None:
    colours = RNG.integers(0, 256, (3, 256))
    index = np.arange(48, dtype=np.uint8).reshape(6, 8)
    for scale in (1, 257):
        tags = {256: (8,), 257: (6,), 258: (8,), 262: (3,), 320: tuple(int(v) * scale for v in colours.ravel())}
        assert np.array_equal(rgb_of(tiff_file([index.tobytes()], tags)), np.moveaxis(colours[:, index], 0, 2))


def test_lab_is_no_transparency(tmp_path: Path) -> None:
    photo = Image.fromarray(ramps() // 2 + 60)
    photo.convert("LAB").save(tmp_path / "a.tif")
    picture = read_picture(tmp_path / "a.tif")
    assert picture.alpha is None
    assert not has_alpha(tmp_path / "a.tif")
    assert np.abs(picture.rgb.astype(int) - np.asarray(photo)).mean() < 3


# --- an alpha channel that nobody filled ------------------------------------------------------------------------


def bmp_with_alpha(photo: Image8, alpha: Image8) -> bytes:
    """A BMP file of 32 bits whose header (version 4) names an alpha channel, as screenshots have it."""
    height, width, _ = photo.shape
    pixels = np.dstack([photo[..., ::-1], alpha])[::-1].tobytes()
    masks = struct.pack("<4I4s", 0xFF0000, 0xFF00, 0xFF, 0xFF000000, b"BGRs")
    head = struct.pack("<IiiHHIIiiII", 108, width, height, 1, 32, 3, len(pixels), 0, 0, 0, 0) + masks
    return struct.pack("<2sIII", b"BM", 122 + len(pixels), 0, 122) + head.ljust(108, b"\0") + pixels


@pytest.mark.parametrize("used", [False, True])
def test_unused_alpha_of_bmp(tmp_path: Path, *, used: bool) -> None:
    photo = ramps()
    alpha = np.zeros((40, 60), np.uint8)
    alpha[:, 30:] = 200 if used else 0
    (tmp_path / "a.bmp").write_bytes(bmp_with_alpha(photo, alpha))
    picture = read_picture(tmp_path / "a.bmp")
    assert has_alpha(tmp_path / "a.bmp") == (picture.alpha is not None) == used
    assert np.array_equal(picture.rgb[:, 30:], photo[:, 30:])
    assert (picture.rgb[:, :30] == 255).all() == used  # what is transparent is white


def test_transparency_of_png_is_meant() -> None:
    alpha = alpha_of(encoded(np.dstack([ramps(), np.zeros((40, 60), np.uint8)]), "PNG"))
    assert alpha is not None
    assert not alpha.any()


# --- WebP -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("with_alpha", [False, True])
def test_lossless_webp_stays_lossless(tmp_path: Path, *, with_alpha: bool) -> None:
    photo = RNG.integers(0, 256, (20, 30, 4 if with_alpha else 3)).astype(np.uint8)
    if with_alpha:
        photo[..., 3] |= 1
    Image.fromarray(photo).save(tmp_path / "a.webp", lossless=True, exact=True)
    picture = read_picture(tmp_path / "a.webp")
    assert picture.lossless
    write_picture(tmp_path / "b.webp", picture)
    assert np.array_equal(read_picture(tmp_path / "b.webp").rgb, photo[..., :3])


def test_lossy_webp_stays_lossy(tmp_path: Path) -> None:
    Image.fromarray(np.dstack([ramps(), np.full((40, 60), 90, np.uint8)])).save(tmp_path / "a.webp", quality=80)
    assert not read_picture(tmp_path / "a.webp").lossless
    write_picture(tmp_path / "b.webp", read_picture(tmp_path / "a.webp"))
    assert b"VP8L" not in (tmp_path / "b.webp").read_bytes()


def test_avif_without_loss_gets_the_best_quality(tmp_path: Path) -> None:
    data = bytearray(encoded(ramps(), "AVIF", quality=100, subsampling="4:4:4"))
    place = data.index(b"nclx") + 8
    assert not decode_picture(bytes(data), name="x").lossless
    data[place : place + 2] = bytes(2)
    picture = replace(decode_picture(bytes(data), name="x"), rgb=ramps())
    assert picture.lossless
    write_picture(tmp_path / "a.avif", picture)
    assert np.abs(read_picture(tmp_path / "a.avif").rgb.astype(int) - ramps()).mean() < 1


# --- reasons ----------------------------------------------------------------------------------------------------


def test_a_kind_that_is_not_read_is_not_called_damaged() -> None:
    deep = {256: (8,), 257: (6,), 262: (2,), 258: (12, 12, 12), 277: (3,)}
    with pytest.raises(ImageError, match=r"x: this kind of TIFF cannot be read here \(unknown pixel mode\): save"):
        decode_picture(tiff_file([bytes(8 * 6 * 5)], deep), name="x")
    unknown = {256: (8,), 257: (6,), 262: (1,), 258: (8,), 259: (34887,)}
    with pytest.raises(ImageError, match=r"this kind of TIFF cannot be read here \(compression 34887 is not supported"):
        decode_picture(tiff_file([bytes(48)], unknown), name="x")
    bmp = bytearray(encoded(ramps(), "BMP"))
    bmp[30] = 4  # JPEG inside of BMP
    with pytest.raises(ImageError, match=r"this kind of BMP cannot be read here \(Unsupported BMP compression"):
        decode_picture(bytes(bmp), name="x")
    with pytest.raises(ImageError, match="damaged or cut off"):
        decode_picture(b"II*\0" + bytes(20), name="x")


def test_libtiff_says_nothing_by_itself(tmp_path: Path) -> None:
    """In a process of its own, because libtiff writes to the stderr of the process."""
    image = Image.fromarray(ramps())
    image.save(tmp_path / "zip.tif", compression="tiff_adobe_deflate")
    data = bytearray((tmp_path / "zip.tif").read_bytes())
    place = data.index(struct.pack("<HHIH", 259, 3, 1, 8)) + 8
    data[place : place + 2] = struct.pack("<H", 50001)  # WebP inside of TIFF, which Pillow's libtiff is built without
    (tmp_path / "webp.tif").write_bytes(data)
    code = "import sys; from pathlib import Path; from pix2style.images import read_picture\n"
    code += "try: read_picture(Path(sys.argv[1]))\nexcept Exception as error: print(error)"
    done = subprocess.run(
        [sys.executable, "-c", code, "webp.tif"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stderr == ""
    assert "webp.tif: this kind of TIFF cannot be read here" in done.stdout


def test_warnings_of_pillow_are_not_shown(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0110] = "camera" * 30
    data = encoded(ramps(), "JPEG", exif=exif.tobytes()[:-60])
    with pytest.warns(UserWarning, match="Skipping tag"), Image.open(io.BytesIO(data)) as image:
        image.getexif()
    (tmp_path / "a.jpg").write_bytes(data)
    code = (
        "import sys; from pathlib import Path; from pix2style.images import read_picture; read_picture(Path('a.jpg'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stderr == ""


def test_size_of_an_avif_beyond_its_decoder() -> None:
    def box(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I4s", 8 + len(content), kind) + content

    size = box(b"ispe", struct.pack(">III", 0, 17000, 17001))
    properties = box(b"ipco", size) + box(b"ipma", struct.pack(">IIHBB", 0, 1, 1, 1, 1))
    meta = box(b"pitm", struct.pack(">IH", 0, 1)) + box(b"iprp", properties)
    data = box(b"ftyp", b"avif\0\0\0\0avifmif1") + box(b"meta", bytes(4) + meta)
    with pytest.raises(ImageError, match="17000x17001 is more than 178000000 pixels"):
        decode_picture(data, name="x")


def test_xv_thumbnails_are_no_ppm() -> None:
    with pytest.raises(ImageError, match="not a picture in a known format"):
        decode_picture(b"P7 332\n#END_OF_COMMENTS\n4 4 255\n" + bytes(16), name="x")


def test_number_of_pixels_that_pillow_refuses() -> None:
    with pytest.raises(ImageError, match="3600000000 pixels, more than 178000000 pixels"):
        decode_picture(png_header(60_000, 60_000), name="x")
