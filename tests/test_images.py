"""Pictures as numbers and from callers, and every kind of picture decoded."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from pix2style.errors import ImageError
from pix2style.images import (
    Image8,
    Picture,
    as_array,
    as_picture,
    as_pillow,
    decode_picture,
    from_batch,
    from_signed,
    to_batch,
    to_signed,
)

from pictures import encoded, grey_ink_profile, ramps  # isort: skip

# Pillow tells of damaged metadata as a warning, which is no news to tests that damage it.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

LEVELS = np.arange(256, dtype=np.uint8)


@pytest.fixture
def photo() -> Image8:
    return ramps()


# --- numbers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_none_of_256_values_changes(dtype: type) -> None:
    assert np.array_equal(from_signed(to_signed(LEVELS.astype(dtype))), LEVELS)
    assert (to_signed(dtype(0)), to_signed(dtype(255))) == (-1, 1)


def test_truncation_would_change_values() -> None:
    # pix2pix's way back: so the test above can fail.
    truncated = ((to_signed(LEVELS.astype(np.float32)) + 1) / 2 * 255).astype(np.uint8)
    assert (truncated != LEVELS).sum() > 10


def test_from_signed_clips() -> None:
    assert from_signed(np.array([-9.0, -1.001, 1.001, 9.0])).tolist() == [0, 0, 255, 255]


def test_batch_round_trip(photo: Image8) -> None:
    batch = to_batch([photo, photo[::-1]])
    assert (batch.shape, batch.dtype, batch.flags.c_contiguous) == ((2, 3, 40, 60), np.float32, True)
    assert batch[0, 2, 0, 0] == pytest.approx(90 / 127.5 - 1)
    back = from_batch(batch)
    assert np.array_equal(back[0], photo)
    assert np.array_equal(back[1], photo[::-1])


# --- what a caller hands in -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (np.zeros((4, 4, 3)), TypeError, "dtype uint8"),
        (np.zeros((4, 4), np.uint8), ValueError, r"\[height, width, 3\]"),
        (np.zeros((3, 4, 4), np.uint8), ValueError, r"not \[3, 4, 4\]"),
        (np.zeros((0, 4, 3), np.uint8), ValueError, r"not \[0, 4, 3\]"),
        ("photo.jpg", TypeError, "not str"),
    ],
)
def test_not_a_picture(wrong: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        as_array(wrong)


def test_pillow_round_trip_keeps_alpha_and_profile(photo: Image8) -> None:
    given = Image.fromarray(np.dstack([photo, photo[..., 0] | 1]))
    given.info["icc_profile"] = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    out = as_pillow(as_picture(given))
    assert np.array_equal(np.asarray(out), np.asarray(given))
    assert out.info["icc_profile"] == given.info["icc_profile"]


# --- decoding ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "WEBP"])
def test_lossless_formats(photo: Image8, kind: str) -> None:
    picture = decode_picture(encoded(photo, kind, lossless=True), name="x")
    assert np.array_equal(picture.rgb, photo)
    assert picture.alpha is picture.icc_profile is None


@pytest.mark.parametrize("kind", ["JPEG", "AVIF", "MPO"])
def test_lossy_formats(photo: Image8, kind: str) -> None:
    picture = decode_picture(encoded(photo, kind, quality=95), name="x")
    assert abs(picture.rgb.astype(int) - photo).mean() < 3


def test_sixteen_bit_grey_is_divided_by_257() -> None:
    deep = (np.arange(65536, dtype=np.uint32)).astype(np.uint16).reshape(256, 256)
    for kind in ("PNG", "TIFF", "PPM"):
        picture = decode_picture(encoded(Image.fromarray(deep), kind), name="x")
        assert np.array_equal(picture.rgb[..., 1], np.rint(deep / 257).astype(np.uint8)), kind


def test_sixteen_bit_colour(photo: Image8) -> None:
    _, data = cv2.imencode(".png", photo[..., ::-1].astype(np.uint16) * 257)
    assert np.array_equal(decode_picture(data.tobytes(), name="x").rgb, photo)


def test_floating_point_is_refused() -> None:
    with pytest.raises(ImageError, match="floating-point"):
        decode_picture(encoded(Image.fromarray(np.zeros((4, 4), np.float32)), "TIFF"), name="x")


def _swapping_profile() -> bytes:
    """A matrix profile whose red and green primaries are exchanged: wrong colours show whether it is used."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = (profile.index(tag, 128) for tag in (b"rXYZ", b"gXYZ"))
    profile[red : red + 4], profile[green : green + 4] = profile[green : green + 4], profile[red : red + 4]
    return bytes(profile)


def test_profile_is_handed_on_or_used(photo: Image8) -> None:
    profile = _swapping_profile()
    data = encoded(photo, "PNG", icc_profile=profile)
    kept = decode_picture(data, name="x")
    assert np.array_equal(kept.rgb, photo)
    assert kept.icc_profile == profile
    used = decode_picture(data, name="x", to_srgb=True)
    assert used.icc_profile is None
    assert abs(used.rgb[..., :2].astype(int) - photo[..., 1::-1]).max() <= 2


def test_broken_profile_does_not_lose_the_picture(photo: Image8) -> None:
    picture = decode_picture(encoded(photo, "PNG", icc_profile=b"no profile"), name="x", to_srgb=True)
    assert np.array_equal(picture.rgb, photo)


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_uses_its_profile(photo: Image8, kind: str) -> None:
    photo[20:] //= 4
    cmyk = Image.fromarray(photo).convert("CMYK")
    picture = decode_picture(encoded(cmyk, kind, icc_profile=grey_ink_profile()), name="x")
    assert np.ptp(picture.rgb, axis=2).max() <= 3  # grey
    assert np.ptp(picture.rgb) > 40  # but not one grey
    assert picture.icc_profile is None


def test_cmyk_without_a_fitting_profile(photo: Image8) -> None:
    cmyk = Image.fromarray(photo).convert("CMYK")
    plain = decode_picture(encoded(cmyk, "TIFF"), name="x")
    assert np.array_equal(plain.rgb, np.asarray(cmyk.convert("RGB")))
    # A profile for RGB does not fit, and must not spoil the picture.
    unfit = decode_picture(encoded(cmyk, "TIFF", icc_profile=_swapping_profile()), name="x")
    assert np.array_equal(unfit.rgb, plain.rgb)
    assert unfit.icc_profile is None


def test_colour_key_transparency(photo: Image8) -> None:
    picture = decode_picture(encoded(photo, "PNG", transparency=tuple(int(v) for v in photo[0, 7])), name="x")
    assert picture.alpha is not None
    assert (picture.alpha[:, 7] == 0).all()
    assert (picture.rgb[:, 7] == 255).all()  # no hidden colour
    assert (picture.alpha[:, 8:] == 255).all()


def test_on_white(photo: Image8) -> None:
    alpha = np.zeros((40, 60), np.uint8)
    alpha[:, 20:], alpha[:, 40:] = 51, 255
    seen = Picture(photo, alpha).on_white()
    assert (seen[:, :20] == 255).all()
    assert abs(seen[:, 20:40] - (photo[:, 20:40] * 0.2 + 255 * 0.8)).max() <= 0.5
    assert np.array_equal(seen[:, 40:], photo[:, 40:])


@pytest.mark.parametrize("exif", [b"Exif\0\0", b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff", b"MM\0Wgarbage"])
@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_broken_exif_does_not_lose_the_picture(photo: Image8, kind: str, exif: bytes) -> None:
    assert decode_picture(encoded(photo, kind, exif=exif), name="x").rgb.shape == photo.shape
