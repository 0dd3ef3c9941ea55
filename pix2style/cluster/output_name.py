"""Choose the name of the output of one photo, without a list of all photos."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from pix2style.cluster.photo_batches import ListedPhoto
from pix2style.cluster.place import Place
from pix2style.errors import DataError
from pix2style.images import stream_has_alpha
from pix2style.runtime.alike_names import same_files
from pix2style.runtime.file_settings import FileSettings
from pix2style.runtime.output_names import PhotoSuffixes


class TargetNames:
    """Names outputs as `runtime.output_paths.plan_outputs` does for a whole folder.

    Args:
        source: Place of the photos.
        target: Place of the outputs.
        suffix: Suffix of all outputs; None for those of the photos.
        files: How images are written.
    """

    def __init__(self, source: Place, target: Place, suffix: str | None, files: FileSettings) -> None:
        self._source, self._target, self._suffixes = source, target, PhotoSuffixes(suffix, files)
        self._folder = target.local_path("")
        self._source_in_target = source.path_within(target)

    def name(self, photo: ListedPhoto, data: Callable[[], bytes]) -> str:
        """Return the path of the output of a photo in the target.

        Args:
            photo: The photo.
            data: Returns the content of the photo; called only if the format of the output depends on it.

        Raises:
            DataError: The output would have the name of another output or of a photo, or the photo's name is not valid.
            OSError: The photo, or another one that could get the same name, cannot be read.
        """
        _check_is_path(photo.name, self._folder)
        if photo.folders and self._same(photo.folders):
            first, second = photo.folders
            raise DataError(
                f"the folders {first} and {second} would be the same folder in the target: rename one of them"
            )
        rivals = photo.rivals or (photo.name,)
        suffixes = [self._suffix_of(name, data if name == photo.name else None) for name in rivals]
        names = self._distinct_names(rivals, suffixes)
        position = rivals.index(photo.name)
        for group in self._same(names):
            if position in group[1:]:
                raise DataError(
                    f"its output would be called {names[position]}, like that of {rivals[group[0]]}: rename one of them"
                )
        name = names[position]
        if self._source_in_target and f"{name}/".startswith(f"{self._source_in_target}/"):
            raise DataError(f"its output {name} would lie among the photos: choose another TARGET")
        return name

    def could_exist(self, photo: ListedPhoto) -> bool:
        """Return whether the target may hold an output of a photo, without reading the photo."""
        if photo.rivals:
            return True
        path = PurePosixPath(photo.name)
        answers: tuple[Callable[[], bool], ...] = (lambda: False, lambda: True)
        ends = {self._suffixes.choose(path.suffix, has_alpha) for has_alpha in answers}
        return any(self._target.kind(str(path.with_suffix(end))) in ("file", "folder") for end in ends)

    def _suffix_of(self, name: str, data: Callable[[], bytes] | None) -> str:
        read = data or (lambda: self._source.read(name))
        return self._suffixes.choose(PurePosixPath(name).suffix, lambda: _has_alpha(name, read))

    def _distinct_names(self, rivals: Sequence[str], suffixes: Sequence[str]) -> list[str]:
        """Return names of outputs. If two would be the same file, outputs in a new format keep the old suffix, too."""
        names = [str(PurePosixPath(name).with_suffix(end)) for name, end in zip(rivals, suffixes, strict=True)]
        for i in (position for group in self._same(names) for position in group):
            if suffixes[i].lower() != PurePosixPath(rivals[i]).suffix.lower():
                names[i] = rivals[i] + suffixes[i]
        return names

    def _same(self, names: Sequence[str]) -> list[list[int]]:
        """Return groups of names that are the same file in the target. Remote stores distinguish all names."""
        if len(names) == 1:
            return []
        if self._folder is not None:
            return same_files(list(names), self._folder)
        positions: dict[str, list[int]] = {}
        for position, name in enumerate(names):
            positions.setdefault(name, []).append(position)
        return [group for group in positions.values() if len(group) > 1]


def _has_alpha(name: str, read: Callable[[], bytes]) -> bool:
    try:
        return stream_has_alpha(io.BytesIO(read()), name)
    except OSError:
        return False  # reading the photo itself raises the error that says what is wrong


def _check_is_path(name: str, folder: Path | None) -> None:
    """Refuse names of objects that would lead out of the target's folder, such as `a/../../b.jpg`."""
    parts = name.split("/")
    local = folder is not None and (Path(name).drive or (Path(name).parts != tuple(parts)))
    if any(part in ("", ".", "..") for part in parts) or local:
        raise DataError("its name cannot be the name of a file: rename it")
