"""Find the folders that hold contents or targets: `content` and `target`, `trainA` and `trainB`, `val/input` ..."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pix2style.errors import DataError
from pix2style.images import FoundImage, find_images
from pix2style.pairs.format.manifest import MANIFEST_NAME, PLAN_NAME
from pix2style.pairs.format.name_meaning import Role, is_ignored, name_meaning

CONTENT_NAME = "content"
TARGET_NAME = "target"
_MAX_DEPTH = 4


@dataclass(frozen=True, slots=True)
class RoleFolder:
    """A folder whose name says that contents, or that targets, are inside.

    Attributes:
        path: Path of the folder.
        role: What it holds.
        shown: Path relative to the folder of all pairs, with forward slashes, for messages.
        prefix: Path of its pairs that does not depend on the role: `train` for `train/A`, `trainA` and `A_train`.
    """

    path: Path
    role: Role
    shown: str
    prefix: str


def find_role_folders(folder: Path) -> list[RoleFolder]:
    """Find the outermost folders that hold contents or targets, sorted by path; hidden folders are left out.

    Args:
        folder: Folder of all pairs.

    Returns:
        The folders; an empty list unless there are folders of both roles.

    Raises:
        DataError: Several folders may hold the contents, or the targets, of the same pairs.
    """
    found = sorted(_walk(folder, "", "", _MAX_DEPTH), key=lambda role_folder: role_folder.shown)
    if len({role_folder.role for role_folder in found}) < 2:
        return []
    groups: dict[tuple[Role, str], list[RoleFolder]] = {}
    for role_folder in found:
        groups.setdefault((role_folder.role, role_folder.prefix), []).append(role_folder)
    return sorted((_choose(folder, group) for group in groups.values()), key=lambda role_folder: role_folder.shown)


def images_in(folder: Path) -> list[FoundImage]:
    """Find the images in a folder of pairs, except those in folders that systems and archivers add."""
    return [image for image in find_images([folder]) if not is_ignored(image.relative)]


def _choose(folder: Path, group: list[RoleFolder]) -> RoleFolder:
    """Return the only folder of a role and prefix, or else the one that is called `content` or `target`."""
    named = [role_folder for role_folder in group if role_folder.path.name in (CONTENT_NAME, TARGET_NAME)]
    candidates = named or group
    if len(candidates) > 1:
        shown = " and ".join(f"{candidate.shown}/" for candidate in candidates)
        raise DataError(
            f"{folder}: {shown} may both hold the {candidates[0].role}s: call the right one {candidates[0].role}"
        )
    return candidates[0]


def _walk(folder: Path, shown: str, prefix: str, depth: int) -> Iterator[RoleFolder]:
    for name, path, is_link in _subfolders(folder):
        meaning = name_meaning(name)
        shown_here = f"{shown}/{name}" if shown else name
        if meaning.role is not None and meaning.is_clear:
            own_split = meaning.clear_split
            yield RoleFolder(path, meaning.role, shown_here, "/".join(filter(None, (prefix, own_split))))
        # Links are not followed here, so that a loop of links cannot trap the search.
        elif depth > 1 and not is_link and not _is_pair_set(path):
            yield from _walk(path, shown_here, f"{prefix}/{name}" if prefix else name, depth - 1)


def _is_pair_set(folder: Path) -> bool:
    return any((folder / name).exists() for name in (MANIFEST_NAME, PLAN_NAME))


def _subfolders(folder: Path) -> list[tuple[str, Path, bool]]:
    """Return name and path of each subfolder, and whether it is a link; none if the folder cannot be opened."""
    try:
        with os.scandir(folder) as entries:
            return [
                (entry.name, Path(entry.path), entry.is_symlink())
                for entry in entries
                if entry.is_dir() and not entry.name.startswith(".") and not is_ignored(entry.name)
            ]
    except OSError:
        return []
