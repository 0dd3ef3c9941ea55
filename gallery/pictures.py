"""Make the pictures of docs/gallery.md: a strip of photo and result for each filter.

python gallery/pictures.py [NAMES...]
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from pix2style import gallery, load_stylizer

ROOT = Path(__file__).parents[1]
PHOTO = ROOT / "pix2style/samples/photos/red-panda.jpg"
STRIPS = ROOT / "docs/gallery"
_MAX_BYTES = 40_000


def strip(name: str) -> bytes:
    """Return a JPEG file with the photo at the left and the filter's result at the right, of at most 40 kB."""
    photo = np.asarray(Image.open(PHOTO).convert("RGB"))
    gap = np.full((photo.shape[0], 6, 3), 255, np.uint8)
    picture = Image.fromarray(np.hstack([photo, gap, load_stylizer(name)(photo)]))
    picture.thumbnail((720, 720), Image.Resampling.LANCZOS)
    for quality in range(85, 20, -5):
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=quality, optimize=True)
        if file.tell() <= _MAX_BYTES:
            break
    return file.getvalue()


def main(names: list[str]) -> None:
    """Write docs/gallery/NAME.jpg for these filters; without names, for all."""
    STRIPS.mkdir(exist_ok=True)
    for name in names or gallery.names():
        (STRIPS / f"{name}.jpg").write_bytes(strip(name))


if __name__ == "__main__":
    main(sys.argv[1:])
