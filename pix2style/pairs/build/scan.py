"""Find the photos of a pair set and compute the digests of their files."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path

from pix2style.errors import DataError
from pix2style.files import sha256_file
from pix2style.images import FoundImage, ImageSearch, LeftOut, describe_left_out, open_file, search_images
from pix2style.images.file_content import check_size
from pix2style.pairs.build.held_out_folders import note_held_out_folders
from pix2style.pairs.format.failures import no_usable_photos_error
from pix2style.pairs.format.plan import PairPlan
from pix2style.pairs.format.records import Failure
from pix2style.plural import counted
from pix2style.printable import text_of_file_name
from pix2style.processes import result_of, submit_ahead
from pix2style.progress import ProgressCallback

_FILES_IN_FLIGHT = 64


@dataclass(frozen=True, slots=True)
class PhotoScan:
    """The photos in the content folders.

    Attributes:
        hashed_files: Name and SHA-256 of each photo's file.
        paths: Path of the file for each name and SHA-256.
        unreadable: Files that could not be read, and content folders without photos, with reasons.
        left_out: What else lies in the content folders.
    """

    hashed_files: list[tuple[str, str]]
    paths: dict[tuple[str, str], Path]
    unreadable: list[Failure]
    left_out: list[LeftOut] = field(default_factory=list)

    def exclude(self, digests: Collection[str]) -> PhotoScan:
        """Return the scan without the files that have one of these digests.

        Raises:
            DataError: No file is left.
        """
        remaining = [(name, sha256) for name, sha256 in self.hashed_files if sha256 not in digests]
        if not remaining:
            raise DataError(
                f"none of {counted(len(self.hashed_files), 'photo')} is new: the pair set holds all of them"
                " already; name others"
            )
        return PhotoScan(remaining, self.paths, self.unreadable, self.left_out)


def scan_photos(content: Sequence[Path], pool: Executor, on_hashed: ProgressCallback) -> PhotoScan:
    """Find all photos and compute the digests of their files; print a note if some are in folders such as `val`.

    Args:
        content: Files, and folders that are searched recursively.
        pool: Threads that read the files.
        on_hashed: Called with the number of hashed files and the number of all files.

    Raises:
        DataError: A folder is missing, or there is no readable image.
    """
    if not content:
        raise DataError("no content photos: name a folder with --content, or set pairs.content")
    search = search_images(content)
    images = search.images
    if not images:
        also = f" ({describe_left_out(search.left_out)})" if search.left_out else ""
        raise DataError(f"{', '.join(map(str, content))}: no images (.jpg, .png, .webp, .tif, ...) in there{also}")
    note_held_out_folders(content, images)
    scan = PhotoScan([], {}, _empty_folders(search), search.left_out)
    on_hashed(0, len(images))
    # A bounded number of futures, because a scan may have 100,000 files.
    for done, (image, hashing) in enumerate(submit_ahead(pool, _hash, images, _FILES_IN_FLIGHT), start=1):
        result = result_of(hashing)
        if isinstance(result, Failure):
            scan.unreadable.append(result)
        else:
            name_and_digest = (text_of_file_name(image.relative), result)
            scan.hashed_files.append(name_and_digest)
            scan.paths.setdefault(name_and_digest, image.path)
        on_hashed(done, len(images))
    if not scan.hashed_files:
        raise no_usable_photos_error(scan.unreadable)
    return scan


def scan_planned_photos(content: Sequence[Path], plan: PairPlan) -> PhotoScan | None:
    """Find the photos of a plan by their names, without reading all files; `load_content` checks each digest later.

    Args:
        content: Files and folders, as for `scan_photos`.
        plan: Plan that was made earlier from the same folders.

    Returns:
        What `scan_photos` returns if no file has changed, or None if files were added or removed.

    Raises:
        DataError: A folder is missing.
    """
    digests = {photo.source: photo.sha256 for photo in plan.photos}
    if any(duplicate.of not in digests for duplicate in plan.duplicates):
        return None  # the plan is damaged
    hashed_files = [(photo.source, photo.sha256) for photo in plan.photos]
    hashed_files += [(duplicate.source, digests[duplicate.of]) for duplicate in plan.duplicates]
    paths_by_name: dict[str, list[Path]] = {}
    search = search_images(content)
    for image in search.images:
        paths_by_name.setdefault(text_of_file_name(image.relative), []).append(image.path)
    planned_names = sorted([source for source, _ in hashed_files] + [failure.source for failure in plan.unreadable])
    found_names = [name for name, paths in paths_by_name.items() for _ in paths]
    if planned_names != sorted(found_names + [failure.source for failure in _empty_folders(search)]):
        return None
    paths = {}
    for source, sha256 in hashed_files:
        same_name = paths_by_name[source]
        paths[source, sha256] = same_name[0]
        if len(same_name) > 1:  # several content folders hold a file of this name, so only the digest tells which it is
            paths[source, sha256] = next((path for path in same_name if sha256_file(path) == sha256), same_name[0])
    return PhotoScan(hashed_files, paths, list(plan.unreadable), search.left_out)


def _empty_folders(search: ImageSearch) -> list[Failure]:
    return [
        Failure(source=text_of_file_name(folder.name), sha256=None, reason="there are no images in this folder")
        for folder in search.empty_folders
    ]


def _hash(image: FoundImage) -> str | Failure:
    source = text_of_file_name(image.relative)
    try:
        with open_file(image.path) as stream:  # refuses anything but a regular file: reading a pipe would block forever
            check_size(stream, image.path)
            return sha256_file(image.path)
    except OSError as error:
        return Failure(source=source, sha256=None, reason=error.strerror or str(error))
