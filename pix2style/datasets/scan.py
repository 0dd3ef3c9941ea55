"""What lies in a folder of pictures: found by looking, nothing assumed about names or counts."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median_low
from typing import Any, Literal

from pix2style.errors import DataError, ImageError
from pix2style.images import IMAGE_SUFFIXES, read_picture
from pix2style.progress import StageProgressCallback, no_progress

Role = Literal["content", "style"]
CARD_NAMES = frozenset(("DATASET.md", "dataset.json"))
SAMPLE = 64

# Words of folder names. Public scripts that use the Kaggle set read `content/` and `style/`.
_WORDS: dict[Role, frozenset[str]] = {
    "content": frozenset(("content", "contents", "photo", "photos", "coco", "coco2014", "coco2017", "mscoco")),
    "style": frozenset(("style", "styles", "wikiart", "painting", "paintings", "artwork", "artworks")),
}


@dataclass(frozen=True, slots=True)
class DatasetFile:
    """A file: its path relative to the folder, as the file system has it, and its size."""

    relative: str
    size_bytes: int

    @property
    def is_picture(self) -> bool:
        """By its suffix."""
        return Path(self.relative).suffix.lower() in IMAGE_SUFFIXES


@dataclass(frozen=True, slots=True)
class SideRange:
    """Of the sample, in pixels."""

    smallest: int
    median: int
    largest: int


@dataclass(frozen=True, slots=True)
class PictureFolder:
    """Pictures in and below one folder.

    Attributes:
        path: relative to the dataset, `.` for itself.
        looks_like: what its name says it holds; None if it says nothing.
        folders: how many folders hold the pictures.
        pictures: how many.
        size_bytes: of them all.
        suffixes: how many of each.
        sampled: how many were decoded, evenly spread over the names.
        width_px: of those, None if none could be read.
        height_px: of those, None if none could be read.
        unreadable: of those, name and reason.
    """

    path: str
    looks_like: Role | None
    folders: int
    pictures: int
    size_bytes: int
    suffixes: dict[str, int]
    sampled: int
    width_px: SideRange | None
    height_px: SideRange | None
    unreadable: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class DatasetScan:
    """What was found.

    Attributes:
        sha256: over the names and sizes of all files (not their content), without hidden files and the card.
        files: how many files.
        size_bytes: of them all.
        pictures: how many of them are pictures, by their suffixes.
        folders: those with pictures.
        not_searched: folders that could not be looked into, with reasons.
    """

    sha256: str
    files: int
    size_bytes: int
    pictures: int
    folders: tuple[PictureFolder, ...]
    not_searched: tuple[tuple[str, str], ...]

    def folders_with_role(self, role: Role) -> list[str]:
        """The folders whose names say so."""
        return [folder.path for folder in self.folders if folder.looks_like == role]

    def to_json(self) -> dict[str, Any]:
        """As JSON, with the folders that look like content and style."""
        return asdict(self) | {role: self.folders_with_role(role) for role in _WORDS}


def scan_dataset(
    folder: Path, *, sample: int = SAMPLE, on_progress: StageProgressCallback = no_progress
) -> DatasetScan:
    """Look through a folder and everything below it; links to folders are not followed.

    Args:
        folder: the dataset.
        sample: pictures to decode of each folder.
        on_progress: told what is going on, how many are done and how many there are.

    Raises:
        DataError: it is no folder, or cannot be looked into.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    failed: list[tuple[str, str]] = []
    files = sorted(_walk(folder, failed), key=lambda found: os.fsencode(found.relative))
    if any(path == "." for path, _ in failed):
        raise DataError(f"{folder}: cannot be looked into: {failed[0][1]}")
    groups: dict[tuple[str, Role | None], list[DatasetFile]] = {}
    pictures = [found for found in files if found.is_picture]
    for found in pictures:
        groups.setdefault(_root(found.relative), []).append(found)
    total = sum(min(sample, len(group)) for group in groups.values())
    described: list[PictureFolder] = []
    for (path, role), group in sorted(groups.items(), key=lambda item: item[0][0]):
        on_progress("sampling", sum(one.sampled for one in described), total)
        described.append(_describe(folder, path, role, group, sample))
    on_progress("sampling", total, total)
    return DatasetScan(
        sha256=_digest(files),
        files=len(files),
        size_bytes=sum(found.size_bytes for found in files),
        pictures=len(pictures),
        folders=tuple(described),
        not_searched=tuple(sorted(failed)),
    )


def printable(name: str) -> str:
    """Names of files need not be text; cards are."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _walk(folder: Path, failed: list[tuple[str, str]]) -> Iterable[DatasetFile]:
    def note(error: OSError) -> None:
        relative = Path(error.filename).relative_to(folder).as_posix()
        failed.append((printable(relative), error.strerror or str(error)))

    for parent, folders, names in os.walk(folder, onerror=note):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(parent, name)
            if name.startswith(".") or (Path(parent) == folder and name in CARD_NAMES) or not path.is_file():
                continue  # a pipe or a link to nowhere is no file of a dataset
            yield DatasetFile(path.relative_to(folder).as_posix(), path.stat().st_size)


def _root(relative: str) -> tuple[str, Role | None]:
    """The folder that a picture counts for: the topmost one whose name tells what it holds, else the topmost."""
    parts = Path(relative).parent.parts
    for depth, part in enumerate(parts, start=1):
        words = set(re.findall(r"[a-z0-9]+", part.lower()))
        roles: list[Role] = [role for role, known in _WORDS.items() if words & known]
        if len(roles) == 1:
            return printable("/".join(parts[:depth])), roles[0]
    return printable(parts[0]) if parts else ".", None


def _describe(folder: Path, path: str, role: Role | None, group: Sequence[DatasetFile], sample: int) -> PictureFolder:
    count = min(sample, len(group))
    unreadable, heights, widths = [], [], []
    for found in (group[i * len(group) // count] for i in range(count)):
        try:
            height, width, _ = read_picture(folder / found.relative).rgb.shape
        except ImageError as error:
            unreadable.append((printable(found.relative), error.reason))
        else:
            heights.append(height)
            widths.append(width)
    return PictureFolder(
        path=path,
        looks_like=role,
        folders=len({Path(found.relative).parent for found in group}),
        pictures=len(group),
        size_bytes=sum(found.size_bytes for found in group),
        suffixes=dict(sorted(Counter(Path(found.relative).suffix.lower() for found in group).items())),
        sampled=count,
        width_px=_range(widths),
        height_px=_range(heights),
        unreadable=tuple(unreadable),
    )


def _range(values: Sequence[int]) -> SideRange | None:
    return SideRange(min(values), median_low(values), max(values)) if values else None


def _digest(files: Iterable[DatasetFile]) -> str:
    digest = hashlib.sha256()
    for found in files:
        digest.update(os.fsencode(found.relative) + b"\0" + str(found.size_bytes).encode() + b"\0")
    return digest.hexdigest()
