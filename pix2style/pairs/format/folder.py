"""The folder that a pair set grows in: whose it is, what is finished in it, and that only one process works there."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pix2style.errors import DataError
from pix2style.files import locked, write_bytes
from pix2style.pairs.format.documents import read_document
from pix2style.pairs.format.manifest import (
    MANIFEST_NAME,
    PLAN_NAME,
    SHARDS_NAME,
    TIMING_NAME,
    PlannedPhoto,
    ShardIndex,
)
from pix2style.pairs.format.plan import PairPlan, plan_differences
from pix2style.pairs.format.shards import explained_write_errors, shard_name
from pix2style.pairs.format.statistics import statistics_of

# What atomic_path leaves behind when it is killed.
_LEFTOVER = re.compile(r"^\.(plan|manifest|shard-\d{5})\.json\..*\.partial$")
_SHOWN_FILES = 3


@dataclass(frozen=True, slots=True)
class PairSetFolder:
    """The paths of a pair set.

    Attributes:
        path: the folder, which need not exist.
    """

    path: Path

    @property
    def plan(self) -> Path:
        """Written first."""
        return self.path / PLAN_NAME

    @property
    def manifest(self) -> Path:
        """Written last."""
        return self.path / MANIFEST_NAME

    @property
    def shards(self) -> Path:
        """The folder of tar files and indexes."""
        return self.path / SHARDS_NAME

    def tar(self, number: int) -> Path:
        """A finished shard."""
        return self.shards / f"{shard_name(number)}.tar"

    def partial(self, number: int) -> Path:
        """A shard that is being written."""
        return self.shards / f"{shard_name(number)}.tar.partial"

    def index(self, number: int) -> Path:
        """A finished shard's index."""
        return self.shards / f"{shard_name(number)}.json"

    def timing(self, number: int) -> Path:
        """How long a shard took."""
        return self.path / TIMING_NAME / f"{shard_name(number)}.json"

    @contextlib.contextmanager
    def locked(self, *, shared: bool = False) -> Iterator[None]:
        """Make the folder if need be, and keep other processes out of it.

        The lock is on the folder itself: it leaves no file behind, and the system drops it when the process dies.

        Args:
            shared: other processes may work there as well, on other shards, if they share it too.

        Raises:
            DataError: another process works there, or the folder cannot be made.
        """
        with explained_write_errors(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
        busy = DataError(f"{self.path}: another make-pairs is writing there: wait for it, or choose another folder")
        with locked(self.path, busy, shared=shared):
            yield

    def open(self, plan: PairPlan, *, alone: bool = True) -> None:
        """Take up the set that is there, or begin it. Only while claimed.

        Args:
            plan: the set.
            alone: no other process works there, so that what a killed one left half-written can be removed.
        """
        self.check(plan)
        with explained_write_errors(self.path):
            for folder in (self.path, self.shards, self.path / TIMING_NAME) if alone else ():
                for leftover in _leftovers(folder):
                    leftover.unlink()
            if not self.plan.exists():
                write_bytes(self.plan, plan.model_dump_json(indent=1).encode())
            self.shards.mkdir(exist_ok=True)

    def check(self, plan: PairPlan) -> None:
        """Changes nothing.

        Raises:
            DataError: the folder holds another pair set (says what differs) or other files.
        """
        if not self.path.exists():
            return
        if not self.path.is_dir():
            raise DataError(f"{self.path}: is a file: choose a folder")
        if self.plan.exists():
            differing = plan_differences(read_document(PairPlan, self.plan)[0], plan)
            if differing:
                raise DataError(
                    f"{self.path}: holds another pair set: {'; '.join(differing)}."
                    " Choose another folder, or delete this one to make the set anew"
                )
            return
        others = sorted(path.name for path in self.path.iterdir() if not path.name.startswith("."))
        if others:
            shown = ", ".join(others[:_SHOWN_FILES]) + (", ..." if len(others) > _SHOWN_FILES else "")
            raise DataError(f"{self.path}: holds other files ({shown}): choose an empty or a new folder")

    def finished_shard(self, number: int, plan: PairPlan) -> ShardIndex | None:
        """A shard's index if the shard is whole and holds what the plan wants, else None."""
        try:
            index, _ = read_document(ShardIndex, self.index(number))
            size_bytes = self.tar(number).stat().st_size
        except (DataError, OSError):
            return None
        same = index.shard == number and index.size == size_bytes and _accounts_for(index, plan.shard(number), plan)
        members = (member for pair in index.pairs for member in (pair.content, pair.target))
        if not (same and all(one.offset + one.size <= size_bytes for one in members)):
            return None
        figures = statistics_of(len(plan.shard(number)), index.pairs, index.failures, plan)
        return index if index.statistics == figures else None

    def reopen_shard(self, number: int) -> Path:
        """The partial file to go on with; a shard without a valid index becomes partial again."""
        with explained_write_errors(self.partial(number)):
            self.index(number).unlink(missing_ok=True)
            if self.tar(number).exists():
                self.tar(number).replace(self.partial(number))
        return self.partial(number)

    def remove_all(self, shards: int) -> None:
        """Take back what was written: nothing in it is of use."""
        with explained_write_errors(self.path):
            for number in range(shards):
                for path in (self.tar(number), self.partial(number), self.index(number), self.timing(number)):
                    path.unlink(missing_ok=True)
            self.manifest.unlink(missing_ok=True)
            self.plan.unlink(missing_ok=True)
            for folder in (self.shards, self.path / TIMING_NAME):
                with contextlib.suppress(OSError):
                    folder.rmdir()


def _accounts_for(index: ShardIndex, photos: Sequence[PlannedPhoto], plan: PairPlan) -> bool:
    """Whether each planned pair is there as it was planned, or a failure says why not, and nothing else is."""
    # Source and digest together tell photos apart: a variant has its photo's digest.
    there = {(pair.source, pair.sha256, pair.style): (pair.key, pair.split, pair.shard) for pair in index.pairs}
    planned = {
        (photo.source, photo.sha256, pair.style): (pair.key, photo.split, photo.shard)
        for photo in photos
        for pair in plan.pairs(photo)
    }
    failed = {(failure.source, failure.sha256, failure.style) for failure in index.failures}
    unread = {(source, sha256) for source, sha256, style in failed if style is None}
    without = {pair for pair in planned if pair[:2] in unread or pair in failed}
    complete = there.keys() | without == planned.keys() and not there.keys() & without
    return complete and there.items() <= planned.items() and len(there) == len(index.pairs)


def _leftovers(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if _LEFTOVER.match(path.name)] if folder.is_dir() else []
