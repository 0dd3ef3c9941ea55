"""Import pairs in folders of contents and of targets, and export `content/SPLIT/NAME.png` and `target/SPLIT/NAME.png`.

`pix2style train` also reads such folders directly, see `plain_folders`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pix2style.errors import DataError, ImageError
from pix2style.files import write_bytes
from pix2style.images import read_image_file
from pix2style.pairs.exchange.match_folders import match_folders
from pix2style.pairs.exchange.pair_source import SourcePair
from pix2style.pairs.exchange.role_folders import CONTENT_NAME, TARGET_NAME
from pix2style.pairs.exchange.sidecar import PAIRS_NAME, describe_names, read_sidecar
from pix2style.pairs.exchange.split_choice import choose_splits
from pix2style.pairs.format.reader import PairReader
from pix2style.pairs.format.records import Failure, PairEntry
from pix2style.pairs.format.shards import image_suffix
from pix2style.printable import text_of_file_name


class FolderSource:
    """The pairs of folders with contents and targets; see `PairSource` for the attributes.

    Args:
        folder: Folder that holds these folders, see `find_role_folders`.

    Raises:
        DataError: No files match, their splits are not understood, or the sidecar is damaged or does not fit the files.
    """

    kind = "folders"
    content_note = ""

    def __init__(self, folder: Path) -> None:
        self._matched, self._unmatched = match_folders(folder)
        if not self._matched:
            example = f" (for example {self._unmatched[0]})" if self._unmatched else ""
            raise DataError(f"{folder}: no content has a target of the same name{example}")
        export, descriptions = read_sidecar(folder)
        self.teachers = export.teachers if export else ()
        names = [files.name for files in self._matched]
        self._descriptions = describe_names(folder, descriptions, names)
        self._choice = None if descriptions else choose_splits(folder, names)
        self.splits_given = self._choice is None or self._choice.splits is not None
        self.split_reason = f"as {PAIRS_NAME} says" if self._choice is None else self._choice.reason

    def __len__(self) -> int:
        return len(self._matched)

    def pairs(self) -> Iterator[SourcePair | Failure]:
        """Yield the pairs; see `PairSource`."""
        for unmatched in self._unmatched:
            yield Failure(source=unmatched.source, sha256=None, reason=unmatched.reason)
        for number, files in enumerate(self._matched):
            try:
                content, target = read_image_file(files.content), read_image_file(files.target)
            except ImageError as error:
                yield Failure(source=files.source, sha256=None, reason=error.reason)
                continue
            if self._choice is None:
                yield self._descriptions[number].to_pair(content, target)
            else:
                yield SourcePair(text_of_file_name(files.source), content, target, self._choice.of(number))


def write_folders(reader: PairReader, entry: PairEntry, name: str, out: Path) -> None:
    """Write the two files of one pair, byte for byte as they are in the set.

    Args:
        reader: The pair set.
        entry: The pair.
        name: Path of the files relative to their folders, without suffix.
        out: Folder of the export.
    """
    suffix = image_suffix(reader.manifest.format)
    for role, data in zip((CONTENT_NAME, TARGET_NAME), reader.read_bytes(entry), strict=True):
        write_bytes(out / role / f"{name}.{suffix}", data)
