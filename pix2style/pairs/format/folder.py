"""Manage the folder that a pair set is written to: its paths, its lock, and which of its shards are finished."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pix2style.errors import DataError
from pix2style.files import locked, write_bytes
from pix2style.pairs.format.documents import read_document
from pix2style.pairs.format.manifest import (
    MANIFEST_NAME,
    PAINTINGS_NAME,
    PLAN_NAME,
    PREVIEW_NAME,
    SHARDS_NAME,
    TIMING_NAME,
    ShardIndex,
)
from pix2style.pairs.format.plan import PairPlan
from pix2style.pairs.format.plan_differences import plan_differences, settings_differences
from pix2style.pairs.format.records import PlannedPhoto
from pix2style.pairs.format.shard_names import SHARD_NAME
from pix2style.pairs.format.shard_summary import shard_statistics
from pix2style.pairs.format.shards import explain_write_errors

# Temporary files that `atomic_path` leaves behind when its process is killed.
_TEMPORARY_FILE = re.compile(rf"^\.(plan|manifest|{SHARD_NAME})\.json\..*\.partial$")
_SHOWN_FILES = 3


@dataclass(frozen=True, slots=True)
class PairSetFolder:
    """The folder of a pair set that is being made. Its methods take the names of shards, as plan and manifest say them.

    Attributes:
        path: Path of the folder, which need not exist yet.
    """

    path: Path

    @property
    def plan(self) -> Path:
        """Path of the plan, which is written first."""
        return self.path / PLAN_NAME

    @property
    def manifest(self) -> Path:
        """Path of the manifest, which is written last."""
        return self.path / MANIFEST_NAME

    @property
    def shards(self) -> Path:
        """Folder of the shards and their indexes."""
        return self.path / SHARDS_NAME

    @property
    def preview(self) -> Path:
        """Path of the sheet that shows the teacher's work on four photos."""
        return self.path / PREVIEW_NAME

    def tar(self, name: str) -> Path:
        """Return the path of a finished shard."""
        return self.shards / f"{name}.tar"

    def partial(self, name: str) -> Path:
        """Return the path of a shard that is being written."""
        return self.shards / f"{name}.tar.partial"

    def index(self, name: str) -> Path:
        """Return the path of a finished shard's index."""
        return self.shards / f"{name}.json"

    def timing(self, name: str) -> Path:
        """Return the path of the file that says how long a shard took."""
        return self.path / TIMING_NAME / f"{name}.json"

    @contextlib.contextmanager
    def locked(self, *, shared: bool = False) -> Iterator[None]:
        """Create the folder if necessary, and lock out other processes during the block.

        The lock is on the folder itself. It leaves no lock file behind, and the system releases it when the process
        ends in any way.

        Args:
            shared: Allow other processes in the folder if they share the lock too; they write other shards.

        Raises:
            DataError: Another process has locked the folder, or it cannot be created.
        """
        with explain_write_errors(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
        busy = DataError(f"{self.path}: another make-pairs is writing there: wait for it, or choose another folder")
        with locked(self.path, busy, shared=shared):
            yield

    def prepare(self, plan: PairPlan, *, exclusive: bool = True) -> None:
        """Check that the folder holds this set or is empty, and write the plan if it is missing.

        Call it only while the folder is locked.

        Args:
            plan: Plan of the set.
            exclusive: No other process works in the folder, so temporary files in it are left over from killed
                processes and are deleted.

        Raises:
            DataError: See `check_plan`; or the folder cannot be written.
        """
        self.check_plan(plan)
        with explain_write_errors(self.path):
            if exclusive:
                self.remove_temporary_files()
            if not self.plan.exists():
                write_bytes(self.plan, plan.model_dump_json(indent=1).encode())
            self.shards.mkdir(exist_ok=True)

    def remove_temporary_files(self) -> None:
        """Delete what killed processes have left. Call it only while no other process works in the folder."""
        with explain_write_errors(self.path):
            for folder in (self.path, self.shards, self.path / TIMING_NAME):
                for temporary in _temporary_files(folder):
                    temporary.unlink(missing_ok=True)

    def check_plan(self, plan: PairPlan, *, only_settings: bool = False) -> None:
        """Check that the folder holds the set of this plan, or is empty or missing; nothing is written.

        Args:
            plan: Plan of the set.
            only_settings: Compare teachers and settings alone: the photos are not known yet.

        Raises:
            DataError: The folder holds another pair set (the message says what differs) or other files.
        """
        if not self.path.exists():
            return
        if not self.path.is_dir():
            raise DataError(f"{self.path}: is a file: choose a folder")
        # Listed before the plan is looked for: at any moment, another part may write the plan, and after it the rest.
        names = sorted(
            path.name for path in self.path.iterdir() if not path.name.startswith(".") and path.name != PREVIEW_NAME
        )
        if self.plan.exists():
            compare = settings_differences if only_settings else plan_differences
            differences = compare(read_document(PairPlan, self.plan)[0], plan)
            if differences:
                raise DataError(
                    f"{self.path}: holds another pair set: {'; '.join(differences)}."
                    " Choose another folder, or delete this one to make a new set"
                )
        elif names:
            shown = ", ".join(names[:_SHOWN_FILES]) + (", ..." if len(names) > _SHOWN_FILES else "")
            raise DataError(f"{self.path}: holds other files ({shown}): choose an empty or a new folder")

    def read_finished_shard(self, shard: int, plan: PairPlan) -> ShardIndex | None:
        """Return the index of a shard, or None if the shard is not finished or does not fit the plan.

        The digest of the tar file is not computed, because that would read the whole set at every resume.
        """
        try:
            index, _ = read_document(ShardIndex, self.index(plan.shard_names[shard]))
            size_bytes = self.tar(plan.shard_names[shard]).stat().st_size
        except (DataError, OSError):
            return None
        photos = plan.photos_of_shard(shard)
        if index.shard != shard or index.size != size_bytes or not _fits_plan(index, photos, plan):
            return None
        members = [member for pair in index.pairs for member in (pair.content, pair.target)]
        if any(member.offset + member.size > size_bytes for member in members):
            return None
        statistics = shard_statistics(len(photos), index.pairs, index.failures, crop_px=plan.crop_px)
        return index if index.statistics == statistics else None

    def reopen_shard(self, name: str) -> Path:
        """Return the partial file of a shard for appending; a shard without a valid index becomes partial again."""
        with explain_write_errors(self.partial(name)):
            # The index goes first: if the process is killed here, no index must describe a file that changes.
            self.index(name).unlink(missing_ok=True)
            if self.tar(name).exists():
                self.tar(name).replace(self.partial(name))
        return self.partial(name)

    def remove_all(self, names: Iterable[str]) -> None:
        """Delete all files of the set.

        Args:
            names: Names of the set's shards.
        """
        with explain_write_errors(self.path):
            for name in names:
                for path in (self.tar(name), self.partial(name), self.index(name), self.timing(name)):
                    path.unlink(missing_ok=True)
            self.manifest.unlink(missing_ok=True)
            self.plan.unlink(missing_ok=True)
            self.preview.unlink(missing_ok=True)
            for painting in (self.path / PAINTINGS_NAME).glob("*"):
                painting.unlink()
            for folder in (self.shards, self.path / TIMING_NAME, self.path / PAINTINGS_NAME):
                with contextlib.suppress(OSError):
                    folder.rmdir()


def _fits_plan(index: ShardIndex, photos: Sequence[PlannedPhoto], plan: PairPlan) -> bool:
    """Return whether the index holds exactly the planned pairs, except those for which it holds a failure."""
    # Source and digest together identify a photo or variant: a variant has the digest of its photo.
    indexed = {(pair.source, pair.sha256, pair.style): (pair.key, pair.split, pair.shard) for pair in index.pairs}
    planned = {
        (photo.source, photo.sha256, pair.style): (pair.key, photo.split, photo.shard)
        for photo in photos
        for pair in plan.pairs_of_photo(photo)
    }
    failed_pairs = {(failure.source, failure.sha256, failure.style) for failure in index.failures}
    failed_photos = {(source, sha256) for source, sha256, style in failed_pairs if style is None}
    failed = {pair for pair in planned if pair[:2] in failed_photos or pair in failed_pairs}
    complete = indexed.keys() | failed == planned.keys() and not indexed.keys() & failed
    return complete and indexed.items() <= planned.items() and len(indexed) == len(index.pairs)


def _temporary_files(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if _TEMPORARY_FILE.match(path.name)] if folder.is_dir() else []
