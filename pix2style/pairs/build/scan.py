"""Photos on disk: found, hashed, and read when their turn comes."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from pathlib import Path

from pix2style.errors import DataError, ImageError
from pix2style.files import sha256_bytes, sha256_file
from pix2style.images import (
    FoundImage,
    Image8,
    crop_to_square,
    decode_picture,
    find_images,
    fit_within,
    open_file,
    read_file,
)
from pix2style.pairs.build.variants import draw_variation, stored_size, vary
from pix2style.pairs.format.manifest import Failure, Fit, PlannedPhoto
from pix2style.pairs.format.plan import PairPlan

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_SHOWN_FAILURES = 5
_HASHED_AHEAD = 64
# What JPEG holds; for PNG too, so that the format changes nothing else.
_LONGEST_SIDE_PX = 65_500


@dataclass(frozen=True, slots=True)
class Scan:
    """What lies in the content folders.

    Attributes:
        hashed: name and SHA-256 of each file.
        paths: where a file of that name and digest lies.
        unreadable: files that could not be hashed, with reasons.
    """

    hashed: list[tuple[str, str]]
    paths: dict[tuple[str, str], Path]
    unreadable: list[Failure]

    def without(self, digests: Collection[str]) -> Scan:
        """The same, but for the files of these digests.

        Raises:
            DataError: nothing is left.
        """
        kept = [(name, sha256) for name, sha256 in self.hashed if sha256 not in digests]
        if not kept:
            raise DataError(f"none of {len(self.hashed)} photos is new, all of them are pairs already: name others")
        return Scan(kept, self.paths, self.unreadable)


@dataclass(frozen=True, slots=True)
class Content:
    """A photo, ready to be painted.

    Attributes:
        photo: its place in the plan.
        rgb: uint8 [height, width, 3], sRGB, cut, shrunk or varied as asked for.
        photo_height_px: of the file's picture, upright.
        photo_width_px: of the file's picture, upright.
    """

    photo: PlannedPhoto
    rgb: Image8
    photo_height_px: int
    photo_width_px: int


def scan_photos(content: Sequence[Path], pool: Executor, on_hashed: Callable[[int, int], None]) -> Scan:
    """Find all pictures and hash their files.

    Args:
        content: files, and folders that are searched recursively.
        pool: threads that hash.
        on_hashed: told how many of how many files are hashed.

    Raises:
        DataError: a folder is missing, or there are no pictures.
    """
    if not content:
        raise DataError("no content photos: name a folder with --content, or set pairs.content")
    found = find_images(content)
    if not found:
        raise DataError(f"{', '.join(map(str, content))}: no pictures (.jpg, .png, .webp, .tif, ...) in there")
    scan = Scan([], {}, [])
    on_hashed(0, len(found))
    for done, (image, outcome) in enumerate(_hash_all(found, pool), start=1):
        if isinstance(outcome, Failure):
            scan.unreadable.append(outcome)
        else:
            name = (_printable(image.relative), outcome)
            scan.hashed.append(name)
            scan.paths.setdefault(name, image.path)
        on_hashed(done, len(found))
    if not scan.hashed:
        raise nothing_readable(scan.unreadable)
    return scan


def _hash_all(found: Sequence[FoundImage], pool: Executor) -> Iterator[tuple[FoundImage, str | Failure]]:
    """Each picture with its digest, in order; a few at a time, because a hundred thousand futures need memory too."""
    waiting: deque[tuple[FoundImage, Future[str | Failure]]] = deque()
    for image in found:
        waiting.append((image, pool.submit(_hash, image)))
        if len(waiting) > _HASHED_AHEAD:
            first, outcome = waiting.popleft()
            yield first, outcome.result()
    for first, outcome in waiting:
        yield first, outcome.result()


def scan_planned(content: Sequence[Path], plan: PairPlan) -> Scan | None:
    """Find the pictures of a plan by their names, without reading them all: each is checked when it is painted.

    Args:
        content: as for `scan_photos`.
        plan: a plan made earlier from the same folders.

    Returns:
        What `scan_photos` would give if no file has changed; None if files were added or removed.

    Raises:
        DataError: a folder is missing.
    """
    digests = {photo.source: photo.sha256 for photo in plan.photos}
    hashed = [(photo.source, photo.sha256) for photo in plan.photos]
    if any(duplicate.of not in digests for duplicate in plan.duplicates):
        return None  # the plan is damaged
    hashed += [(duplicate.source, digests[duplicate.of]) for duplicate in plan.duplicates]
    by_name: dict[str, list[Path]] = {}
    for image in find_images(content):
        by_name.setdefault(_printable(image.relative), []).append(image.path)
    planned = sorted([source for source, _ in hashed] + [failure.source for failure in plan.unreadable])
    if planned != sorted(name for name, paths in by_name.items() for _ in paths):
        return None
    paths = {}
    for source, sha256 in hashed:
        same_name = by_name[source]
        paths[source, sha256] = same_name[0]
        if len(same_name) > 1:  # files of the same name in several content folders
            paths[source, sha256] = next((p for p in same_name if sha256_file(p) == sha256), same_name[0])
    return Scan(hashed, paths, list(plan.unreadable))


def read_content(photo: PlannedPhoto, path: Path, size_px: int, fit: Fit) -> Content | Failure:
    """Read a planned photo, or the photo of a planned variant, and cut, shrink or vary it.

    Args:
        photo: the plan's entry; the file must still have its digest.
        path: the file.
        size_px: of the pictures, as `fit` says.
        fit: `crop` to a square, `fit` the longer side, or `keep`.

    Returns:
        The photo, or why there is none. The reason depends on the file alone, so that it is the same in every run.
    """
    try:
        data = read_file(path)
        if sha256_bytes(data) != photo.sha256:
            return _failure(photo, "changed while pairs were being made")
        picture = decode_picture(data, name=photo.file, to_srgb=True)
    except OSError as error:
        return _failure(photo, error.strerror or str(error))
    except ImageError as error:
        return _failure(photo, _ADDRESS.sub("", error.reason))
    height_px, width_px = picture.rgb.shape[:2]
    if max(stored_size(height_px, width_px, size_px, fit)) > _LONGEST_SIDE_PX:
        reason = f"{width_px}x{height_px} px is longer than the {_LONGEST_SIDE_PX} px that a pair holds: crop or fit it"
        return _failure(photo, reason)
    rgb = picture.on_white()
    if photo.variant:
        rgb = vary(rgb, draw_variation(photo.sha256, photo.variant), size_px, fit)
    elif fit == "crop":
        rgb = crop_to_square(rgb, size_px)
    elif fit == "fit":
        rgb = fit_within(rgb, size_px)
    return Content(photo, rgb, height_px, width_px)


def nothing_readable(failures: Sequence[Failure]) -> DataError:
    """The error for content of which not one file can be used."""
    shown = "; ".join(f"{failure.source}: {failure.reason}" for failure in failures[:_SHOWN_FAILURES])
    more = f"; and {len(failures) - _SHOWN_FAILURES} more" if len(failures) > _SHOWN_FAILURES else ""
    return DataError(f"none of the {len(failures)} files can be read as a picture: {shown}{more}")


def _hash(image: FoundImage) -> str | Failure:
    source = _printable(image.relative)
    try:
        with open_file(image.path):  # refuses what is no regular file: a pipe named x.jpg would block for ever
            return sha256_file(image.path)
    except OSError as error:
        return Failure(source=source, sha256=None, reason=error.strerror or str(error))


def _printable(name: str) -> str:
    """Names of files need not be text; manifests are."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _failure(photo: PlannedPhoto, reason: str) -> Failure:
    return Failure(source=photo.source, sha256=photo.sha256, reason=reason)
