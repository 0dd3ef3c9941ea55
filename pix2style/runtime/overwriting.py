"""Refuse calls whose outputs would overwrite their own photos."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from pix2style.errors import DataError
from pix2style.images import FoundImages
from pix2style.path_list import PathList
from pix2style.runtime.alike_names import loosest_form
from pix2style.runtime.output_names import real_path


def refuse_overwriting(photos: FoundImages, targets: PathList, are_clips: bytearray) -> None:
    """Check that no output would overwrite a photo, even under another name of the same file.

    Only outputs in folders that hold photos are compared one by one. Usually there are none.

    Args:
        photos: The photos and clips.
        targets: Their outputs.
        are_clips: For each of them 1 if it is a clip, and else 0.

    Raises:
        DataError: An output is one of the photos or clips.
    """
    sources = _Sources(photos)
    real_folders = [Path(os.path.realpath(folder or ".")) for folder in targets.folders]
    suspects = [loosest_form(folder.as_posix()) in sources.folders for folder in real_folders]
    if not any(suspects):
        return
    loose_sources = {loosest_form(path.as_posix()): path for path in sources.paths()}
    exact = set(sources.paths())
    for position, is_clip in enumerate(are_clips):
        number = targets.number(position)
        if not suspects[number]:
            continue
        # Only the folder is resolved: if the target itself is a link, the link is replaced, not the file behind it.
        target = real_folders[number] / targets.name(position)
        alike = loose_sources.get(loosest_form(target.as_posix()))
        if alike is not None and (target in exact or _is_same_entry(alike, target)):
            kind = "clips" if is_clip else "photos"
            raise DataError(f"{targets[position]}: is one of the {kind} and would be overwritten: choose another OUT")


class _Sources:
    """The paths of photos, with links in their folders resolved, and the files that photos which are links lead to.

    Attributes:
        folders: The loosest forms of the folders of all these paths.
    """

    def __init__(self, photos: FoundImages) -> None:
        self._photos = photos
        self._real = [real_path(Path(place.folder)) for place in photos.places]
        self._linked: list[Path] = []
        for position in range(len(photos)):
            path = photos.text(position)
            if os.path.islink(path):  # noqa: PTH114 - a Path costs ten times as much
                self._linked.append(real_path(Path(path)))
        used = {photos.place_number(position) for position in range(len(photos))}
        folders = [*(self._real[number] for number in used), *(path.parent for path in self._linked)]
        self.folders = {loosest_form(folder.as_posix()) for folder in folders}

    def paths(self) -> Iterator[Path]:
        """Yield all these paths."""
        for position in range(len(self._photos)):
            yield self._real[self._photos.place_number(position)] / self._photos.name(position)
        yield from self._linked


def _is_same_entry(path: Path, alike: Path) -> bool:
    """Return whether two paths that differ by case or Unicode form are the same entry of a folder."""
    try:
        return os.path.samestat(path.lstat(), alike.lstat())
    except OSError:
        return False
