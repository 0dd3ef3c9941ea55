"""Match the images of two folders by name: `content/NAME.jpg` with `target/NAME.png`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pix2style.images import FoundImage, find_images
from pix2style.pairs.format.records import SPLITS, Split

CONTENT_NAME = "content"
TARGET_NAME = "target"


@dataclass(frozen=True, slots=True)
class MatchedFiles:
    """A content file and a target file of the same name.

    Attributes:
        name: Path of the files relative to their folders, without suffix.
        source: Path of the content file relative to its folder.
        content: Path of the content file.
        target: Path of the target file.
        split: Split by the subfolder train, val or test that holds both files, or None if not all files are in such
            subfolders.
    """

    name: str
    source: str
    content: Path
    target: Path
    split: Split | None


@dataclass(frozen=True, slots=True)
class UnmatchedFile:
    """A file that belongs to no pair.

    Attributes:
        source: Path of the file relative to the folder that holds both folders, for example `target/a.png`.
        reason: Reason, in words for people.
    """

    source: str
    reason: str

    def __str__(self) -> str:
        return f"{self.source}: {self.reason}"


def has_two_folders(folder: Path) -> bool:
    """Return whether a folder holds the folders `content` and `target`."""
    return (folder / CONTENT_NAME).is_dir() and (folder / TARGET_NAME).is_dir()


def match_folders(folder: Path) -> tuple[list[MatchedFiles], list[UnmatchedFile]]:
    """Match the files of `folder/content` and `folder/target` by their names without suffix.

    Args:
        folder: Folder that holds both folders. They may have subfolders, the same ones in both. If all files are in
            subfolders train, val and test, these are the splits.

    Returns:
        The matched files, and the files that belong to no pair.
    """
    contents, content_clashes = _by_name(find_images([folder / CONTENT_NAME]), CONTENT_NAME)
    targets, target_clashes = _by_name(find_images([folder / TARGET_NAME]), TARGET_NAME)
    in_split_folders = all(PurePosixPath(name).parts[0] in SPLITS and "/" in name for name in [*contents, *targets])
    matched = [
        MatchedFiles(name, image.relative, image.path, targets[name].path, _split(name) if in_split_folders else None)
        for name, image in contents.items()
        if name in targets
    ]
    unmatched = [
        UnmatchedFile(f"{CONTENT_NAME}/{image.relative}", f"there is no target/{name}.* for it")
        for name, image in contents.items()
        if name not in targets
    ] + [
        UnmatchedFile(f"{TARGET_NAME}/{image.relative}", f"there is no content/{name}.* for it")
        for name, image in targets.items()
        if name not in contents
    ]
    return matched, [*content_clashes, *target_clashes, *unmatched]


def _by_name(images: Sequence[FoundImage], role: str) -> tuple[dict[str, FoundImage], list[UnmatchedFile]]:
    """Return the images by their names without suffix, and the images whose names are in use already."""
    by_name: dict[str, FoundImage] = {}
    clashes = []
    for image in images:
        name = PurePosixPath(image.relative).with_suffix("").as_posix()
        first = by_name.setdefault(name, image)
        if first is not image:
            reason = f"has the name of {role}/{first.relative} but for the suffix: rename one"
            clashes.append(UnmatchedFile(f"{role}/{image.relative}", reason))
    return by_name, clashes


def _split(name: str) -> Split:
    folder = PurePosixPath(name).parts[0]
    return next(split for split in SPLITS if split == folder)
