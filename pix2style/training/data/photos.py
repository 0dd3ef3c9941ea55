"""Photos without targets, cut and split as make-pairs would do it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

from pix2style.config.pairs import PairsConfig
from pix2style.errors import DataError
from pix2style.files import sha256_json
from pix2style.images import Image8
from pix2style.pairs.build.content import ContentImage, load_content
from pix2style.pairs.build.scan import scan_photos
from pix2style.pairs.format.failures import no_usable_photos_error
from pix2style.pairs.format.manifest import Failure, PairRecord, PlannedPhoto, Split
from pix2style.pairs.format.plan import assign_split, short_keys
from pix2style.processes import usable_cores


class PhotoReader:
    """The photos of `pairs.content`, by digest: the same splits, crops and sizes as in a pair set of them.

    Every file is read and decoded once, so that a damaged one is known before training begins. Nothing is written.

    Args:
        pairs: content, size, fit and the shares of the splits.
        on_progress: told what is done, how much of it, and how much there is.

    Attributes:
        digest: of all photos, their splits, and how they are cut.
        failures: files that cannot be used, with reasons.

    Raises:
        DataError: a folder is missing, or not one photo can be read.
    """

    digest: str
    failures: list[Failure]

    def __init__(self, pairs: PairsConfig, *, on_progress: Callable[[str, int, int], None]) -> None:
        self._pairs = pairs
        with ThreadPoolExecutor(usable_cores()) as pool:
            scan = scan_photos(pairs.content, pool, lambda done, total: on_progress("looking for photos", done, total))
            first_name: dict[str, str] = {}
            for source, sha256 in sorted(scan.hashed_files):
                first_name.setdefault(sha256, source)
            self._paths: dict[str, Path] = {sha: scan.paths[source, sha] for sha, source in first_name.items()}
            photos = [
                PlannedPhoto(key, source, sha256, _split(sha256, pairs), 0)
                for key, (sha256, source) in zip(short_keys(first_name), first_name.items(), strict=True)
            ]
            self._entries, unusable = self._checked(photos, pool, on_progress)
        self.failures = [*scan.unreadable, *unusable]
        if not self._entries:
            raise no_usable_photos_error(self.failures)
        photos_in_it = [[entry.sha256, entry.split] for entry in self._entries]
        self.digest = sha256_json([pairs.size, pairs.fit, photos_in_it])

    def entries(self, split: Split) -> list[PairRecord]:
        """The photos of a split, in the order of their names."""
        return [entry for entry in self._entries if entry.split == split]

    def read_content(self, entry: PairRecord) -> Image8:
        """A photo, cut or shrunk: uint8 [height, width, 3].

        Raises:
            DataError: the file is not the one that was there when training began.
        """
        path = self._paths[entry.sha256]
        found = self._read(PlannedPhoto(entry.key, entry.source, entry.sha256, entry.split, 0))
        if isinstance(found, ContentImage):
            return found.rgb
        raise DataError(f"{path}: can no longer be used ({found.reason}): put it back, or begin a new run")

    def _read(self, photo: PlannedPhoto) -> ContentImage | Failure:
        return load_content(photo, self._paths[photo.sha256], self._pairs.size, self._pairs.fit)

    def _checked(
        self, photos: list[PlannedPhoto], pool: Executor, on_progress: Callable[[str, int, int], None]
    ) -> tuple[list[PairRecord], list[Failure]]:
        entries, failures = [], []
        for done, found in enumerate(pool.map(self._sized, photos), start=1):
            if isinstance(found, Failure):
                failures.append(found)
            else:
                entries.append(found)
            on_progress("checking photos", done, len(photos))
        return entries, failures

    def _sized(self, photo: PlannedPhoto) -> PairRecord | Failure:
        found = self._read(photo)
        if isinstance(found, Failure):
            return found
        return PairRecord(
            key=photo.key,
            source=photo.source,
            sha256=photo.sha256,
            split=photo.split,
            style=0,
            height_px=found.rgb.shape[0],
            width_px=found.rgb.shape[1],
        )


def _split(sha256: str, pairs: PairsConfig) -> Split:
    return assign_split(sha256, val_share=pairs.val_share, test_share=pairs.test_share)
