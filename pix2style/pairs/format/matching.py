"""Two folders of pictures, matched by name: `content/NAME.jpg` with `target/NAME.png`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pix2style.images import FoundImage, find_images
from pix2style.pairs.format.manifest import SPLITS, Split

CONTENT_NAME = "content"
TARGET_NAME = "target"


@dataclass(frozen=True, slots=True)
class MatchedFiles:
    """Two files of one name.

    Attributes:
        name: relative to their folders, without suffix.
        source: the content's file, relative to its folder.
        content: its path.
        target: the target's path.
        split: the subfolder train, val or test that both lie in, if the folders hold nothing else.
    """

    name: str
    source: str
    content: Path
    target: Path
    split: Split | None


@dataclass(frozen=True, slots=True)
class UnmatchedFile:
    """A file that gives no pair.

    Attributes:
        source: relative to the pair of folders, for example `target/a.png`.
        reason: why.
    """

    source: str
    reason: str

    def __str__(self) -> str:
        return f"{self.source}: {self.reason}"


def has_two_folders(folder: Path) -> bool:
    """Whether `folder` holds `content/` and `target/`."""
    return (folder / CONTENT_NAME).is_dir() and (folder / TARGET_NAME).is_dir()


def match_folders(folder: Path) -> tuple[list[MatchedFiles], list[UnmatchedFile]]:
    """Pairs of `folder/content` and `folder/target`, by name, and what is left over.

    Args:
        folder: it holds both folders; they may hold subfolders, the same in both. If all files lie in subfolders
            named train, val and test, those are the splits.
    """
    contents, content_extra = _by_name(find_images([folder / CONTENT_NAME]), CONTENT_NAME)
    targets, target_extra = _by_name(find_images([folder / TARGET_NAME]), TARGET_NAME)
    given = all(PurePosixPath(name).parts[0] in SPLITS and "/" in name for name in [*contents, *targets])
    matched = [
        MatchedFiles(name, found.relative, found.path, targets[name].path, _split(name) if given else None)
        for name, found in contents.items()
        if name in targets
    ]
    unmatched = [
        UnmatchedFile(f"{CONTENT_NAME}/{found.relative}", f"there is no target/{name}.* for it")
        for name, found in contents.items()
        if name not in targets
    ] + [
        UnmatchedFile(f"{TARGET_NAME}/{found.relative}", f"there is no content/{name}.* for it")
        for name, found in targets.items()
        if name not in contents
    ]
    return matched, [*content_extra, *target_extra, *unmatched]


def _by_name(found: Sequence[FoundImage], role: str) -> tuple[dict[str, FoundImage], list[UnmatchedFile]]:
    names: dict[str, FoundImage] = {}
    extra = []
    for image in found:
        name = PurePosixPath(image.relative).with_suffix("").as_posix()
        first = names.setdefault(name, image)
        if first is not image:
            reason = f"has the name of {role}/{first.relative} but for the suffix: rename one"
            extra.append(UnmatchedFile(f"{role}/{image.relative}", reason))
    return names, extra


def _split(name: str) -> Split:
    first = PurePosixPath(name).parts[0]
    return next(split for split in SPLITS if split == first)
