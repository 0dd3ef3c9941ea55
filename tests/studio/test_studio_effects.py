"""Strength, strokes, blends, colours and the mask of a choice, on a filter whose every output byte is known."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pix2style.effects.preserve_color import preserve_color
from pix2style.effects.stroke import StrokeSize
from pix2style.errors import ConfigError, ImageError
from pix2style.images import Image8, read_picture
from pix2style.studio.choice import Choice
from pix2style.studio.studio import Studio
from pix2style.studio.uploads import Upload

_ONE = (("filter-1", 1.0),)


def _result(studio: Studio, upload: Upload, choice: Choice) -> Image8:
    return read_picture(studio.photos.result(upload, choice)).rgb


def _mask(rgb: Image8) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, "PNG")
    return stream.getvalue()


def test_colours_and_strokes(
    studio: Studio, add: Callable[..., Upload], photo_file: Path, red_negative: Callable[[Image8], Image8]
) -> None:
    photo, upload = np.asarray(Image.open(photo_file)), add(photo_file)
    kept = _result(studio, upload, Choice(_ONE, preserve_color=True))
    np.testing.assert_array_equal(kept, preserve_color(photo, red_negative(photo)))
    assert _result(studio, upload, Choice(_ONE, stroke=2.0)).shape == photo.shape
    plain = _result(studio, upload, Choice(_ONE))  # smaller than the version whose look it gets
    np.testing.assert_array_equal(plain, red_negative(photo))


def test_blends(
    studio: Studio,
    add: Callable[..., Upload],
    photo_file: Path,
    red_filter: Path,
    red_negative: Callable[[Image8], Image8],
) -> None:
    studio.filters.add_trained("same", red_filter)
    photo, upload = np.asarray(Image.open(photo_file)), add(photo_file)
    blend = Choice((("filter-1", 0.25), ("filter-2", 0.75)))
    np.testing.assert_array_equal(_result(studio, upload, blend), red_negative(photo))
    assert studio.filters.name_of(blend) == "red-negative-same"
    stylizer = studio.filters.stylizer(Choice(blend.filters, strength=0.5))
    assert isinstance(stylizer, StrokeSize)  # outermost, so that strokes keep their places in clips
    assert stylizer.strength == 0.5


def test_a_teacher_has_a_strength_too(studio: Studio, add: Callable[..., Upload], photo_file: Path) -> None:
    with Studio(["watercolor"], studio.folder / "kept") as other:
        photo = np.asarray(Image.open(photo_file))
        full, half, none = (
            _result(other, add(photo_file), Choice(_ONE, strength=strength)).astype(int) for strength in (1.0, 0.5, 0.0)
        )
    np.testing.assert_array_equal(none, photo)
    assert np.abs(half - (full + photo) / 2).max() <= 0.5
    assert (full != photo).any()


def test_only_what_is_brushed_is_stylized(
    studio: Studio, add: Callable[..., Upload], photo_file: Path, red_negative: Callable[[Image8], Image8]
) -> None:
    photo, upload = np.asarray(Image.open(photo_file)), add(photo_file)
    masked = Choice(_ONE, use_mask=True)
    with pytest.raises(ConfigError, match=r"^a photo\.png: has no mask yet: brush on the picture"):
        studio.photos.preview(upload, masked)
    brushed = np.zeros((22, 30, 3), np.uint8)  # in half of the photo's size, as for large photos
    brushed[:, :15] = 255
    studio.photos.set_mask(upload, _mask(brushed))
    result = _result(studio, upload, masked)
    np.testing.assert_array_equal(result[:, :24], red_negative(photo)[:, :24])
    np.testing.assert_array_equal(result[:, 36:], photo[:, 36:])
    assert studio.photos.preview(upload, masked)
    with pytest.raises(ImageError, match="the mask: "):
        studio.photos.set_mask(upload, b"nothing")


def test_on_the_screen_strokes_are_as_large_in_the_photo_as_in_the_download(
    studio: Studio, add: Callable[..., Upload], tmp_path: Path
) -> None:
    Image.new("RGB", (1536, 60), "red").save(tmp_path / "wide.png")
    upload = add(tmp_path / "wide.png")
    for choice in (Choice(_ONE, same_look=False), Choice(_ONE, stroke=4.0, same_look=False), Choice(_ONE)):
        with Image.open(io.BytesIO(studio.photos.preview(upload, choice))) as preview:
            assert preview.size == (1024, 40)
