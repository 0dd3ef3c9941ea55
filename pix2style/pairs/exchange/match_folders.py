"""Match the images of contents and targets by name: `content/NAME.jpg` with `target/NAME.png`."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pix2style.images import FoundImage
from pix2style.pairs.exchange.role_folders import RoleFolder, find_role_folders, images_in
from pix2style.pairs.format.name_meaning import Role, fold_name

_FOLDS: tuple[Callable[[str], str], ...] = (
    lambda name: name,
    lambda name: unicodedata.normalize("NFC", name),
    lambda name: fold_name(name, ignore_case=False),
    lambda name: fold_name(name, ignore_case=True),
)
_OTHER_ROLE: dict[Role, Role] = {"content": "target", "target": "content"}


@dataclass(frozen=True, slots=True)
class MatchedFiles:
    """A content file and a target file of the same name.

    Attributes:
        name: Path of the files without the folder of their role and without suffix: `train/a` for `train/A/a.png`.
        source: The same path of the content file, with its suffix.
        content: Path of the content file.
        target: Path of the target file.
    """

    name: str
    source: str
    content: Path
    target: Path


@dataclass(frozen=True, slots=True)
class UnmatchedFile:
    """A file that belongs to no pair.

    Attributes:
        source: Path of the file relative to the folder that holds all pairs, for example `target/a.png`.
        reason: Reason, in words for people.
    """

    source: str
    reason: str

    def __str__(self) -> str:
        return f"{self.source}: {self.reason}"


@dataclass(frozen=True, slots=True)
class _File:
    """An image in a folder of contents or of targets."""

    folder: RoleFolder
    image: FoundImage

    @property
    def name(self) -> str:
        return PurePosixPath(self.source).with_suffix("").as_posix()

    @property
    def source(self) -> str:
        return f"{self.folder.prefix}/{self.image.relative}" if self.folder.prefix else self.image.relative

    @property
    def shown(self) -> str:
        return f"{self.folder.shown}/{self.image.relative}"


def has_pair_folders(folder: Path) -> bool:
    """Return whether a folder holds folders of contents and folders of targets, by their names."""
    return bool(find_role_folders(folder))


def match_folders(folder: Path) -> tuple[list[MatchedFiles], list[UnmatchedFile]]:
    """Match the files of contents and targets by their names without suffix.

    Equal names are matched first, then names that differ by the Unicode form (as names from macOS do), then by the
    spelling of the split's folder, then by the case of letters; but never if two files would fit.

    Args:
        folder: Folder that holds all pairs. The folders of contents and targets may have subfolders, the same ones in
            both.

    Returns:
        The matched files in the order of their names, and the files that belong to no pair.
    """
    role_folders = find_role_folders(folder)
    contents, content_clashes = _by_name(role_folders, "content")
    targets, target_clashes = _by_name(role_folders, "target")
    target_of: dict[str, _File] = {}
    rest_contents, rest_targets = dict(contents), dict(targets)
    for fold in _FOLDS:
        for content_name, target_name in _match(list(rest_contents), list(rest_targets), fold):
            target_of[content_name] = rest_targets.pop(target_name)
            del rest_contents[content_name]
    matched = [
        MatchedFiles(name, file.source, file.image.path, target_of[name].image.path)
        for name, file in contents.items()
        if name in target_of
    ]
    unmatched = [
        *_explain(rest_contents, targets, role_folders),
        *_explain(rest_targets, contents, role_folders),
    ]
    return matched, [*content_clashes, *target_clashes, *unmatched]


def _by_name(role_folders: Sequence[RoleFolder], role: Role) -> tuple[dict[str, _File], list[UnmatchedFile]]:
    """Return the files of a role by their names, and the files whose names are in use already."""
    found = [
        _File(role_folder, image)
        for role_folder in role_folders
        if role_folder.role == role
        for image in images_in(role_folder.path)
    ]
    by_name: dict[str, _File] = {}
    clashes = []
    for file in sorted(found, key=lambda file: file.source):
        first = by_name.setdefault(file.name, file)
        if first is not file:
            clashes.append(UnmatchedFile(file.shown, f"has the name of {first.shown} but for the suffix: rename one"))
    return by_name, clashes


def _match(contents: Sequence[str], targets: Sequence[str], fold: Callable[[str], str]) -> list[tuple[str, str]]:
    """Return the names of contents and targets that are equal after folding, and of which there is one each."""
    content_groups, target_groups = _group(contents, fold), _group(targets, fold)
    return [
        (names[0], target_groups[key][0])
        for key, names in content_groups.items()
        if len(names) == 1 and len(target_groups.get(key, ())) == 1
    ]


def _group(names: Sequence[str], fold: Callable[[str], str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(fold(name), []).append(name)
    return groups


def _explain(
    files: dict[str, _File], others: dict[str, _File], role_folders: Sequence[RoleFolder]
) -> list[UnmatchedFile]:
    """Say for each file why it has no partner among the files of the other role."""
    similar = _group(list(others), _FOLDS[-1]) if files else {}
    explained = []
    for name, file in files.items():
        candidates = [others[other].shown for other in similar.get(_FOLDS[-1](name), ())]
        if candidates:
            reason = f"may belong to {' or '.join(candidates)}: give the two files of each pair exactly the same name"
        else:
            reason = _missing_partner(file, role_folders)
        explained.append(UnmatchedFile(file.shown, reason))
    return explained


def _missing_partner(file: _File, role_folders: Sequence[RoleFolder]) -> str:
    role = _OTHER_ROLE[file.folder.role]
    folders = [other.shown for other in role_folders if (other.role, other.prefix) == (role, file.folder.prefix)]
    if not folders:
        return f"there is no folder of {role}s beside {file.folder.shown}/"
    inner_name = PurePosixPath(file.image.relative).with_suffix("").as_posix()
    return f"there is no {folders[0]}/{inner_name}.* for it"
