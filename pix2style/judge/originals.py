"""The photos that judges can look at beside the pictures: found by name, and read once before the test begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pix2style.errors import DataError, ImageError
from pix2style.images import Image8, explain_memory_errors, find_images
from pix2style.judge.columns import Column, have_same_shape, listed, photo_name, read_on_white
from pix2style.progress import track

Originals = dict[str, list[Path | Image8]]
"""Files or images of photos, by the names of the photos. A photo may have several files, for example RAW and JPEG."""


def find_originals(folder: Path) -> Originals:
    """Return the photos in a folder.

    Raises:
        DataError: There are none.
    """
    found: Originals = {}
    for file in find_images([folder]):
        found.setdefault(photo_name(file.relative), []).append(file.path)
    if not found:
        raise DataError(f"--photos {folder}: has no photos: name the folder that holds them")
    return found


def choose_originals(found: Originals, sizes: Mapping[str, tuple[int, int]]) -> tuple[Column | None, list[str]]:
    """Choose the photos that can be shown beside pictures.

    Args:
        found: The photos; those without pictures are not read.
        sizes: Height and width in which the pictures of each photo are shown.

    Returns:
        The photos, or None if none can be shown; and notes that say which are missing, and why.

    Raises:
        DataError: No photo has the name of a picture, or two files of one photo can be read.
    """
    missing = [photo for photo in sizes if photo not in found]
    if len(missing) == len(sizes):
        raise DataError(f"--photos: has no photo with the name of a picture, such as {missing[0]}")
    images: dict[str, Path | Image8] = {}
    other_shape: list[str] = []
    unreadable: dict[str, str] = {}
    for photo in track("photos", [photo for photo in sizes if photo in found]):
        readable, reason = _readable(photo, found[photo])
        if len(readable) > 1:
            raise DataError(f"--photos: has two photos of the name {photo} that can be read: keep one of them")
        for image, size in readable:
            if have_same_shape(size, sizes[photo]):
                images[photo] = image
            else:
                other_shape.append(photo)
        if not readable:
            unreadable[photo] = reason
    notes = []
    if missing:
        notes.append(f"no photo to show beside the pictures of {listed(missing)}")
    if unreadable:
        first = next(iter(unreadable.values()))
        notes.append(f"photos that cannot be read are not shown: {listed(list(unreadable))}; the first: {first}")
    if other_shape:
        notes.append(f"photos of another shape than their pictures are not shown: {listed(other_shape)}")
    return (Column("photo", images) if images else None), notes


def _readable(
    photo: str, candidates: Sequence[Path | Image8]
) -> tuple[list[tuple[Path | Image8, tuple[int, int]]], str]:
    """Return those of a photo's files that can be read, with height and width; and why the last other one cannot."""
    readable: list[tuple[Path | Image8, tuple[int, int]]] = []
    reason = ""
    for image in candidates:
        try:
            with explain_memory_errors(photo):
                height, width = read_on_white(image).shape[:2]
        except ImageError as error:
            reason = str(error)
        else:
            readable.append((image, (height, width)))
    return readable, reason
