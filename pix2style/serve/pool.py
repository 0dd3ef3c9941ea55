"""Give jobs to worker processes, first come first served, and replace workers that crash, hang or are killed.

The library pebble also has pools with time limits. It is not used for four reasons: its workers answer with pickles, by
which a worker that a hostile picture has taken over could run code in the front process; it does not say when a worker
has loaded its filter; it checks for crashed and late workers only every 0.1 s; and its queue has no limit. The sockets
of this pool are part of the asyncio loop, which notices at once that a worker has ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pix2style.errors import Pix2StyleError
from pix2style.serve.job_messages import answer_of, error_of, values_of
from pix2style.serve.jobs import (
    QueueFullError,
    StoppingError,
    StylizedAnswer,
    StylizeJob,
    TimeLimitError,
    WorkerLostError,
)
from pix2style.serve.limits import ServeLimits
from pix2style.serve.messages import ConnectionEndedError
from pix2style.serve.pool_counts import PoolCounts
from pix2style.serve.pool_task import PoolTask
from pix2style.serve.recent_jobs import RecentJobs
from pix2style.serve.served_filters import ServedFilters
from pix2style.serve.server_log import print_to_log
from pix2style.serve.worker_entry import WorkerSettings
from pix2style.serve.worker_process import WorkerProcess, describe_end

_LONGEST_PAUSE_S = 10.0
_MOST_FAILED_STARTS = 3
_END_S = 2.0


class WorkerPool:
    """Worker processes, and the jobs that wait for them. Everything here runs in the asyncio loop of the front process.

    Args:
        filters: The filters that jobs may name.
        limits: What a job may take.
        workers: Number of worker processes.
        threads: Threads of the filters in each of them.
        device: Where the filters run; see `runtime.devices`.
    """

    def __init__(
        self, filters: ServedFilters, limits: ServeLimits, *, workers: int, threads: int = 1, device: str = "cpu"
    ) -> None:
        self.filters, self.limits = filters, limits
        self._threads, self._device = threads, device
        self._counts = PoolCounts(workers=workers)
        self._waiting: deque[PoolTask] = deque()
        self._idle: list[WorkerProcess] = []
        self._working: dict[WorkerProcess, PoolTask] = {}
        self._lately = RecentJobs()
        self._keepers: list[asyncio.Task[None]] = []
        self._first: asyncio.Future[None] | None = None
        self._nothing_left = asyncio.Event()
        self._is_stopping = False

    @property
    def counts(self) -> PoolCounts:
        """The present numbers of jobs and workers."""
        queued, working = len(self._waiting), len(self._working)
        return replace(
            self._counts,
            in_flight=queued + working,
            queued=queued,
            workers_ready=len(self._idle) + working,
            worker_memory_bytes=max((worker.memory_bytes for worker in (*self._idle, *self._working)), default=0),
        )

    @property
    def worker_pids(self) -> tuple[int, ...]:
        """Ids of the processes of the workers that are ready."""
        return tuple(worker.pid for worker in (*self._idle, *self._working))

    @property
    def is_ready(self) -> bool:
        """Whether jobs are taken, and a worker has loaded the default filter."""
        return not self._is_stopping and bool(self._idle or self._working)

    async def start(self) -> None:
        """Start all workers, and return once the first one is ready.

        Raises:
            ArtifactError: A filter cannot be loaded.
            WorkerLostError: Workers end before they are ready.
        """
        loop = asyncio.get_running_loop()
        self._first = loop.create_future()
        self._keepers = [
            loop.create_task(self._keep(checks_files=not number)) for number in range(self._counts.workers)
        ]
        try:
            await self._first
        except BaseException:
            await self.stop(0)
            raise

    async def stylize(self, job: StylizeJob) -> StylizedAnswer:
        """Do a job. If the caller is cancelled, the job leaves the queue, or its result is dropped.

        Raises:
            ConfigError: The filter is not served here, or a setting is not possible with it.
            DataError: The picture cannot be stylized; see `jobs` for the classes of this error.
            QueueFullError: Too many jobs wait.
            StoppingError: The pool is stopping.
            TimeLimitError: The job took too long.
            WorkerLostError: The worker that had the job has ended.
        """
        parts = self.filters.parse(job.filter, job.style)
        self.check_place(len(job.data))
        loop = asyncio.get_running_loop()
        task = PoolTask(values_of(job, [(part.name, part.style, part.weight) for part in parts]), job.data, loop)
        task.timer = loop.call_later(self.limits.job_s, self._expire, task)
        self._waiting.append(task)
        self._dispatch()
        try:
            return await task.answer
        except asyncio.CancelledError:
            self._count(jobs_abandoned=1)
            if task in self._waiting:
                self._waiting.remove(task)
                task.timer.cancel()
            raise
        finally:
            self._note_if_empty()

    def check_place(self, size_bytes: int) -> None:
        """Raise the error of `stylize` if a job with a picture of this size would be refused now."""
        if self._is_stopping:
            raise StoppingError("the server is shutting down: ask another one, or ask again later")
        if not self._idle and not self._has_place(size_bytes):
            self._count(jobs_refused=1)
            retry_after_s = self._lately.retry_after_s(self.limits)
            raise QueueFullError("too many photos are waiting: send the photo again later", retry_after_s)

    def _has_place(self, size_bytes: int) -> bool:
        """Return whether the queue has room for one more job."""
        waiting_bytes = sum(len(task.data) for task in self._waiting)
        fits = not waiting_bytes or waiting_bytes + size_bytes <= self.limits.queue_bytes
        return fits and len(self._waiting) < self.limits.queue * self._counts.workers

    async def stop(self, within_s: float) -> None:
        """Take no further jobs, finish those that were taken, and end all workers.

        Args:
            within_s: Seconds for the jobs; those that are not done by then end with a StoppingError.
        """
        self._is_stopping = True
        self._note_if_empty()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._nothing_left.wait(), within_s)
        for task in (*self._waiting, *self._working.values()):
            task.fail(StoppingError("the server is shutting down, and did not finish this photo: ask another server"))
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)

    async def _keep(self, *, checks_files: bool) -> None:
        """Keep one worker running: start it, take its answers, and start another one when it has ended."""
        failures = 0
        while True:
            was_ready, error = await self._run_worker(checks_files=checks_files)
            # A filter that cannot be loaded ends the start. If others have started, it must not keep a worker away.
            checks_files = checks_files and not was_ready and isinstance(error, WorkerLostError)
            failures = 1 if was_ready else failures + 1
            if not self._has_started:
                if not isinstance(error, WorkerLostError):
                    return self._start_with(error)
                if failures >= _MOST_FAILED_STARTS:
                    return self._start_with(WorkerLostError(f"no worker process of the server gets ready: {error}"))
            else:
                print_to_log(f"note: a worker process of the server is replaced: {error}")
                self._count(workers_replaced=1)
            await asyncio.sleep(min(_LONGEST_PAUSE_S, 0.1 * 2**failures) if failures > 1 else 0)

    async def _run_worker(self, *, checks_files: bool) -> tuple[bool, Pix2StyleError]:
        """Run a worker until it ends. Return whether it ever was ready, and why it has ended."""
        was_ready = False
        settings = WorkerSettings(self.filters, self.limits, self._threads, checks_files, self._device)
        try:
            worker = await WorkerProcess.start(settings)
        except (OSError, EOFError, RuntimeError) as error:
            return False, WorkerLostError(f"it cannot be started ({error})")
        cause = ""
        try:
            values, _ = await worker.receive()
            if refused := error_of(values):
                return False, refused
            was_ready = True
            await self._take_answers(worker)
        except ConnectionEndedError:
            pass
        finally:
            cause = describe_end(await self._end(worker))
        return was_ready, WorkerLostError(f"it has ended ({cause})")

    async def _take_answers(self, worker: WorkerProcess) -> None:
        """Give jobs to a worker and take its answers until it ends, which may raise a ConnectionEndedError."""
        self._start_with(None)
        ends = False
        while not ends:
            self._idle.append(worker)
            self._dispatch()
            values, data = await worker.receive()
            try:
                self._finish(worker, values, data)
            except (ArithmeticError, LookupError, TypeError, ValueError) as error:  # no answer, or to no question
                raise ConnectionEndedError from error
            ends = bool(values.get("ends"))

    @property
    def _has_started(self) -> bool:
        """Whether `start` has returned or is about to."""
        return self._first is None or self._first.done()

    def _start_with(self, error: Pix2StyleError | None) -> None:
        """Let `start` return, or raise an error."""
        if self._first is not None and not self._first.done():
            if error is None:
                self._first.set_result(None)
            else:
                self._first.set_exception(error)

    async def _end(self, worker: WorkerProcess) -> int | None:
        """End a worker and the job that it has; return its exit code."""
        if worker in self._idle:
            self._idle.remove(worker)
        task = self._working.pop(worker, None)
        if task is not None:
            worker.kill()
            lost = WorkerLostError(
                "the process that worked on the photo has ended, perhaps because the photo is damaged or too large:"
                " send it again, but only once"
            )
            self._count(jobs_lost=task.fail(lost))
            self._settle(task)
        return await worker.end(_END_S)

    def _dispatch(self) -> None:
        """Give waiting jobs to idle workers, first to the one that was busy last, whose data is still in the cache."""
        while self._waiting and self._idle:
            task, worker = self._waiting.popleft(), self._idle.pop()
            task.begun_s = time.perf_counter()
            self._working[worker] = task
            worker.send(task.values, task.data)

    def _finish(self, worker: WorkerProcess, values: Mapping[str, Any], data: bytes) -> None:
        """Answer the job of a worker as the worker did."""
        task, error = self._working[worker], error_of(values)
        answer = None if error else answer_of(values, data, task.begun_s - task.entered_s)
        worker.memory_bytes = int(values["memory_bytes"])
        del self._working[worker]
        self._lately.add(time.perf_counter() - task.begun_s)
        if error:
            self._count(jobs_failed=task.fail(error))
        elif answer and not task.answer.done():
            self._count(jobs_done=1)
            task.answer.set_result(answer)
        self._settle(task)

    def _expire(self, task: PoolTask) -> None:
        """End a job that has taken too long, with the worker that has it."""
        limit = f"{self.limits.job_s:g} s"
        late = TimeLimitError(
            f"the photo took longer than {limit}: send a smaller one, or send it again when the server is less busy"
        )
        self._count(jobs_timed_out=task.fail(late))
        if task in self._waiting:
            self._waiting.remove(task)
            self._settle(task)
            return
        for worker in [worker for worker, its_task in self._working.items() if its_task is task]:
            worker.kill()

    def _settle(self, task: PoolTask) -> None:
        """Stop the timer of a job that is finished."""
        if task.timer:
            task.timer.cancel()
        self._note_if_empty()

    def _note_if_empty(self) -> None:
        if self._is_stopping and not self._waiting and not self._working:
            self._nothing_left.set()

    def _count(self, **more: int) -> None:
        self._counts = replace(
            self._counts, **{name: getattr(self._counts, name) + number for name, number in more.items()}
        )
