"""An image that is no file is stylized in memory, and gives the bytes that a file gives."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pix2style.errors import DataError, TooLargeImageError, UnknownImageError
from pix2style.images import KeepMetadata, decode_images
from pix2style.runtime.file_settings import FileSettings
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.runtime.stylize_data import stylize_data
from pix2style.runtime.stylize_files import stylize_files

from pictures import encoded, ramps  # isort: skip

PHOTO = Image.fromarray(ramps())


def frames(kind: str, **options: Any) -> bytes:
    more = [Image.fromarray(255 - ramps()), PHOTO]
    return encoded(PHOTO, kind, save_all=True, append_images=more, **options)


def with_exif() -> dict[str, Any]:
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    exif.get_ifd(0x8769)[0x829A] = 0.01
    return {"exif": exif.tobytes()}


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.jpg", encoded(PHOTO, "JPEG", **with_exif())),
        ("a.png", encoded(PHOTO, "PNG")),
        ("a.png", encoded(PHOTO.convert("RGBA"), "PNG")),
        ("a.webp", encoded(PHOTO, "WEBP", lossless=True)),
        ("a.tif", encoded(PHOTO, "TIFF", **with_exif())),
        ("a.bmp", encoded(PHOTO, "BMP")),
        ("a.ppm", encoded(PHOTO, "PPM")),
        ("a.gif", frames("GIF", duration=70, loop=2)),
        ("a.webp", frames("WEBP", lossless=True)),
        ("a.tif", frames("TIFF", **with_exif())),
    ],
)
def test_the_bytes_are_those_of_a_file(
    stylizer: OnnxStylizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, data: bytes
) -> None:
    files = FileSettings(metadata=KeepMetadata.ALL)
    (tmp_path / name).write_bytes(data)
    report = stylize_files(stylizer, [tmp_path / name], tmp_path / "out", jpeg_quality=80, files=files)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))  # a temporary file would fail
    made = stylize_data(stylizer, data, name="x", jpeg_quality=80, files=files)
    assert (made.data, made.suffix) == (report.written[0].read_bytes(), report.written[0].suffix)
    assert (made.width_px, made.height_px) == PHOTO.size
    assert min(made.seconds.decode, made.seconds.stylize, made.seconds.encode) > 0


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "PNG", "JPEG"])
def test_pixels_are_counted_before_they_are_decoded(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all frames and pages together."""
    data = frames(kind) if kind in ("GIF", "TIFF") else encoded(PHOTO, kind)
    pixels = (3 if kind in ("GIF", "TIFF") else 1) * PHOTO.width * PHOTO.height
    decode_images(data, name="x", max_pixels=pixels)
    monkeypatch.setattr(Image.Image, "load", lambda _: pytest.fail("was decoded"))
    with pytest.raises(TooLargeImageError, match=f"more than {pixels - 1} pixels"):
        decode_images(data, name="x", max_pixels=pixels - 1)


def test_errors_say_whether_data_are_a_picture_at_all(stylizer: OnnxStylizer) -> None:
    floats = io.BytesIO()
    Image.fromarray(np.zeros((4, 5), np.float32)).save(floats, "TIFF")
    for data in (b"a text", b"<svg/>", floats.getvalue()):
        with pytest.raises(UnknownImageError):
            decode_images(data, name="x")
    for damaged in (b"", encoded(PHOTO, "PNG")[:60], b"\xff\xd8\xff" + bytes(90)):
        with pytest.raises(DataError) as caught:
            decode_images(damaged, name="x")
        assert not isinstance(caught.value, UnknownImageError)
    with pytest.raises(DataError, match=r"^stdin\.jpg: cannot be written: it would hold only one of 3 frames"):
        stylize_data(stylizer, frames("GIF"), name="x", suffix=".jpg")
