"""Two folders: `content/SPLIT/NAME.png` and `target/SPLIT/NAME.png`. `train` reads this layout as it is, too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pix2style import images
from pix2style.errors import DataError, ImageError
from pix2style.files import write_bytes
from pix2style.images import Image8
from pix2style.pairs.exchange.pair_source import SourcePair
from pix2style.pairs.exchange.sidecar import LINES_NAME, PairDescription, read_sidecar
from pix2style.pairs.format.manifest import Failure, PairEntry
from pix2style.pairs.format.matching import CONTENT_NAME, TARGET_NAME, match_folders
from pix2style.pairs.format.reader import PairReader


class FolderSource:
    """Pairs of two folders.

    Args:
        folder: it holds `content/` and `target/`.

    Raises:
        DataError: nothing matches, or the sidecar is damaged or does not fit the files.
    """

    kind = "folders"

    def __init__(self, folder: Path) -> None:
        self._matched, self._unmatched = match_folders(folder)
        if not self._matched:
            first = f" (for example {self._unmatched[0]})" if self._unmatched else ""
            raise DataError(f"{folder}: no picture in content/ has one of the same name in target/{first}")
        card, self._lines = read_sidecar(folder)
        self.teachers = card.teachers if card else ()
        check_names(folder, self._lines, {matched.name for matched in self._matched})
        self.splits_given = bool(self._lines) or all(matched.split for matched in self._matched)

    def __len__(self) -> int:
        return len(self._matched)

    def pairs(self) -> Iterator[SourcePair | Failure]:
        """See `PairSource`."""
        for unmatched in self._unmatched:
            yield Failure(source=unmatched.source, sha256=None, reason=unmatched.reason)
        for matched in self._matched:
            line = self._lines.get(matched.name)
            try:
                content, target = read_file(matched.content), read_file(matched.target)
            except ImageError as error:
                yield Failure(source=matched.source, sha256=None, reason=error.reason)
                continue
            if line is None:
                yield SourcePair(printable(matched.source), content, target, matched.split)
            else:
                yield described_pair(line, content, target)


def write_folders(reader: PairReader, entry: PairEntry, name: str, out: Path) -> None:
    """Write one pair; its bytes are those of the set."""
    suffix = "png" if reader.manifest.format == "png" else "jpg"
    for role, data in zip((CONTENT_NAME, TARGET_NAME), reader.read_bytes(entry), strict=True):
        write_bytes(out / role / f"{name}.{suffix}", data)


def described_pair(line: PairDescription, content: bytes | Image8, target: bytes | Image8) -> SourcePair:
    """A pair that a sidecar describes."""
    return SourcePair(
        source=line.source,
        content=content,
        target=target,
        split=line.split,
        style=line.style,
        key=line.key,
        photo_sha256=line.photo_sha256,
        photo_px=(line.photo_height_px, line.photo_width_px),
    )


def check_names(folder: Path, lines: dict[str, PairDescription], names: set[str]) -> None:
    """Refuse a sidecar that does not fit the files beside it.

    Raises:
        DataError: names a file that is in one but not in the other.
    """
    differing = sorted(lines.keys() ^ names) if lines else []
    if differing:
        one = differing[0]
        what = "names it, but a file of it is missing" if one in lines else "does not name it, but there is such a pair"
        raise DataError(
            f"{folder / LINES_NAME}: {what}: {one} ({len(differing)} in all): put the files back, or delete"
            " pairs.jsonl and pairs.json to import by file names alone"
        )


def read_file(path: Path) -> bytes:
    """A file's bytes; never waits, as a pipe would.

    Raises:
        ImageError: it cannot be read.
    """
    try:
        return images.read_file(path)
    except OSError as error:
        raise ImageError(str(path), error.strerror or str(error)) from error


def printable(name: str) -> str:
    """Names of files need not be text; manifests are."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
