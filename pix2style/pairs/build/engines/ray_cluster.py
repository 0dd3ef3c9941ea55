"""The cluster engine: shards made by Ray, an existing distributed engine (https://docs.ray.io). The only user of Ray.

One shard is one task that may be repeated: a worker or a whole machine may die at any moment, another one takes the
shard up where it was, and the bytes come out the same. All machines need pix2style, the photos and the pair set's
folder under the same paths (a shared file system).
"""

from __future__ import annotations

import os
import socket
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pix2style.errors import ArtifactError, DataError, Pix2StyleError, require
from pix2style.pairs.build.engines.local import LocalEngine, OnPairs
from pix2style.pairs.build.shard_builder import ShardSummary
from pix2style.pairs.build.stylize import PairStylizer, threads
from pix2style.pairs.format.documents import read_document
from pix2style.pairs.format.folder import PairSetFolder
from pix2style.pairs.format.plan import PairPlan, teacher_record
from pix2style.pairs.format.shards import ShardBusyError
from pix2style.stylizer import Stylizer

# A shard that has cost so many workers their lives will cost the next one its life too (memory, most likely).
_MOST_ATTEMPTS = 5
# Loading a network, or waiting for a machine that an autoscaler brings.
_START_PATIENCE_S = 900.0
_ANSWER_PATIENCE_S = 10.0
# The lock of a worker whose machine was cut off falls when the file system notices: NFS within 90 seconds.
_LOCK_PATIENCE_S = 120.0
_LOCK_STEP_S = 2.0
Paths = Mapping[tuple[str, str], Path]


class Recipe(Protocol):
    """How to load the teachers on any machine; it travels, they do not."""

    def load(self) -> Sequence[Stylizer]:
        """The teachers, one for each style."""


@dataclass(frozen=True, slots=True)
class RayCluster:
    """Where and how widely to work.

    Attributes:
        recipe: loads the teachers in each worker.
        address: of a running Ray cluster (`auto`: the one of this machine); None: begin one on this machine.
        workers: how many; None: as many as there are processors for.
        cpus_per_worker: processors that each one gets.
        gpus_per_worker: graphics processors that each one gets; a fraction shares one.
    """

    recipe: Recipe
    address: str | None = None
    workers: int | None = None
    cpus_per_worker: float = 1.0
    gpus_per_worker: float = 0.0


class ShardWorker:
    """What runs in a worker: loads the teachers once, then makes shards.

    Args:
        recipe: of the teachers.
        folder: of the pair set; its plan is read from there.
        batch: photos painted at once.
    """

    def __init__(self, recipe: Recipe, folder: Path, batch: int) -> None:
        self._folder, self._batch = PairSetFolder(folder), batch
        self._problem: Refusal | None = None
        try:
            self._plan, _ = read_document(PairPlan, self._folder.plan)
            self._teachers = list(recipe.load())
            records = tuple(teacher_record(teacher.identity) for teacher in self._teachers)
            if records != self._plan.teachers:
                raise ArtifactError(
                    "a worker loaded another teacher than the one that the plan names: put the same network and"
                    " paintings on all machines"
                )
        except Pix2StyleError as error:
            self._problem = Refusal.of(error)

    def ready(self) -> None:
        """Returns when the teachers are loaded."""

    def make(self, number: int, paths: Paths) -> ShardSummary | Refusal:
        """Make one shard; errors for people are handed back, because exceptions do not travel well."""
        if self._problem is not None:
            return self._problem
        deadline = time.monotonic() + _LOCK_PATIENCE_S
        while True:
            try:
                return self._make(number, paths)
            except ShardBusyError as error:
                if time.monotonic() > deadline:
                    return Refusal.of(error)
                time.sleep(_LOCK_STEP_S)
            except Pix2StyleError as error:
                return Refusal.of(error)

    def _make(self, number: int, paths: Paths) -> ShardSummary:
        with threads() as pool:
            painter = PairStylizer(self._teachers, self._plan, paths, pool)
            engine = LocalEngine(self._folder, self._plan, painter, self._batch, lambda _pairs: None)
            [summary] = engine.make([number])
        return summary


