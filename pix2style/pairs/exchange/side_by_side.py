"""Import and export pix2pix's layout: one image for each pair, with content and target side by side (or stacked).

The images are in folders `train`, `val` and `test`. With pix2pix's `--direction AtoB`, the content (A) is the left half
(https://github.com/phillipi/pix2pix/blob/master/README.md#train).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from pix2style.errors import DataError, ImageError
from pix2style.files import write_bytes
from pix2style.images import FoundImage, Image8, decode_picture, encode_png, read_image_file
from pix2style.pairs.exchange.arrangement import (
    Arrangement,
    Layout,
    Side,
    common_arrangement,
    contradicting_division,
)
from pix2style.pairs.exchange.pair_source import SourcePair
from pix2style.pairs.exchange.role_folders import images_in
from pix2style.pairs.exchange.sidecar import EXPORT_NAME, PAIRS_NAME, describe_names, read_sidecar
from pix2style.pairs.exchange.split_choice import choose_splits
from pix2style.pairs.format.reader import PairReader
from pix2style.pairs.format.records import Failure, PairEntry
from pix2style.printable import text_of_file_name

_EXAMINED_IMAGES = 24


class SideBySideSource:
    """The pairs of images that hold content and target side by side or stacked; see `PairSource` for the attributes.

    Args:
        folder: Folder that is searched recursively. The splits follow from its subfolders, see `choose_splits`.
        arrangement: Arrangement of the two pictures. None means what the sidecar or the images themselves say.
        content_side: Half that holds the content. None means the half that the sidecar names, or else the first one.

    Raises:
        DataError: There are no images, neither their arrangement nor their splits are understood, or the sidecar is
            damaged or does not fit them.
    """

    def __init__(self, folder: Path, arrangement: Arrangement | None = None, content_side: Side | None = None) -> None:
        self._images = images_in(folder)
        if not self._images:
            raise DataError(f"{folder}: there are no images in it")
        export, descriptions = read_sidecar(folder)
        self.teachers = export.teachers if export else ()
        names = [PurePosixPath(image.relative).with_suffix("").as_posix() for image in self._images]
        self._descriptions = describe_names(folder, descriptions, names)
        self._choice = None if descriptions else choose_splits(folder, names)
        self.splits_given = self._choice is None or self._choice.splits is not None
        self.split_reason = f"as {PAIRS_NAME} says" if self._choice is None else self._choice.reason
        exported_side: Side | None = export.content_side if export else None
        self._is_export = exported_side is not None and arrangement != "stacked"
        if arrangement is None:
            arrangement = "side-by-side" if self._is_export else _arrangement(folder, self._images)
        self.kind: str = arrangement
        self._layout = Layout.of(arrangement, content_side or (exported_side if self._is_export else None))
        self.content_note = f"{self._layout.content_side} half"
        if content_side is None:
            default = f"by default (--content-side {self._layout.other_side} if it is the other one)"
            self.content_note += f", {f'as {EXPORT_NAME} says' if self._is_export else default}"

    def __len__(self) -> int:
        return len(self._images)

    def pairs(self) -> Iterator[SourcePair | Failure]:
        """Yield the pairs; see `PairSource`."""
        for number, image in enumerate(self._images):
            try:
                content, target = self._halves(image.path)
            except ImageError as error:
                yield Failure(source=text_of_file_name(image.relative), sha256=None, reason=error.reason)
                continue
            if self._choice is None:
                yield self._descriptions[number].to_pair(content, target)
            else:
                yield SourcePair(text_of_file_name(image.relative), content, target, self._choice.of(number))

    def _halves(self, path: Path) -> tuple[Image8, Image8]:
        both = _read(path)
        axis, extent, position = (1, "wide", "side by side") if self.kind == "side-by-side" else (0, "high", "stacked")
        if both.shape[axis] % 2:
            reason = f"is {both.shape[axis]} px {extent}, which cannot be halved: it holds no pair {position}"
            raise ImageError(str(path), reason)
        division = None if self._is_export else contradicting_division(both, self._layout.arrangement)
        if division is not None:
            raise ImageError(str(path), f"holds {division}, by the edges in it, not two pictures {position}")
        return self._layout.divide(both)


def _arrangement(folder: Path, images: Sequence[FoundImage]) -> Arrangement:
    """Find out the arrangement from some of the images."""
    step = -(-len(images) // _EXAMINED_IMAGES)
    examined = []
    for image in images[::step]:
        with contextlib.suppress(ImageError):  # the import reports images that cannot be read
            examined.append(_read(image.path))
    if not examined:
        return "side-by-side"
    arrangement = common_arrangement(examined)
    if arrangement is None:
        height, width = examined[0].shape[:2]
        raise DataError(
            f"{folder}: its images do not look like pairs: the edges of their halves agree neither side by side nor"
            f" above each other ({images[0].relative} is {width}x{height} px). If each image does hold a pair, say --as"
            " side-by-side or --as stacked; cut out a border between the two pictures first"
        )
    return arrangement


def _read(path: Path) -> Image8:
    return decode_picture(read_image_file(path), name=str(path), to_srgb=True).on_white()


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
    halves = (target, content) if content_side == "right" else (content, target)
    write_bytes(out / f"{name}.png", encode_png(np.hstack(halves)))
