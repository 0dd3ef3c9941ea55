"""Make shards in a worker process of a Ray cluster."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pix2style.errors import ArtifactError, DataError, Pix2StyleError
from pix2style.pairs.build.engines.local import LocalEngine
from pix2style.pairs.build.stylize import PairStylizer, worker_threads
from pix2style.pairs.format.documents import read_document
from pix2style.pairs.format.folder import PairSetFolder
from pix2style.pairs.format.plan import PairPlan, teacher_record
from pix2style.pairs.format.shard_summary import ShardSummary
from pix2style.pairs.format.shards import ShardBusyError
from pix2style.stylizer import Stylizer

# When a machine loses its connection, the file system releases the lock of its worker only after a while: NFS within 90
# seconds.
_LOCK_TIMEOUT_S = 120.0
_LOCK_RETRY_S = 2.0
PhotoPaths = Mapping[tuple[str, str], Path]
"""Path of a photo's file for each name and SHA-256."""


class TeacherLoader(Protocol):
    """Loads the teachers on any machine; it is sent to the workers in place of the teachers."""

    def load(self) -> Sequence[Stylizer]:
        """Load the teachers of all styles, in the order of the styles' ids."""


@dataclass(frozen=True, slots=True)
class WorkerError:
    """An error of a worker in a form that can be sent to the process that started the work.

    Attributes:
        message: Message of the error.
        exit_code: Exit code of the error's class.
    """

    message: str
    exit_code: int

    @classmethod
    def from_exception(cls, error: Pix2StyleError) -> WorkerError:
        """Convert an exception."""
        return cls(str(error), error.exit_code)

    def to_exception(self) -> Pix2StyleError:
        """Convert back to an exception."""
        error_class = ArtifactError if self.exit_code == ArtifactError.exit_code else DataError
        return error_class(self.message)


class ShardWorker:
    """Load the teachers once, then make shards.

    Args:
        teacher_loader: Loads the teachers.
        folder: Folder of the pair set. The plan is read from there.
        batch: Number of photos that a teacher stylizes at once.
    """

    def __init__(self, teacher_loader: TeacherLoader, folder: Path, batch: int) -> None:
        self._folder, self._batch = PairSetFolder(folder), batch
        # An exception in the constructor would look like the death of the worker, and it would be started again.
        self._load_error: WorkerError | None = None
        try:
            self._plan, _ = read_document(PairPlan, self._folder.plan)
            self._teachers = list(teacher_loader.load())
            records = tuple(teacher_record(teacher.identity) for teacher in self._teachers)
            if records != self._plan.teachers:
                raise ArtifactError(
                    "a worker loaded another teacher than the one that the plan names: put the same network and"
                    " style images on all machines"
                )
        except Pix2StyleError as error:
            self._load_error = WorkerError.from_exception(error)

    def ready(self) -> None:
        """Return when the teachers are loaded."""

    def make(self, shard: int, paths: PhotoPaths) -> ShardSummary | WorkerError:
        """Make one shard.

        Expected errors are returned instead of raised, because exceptions do not survive being sent between processes
        unchanged.

        Args:
            shard: Number of the shard.
            paths: Paths of the shard's photos.
        """
        if self._load_error is not None:
            return self._load_error
        deadline = time.monotonic() + _LOCK_TIMEOUT_S
        while True:
            try:
                return self._make(shard, paths)
            except ShardBusyError as error:
                # The shard may still be locked by a worker that died a moment ago.
                if time.monotonic() > deadline:
                    return WorkerError.from_exception(error)
                time.sleep(_LOCK_RETRY_S)
            except Pix2StyleError as error:
                return WorkerError.from_exception(error)

    def _make(self, shard: int, paths: PhotoPaths) -> ShardSummary:
        with worker_threads() as pool:
            pair_stylizer = PairStylizer(self._teachers, self._plan, paths, pool)
            engine = LocalEngine(self._folder, self._plan, pair_stylizer, self._batch, lambda _pairs: None)
            [summary] = engine.make([shard])
        return summary
