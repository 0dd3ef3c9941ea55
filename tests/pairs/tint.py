"""Provide a small teacher for these tests, and helpers that read and write folders."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from pix2style.images import Image8, encode_png
from pix2style.stylizer import Stylizer, StylizerIdentity


class TintTeacher(Stylizer):
    """A teacher that inverts, shifts by two pixels and tints.

    Args:
        tint: Value that is added to red, modulo 256.
        log: File that gets a line with the digest of each photo, before the result is returned.
        before_photo: Called before each photo, so that a test can hold the work in the middle.
        batch_sensitive: Store the photo's index in its batch and the size of the batch in the corner pixel. On some
            hardware the output of a network depends on its batch in a similar way, by rounding.
    """

    def __init__(
        self,
        tint: int = 40,
        *,
        log: Path | None = None,
        before_photo: Callable[[], object] = lambda: None,
        batch_sensitive: bool = False,
    ) -> None:
        self._tint, self._log, self._before_photo, self._batch_sensitive = tint, log, before_photo, batch_sensitive

    @property
    def identity(self) -> StylizerIdentity:
        digest = hashlib.sha256(b"tint 1").hexdigest()
        return StylizerIdentity("tint", digest, ("a" * 64,), "Apache-2.0", {"tint": self._tint, "shift_px": 2})

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        return [self._paint(image, i, len(images)) for i, image in enumerate(images)]

    def _paint(self, image: Image8, place: int, batch: int) -> Image8:
        self._before_photo()
        painted = np.roll(255 - image, 2, axis=1)
        painted[..., 0] += np.uint8(self._tint)
        if self._batch_sensitive:
            painted[0, 0] = (place, batch, 0)
        if self._log is not None:
            with self._log.open("a") as stream:
                stream.write(hashlib.sha256(image.tobytes()).hexdigest() + "\n")
        return painted


def painted_counts(log: Path) -> Counter[str]:
    """Return how often each photo was stylized."""
    return Counter(log.read_text().split()) if log.exists() else Counter()


def tree(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file below a folder, except for the timing of shards, which always differs."""
    files = (p for p in sorted(folder.rglob("*")) if p.is_file() and p.parent.name != "timing")
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in files}


def write_photos(folder: Path, pictures: list[Image8]) -> Path:
    """Write images to files in two subfolders."""
    for i, rgb in enumerate(pictures):
        path = folder / f"album{i % 2}" / f"photo{i:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_png(rgb))
    return folder
