"""Import and export pix2pix's layout: one image for each pair, with content and target side by side.

The images are in folders `train`, `val` and `test`. With pix2pix's `--direction AtoB`, the content (A) is the left half
(https://github.com/phillipi/pix2pix/blob/master/README.md#train).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np

from pix2style.errors import DataError, ImageError
from pix2style.files import write_bytes
from pix2style.images import Image8, decode_picture, encode_png, read_image_file
from pix2style.pairs.exchange.folders import printable_name
from pix2style.pairs.exchange.pair_source import SourcePair
from pix2style.pairs.exchange.role_folders import images_in
from pix2style.pairs.exchange.sidecar import PAIRS_NAME, describe_names, read_sidecar
from pix2style.pairs.exchange.split_choice import choose_splits
from pix2style.pairs.format.reader import PairReader
from pix2style.pairs.format.records import Failure, PairEntry

Side = Literal["left", "right"]


class SideBySideSource:
    """The pairs of side-by-side images; see `PairSource` for the attributes.

    Args:
        folder: Folder that is searched recursively. The splits follow from its subfolders, see `choose_splits`.
        content_side: Half that holds the content. None means the half that the sidecar names, or else the left one.

    Raises:
        DataError: There are no images, their splits are not understood, or the sidecar is damaged or does not fit them.
    """

    kind = "side-by-side"

    def __init__(self, folder: Path, content_side: Side | None = None) -> None:
        self._images = images_in(folder)
        if not self._images:
            raise DataError(f"{folder}: there are no images in it")
        export, descriptions = read_sidecar(folder)
        self.teachers = export.teachers if export else ()
        self._side: Side = content_side or (export.content_side if export else None) or "left"
        names = [PurePosixPath(image.relative).with_suffix("").as_posix() for image in self._images]
        self._descriptions = describe_names(folder, descriptions, names)
        self._choice = None if descriptions else choose_splits(folder, names)
        self.splits_given = self._choice is None or self._choice.splits is not None
        self.split_reason = f"as {PAIRS_NAME} says" if self._choice is None else self._choice.reason

    def __len__(self) -> int:
        return len(self._images)

    def pairs(self) -> Iterator[SourcePair | Failure]:
        """Yield the pairs; see `PairSource`."""
        for number, image in enumerate(self._images):
            try:
                content, target = self._halves(image.path)
            except ImageError as error:
                yield Failure(source=printable_name(image.relative), sha256=None, reason=error.reason)
                continue
            if self._choice is None:
                yield self._descriptions[number].to_pair(content, target)
            else:
                yield SourcePair(printable_name(image.relative), content, target, self._choice.of(number))

    def _halves(self, path: Path) -> tuple[Image8, Image8]:
        both = decode_picture(read_image_file(path), name=str(path), to_srgb=True).on_white()
        width = both.shape[1]
        if width % 2:
            raise ImageError(str(path), f"is {width} px wide, which cannot be halved: it holds no pair side by side")
        left, right = np.ascontiguousarray(both[:, : width // 2]), np.ascontiguousarray(both[:, width // 2 :])
        return (left, right) if self._side == "left" else (right, left)


def write_side_by_side(reader: PairReader, entry: PairEntry, name: str, out: Path, content_side: Side) -> None:
    """Write one pair as one PNG.

    Args:
        reader: The pair set.
        entry: The pair.
        name: Path of the file relative to `out`, without suffix.
        out: Folder of the export.
        content_side: Half that holds the content.
    """
    content, target = reader.read(entry)
    halves = (content, target) if content_side == "left" else (target, content)
    write_bytes(out / f"{name}.png", encode_png(np.hstack(halves)))
