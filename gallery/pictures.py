"""Make the pictures of docs/gallery.md: a strip of photo and result for each filter, and a sheet of all filters.

python gallery/pictures.py [NAMES...]
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from pix2style import gallery, load_stylizer

ROOT = Path(__file__).parents[1]
PHOTO = ROOT / "pix2style/samples/photos/red-panda.jpg"
PHOTO_OF_SHEET = ROOT / "pix2style/samples/photos/bee-on-aster.jpg"
STRIPS = ROOT / "docs/gallery"
SHEET = ROOT / "docs/gallery.jpg"


def strip(name: str) -> bytes:
    """Return a JPEG file with the photo at the left and the filter's result at the right, of at most 40 kB."""
    photo = np.asarray(Image.open(PHOTO).convert("RGB"))
    gap = np.full((photo.shape[0], 6, 3), 255, np.uint8)
    picture = Image.fromarray(np.hstack([photo, gap, load_stylizer(name)(photo)]))
    picture.thumbnail((720, 720), Image.Resampling.LANCZOS)
    return _jpeg(picture, 40_000)


def sheet() -> bytes:
    """Return a JPEG file of at most 250 kB with one photo in all filters."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sheet.png"
        options = ["-o", str(file), "--columns", "4", "--cell", "512"]
        subprocess.run([sys.executable, "-m", "pix2style", "sheet", str(PHOTO_OF_SHEET), *options], check=True)
        picture = Image.open(file).convert("RGB")
    picture.thumbnail((1100, 1100), Image.Resampling.LANCZOS)
    return _jpeg(picture, 250_000)


def _jpeg(picture: Image.Image, most_bytes: int) -> bytes:
    """Encode a picture with the highest quality that fits."""
    for quality in range(85, 20, -5):
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=quality, optimize=True)
        if file.tell() <= most_bytes:
            break
    return file.getvalue()


def main(names: list[str]) -> None:
    """Write docs/gallery/NAME.jpg for these filters; without names, for all of them, and docs/gallery.jpg."""
    STRIPS.mkdir(exist_ok=True)
    for name in names or gallery.names():
        (STRIPS / f"{name}.jpg").write_bytes(strip(name))
    if not names:
        SHEET.write_bytes(sheet())


if __name__ == "__main__":
    main(sys.argv[1:])
