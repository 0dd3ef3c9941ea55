"""Make shards on a Ray cluster (https://docs.ray.io).

One shard is one task that may be repeated. A worker or a whole machine may die at any moment; another worker then
resumes the shard, and the bytes come out the same. All machines need pix2style, and the photos and the folder of the
pair set under the same paths (a shared file system).
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pix2style.errors import ArtifactError
from pix2style.pairs.build.engines.local import PairsDoneCallback
from pix2style.pairs.build.engines.ray_worker import PhotoPaths, ShardWorker, TeacherLoader, WorkerError
from pix2style.pairs.format.folder import PairSetFolder
from pix2style.pairs.format.plan import PairPlan
from pix2style.pairs.format.shard_summary import ShardSummary
from pix2style.plural import counted
from pix2style.ray_connection import ray_connection

# A shard at which so many workers died will kill the next one too, most likely because it needs too much memory.
_MAX_WORKER_DEATHS = 5
# Key for workers that die before they have a shard.
_WHILE_LOADING = -1
# Time to load a network, or to wait for a machine that an autoscaler starts.
_START_TIMEOUT_S = 900.0


@dataclass(frozen=True, slots=True)
class RayCluster:
    """Options of a Ray cluster.

    Attributes:
        teacher_loader: Loads the teachers in each worker.
        address: Address of a running cluster (`auto` finds one on this machine), or None to start one on this machine.
        workers: Number of workers, or None for as many as the processors allow.
        cpus_per_worker: Number of processors for each worker.
        gpus_per_worker: Number of GPUs for each worker; workers share a GPU if it is a fraction.
    """

    teacher_loader: TeacherLoader
    address: str | None = None
    workers: int | None = None
    cpus_per_worker: float = 1.0
    gpus_per_worker: float = 0.0


@dataclass(slots=True)
class ClusterEngine:
    """Distributes shards to workers, and again to other workers if some die.

    Attributes:
        cluster: Options of the cluster.
        folder: Folder of the pair set, which this process has locked.
        plan: Plan of the pair set.
        paths: Paths of all photos, which are the same on all machines.
        batch: Number of photos that a teacher stylizes at once.
        on_pairs_done: Called after every shard.
    """

    cluster: RayCluster
    folder: PairSetFolder
    plan: PairPlan
    paths: PhotoPaths
    batch: int
    on_pairs_done: PairsDoneCallback
    _ray: Any = field(default=None, init=False)
    # Workers that are starting, by the reference that tells when they are ready.
    _starting: dict[Any, Any] = field(default_factory=dict, init=False)
    _idle: list[Any] = field(default_factory=list, init=False)
    # Worker and shard of each running task.
    _running: dict[Any, tuple[Any, int]] = field(default_factory=dict, init=False)
    _deaths: Counter[int] = field(default_factory=Counter, init=False)

    def make(self, shards: Sequence[int]) -> Iterator[ShardSummary]:
        """Make the shards with these numbers.

        Yields:
            Each shard when it is finished, in the order of finishing.

        Raises:
            MissingExtraError: Ray is not installed.
            ArtifactError: The cluster cannot be reached, or its workers die repeatedly.
            DataError: A worker could not read a photo or write a shard.
        """
        if not shards:
            return
        with ray_connection(self.cluster.address) as self._ray:
            try:
                yield from self._make(deque(shards))
            finally:
                self._stop_workers()

    def _make(self, waiting: deque[int]) -> Iterator[ShardSummary]:
        self._start_workers(len(waiting))
        while waiting or self._running:
            while waiting and self._idle:
                self._assign(self._idle.pop(), waiting.popleft())
            summary = self._wait_for_event(waiting)
            if summary is not None:
                self.on_pairs_done(self.plan.pair_count_of_shard(summary.number))
                yield summary

    def _start_workers(self, shards: int) -> None:
        processors = self._ray.cluster_resources().get("CPU", 1.0)
        workers = self.cluster.workers or max(1, int(processors // max(self.cluster.cpus_per_worker, 0.01)))
        for _ in range(min(workers, shards)):
            self._start_worker()

    def _start_worker(self) -> None:
        """Start a worker; it gets a shard only once it runs, because a lost machine may leave no room for it."""
        options = {"num_cpus": self.cluster.cpus_per_worker, "num_gpus": self.cluster.gpus_per_worker}
        remote = self._ray.remote(**options)(ShardWorker)
        worker = remote.remote(self.cluster.teacher_loader, self.folder.path.absolute(), self.batch)
        self._starting[worker.ready.remote()] = worker

    def _assign(self, worker: Any, shard: int) -> None:
        photos = {(photo.file_name, photo.sha256) for photo in self.plan.photos_of_shard(shard)}
        paths = {photo: self.paths[photo].absolute() for photo in photos if photo in self.paths}
        self._running[worker.make.remote(shard, paths)] = (worker, shard)

    def _wait_for_event(self, waiting: deque[int]) -> ShardSummary | None:
        """Wait until a shard is finished, and return it; return None if a worker has started or died instead."""
        done, _ = self._ray.wait(
            [*self._running, *self._starting], num_returns=1, timeout=None if self._running else _START_TIMEOUT_S
        )
        if not done:
            raise ArtifactError(
                f"no worker could start on the cluster within {_START_TIMEOUT_S:.0f} s: it has no machine with"
                f" {self.cluster.cpus_per_worker:g} free processors and {self.cluster.gpus_per_worker:g} free GPUs"
            )
        if done[0] in self._starting:
            self._finish_start(done[0])
            return None
        return self._finish_task(done[0], waiting)

    def _finish_start(self, started: Any) -> None:
        worker = self._starting.pop(started)
        try:
            self._ray.get(started)
        except self._ray.exceptions.RayActorError as error:
            self._count_death(_WHILE_LOADING, f"loading the teacher ({error})")
            self._start_worker()
        else:
            self._idle.append(worker)

    def _finish_task(self, task: Any, waiting: deque[int]) -> ShardSummary | None:
        worker, shard = self._running.pop(task)
        try:
            result = self._ray.get(task)
        except self._ray.exceptions.RayActorError as error:
            # The worker died. Its shard is resumed first, and a new worker takes its place.
            self._count_death(shard, f"making shard {shard} ({error})")
            waiting.appendleft(shard)
            self._start_worker()
            return None
        self._idle.append(worker)
        if isinstance(result, WorkerError):
            raise result.to_exception()
        summary: ShardSummary = result
        return summary

    def _count_death(self, shard: int, activity: str) -> None:
        self._deaths[shard] += 1
        if self._deaths[shard] >= _MAX_WORKER_DEATHS:
            raise ArtifactError(
                f"{counted(self._deaths[shard], 'worker')} died while {activity}: read Ray's logs; a smaller"
                " pairs.batch or size needs less memory. Finished pairs, if there are any, are kept"
            )

    def _stop_workers(self) -> None:
        for worker in [*self._idle, *self._starting.values(), *(worker for worker, _ in self._running.values())]:
            self._ray.kill(worker)
