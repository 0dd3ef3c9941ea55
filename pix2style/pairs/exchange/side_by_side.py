"""pix2pix's layout: one picture for each pair, content and target side by side, in `train/`, `val/` and `test/`.

https://github.com/phillipi/pix2pix/blob/master/README.md#train and its `--direction AtoB`: A is the left half.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np

from pix2style.errors import DataError, ImageError
from pix2style.files import write_bytes
from pix2style.images import Image8, decode_picture, encode_png, find_images
from pix2style.pairs.exchange.folders import check_names, described_pair, printable, read_file
from pix2style.pairs.exchange.pair_source import SourcePair
from pix2style.pairs.exchange.sidecar import read_sidecar
from pix2style.pairs.format.manifest import SPLITS, Failure, PairEntry, Split
from pix2style.pairs.format.reader import PairReader

Side = Literal["left", "right"]


class SideBySideSource:
    """Pictures that each hold a pair.

    Args:
        folder: searched recursively. If all pictures lie in subfolders train, val and test, those are the splits.
        content_side: which half is the content; None: what the sidecar says, else left.

    Raises:
        DataError: there are no pictures, or the sidecar is damaged or does not fit them.
    """

    kind = "side-by-side"

    def __init__(self, folder: Path, content_side: Side | None = None) -> None:
        self._found = find_images([folder])
        if not self._found:
            raise DataError(f"{folder}: there are no pictures in it")
        card, self._lines = read_sidecar(folder)
        self.teachers = card.teachers if card else ()
        self._side: Side = content_side or (card.content_side if card else None) or "left"
        check_names(folder, self._lines, {_name(found.relative) for found in self._found})
        self._in_splits = all(_split(found.relative) for found in self._found)
        self.splits_given = bool(self._lines) or self._in_splits

    def __len__(self) -> int:
        return len(self._found)

    def pairs(self) -> Iterator[SourcePair | Failure]:
        """See `PairSource`."""
        for found in self._found:
            line = self._lines.get(_name(found.relative))
            try:
                content, target = self._halves(found.path)
            except ImageError as error:
                yield Failure(source=printable(found.relative), sha256=None, reason=error.reason)
                continue
            if line is None:
                split = _split(found.relative) if self._in_splits else None
                yield SourcePair(printable(found.relative), content, target, split)
            else:
                yield described_pair(line, content, target)

    def _halves(self, path: Path) -> tuple[Image8, Image8]:
        both = decode_picture(read_file(path), name=str(path), to_srgb=True).on_white()
        width = both.shape[1]
        if width % 2:
            raise ImageError(str(path), f"is {width} px wide, which cannot be halved: it holds no pair side by side")
        left, right = np.ascontiguousarray(both[:, : width // 2]), np.ascontiguousarray(both[:, width // 2 :])
        return (left, right) if self._side == "left" else (right, left)


def write_side_by_side(reader: PairReader, entry: PairEntry, name: str, out: Path, content_side: Side) -> None:
    """Write one pair as one PNG."""
    content, target = reader.read(entry)
    halves = (content, target) if content_side == "left" else (target, content)
    write_bytes(out / f"{name}.png", encode_png(np.hstack(halves)))


def _name(relative: str) -> str:
    return PurePosixPath(relative).with_suffix("").as_posix()


def _split(relative: str) -> Split | None:
    parts = PurePosixPath(relative).parts
    return next((split for split in SPLITS if len(parts) > 1 and split == parts[0]), None)
