"""Scan a folder of images: list its files, and decode a sample. Nothing is assumed about names or counts."""

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
SAMPLE_SIZE = 64

# Words in folder names that tell what a folder holds. Public scripts that use the Kaggle dataset read `content/`
# and `style/`.
_ROLE_WORDS: dict[Role, frozenset[str]] = {
    "content": frozenset(("content", "contents", "photo", "photos", "coco", "coco2014", "coco2017", "mscoco")),
    "style": frozenset(("style", "styles", "wikiart", "painting", "paintings", "artwork", "artworks")),
}


@dataclass(frozen=True, slots=True)
class DatasetFile:
    """A file of a dataset.

    Attributes:
        relative: Path relative to the folder of the dataset, as the file system has it.
        size_bytes: Size of the file in bytes.
    """

    relative: str
    size_bytes: int

    @property
    def is_image(self) -> bool:
        """Whether the suffix is that of an image."""
        return Path(self.relative).suffix.lower() in IMAGE_SUFFIXES


@dataclass(frozen=True, slots=True)
class SideRange:
    """The range of heights or widths in the sample, in pixels. The fields are keys of `dataset.json`."""

    smallest: int
    median: int
    largest: int


@dataclass(frozen=True, slots=True)
class PictureFolder:
    """The images in one folder and its subfolders. The fields are keys of `dataset.json`.

    Attributes:
        path: Path relative to the folder of the dataset, `.` for that folder itself.
        looks_like: What the folder's name says it holds, or None if it says nothing.
        folders: Number of folders that hold the images.
        pictures: Number of images.
        size_bytes: Size of all images in bytes.
        suffixes: Number of images for each suffix.
        sampled: Number of decoded images, which are evenly spaced in the order of names.
        width_px: Range of the widths in the sample, or None if no image could be decoded.
        height_px: Range of the heights in the sample, or None if no image could be decoded.
        unreadable: Name and reason for each image of the sample that could not be decoded.
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
    """The result of a scan. The fields are keys of `dataset.json`.

    Attributes:
        sha256: SHA-256 over names and sizes of all files (not their contents), without hidden files and the card.
        files: Number of files.
        size_bytes: Size of all files in bytes.
        pictures: Number of files with the suffix of an image.
        folders: Folders with images.
        not_searched: Path and reason for each folder that could not be read.
    """

    sha256: str
    files: int
    size_bytes: int
    pictures: int
    folders: tuple[PictureFolder, ...]
    not_searched: tuple[tuple[str, str], ...]

    def folders_with_role(self, role: Role) -> list[str]:
        """Return the paths of the folders whose names say that they hold content or style images."""
        return [folder.path for folder in self.folders if folder.looks_like == role]

    def to_json(self) -> dict[str, Any]:
        """Return the scan for `dataset.json`, with the lists of folders for content and style."""
        return asdict(self) | {role: self.folders_with_role(role) for role in _ROLE_WORDS}


def scan_dataset(
    folder: Path, *, sample_size: int = SAMPLE_SIZE, on_progress: StageProgressCallback = no_progress
) -> DatasetScan:
    """Scan a folder and all its subfolders; links to folders are not followed.

    Args:
        folder: Folder of the dataset.
        sample_size: Number of images to decode in each folder.
        on_progress: Called with the stage `sampling` and the numbers of decoded images and of images to decode.

    Raises:
        DataError: The folder does not exist or cannot be read.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    not_searched: list[tuple[str, str]] = []
    # Sorted by the bytes of the names, so that the digest does not depend on the locale.
    files = sorted(_list_files(folder, not_searched), key=lambda file: os.fsencode(file.relative))
    if any(path == "." for path, _ in not_searched):
        raise DataError(f"{folder}: cannot be read: {not_searched[0][1]}")
    groups: dict[tuple[str, Role | None], list[DatasetFile]] = {}
    images = [file for file in files if file.is_image]
    for image in images:
        groups.setdefault(_group(image.relative), []).append(image)
    total = sum(min(sample_size, len(group)) for group in groups.values())
    folders: list[PictureFolder] = []
    for (path, role), group in sorted(groups.items(), key=lambda item: item[0][0]):
        on_progress("sampling", sum(scanned.sampled for scanned in folders), total)
        folders.append(_scan_group(folder, path, role, group, sample_size))
    on_progress("sampling", total, total)
    return DatasetScan(
        sha256=_digest(files),
        files=len(files),
        size_bytes=sum(file.size_bytes for file in files),
        pictures=len(images),
        folders=tuple(folders),
        not_searched=tuple(sorted(not_searched)),
    )


def _printable(name: str) -> str:
    """Return a file name as text for the card: file names may hold bytes that are not valid UTF-8."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _list_files(folder: Path, not_searched: list[tuple[str, str]]) -> Iterable[DatasetFile]:
    """Yield the files of a dataset; folders that cannot be read are appended to `not_searched`."""

    def add_unreadable(error: OSError) -> None:
        relative = Path(error.filename).relative_to(folder).as_posix()
        not_searched.append((_printable(relative), error.strerror or str(error)))

    for parent, folders, names in os.walk(folder, onerror=add_unreadable):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(parent, name)
            if name.startswith(".") or (Path(parent) == folder and name in CARD_NAMES) or not path.is_file():
                continue  # hidden files, the card, pipes and broken links do not belong to the dataset
            yield DatasetFile(path.relative_to(folder).as_posix(), path.stat().st_size)


def _group(relative: str) -> tuple[str, Role | None]:
    """Return the folder that an image is counted for, and its role: the topmost folder whose name tells a role.

    If no name tells one, it is the topmost folder, without role. A name with words of both roles tells none.
    """
    parts = Path(relative).parent.parts
    for depth, part in enumerate(parts, start=1):
        words = set(re.findall(r"[a-z0-9]+", part.lower()))
        roles: list[Role] = [role for role, role_words in _ROLE_WORDS.items() if words & role_words]
        if len(roles) == 1:
            return _printable("/".join(parts[:depth])), roles[0]
    return _printable(parts[0]) if parts else ".", None


def _scan_group(
    folder: Path, path: str, role: Role | None, group: Sequence[DatasetFile], sample_size: int
) -> PictureFolder:
    count = min(sample_size, len(group))
    unreadable, heights, widths = [], [], []
    for file in (group[i * len(group) // count] for i in range(count)):
        try:
            height, width, _ = read_picture(folder / file.relative).rgb.shape
        except ImageError as error:
            unreadable.append((_printable(file.relative), error.reason))
        else:
            heights.append(height)
            widths.append(width)
    return PictureFolder(
        path=path,
        looks_like=role,
        folders=len({Path(file.relative).parent for file in group}),
        pictures=len(group),
        size_bytes=sum(file.size_bytes for file in group),
        suffixes=dict(sorted(Counter(Path(file.relative).suffix.lower() for file in group).items())),
        sampled=count,
        width_px=_side_range(widths),
        height_px=_side_range(heights),
        unreadable=tuple(unreadable),
    )


def _side_range(values: Sequence[int]) -> SideRange | None:
    return SideRange(min(values), median_low(values), max(values)) if values else None


def _digest(files: Iterable[DatasetFile]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(os.fsencode(file.relative) + b"\0" + str(file.size_bytes).encode() + b"\0")
    return digest.hexdigest()
