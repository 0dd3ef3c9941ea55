"""Colours keep their meaning, however a file declares them; networks see sRGB."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from pix2style.errors import ImageError
from pix2style.images import Image8, Picture, as_array, decode_picture, read_picture, to_srgb, write_picture
from pix2style.images.cicp import ADOBE_RGB_PRIMARIES, REC2020_PRIMARIES, SRGB_PRIMARIES, Cicp
from pix2style.images.colour import colour_profile
from pix2style.images.hdr import tone_map
from pix2style.images.icc import linear_to_xyz, matrix_profile
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.runtime.stylize_files import stylize_files
from pix2style.stylizer import Stylizer, StylizerIdentity

from pictures import encoded, ramps, with_chunk  # isort: skip

P3_PRIMARIES = Cicp(12, 13).chromaticities
SRGB = ImageCms.createProfile("sRGB")


def soft_photo() -> Image8:
    """Colours that are in every gamut, greys, and dark parts."""
    ramp = np.linspace(0, 1, 60)
    grey = np.tile(ramp, (40, 1))
    tint = np.linspace(-0.15, 0.15, 40)[:, None] * np.minimum(ramp, 1 - ramp)
    return np.rint(255 * np.clip(np.dstack([grey + tint, grey, grey - tint]), 0, 1)).astype(np.uint8)


def seen(linear: NDArray[np.float64], primaries: tuple[float, ...] = SRGB_PRIMARIES) -> Image8:
    """Linear light in any primaries with white D65, as sRGB levels: the arithmetic of any colour-managed viewer."""
    to_rgb = np.linalg.inv(linear_to_xyz(SRGB_PRIMARIES)) @ linear_to_xyz(primaries)  # type: ignore[arg-type]
    light = np.clip(linear @ to_rgb.T, 0, 1)
    encoded_light = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.rint(255 * encoded_light).astype(np.uint8)


def srgb_light(levels: Image8) -> NDArray[np.float64]:
    share = levels / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def as_seen(data: bytes) -> Image8:
    return decode_picture(data, name="x", to_srgb=True).rgb


def levels_off(a: Image8, b: Image8) -> float:
    return float(np.abs(a.astype(int) - b).max())


def adobe_exif(**tags: object) -> bytes:
    exif = Image.Exif()
    if "colour_space" in tags:
        exif.get_ifd(0x8769)[0xA001] = tags["colour_space"]
    if "interop" in tags:
        exif.get_ifd(0x8769)[0xA005] = {1: tags["interop"]}
    return exif.tobytes()


PHOTO = soft_photo()
ADOBE = seen((PHOTO / 255) ** (563 / 256), ADOBE_RGB_PRIMARIES)
P3 = seen(srgb_light(PHOTO), P3_PRIMARIES)


# --- every way to declare a colour space ------------------------------------------------------------------------


def test_a_made_profile_says_what_it_was_made_from() -> None:
    adobe = ImageCms.ImageCmsProfile(io.BytesIO(matrix_profile("Adobe", ADOBE_RGB_PRIMARIES, 563 / 256)))
    assert ImageCms.getProfileDescription(adobe).strip() == "Adobe"
    image = ImageCms.profileToProfile(Image.fromarray(PHOTO), adobe, SRGB, outputMode="RGB")
    assert image is not None
    assert levels_off(np.asarray(image), ADOBE) <= 1
    assert colour_profile(matrix_profile("sRGB", SRGB_PRIMARIES, None)).is_srgb
    with pytest.raises(ValueError, match="no colour space"):
        matrix_profile("flat", (0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3), None)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize(
    "tags",
    [{"interop": "R03"}, {"interop": "R03", "colour_space": 65535}, {"colour_space": 65535}, {"colour_space": 2}],
)
def test_adobe_rgb_by_exif_alone(kind: str, tags: dict[str, object]) -> None:
    if kind == "TIFF" and "interop" in tags:
        pytest.skip("Pillow does not write this tag into TIFF files")
    options = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}.get(kind, {})
    data = encoded(PHOTO, kind, exif=adobe_exif(**tags), **options)
    assert levels_off(as_seen(data), ADOBE) <= (5 if kind == "JPEG" else 1)
    picture = decode_picture(data, name="x")
    assert picture.icc_profile is not None
    assert bool(picture.notes) == (tags == {"colour_space": 65535})


@pytest.mark.parametrize("tags", [{"colour_space": 1}, {"interop": "R98", "colour_space": 65535}, {}])
def test_srgb_by_exif(tags: dict[str, object]) -> None:
    picture = decode_picture(encoded(PHOTO, "PNG", exif=adobe_exif(**tags)), name="x")
    assert np.array_equal(picture.rgb, PHOTO)
    assert picture.icc_profile is None


def test_gamma_and_primaries_of_png() -> None:
    data = encoded(PHOTO, "PNG")
    gamma = struct.pack(">I", 100_000)
    assert levels_off(as_seen(with_chunk(data, b"gAMA", gamma)), seen(PHOTO / 255)) <= 1
    primaries = struct.pack(">8I", *(round(v * 100_000) for v in P3_PRIMARIES))
    assert levels_off(as_seen(with_chunk(data, b"cHRM", primaries)), P3) <= 1
    adobe = struct.pack(">8I", *(round(v * 100_000) for v in ADOBE_RGB_PRIMARIES))
    both = with_chunk(with_chunk(data, b"gAMA", struct.pack(">I", 45_471)), b"cHRM", adobe)
    assert levels_off(as_seen(both), ADOBE) <= 1
    # The values that the specification names for sRGB are sRGB.
    usual = struct.pack(">8I", 31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000)
    srgb = with_chunk(with_chunk(data, b"gAMA", struct.pack(">I", 45_455)), b"cHRM", usual)
    assert decode_picture(srgb, name="x").icc_profile is None
    assert np.array_equal(as_seen(srgb), PHOTO)
    # The chunk sRGB counts more, and zeros say nothing.
    assert np.array_equal(as_seen(with_chunk(both, b"sRGB", b"\0")), PHOTO)
    assert np.array_equal(as_seen(with_chunk(with_chunk(data, b"gAMA", bytes(4)), b"cHRM", bytes(32))), PHOTO)


def test_gamma_of_grey_png() -> None:
    grey = np.arange(256, dtype=np.uint8)[None]
    data = with_chunk(encoded(Image.fromarray(grey), "PNG"), b"gAMA", struct.pack(">I", 100_000))
    assert levels_off(as_seen(data)[..., 1], seen(np.repeat(grey[..., None], 3, 2) / 255)[..., 1]) <= 1


@pytest.mark.parametrize("before", [None, "Adobe"])
def test_code_points_of_png_count_more_than_a_profile(before: str | None) -> None:
    options = {"icc_profile": matrix_profile(before, ADOBE_RGB_PRIMARIES, 2.2)} if before else {}
    data = with_chunk(encoded(PHOTO, "PNG", **options), b"cICP", bytes((12, 13, 0, 1)), before=b"IDAT")
    assert levels_off(as_seen(data), P3) <= 1
    assert np.array_equal(decode_picture(data, name="x").rgb, PHOTO)
    same = with_chunk(encoded(PHOTO, "PNG"), b"cICP", bytes((1, 13, 0, 1)))
    assert decode_picture(same, name="x").icc_profile is None


def test_code_points_of_avif() -> None:
    data = bytearray(encoded(PHOTO, "AVIF", quality=100, subsampling="4:4:4"))
    place = data.index(b"nclx") + 4
    plain = as_seen(bytes(data))
    data[place : place + 4] = struct.pack(">HH", 12, 13)
    assert levels_off(as_seen(bytes(data)), seen(srgb_light(plain), P3_PRIMARIES)) <= 1
    data[place : place + 4] = struct.pack(">HH", 9, 16)
    picture = decode_picture(bytes(data), name="x")
    assert picture.notes == ("has a high dynamic range (PQ): tone-mapped to sRGB",)


def grey_profile(power: float) -> bytes:
    curve = struct.pack(">4s4xIH", b"curv", 1, round(power * 256)).ljust(16, b"\0")
    white = struct.pack(">4s4x3i", b"XYZ ", 0xF6D6, 0x10000, 0xD32D)
    text = b"desc" + bytes(4) + struct.pack(">I", 5) + b"grey\0" + bytes(78)
    tags, place = b"", 132 + 36
    for tag, content in ((b"desc", text), (b"wtpt", white), (b"kTRC", curve)):
        tags += struct.pack(">4sII", tag, place, len(content))
        place += len(content)
    body = text + white + curve
    head = struct.pack(">I4sI4s4s4s12s4s", 168 + len(body), b"", 0x02400000, b"mntr", b"GRAY", b"XYZ ", b"", b"acsp")
    head += struct.pack(">28xiii", 0xF6D6, 0x10000, 0xD32D)
    return head.ljust(128, b"\0") + struct.pack(">I", 3) + tags + body


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG"])
def test_grey_profiles(kind: str) -> None:
    grey = np.tile(np.arange(256, dtype=np.uint8), (8, 1))
    options = {"quality": 100} if kind == "JPEG" else {}
    data = encoded(Image.fromarray(grey), kind, icc_profile=grey_profile(1.0), **options)
    picture = decode_picture(data, name="x")
    assert picture.icc_profile is None  # the output has colours
    assert levels_off(picture.rgb, seen(np.repeat(grey[..., None], 3, 2) / 255)) <= 2
    deep = Image.fromarray(grey.astype(np.uint16) * 257)
    if kind != "JPEG":
        assert levels_off(as_seen(encoded(deep, kind, icc_profile=grey_profile(1.0))), picture.rgb) <= 1


def test_a_grey_profile_does_not_describe_colours() -> None:
    picture = decode_picture(encoded(PHOTO, "PNG", icc_profile=grey_profile(1.0)), name="x")
    assert np.array_equal(picture.rgb, PHOTO)
    assert picture.icc_profile is None
    assert "another kind" in picture.notes[0]


def test_profile_of_bmp() -> None:
    profile = matrix_profile("P3", P3_PRIMARIES, None)
    pixels = np.ascontiguousarray(PHOTO[::-1, :, ::-1]).tobytes()
    head = struct.pack("<IiiHHIIiiII", 124, 60, 40, 1, 24, 0, len(pixels), 0, 0, 0, 0)
    head = (head.ljust(56, b"\0") + b"DEBM").ljust(112, b"\0") + struct.pack("<II", 124 + len(pixels), len(profile))
    size = 14 + 124 + len(pixels) + len(profile)
    data = struct.pack("<2sIII", b"BM", size, 0, 138) + head.ljust(124, b"\0") + pixels + profile
    assert levels_off(as_seen(data), P3) <= 1


def test_damaged_profile_is_told() -> None:
    picture = decode_picture(encoded(PHOTO, "PNG", icc_profile=b"no profile"), name="x")
    assert picture.notes == ("its colour profile is damaged: read as sRGB",)
    assert picture.icc_profile is None


# --- HDR --------------------------------------------------------------------------------------------------------


def pq(nits: NDArray[np.float64]) -> Image8:
    power = (nits / 10_000) ** 0.1593017578125
    return np.rint(255 * ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375).astype(np.uint8)


def test_what_is_not_brighter_than_white_keeps_its_colours() -> None:
    from_srgb = np.linalg.inv(linear_to_xyz(REC2020_PRIMARIES)) @ linear_to_xyz(SRGB_PRIMARIES)
    nits = np.clip(203 * srgb_light(PHOTO) @ from_srgb.T, 0, None)
    assert np.abs(tone_map(pq(nits), Cicp(9, 16)).astype(int) - PHOTO).mean() < 3  # 8 bits of PQ are coarse


def test_highlights_are_compressed_in_order() -> None:
    nits = np.repeat(np.geomspace(1, 4000, 256)[None, :, None], 3, axis=2)
    mapped = tone_map(pq(nits), Cicp(9, 16))[0, :, 0].astype(int)
    assert (np.diff(mapped) >= 0).all()
    assert mapped[-1] >= 254
    assert mapped[np.searchsorted(nits[0, :, 0], 203)] < 250  # room for what is brighter


def test_hlg_at_its_reference_white() -> None:
    level = np.full((4, 4, 3), round(0.75 * 255), np.uint8)  # 75 % is diffuse white (ITU-R BT.2408)
    assert tone_map(level, Cicp(9, 18)).min() > 225


def test_hdr_by_a_tag_of_the_profile() -> None:
    profile = matrix_profile("PQ", REC2020_PRIMARIES, None)
    count = struct.unpack_from(">I", profile, 128)[0]
    place = len(profile) + 12
    moved = b"".join(
        tag + struct.pack(">II", offset + 12, size)
        for tag, offset, size in struct.iter_unpack(">4sII", profile[132 : 132 + 12 * count])
    )
    table = moved + struct.pack(">4sII", b"cicp", place, 12)
    body = profile[132 + 12 * count :] + b"cicp" + bytes(4) + bytes((9, 16, 0, 1))
    tagged = struct.pack(">I", place + 12) + profile[4:128] + struct.pack(">I", count + 1) + table + body
    assert "PQ" in decode_picture(encoded(PHOTO, "PNG", icc_profile=tagged), name="x").notes[0]


@pytest.mark.parametrize("mark", [b"http://ns.adobe.com/hdr-gain-map/1.0/", b"urn:iso:std:iso:ts:21496:-1\0"])
def test_gain_map(mark: bytes) -> None:
    data = encoded(ramps(), "JPEG")
    data = data[:2] + b"\xff\xe1" + struct.pack(">H", 2 + len(mark)) + mark + data[2:]
    assert decode_picture(data, name="x").notes == ("has a gain map for HDR screens: only its base picture is used",)


# --- what networks see, and what is written ---------------------------------------------------------------------


class Recorder(Stylizer):
    """Keeps what it was shown, and returns it, or its negative."""

    def __init__(self, *, negative: bool, strength: float) -> None:
        self.negative, self._strength, self.shown = negative, strength, np.zeros(0, np.uint8)

    @property
    def identity(self) -> StylizerIdentity:
        return StylizerIdentity("recorder", "")

    @property
    def strength(self) -> float:
        return self._strength

    def stylize(self, images: list[Image8]) -> list[Image8]:  # type: ignore[override]
        self.shown = images[0]
        return [255 - self.shown if self.negative else self.shown]


WIDE = {
    "Adobe RGB": matrix_profile("Adobe RGB", ADOBE_RGB_PRIMARIES, 563 / 256),
    "P3": matrix_profile("P3", P3_PRIMARIES, None),
    "Rec. 2020": matrix_profile("Rec. 2020", REC2020_PRIMARIES, None),
}


@pytest.mark.parametrize("name", WIDE)
def test_networks_see_srgb_and_strength_0_returns_the_photo(name: str) -> None:
    photo = Picture(ramps(), None, WIDE[name])  # colours beyond sRGB
    stylizer = Recorder(negative=False, strength=0)
    back = stylizer.stylize_picture(photo)
    assert np.array_equal(back.rgb, photo.rgb)
    assert back.icc_profile == photo.icc_profile
    assert np.array_equal(stylizer.shown, to_srgb(photo.rgb, photo.icc_profile))
    assert levels_off(stylizer.shown, photo.rgb) > 20


@pytest.mark.parametrize("name", WIDE)
def test_what_the_network_made_is_seen_in_the_colours_it_made(name: str) -> None:
    photo = Picture(PHOTO, None, WIDE[name])
    stylizer = Recorder(negative=True, strength=1)
    made = stylizer.stylize_picture(photo)
    assert np.abs(to_srgb(made.rgb, made.icc_profile).astype(int) - (255 - stylizer.shown)).mean() < 2


def test_strengths_between_lie_between() -> None:
    photo = Picture(ramps(), None, WIDE["P3"])
    half = Recorder(negative=False, strength=0.5).stylize_picture(photo).rgb.astype(int)
    full = Recorder(negative=False, strength=1).stylize_picture(photo).rgb.astype(int)
    assert np.abs(half - (full + photo.rgb) / 2).max() <= 1


def test_photos_in_srgb_are_not_touched() -> None:
    srgb = ImageCms.ImageCmsProfile(SRGB).tobytes()
    stylizer = Recorder(negative=False, strength=1)
    back = stylizer.stylize_picture(Picture(ramps(), None, srgb))
    assert np.array_equal(stylizer.shown, ramps())
    assert np.array_equal(back.rgb, ramps())
    assert back.icc_profile == srgb


def test_pillow_images_of_callers_are_seen_in_srgb() -> None:
    given = Image.fromarray(ramps())
    given.info["icc_profile"] = WIDE["P3"]
    stylizer = Recorder(negative=False, strength=0)
    out = stylizer(given)
    assert np.array_equal(stylizer.shown, to_srgb(ramps(), WIDE["P3"]))
    assert np.array_equal(as_array(given), stylizer.shown)
    assert np.array_equal(np.asarray(out), ramps())
    assert out.info["icc_profile"] == WIDE["P3"]


def test_linear_light_is_converted_because_its_8_bits_are_too_few() -> None:
    profile = matrix_profile("linear", SRGB_PRIMARIES, 1.0)
    picture = decode_picture(encoded(PHOTO, "PNG", icc_profile=profile), name="x")
    assert picture.icc_profile is None
    assert levels_off(picture.rgb, seen(PHOTO / 255)) <= 1


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".avif", ".bmp", ".ppm"])
def test_every_format_shows_the_same_colours(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    write_picture(path, Picture(PHOTO, None, WIDE["P3"]), quality=100)
    with Image.open(path) as image:
        assert ("icc_profile" in image.info) == (suffix not in (".bmp", ".ppm"))
    off = np.abs(read_picture(path, to_srgb=True).rgb.astype(int) - P3)
    assert off.mean() <= (2 if suffix in (".jpg", ".webp", ".avif") else 0.5)


def test_infer_tells_what_matters(red_filter: Path, tmp_path: Path) -> None:
    (tmp_path / "camera.png").write_bytes(encoded(PHOTO, "PNG", exif=adobe_exif(colour_space=65535)))
    (tmp_path / "plain.png").write_bytes(encoded(PHOTO, "PNG"))
    stylizer = OnnxStylizer(red_filter, strength=0)
    report = stylize_files(stylizer, [tmp_path / "camera.png", tmp_path / "plain.png"], tmp_path / "out")
    assert [(note.path.name, note.text.partition(",")[0]) for note in report.notes] == [
        ("camera.png", "is not in sRGB by its EXIF data")
    ]
    back = read_picture(tmp_path / "out" / "camera.png", to_srgb=True)
    assert levels_off(back.rgb, ADOBE) <= 1


def test_floats_are_refused_whatever_they_are() -> None:
    with pytest.raises(ImageError, match="floating-point"):
        decode_picture(encoded(Image.fromarray(np.ones((4, 4), np.float32)), "TIFF"), name="x")
