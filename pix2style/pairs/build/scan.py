"""Photos on disk: found, hashed, and read when their turn comes."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from pathlib import Path

from pix2style.errors import DataError
from pix2style.files import sha256_file
from pix2style.images import (
    FoundImage,
    find_images,
    open_file,
)
from pix2style.pairs.format.failures import no_usable_photos_error
from pix2style.pairs.format.manifest import Failure
from pix2style.pairs.format.plan import PairPlan
from pix2style.progress import ProgressCallback

_HASHED_AHEAD = 64


@dataclass(frozen=True, slots=True)
class PhotoScan:
    """What lies in the content folders.

    Attributes:
        hashed_files: name and SHA-256 of each file.
        paths: where a file of that name and digest lies.
        unreadable: files that could not be hashed, with reasons.
    """

    hashed_files: list[tuple[str, str]]
    paths: dict[tuple[str, str], Path]
    unreadable: list[Failure]

    def exclude(self, digests: Collection[str]) -> PhotoScan:
        """The same, but for the files of these digests.

        Raises:
            DataError: nothing is left.
        """
        kept = [(name, sha256) for name, sha256 in self.hashed_files if sha256 not in digests]
        if not kept:
            raise DataError(
                f"none of {len(self.hashed_files)} photos is new, all of them are pairs already: name others"
            )
        return PhotoScan(kept, self.paths, self.unreadable)


def scan_photos(content: Sequence[Path], pool: Executor, on_hashed: ProgressCallback) -> PhotoScan:
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
    scan = PhotoScan([], {}, [])
    on_hashed(0, len(found))
    for done, (image, outcome) in enumerate(_hash_all(found, pool), start=1):
        if isinstance(outcome, Failure):
            scan.unreadable.append(outcome)
        else:
            name = (_printable(image.relative), outcome)
            scan.hashed_files.append(name)
            scan.paths.setdefault(name, image.path)
        on_hashed(done, len(found))
    if not scan.hashed_files:
        raise no_usable_photos_error(scan.unreadable)
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


def scan_planned_photos(content: Sequence[Path], plan: PairPlan) -> PhotoScan | None:
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
    return PhotoScan(hashed, paths, list(plan.unreadable))


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
