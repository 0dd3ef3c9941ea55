"""A real, small stylizer for these tests, and how they look at folders."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pix2style.images import Image8, encode_png
from pix2style.stylizer import Stylizer, StylizerIdentity


class TintTeacher(Stylizer):
    """Inverts, shifts by two pixels and tints.

    Args:
        tint: added to red, modulo 256.
        log: a line for every photo painted (digest of the photo as painted), written before the result is given.
        delay_s: per photo, to be killed in.
        batch_sensitive: the corner pixel tells the photo's place in its batch and the batch's length, as rounding
            does on some hardware.
    """

    def __init__(
        self, tint: int = 40, *, log: Path | None = None, delay_s: float = 0.0, batch_sensitive: bool = False
    ) -> None:
        self._tint, self._log, self._delay_s, self._batch_sensitive = tint, log, delay_s, batch_sensitive

    @property
    def identity(self) -> StylizerIdentity:
        digest = hashlib.sha256(b"tint 1").hexdigest()
        return StylizerIdentity("tint", digest, ("a" * 64,), "Apache-2.0", {"tint": self._tint, "shift_px": 2})

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        return [self._paint(image, i, len(images)) for i, image in enumerate(images)]

    def _paint(self, image: Image8, place: int, batch: int) -> Image8:
        time.sleep(self._delay_s)
        painted = np.roll(255 - image, 2, axis=1)
        painted[..., 0] += np.uint8(self._tint)
        if self._batch_sensitive:
            painted[0, 0] = (place, batch, 0)
        if self._log is not None:
            with self._log.open("a") as stream:
                stream.write(hashlib.sha256(image.tobytes()).hexdigest() + "\n")
        return painted


def painted_counts(log: Path) -> Counter[str]:
    """How often each photo was painted."""
    return Counter(log.read_text().split()) if log.exists() else Counter()


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, with its bytes; but for the times that shards took, which are never the same."""
    files = (p for p in sorted(folder.rglob("*")) if p.is_file() and p.parent.name != "timing")
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in files}


def write_photos(folder: Path, pictures: list[Image8]) -> Path:
    """Pictures as files, in two albums of a folder."""
    for i, rgb in enumerate(pictures):
        path = folder / f"album{i % 2}" / f"photo{i:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_png(rgb))
    return folder
