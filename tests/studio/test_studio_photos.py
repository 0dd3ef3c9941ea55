"""Photos on the screen and as results, without a server."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pix2style.errors import ImageError
from pix2style.images import Image8, read_picture
from pix2style.images.metadata_choice import KeepMetadata
from pix2style.studio.choice import Choice, OutputChoice
from pix2style.studio.photos import NO_FILTER, PREVIEW_PX
from pix2style.studio.studio import Studio
from pix2style.studio.uploads import Upload

_RED = Choice((("filter-1", 1.0),), same_look=False)


def test_a_result_is_what_the_filter_makes_of_the_photo(
    studio: Studio, add: Callable[..., Upload], photo_file: Path, red_negative: Callable[[Image8], Image8]
) -> None:
    photo = np.asarray(Image.open(photo_file))
    result = studio.photos.result(add(photo_file), _RED)
    assert result.suffix == ".png"
    np.testing.assert_array_equal(read_picture(result).rgb, red_negative(photo))
    weaker = Choice(_RED.filters, strength=0.0, same_look=False)
    np.testing.assert_array_equal(read_picture(studio.photos.result(add(photo_file), weaker)).rgb, photo)


def test_pictures_for_the_screen(studio: Studio, add: Callable[..., Upload], tmp_path: Path) -> None:
    wide = np.full((600, 2 * PREVIEW_PX, 3), (250, 100, 20), np.uint8)
    Image.fromarray(wide).save(tmp_path / "wide.png")
    upload = add(tmp_path / "wide.png")
    described = studio.photos.read(upload).to_json(upload)
    assert (described["width"], described["height"], described["frames"]) == (2 * PREVIEW_PX, 600, 1)
    assert _size(studio.photos.original(upload)) == (PREVIEW_PX, 300)
    assert _size(studio.photos.thumbnail(upload, NO_FILTER)) == (256, 75)
    for painted in (studio.photos.preview(upload, _RED), studio.photos.thumbnail(upload, "filter-1")):
        middle = np.asarray(Image.open(io.BytesIO(painted)))[30, 30]
        assert np.abs(middle.astype(int) - [5, 100, 20]).max() <= 4


def test_metadata_of_the_photo_does_not_come_along(studio: Studio, add: Callable[..., Upload], tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "at home"
    Image.new("RGB", (40, 20), "red").save(tmp_path / "p.jpg", exif=exif)
    upload = add(tmp_path / "p.jpg")
    assert studio.photos.read(upload).width_px == 20  # upright
    result = studio.photos.result(upload, _RED)
    assert b"at home" not in result.read_bytes()
    with Image.open(result) as saved:
        assert (saved.format, saved.size) == ("JPEG", (20, 40))
    kept = studio.photos.result(upload, _RED, OutputChoice(KeepMetadata.ALL, lossless=True))
    assert kept.suffix == ".png"
    with Image.open(kept) as saved:
        assert saved.getexif()[0x010E] == "at home"


def test_the_first_of_several_pictures_is_shown_and_all_are_stylized(
    studio: Studio, add: Callable[..., Upload], tmp_path: Path
) -> None:
    frames = [Image.new("RGB", (24, 16), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], lossless=True)
    upload = add(tmp_path / "a.webp")
    assert studio.photos.read(upload).frames == 2
    with Image.open(studio.photos.result(upload, _RED)) as saved:
        assert saved.n_frames == 2  # type: ignore[attr-defined]


def test_what_cannot_be_decoded_is_named_as_the_person_knows_it(
    studio: Studio, add: Callable[..., Upload], tmp_path: Path
) -> None:
    (tmp_path / "x.jpg").write_bytes(b"\xff\xd8\xff no picture")
    with pytest.raises(ImageError) as caught:
        studio.photos.read(add(tmp_path / "x.jpg", name="holiday.jpg"))
    assert str(caught.value).startswith("holiday.jpg: ")
    assert str(studio.folder) not in str(caught.value)


def _size(data: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(data)) as image:
        return image.size
