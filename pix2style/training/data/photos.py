"""Read photos without targets, for training without a teacher (`train.unpaired`)."""

from __future__ import annotations

from concurrent.futures import Executor
from pathlib import Path

from pix2style.config.pairs import PairsConfig
from pix2style.errors import DataError
from pix2style.files import sha256_json
from pix2style.images import Image8, LeftOut
from pix2style.pairs.build.content import ContentImage, load_content
from pix2style.pairs.build.scan import scan_photos
from pix2style.pairs.format.failures import no_usable_photos_error
from pix2style.pairs.format.photo_hash import assign_split, short_keys
from pix2style.pairs.format.records import Failure, PairRecord, PlannedPhoto, Split
from pix2style.processes import result_of, submit_ahead, thread_pool, usable_cores
from pix2style.progress import StageProgressCallback

_PHOTOS_IN_FLIGHT = 64


class PhotoReader:
    """The photos of `pairs.content`, with the splits, crops and sizes that a pair set made of them would have.

    Every file is read and decoded once at the beginning, so that a damaged file is found before training starts.
    Nothing is written. Of files with the same content, one is used.

    Args:
        pairs: Photos, size, fit and the shares of the splits.
        on_progress: Called with the name of the stage, the number of finished photos and the number of all photos.

    Attributes:
        digest: Digest of all photos, their splits, and how they are resized; SHA-256 in hexadecimal.
        failures: Files that cannot be used, with the reasons.
        left_out: What else lies in the folders.

    Raises:
        DataError: A folder is missing, or no photo can be read.
    """

    digest: str
    failures: list[Failure]
    left_out: list[LeftOut]

    def __init__(self, pairs: PairsConfig, *, on_progress: StageProgressCallback) -> None:
        self._pairs = pairs
        with thread_pool(usable_cores()) as pool:
            scan = scan_photos(pairs.content, pool, lambda done, total: on_progress("looking for photos", done, total))
            sources: dict[str, str] = {}  # by digest; of equal files the one whose name comes first
            for source, sha256 in sorted(scan.hashed_files):
                sources.setdefault(sha256, source)
            self._paths: dict[str, Path] = {sha256: scan.paths[source, sha256] for sha256, source in sources.items()}
            photos = [
                PlannedPhoto(key, source, sha256, _split(sha256, pairs), 0)
                for key, (sha256, source) in zip(short_keys(sources), sources.items(), strict=True)
            ]
            self._entries, unusable = self._check(photos, pool, on_progress)
        self.failures = [*scan.unreadable, *unusable]
        self.left_out = scan.left_out
        if not self._entries:
            raise no_usable_photos_error(self.failures)
        identities = [[entry.sha256, entry.split] for entry in self._entries]
        self.digest = sha256_json([pairs.size, pairs.fit, identities])

    def entries(self, split: Split) -> list[PairRecord]:
        """Return the photos of a split, sorted by name."""
        return [entry for entry in self._entries if entry.split == split]

    def read_content(self, entry: PairRecord) -> Image8:
        """Read a photo, cropped or resized as `pairs.fit` says: uint8 [height, width, 3].

        Raises:
            DataError: The file is missing, damaged, or not the same as when training began.
        """
        path = self._paths[entry.sha256]
        loaded = self._load(PlannedPhoto(entry.key, entry.source, entry.sha256, entry.split, 0))
        if isinstance(loaded, ContentImage):
            return loaded.rgb
        raise DataError(f"{path}: can no longer be used ({loaded.reason}): put it back, or begin a new run")

    def _load(self, photo: PlannedPhoto) -> ContentImage | Failure:
        return load_content(photo, self._paths[photo.sha256], self._pairs.size, self._pairs.fit)

    def _check(
        self, photos: list[PlannedPhoto], pool: Executor, on_progress: StageProgressCallback
    ) -> tuple[list[PairRecord], list[Failure]]:
        """Load all photos once; return a record of each usable photo, and the failures."""
        records, failures = [], []
        for done, (_, checking) in enumerate(submit_ahead(pool, self._record, photos, _PHOTOS_IN_FLIGHT), start=1):
            result = result_of(checking)
            if isinstance(result, Failure):
                failures.append(result)
            else:
                records.append(result)
            on_progress("checking photos", done, len(photos))
        return records, failures

    def _record(self, photo: PlannedPhoto) -> PairRecord | Failure:
        loaded = self._load(photo)
        if isinstance(loaded, Failure):
            return loaded
        return PairRecord(
            key=photo.key,
            source=photo.source,
            sha256=photo.sha256,
            split=photo.split,
            style=0,
            height_px=loaded.rgb.shape[0],
            width_px=loaded.rgb.shape[1],
        )


def _split(sha256: str, pairs: PairsConfig) -> Split:
    return assign_split(sha256, val_share=pairs.val_share, test_share=pairs.test_share)