def _check_answers(address: str | None) -> None:
    """Raise OSError if nobody listens: Ray tries for minutes, and then ends the process."""
    host, colon, port = (address or "").rpartition(":")
    if colon and "://" not in host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=_ANSWER_PATIENCE_S).close()


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error, ready to travel."""

    message: str
    exit_code: int

    @classmethod
    def of(cls, error: Pix2StyleError) -> Refusal:
        """What to say of an error."""
        return cls(str(error), error.exit_code)

    def raised(self) -> Pix2StyleError:
        """The error, for this process."""
        kind = ArtifactError if self.exit_code == ArtifactError.exit_code else DataError
        return kind(self.message)


@dataclass(slots=True)
class ClusterEngine:
    """Hands shards to workers, and again to others when workers die.

    Attributes:
        cluster: where.
        folder: of the set, which this process has claimed.
        plan: of the set.
        paths: of the photos, the same on all machines.
        batch: photos painted at once.
        on_pairs: told of every shard.
    """

    cluster: RayCluster
    folder: PairSetFolder
    plan: PairPlan
    paths: Paths
    batch: int
    on_pairs: OnPairs
    _ray: Any = field(default=None, init=False)
    _starting: dict[Any, Any] = field(default_factory=dict, init=False)
    _idle: list[Any] = field(default_factory=list, init=False)
    _running: dict[Any, tuple[Any, int]] = field(default_factory=dict, init=False)
    _deaths: Counter[int] = field(default_factory=Counter, init=False)

    def make(self, numbers: Sequence[int]) -> Iterator[ShardSummary]:
        """Make shards.

        Yields:
            Each of them, once it is finished, in the order of finishing.

        Raises:
            MissingExtraError: Ray is not installed.
            ArtifactError: the cluster cannot be reached, or its workers die again and again.
            DataError: a worker could not read or write.
        """
        if not numbers:
            return
        [self._ray] = require("ray", "ray")
        begun_here = self._connect()
        try:
            self._start_workers(len(numbers))
            waiting = deque(numbers)
            while waiting or self._running:
                while waiting and self._idle:
                    self._hand_out(self._idle.pop(), waiting.popleft())
                summary = self._next(waiting)
                if summary is not None:
                    self.on_pairs(self.plan.pair_count(int(summary.record.name.removeprefix("shard-"))))
                    yield summary
        finally:
            self._leave(shut_down=begun_here)

    def _connect(self) -> bool:
        """True if this process began or joined the cluster, and so should leave it."""
        if self._ray.is_initialized():
            return False
        # Ray would otherwise send statistics, and rebuild the environment of a driver that was started by uv.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
        where: dict[str, Any] = {"include_dashboard": False} if self.cluster.address is None else {}
        try:
            _check_answers(self.cluster.address)
            self._ray.init(address=self.cluster.address, log_to_driver=False, logging_level="error", **where)
        except (ConnectionError, ValueError, RuntimeError, OSError) as error:
            raise ArtifactError(
                f"--address {self.cluster.address}: no Ray cluster can be reached there ({error}): start one with"
                " ray start --head, or leave out --address to begin one on this machine"
            ) from error
        return True

    def _start_workers(self, shards: int) -> None:
        processors = self._ray.cluster_resources().get("CPU", 1.0)
        wanted = self.cluster.workers or max(1, int(processors // max(self.cluster.cpus_per_worker, 0.01)))
        for _ in range(min(wanted, shards)):
            self._start_worker()

    def _start_worker(self) -> None:
        """It gets a shard only once it runs: after a machine is lost there may be no place for it."""
        options = {"num_cpus": self.cluster.cpus_per_worker, "num_gpus": self.cluster.gpus_per_worker}
        remote = self._ray.remote(**options)(ShardWorker)
        worker = remote.remote(self.cluster.recipe, self.folder.path.absolute(), self.batch)
        self._starting[worker.ready.remote()] = worker

    def _hand_out(self, worker: Any, number: int) -> None:
        photos = {(photo.file, photo.sha256) for photo in self.plan.shard(number)}
        paths = {name: self.paths[name].absolute() for name in photos if name in self.paths}
        self._running[worker.make.remote(number, paths)] = (worker, number)

    def _next(self, waiting: deque[int]) -> ShardSummary | None:
        """The next shard that is finished; None if a worker has started or died instead."""
        done, _ = self._ray.wait(
            [*self._running, *self._starting], num_returns=1, timeout=None if self._running else _START_PATIENCE_S
        )
        if not done:
            raise ArtifactError(
                f"no worker could start on the cluster within {_START_PATIENCE_S:.0f} s: it has no machine with"
                f" {self.cluster.cpus_per_worker:g} free processors and {self.cluster.gpus_per_worker:g} free graphics"
                " processors"
            )
        if done[0] in self._starting:
            self._take_in(done[0])
            return None
        return self._collect(done[0], waiting)

    def _take_in(self, started: Any) -> None:
        worker = self._starting.pop(started)
        try:
            self._ray.get(started)
        except self._ray.exceptions.RayActorError as error:
            self._count_death(-1, f"loading the teacher ({error})")
            self._start_worker()
        else:
            self._idle.append(worker)

    def _collect(self, done: Any, waiting: deque[int]) -> ShardSummary | None:
        worker, number = self._running.pop(done)
        try:
            outcome = self._ray.get(done)
        except self._ray.exceptions.RayActorError as error:
            self._count_death(number, f"making shard {number} ({error})")
            waiting.appendleft(number)
            self._start_worker()
            return None
        self._idle.append(worker)
        if isinstance(outcome, Refusal):
            raise outcome.raised()
        summary: ShardSummary = outcome
        return summary

    def _count_death(self, number: int, doing: str) -> None:
        self._deaths[number] += 1
        if self._deaths[number] >= _MOST_ATTEMPTS:
            raise ArtifactError(
                f"{self._deaths[number]} workers died while {doing}: look into Ray's logs; a smaller pairs.batch or"
                " size needs less memory. Finished pairs are kept"
            )

    def _leave(self, *, shut_down: bool) -> None:
        for worker in [*self._idle, *self._starting.values(), *(worker for worker, _ in self._running.values())]:
            self._ray.kill(worker)
        if shut_down:
            self._ray.shutdown()
