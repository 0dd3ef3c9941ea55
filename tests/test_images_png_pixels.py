"""PNG files are written fast, small, without loss, and as other programs expect them."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageDraw
from PIL.PngImagePlugin import PngInfo

import pix2style.samples
from pix2style.images import Image8, Picture, png_pixels, read_picture, write_picture

_CV2_READS = {3: "IMREAD_COLOR_RGB", 4: "IMREAD_UNCHANGED"}


def save_png(image: Image.Image, path: Path, **options: Any) -> None:
    with path.open("wb") as stream:
        png_pixels.save_png(image, stream, **options)


def _photo() -> Image8:
    return read_picture(Path(next(iter(pix2style.samples.__path__))) / "photos" / "bison.jpg").rgb


def _images() -> dict[str, Image8]:
    random = np.random.default_rng(0)
    drawing = Image.new("RGB", (300, 200), "white")
    for number in range(12):
        ImageDraw.Draw(drawing).text((5, 16 * number), "one line of text, again and again", fill="black")
    return {
        "photo": _photo()[:131, :197],
        "noise": random.integers(0, 256, (37, 41, 3), np.uint8),
        "flat": np.full((64, 64, 3), 200, np.uint8),
        "drawing": np.asarray(drawing),
        "pixel": np.full((1, 1, 3), 7, np.uint8),
        "row": random.integers(0, 256, (1, 50, 3), np.uint8),
        "column": random.integers(0, 256, (50, 1, 3), np.uint8),
        "alpha": random.integers(0, 256, (33, 50, 4), np.uint8),
        "wide": np.tile(_photo(), (1, 60, 1))[:9],
    }


@pytest.mark.parametrize("name", _images())
def test_other_programs_read_the_same_pixels(name: str, tmp_path: Path) -> None:
    pixels, path = _images()[name], tmp_path / "a.png"
    save_png(Image.fromarray(pixels), path)
    with Image.open(path) as image:
        assert np.array_equal(np.asarray(image), pixels)
    if shutil.which("pngcheck"):
        subprocess.run(["pngcheck", "-q", path], check=True)
    cv2 = pytest.importorskip("cv2")
    read = cv2.imread(str(path), getattr(cv2, _CV2_READS[pixels.shape[2]]))
    assert np.array_equal(read if pixels.shape[2] == 3 else read[..., [2, 1, 0, 3]], pixels)
    before = path.read_bytes()
    save_png(Image.fromarray(pixels), path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["photo", "flat", "drawing", "alpha", "wide"])
def test_files_are_about_as_small_as_those_of_pillow(name: str, tmp_path: Path) -> None:
    image, path, stream = Image.fromarray(_images()[name]), tmp_path / "a.png", io.BytesIO()
    save_png(image, path)
    image.save(stream, "PNG", compress_level=4)
    assert path.stat().st_size <= 1.1 * len(stream.getvalue()) + 200  # a table of codes


def test_chunks_around_the_pixels_are_those_of_pillow(tmp_path: Path) -> None:
    profile, info = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(), PngInfo()
    info.add_text("Title", "bison")
    save_png(Image.fromarray(_photo()), tmp_path / "a.png", icc_profile=profile, pnginfo=info, dpi=(300, 300))
    with Image.open(tmp_path / "a.png") as image:
        assert image.size == _photo().shape[1::-1]
        assert image.info["icc_profile"] == profile
        assert image.info["Title"] == "bison"
        assert round(image.info["dpi"][0]) == 300


def test_pictures_keep_their_transparency(tmp_path: Path) -> None:
    photo, alpha = _photo(), np.tile(np.arange(_photo().shape[1], dtype=np.uint8), (_photo().shape[0], 1))
    write_picture(tmp_path / "a.png", Picture(photo, alpha))
    read = read_picture(tmp_path / "a.png")
    assert np.array_equal(read.alpha, alpha)
    assert np.array_equal(read.rgb[alpha > 0], photo[alpha > 0])
