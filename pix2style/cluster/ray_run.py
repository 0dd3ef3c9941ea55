"""Stylize photos with Ray Data (https://docs.ray.io): a task lists them in batches, and actors stylize the batches.

An actor is one worker with one stylizer. If an actor or its machine dies, the actor is started again where a processor
is free, and its batches are repeated, which gives the same bytes. If no processor is free, these batches come last.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pix2style.cluster.photo_batches import ListedPhoto, PhotoBatch, list_batches
from pix2style.cluster.photo_result import BatchResult
from pix2style.cluster.photo_worker import ClusterJob, OutputChecker, PhotoWorker
from pix2style.cluster.place import Place
from pix2style.errors import ArtifactError, ConfigError, Pix2StyleError, require
from pix2style.plural import counted
from pix2style.ray_connection import ray_connection

# A photo at which so many workers died would probably kill the next one, too. A single death may be that of a machine.
_MOST_DEATHS = 2
_PHOTOS, _RESULT = "photos", "result"  # columns of Ray Data
_Rows = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RayOptions:
    """Where and how the work is distributed.

    Attributes:
        address: Address of a running cluster (`auto` finds one on this machine), or None to start one on this machine.
        workers: Number of workers; None for as many as the processors or GPUs of the cluster allow.
        cpus_per_worker: Number of processors for each worker.
        gpus_per_worker: Number of GPUs for each worker; workers share a GPU if it is a fraction.
        photos_per_task: Number of photos that a worker stylizes in a row, and that are repeated if it dies.

    Raises:
        ConfigError: A value is out of its range.
    """

    address: str | None = None
    workers: int | None = None
    cpus_per_worker: float = 1.0
    gpus_per_worker: float = 0.0
    photos_per_task: int = 32

    def __post_init__(self) -> None:
        for option, value, least in (
            ("--workers", self.workers, 1),
            ("--photos-per-task", self.photos_per_task, 1),
            ("--cpus-per-worker", self.cpus_per_worker, 0.01),
            ("--gpus-per-worker", self.gpus_per_worker, 0),
        ):
            if value is not None and not least <= value < float("inf"):
                raise ConfigError(f"{option} {value:g}: give a number from {least:g} on")


@contextlib.contextmanager
def running_on_ray(
    job: ClusterJob, options: RayOptions, *, results: str | None, recursive: bool, compare: bool
) -> Iterator[tuple[Iterator[BatchResult], Iterator[BatchResult]]]:
    """Yield two iterators: the results of photos whose outputs exist, and then those of the photos to stylize.

    Args:
        job: What to do.
        options: Where and how the work is distributed.
        results: Folder inside the source that the outputs go to; None if they go elsewhere.
        recursive: Whether subfolders are searched.
        compare: Whether there may be outputs to keep. If not, the first iterator is empty. It has to be used up before
            the second one.

    Raises:
        MissingExtraError: Ray is not installed.
        ArtifactError: The cluster cannot be reached, or has no machine for a worker.
    """
    # Ray's core prints as an error what Ray Data does each time (issue 53727). What matters comes as an exception.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    with ray_connection(options.address, "ray.data") as ray, _settings(ray):
        pool = _pool(ray, options)
        photos = ray.data.from_items([0]).map_batches(
            functools.partial(_list, job.source, options.photos_per_task, results, recursive),
            batch_size=1,
            num_cpus=0,  # workers may have all processors
        )
        compared: Iterator[BatchResult] = iter(())
        if compare:
            photos = photos.map_batches(_CheckActor, fn_constructor_args=(job,), batch_size=1, **pool).materialize()
            compared = _results(photos)
        journal = _start_journal(ray)
        stylized = photos.map_batches(_StylizeActor, fn_constructor_args=(job, journal), batch_size=1, **pool)
        yield compared, _results(stylized)


def _results(rows: Any) -> Iterator[BatchResult]:
    for row in rows.iter_rows():
        result = BatchResult.from_json(row[_RESULT])
        result.check()
        yield result


@contextlib.contextmanager
def _settings(ray: Any) -> Iterator[None]:
    """Put each row, which is a batch of photos, into a block of its own, and print no progress bars and remarks."""
    context, logger = ray.data.DataContext.get_current(), logging.getLogger("ray.data")
    before = (context.target_max_block_size, context.enable_progress_bars, logger.level)
    context.target_max_block_size, context.enable_progress_bars = 1, False
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        context.target_max_block_size, context.enable_progress_bars, level = before
        logger.setLevel(level)


def _pool(ray: Any, options: RayOptions) -> dict[str, Any]:
    """Return the arguments of `map_batches` for the workers."""
    needs = {"CPU": options.cpus_per_worker, "GPU": options.gpus_per_worker}
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    fit = [min(int(machine.get(kind, 0) / need) for kind, need in needs.items() if need) for machine in machines]
    if not sum(fit):
        raise ArtifactError(
            f"--cpus-per-worker {options.cpus_per_worker:g} --gpus-per-worker {options.gpus_per_worker:g}: no machine"
            " of the cluster has as many: give smaller numbers, or add machines"
        )
    workers = ray.data.ActorPoolStrategy(size=options.workers or sum(fit))
    return {"compute": workers, "num_cpus": options.cpus_per_worker, "num_gpus": options.gpus_per_worker or None}


def _start_journal(ray: Any) -> Any:
    """Start the journal on this machine: if this machine dies, the work ends in any case."""
    [scheduling] = require("ray", "ray.util.scheduling_strategies")
    here = scheduling.NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return ray.remote(num_cpus=0, scheduling_strategy=here)(_Journal).remote()


def _list(source: Place, photos_per_task: int, results: str | None, recursive: bool, _rows: _Rows) -> Iterator[_Rows]:
    """Yield a row for each batch of photos."""
    for batch in list_batches(source, photos_per_task, results=results, recursive=recursive):
        yield {_PHOTOS: [batch.to_json()]}


class _Journal:
    """Counts, in one process for all workers, how often work has begun without being finished."""

    def __init__(self) -> None:
        self._begun: Counter[str] = Counter()

    def begin(self, work: str) -> int:
        """Note that work begins, and return how often it has begun before without being finished."""
        self._begun[work] += 1
        return self._begun[work] - 1

    def finish(self, work: str) -> None:
        """Note that work is finished."""
        del self._begun[work]


class _CheckActor:
    """Compares outputs that exist."""

    def __init__(self, job: ClusterJob) -> None:
        self._checker = OutputChecker(job)

    def __call__(self, rows: _Rows) -> _Rows:
        pairs = [self._checker.check(PhotoBatch.from_json(text)) for text in rows[_PHOTOS]]
        return {
            _PHOTOS: [remaining.to_json() for remaining, _ in pairs],
            _RESULT: [result.to_json() for _, result in pairs],
        }


class _StylizeActor:
    """A worker with its stylizer."""

    def __init__(self, job: ClusterJob, journal: Any) -> None:
        [self._ray] = require("ray", "ray")
        self._journal = journal
        # Ray would take an exception in the constructor for the death of the worker, and start it again.
        self._error: Pix2StyleError | None = None
        try:
            self._worker = PhotoWorker(job)
        except Pix2StyleError as error:
            self._error = error

    def __call__(self, rows: _Rows) -> _Rows:
        return {_RESULT: [self._stylize(PhotoBatch.from_json(text)).to_json() for text in rows[_PHOTOS]]}

    def _stylize(self, batch: PhotoBatch) -> BatchResult:
        if self._error is not None:
            return BatchResult.of_error(self._error)
        if not batch.photos:
            return BatchResult(left_out=batch.left_out)
        work = f"batch {batch.photos[0].name}"
        try:
            if self._begin(work) == 0:
                result = self._worker.stylize(batch)
            else:  # a worker died at it: find out whether one of the photos kills workers
                trial = _Trial(self._begin, self._finish)
                result = self._worker.stylize(batch, trial.may_begin)
                trial.end()
        except Pix2StyleError as error:
            return BatchResult.of_error(error)
        self._finish(work)
        return result

    def _begin(self, work: str) -> int:
        return int(self._ray.get(self._journal.begin.remote(work)))

    def _finish(self, work: str) -> None:
        self._journal.finish.remote(work)


class _Trial:
    """Tries the photos of a batch one by one after a worker died at the batch."""

    def __init__(self, begin: Callable[[str], int], finish: Callable[[str], None]) -> None:
        self._begin, self._finish = begin, finish
        self._photo: str | None = None

    def may_begin(self, photo: ListedPhoto) -> str:
        """Note that a photo begins. Return why it must not be tried, if workers died at it; else an empty text."""
        self.end()
        deaths = self._begin(photo.name)
        self._photo = photo.name
        if deaths < _MOST_DEATHS:
            return ""
        return f"{counted(deaths + 1, 'worker')} died while stylizing it: it may need too much memory, or be damaged"

    def end(self) -> None:
        """Note that the last photo is finished."""
        if self._photo is not None:
            self._finish(self._photo)
        self._photo = None
