"""Choose the names of outputs in a folder, so that no two of them are one file."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path, PurePath, PurePosixPath

import numpy as np

from pix2style.images import FoundImages, can_hold_alpha, can_write, has_alpha
from pix2style.images.found import Place
from pix2style.light_dataclass import dataclass
from pix2style.path_list import NameColumn, PathList
from pix2style.runtime.alike_names import Texts, loosest_form, loosest_hashes, same_files
from pix2style.runtime.file_settings import FileSettings

# For photos in a format that cannot be written (GIF, or no suffix), and for transparency that JPEG cannot store.
_LOSSLESS_SUFFIX = ".png"


@dataclass(frozen=True, slots=True)
class ClipRules:
    """How clips are told from photos, and what their outputs are called.

    Attributes:
        is_clip: Returns whether a file is a clip.
        suffixes: Suffixes of clips in folders, in lower case.
        writable: Suffixes of outputs, in lower case.
        default: Suffix of outputs for clips whose own suffix cannot be written.
    """

    is_clip: Callable[[Path], bool]
    suffixes: frozenset[str]
    writable: frozenset[str]
    default: str

    def suffix_for(self, suffix: str) -> str:
        """Return the suffix of the output of a clip that has a certain suffix."""
        return suffix if suffix.lower() in self.writable else self.default


class PhotoSuffixes:
    """Chooses the suffix of the output of each photo.

    Args:
        requested: Suffix of all outputs; None for those of the photos.
        files: How images are written.
    """

    def __init__(self, requested: str | None, files: FileSettings) -> None:
        self._requested, self._files = requested, files
        self._chosen: dict[str, tuple[str, bool]] = {}

    def for_photo(self, suffix: str, path: str) -> str:
        """Return the suffix of the output.

        Args:
            suffix: Suffix of the photo.
            path: Path of the photo, which is opened where its transparency matters.
        """
        return self.choose(suffix, lambda: has_alpha(Path(path)))

    def choose(self, suffix: str, has_transparency: Callable[[], bool]) -> str:
        """Return the suffix of the output.

        Args:
            suffix: Suffix of the photo.
            has_transparency: Returns whether the photo has transparency; called only where that matters.
        """
        if suffix not in self._chosen:
            self._chosen[suffix] = self._choose(suffix)
        chosen, is_opaque = self._chosen[suffix]
        return _LOSSLESS_SUFFIX if is_opaque and has_transparency() else chosen

    def _choose(self, suffix: str) -> tuple[str, bool]:
        """Return the suffix of outputs, and whether their format has no transparency, by the suffix of photos."""
        chosen = self._requested or self._files.lossless_suffix(suffix)
        target = Path("name").with_suffix(chosen)
        return (chosen, not can_hold_alpha(target)) if can_write(target) else (_LOSSLESS_SUFFIX, False)


class OutputNames:
    """Paths of outputs relative to OUT, as text with forward slashes, in little memory.

    Args:
        photos: The photos and clips.
    """

    def __init__(self, photos: FoundImages) -> None:
        self._folders = [place.relative for place in photos.places]
        self._column = NameColumn()
        self._changed: dict[int, str] = {}

    def append(self, number: int, name: str) -> None:
        """Add a name in the folder of this number, which is that of `FoundImages.places`."""
        self._column.append(number, name)

    def __len__(self) -> int:
        return len(self._column)

    def __getitem__(self, position: int) -> str:
        if position in self._changed:
            return self._changed[position]
        folder, name = self._folders[self._column.numbers[position]], self._column.name(position)
        return f"{folder}/{name}" if folder else name

    def __setitem__(self, position: int, name: str) -> None:
        self._changed[position] = name

    def paths_in(self, out: Path) -> PathList:
        """Return the paths of the outputs in a folder."""
        paths = PathList()
        numbers = [paths.number_of(_folder_text(out / folder)) for folder in self._folders]
        for position in range(len(self)):
            if position in self._changed:
                paths.append(out / self._changed[position])
            else:
                paths.append_name(numbers[self._column.numbers[position]], self._column.name(position))
        return paths


def _folder_text(path: Path) -> str:
    """Return a folder as text; empty for the working folder."""
    return "" if path == Path() else os.fspath(path)


def plan_names(
    photos: FoundImages,
    are_clips: bytearray,
    out: Path,
    suffix: str | None,
    clips: ClipRules | None,
    *,
    files: FileSettings,
) -> tuple[PathList, list[int]]:
    """Return the outputs, and the positions of those that got a number; see `output_paths.plan_outputs`."""
    names = _own_names(photos, are_clips, PhotoSuffixes(suffix, files), clips)
    alike = same_files(names, out)
    for i in (position for group in alike for position in group):
        end = PurePosixPath(names[i]).suffix
        if end.lower() != PurePosixPath(photos.name(i)).suffix.lower():
            names[i] = photos.relative(i) + end
    if not alike:
        return names.paths_in(out), []
    for group in same_files(names, out):
        for i, folder in zip(group, _distinct_ends([input_folder(photos.place(i)) for i in group]), strict=True):
            names[i] = str(folder / names[i])
    numbered = add_numbers(names, out)
    return names.paths_in(out), numbered


def _own_names(
    photos: FoundImages, are_clips: bytearray, suffixes: PhotoSuffixes, clips: ClipRules | None
) -> OutputNames:
    """Return the names that outputs would have if no two were equal."""
    names = OutputNames(photos)
    for i, is_clip in enumerate(are_clips):
        name = photos.name(i)
        own = _suffix(name)
        new = clips.suffix_for(own) if clips and is_clip else suffixes.for_photo(own, photos.text(i))
        names.append(photos.place_number(i), name if new == own else name[: len(name) - len(own)] + new)
    return names


def _suffix(name: str) -> str:
    """Return what `PurePath(name).suffix` is, in a tenth of the time."""
    dot = name.rfind(".")
    return name[dot:] if 0 < dot < len(name) - 1 else ""


def input_folder(place: Place) -> Path:
    """Return the folder that relative paths of photos in a place are relative to, without symbolic links."""
    folder = Path(place.folder)
    depth = len(PurePosixPath(place.relative).parts)
    return real_path([folder, *folder.parents][depth])


def real_path(path: PurePath) -> Path:
    """Return a path without symbolic links. `Path.resolve` raises a RuntimeError for a link that leads to itself."""
    return Path(os.path.realpath(path))


def _distinct_ends(folders: Sequence[Path]) -> list[PurePosixPath]:
    """Return the ends of paths, as long as needed to tell all folders apart; empty if there is one folder only."""
    parts = [folder.parts[1:] for folder in folders]
    length = 0
    while len({_end(path, length) for path in parts}) < len(set(parts)):
        length += 1
    return [PurePosixPath(*_end(path, length)) for path in parts]


def _end(parts: tuple[str, ...], length: int) -> tuple[str, ...]:
    return parts[max(0, len(parts) - length) :]


def add_numbers(names: Texts, out: Path) -> list[int]:
    """Give all names but the first of a group another name, in place; return their positions."""
    groups = same_files(names, out)
    if not groups:
        return []
    taken, added = np.sort(loosest_hashes(names)), set[int]()
    numbered = []
    for group in groups:
        number = 2
        for i in group[1:]:
            path = PurePosixPath(names[i])
            while (form := hash(loosest_form(str(new := path.with_stem(f"{path.stem}-{number}"))))) in added or (
                np.searchsorted(taken, form) < np.searchsorted(taken, form, "right")
            ):
                number += 1
            added.add(form)
            names[i] = str(new)
            numbered.append(i)
    return sorted(numbered)
