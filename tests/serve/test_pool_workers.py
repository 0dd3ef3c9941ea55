"""Workers that crash, hang or are killed cost their own job only; and nothing of them is left."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing import process as mp_process
from multiprocessing import util as mp_util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pix2style.images import encode_jpeg
from pix2style.serve.jobs import (
    QueueFullError,
    StoppingError,
    StylizedAnswer,
    StylizeJob,
    TimeLimitError,
    TooManyPixelsError,
    WorkerLostError,
)
from pix2style.serve.limits import ServeLimits
from pix2style.serve.pool import WorkerPool
from pix2style.serve.worker_process import _choose_folder

from pictures import encoded  # isort: skip
from pools import with_pool  # isort: skip

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="stops and kills processes by signals")
SMALL = encode_jpeg(np.full((24, 32, 3), 90, np.uint8))
SCRIPT = """
import asyncio, os
from pix2style.serve.limits import ServeLimits
from pix2style.serve.pool import WorkerPool
from pix2style.serve.worker_process import _choose_folder
from pix2style.serve.served_filters import ServedFilters
async def main():
    pool = WorkerPool(ServedFilters.from_sources(["great-wave"]), ServeLimits(), workers=1)
    await pool.start()
    print(*pool.worker_pids, flush=True)
    await asyncio.sleep(100)
asyncio.run(main())
"""


async def small(pool: WorkerPool) -> StylizedAnswer:
    return await pool.stylize(StylizeJob(SMALL, "great-wave"))


async def begin(pool: WorkerPool, count: int) -> list[asyncio.Task[StylizedAnswer]]:
    """Begin some jobs, and return as soon as they are in the pool."""
    jobs = [asyncio.create_task(small(pool)) for _ in range(count)]
    await asyncio.sleep(0)
    return jobs


def hold(pool: WorkerPool) -> int:
    """Let the only worker hang, as it does in a decoder that never returns. Return its process."""
    [pid] = pool.worker_pids
    os.kill(pid, signal.SIGSTOP)
    return pid


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a change that is not an answer."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


def is_running(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        stat = Path(f"/proc/{pid}/stat")
        return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL])
def test_a_crash_costs_one_job(number: signal.Signals, capsys: pytest.CaptureFixture[str]) -> None:
    async def use(pool: WorkerPool) -> None:
        pid = hold(pool)
        jobs = await begin(pool, 3)
        os.kill(pid, number)
        os.kill(pid, signal.SIGCONT)
        lost, *others = await asyncio.gather(*jobs, return_exceptions=True)
        assert isinstance(lost, WorkerLostError)
        assert [isinstance(answer, StylizedAnswer) for answer in others] == [True, True]
        counts = pool.counts
        assert (counts.jobs_lost, counts.jobs_done, counts.workers_replaced, counts.in_flight) == (1, 2, 1, 0)
        assert pool.worker_pids != (pid,)

    with_pool(use)
    assert f"a worker process of the server is replaced: it has ended (signal {number.name})" in capsys.readouterr().err


def test_an_idle_worker_that_is_killed_costs_no_job() -> None:
    async def use(pool: WorkerPool) -> None:
        os.kill(pool.worker_pids[0], signal.SIGKILL)
        await until(lambda: pool.counts.workers_replaced == 1)
        assert (await small(pool)).width_px == 32

    with_pool(use)


def test_a_job_that_hangs_ends_at_the_time_limit_and_others_go_on() -> None:
    async def use(pool: WorkerPool) -> None:
        pid = hold(pool)
        [hanging] = await begin(pool, 1)
        pool.limits = ServeLimits()  # the other one has time enough on a slow machine, too
        [waiting] = await begin(pool, 1)
        with pytest.raises(TimeLimitError, match="the photo took longer than"):
            await hanging
        assert (await waiting).width_px == 32
        assert not is_running(pid)
        assert pool.counts.jobs_timed_out == 1

    with_pool(use, ServeLimits(job_s=0.3))


def test_the_queue_is_bounded_and_a_caller_that_goes_gives_its_place_back() -> None:
    async def use(pool: WorkerPool) -> None:
        pid = hold(pool)
        running, first, second = await begin(pool, 3)
        with pytest.raises(QueueFullError) as refused:
            await small(pool)
        assert refused.value.retry_after_s >= 1
        assert (pool.counts.in_flight, pool.counts.queued) == (3, 2)
        running.cancel()
        first.cancel()
        await asyncio.sleep(0)
        [third] = await begin(pool, 1)
        assert (pool.counts.in_flight, pool.counts.queued) == (3, 2)
        os.kill(pid, signal.SIGCONT)
        assert (await second).data == (await third).data
        counts = pool.counts
        assert (counts.jobs_abandoned, counts.jobs_refused, counts.jobs_done, counts.in_flight) == (2, 1, 2, 0)

    with_pool(use, ServeLimits(queue=2))


def test_the_size_of_what_waits_is_bounded() -> None:
    async def use(pool: WorkerPool) -> None:
        pid = hold(pool)
        jobs = await begin(pool, 2)
        with pytest.raises(QueueFullError):
            await small(pool)
        os.kill(pid, signal.SIGCONT)
        await asyncio.gather(*jobs)

    with_pool(use, ServeLimits(queue_bytes=len(SMALL)))


def test_stopping_finishes_what_was_taken() -> None:
    async def use(pool: WorkerPool) -> None:
        pid = hold(pool)
        for number in (signal.SIGINT, signal.SIGTERM):  # a terminal sends them to all processes
            os.kill(pid, number)
        jobs = await begin(pool, 2)
        stopping = asyncio.create_task(pool.stop(20))
        await asyncio.sleep(0)
        assert not pool.is_ready
        with pytest.raises(StoppingError):
            await small(pool)
        os.kill(pid, signal.SIGCONT)
        assert [(await job).width_px for job in jobs] == [32, 32]
        await stopping
        assert not is_running(pid)

    with_pool(use)


def test_stopping_takes_no_longer_than_asked_for() -> None:
    async def use(pool: WorkerPool) -> None:
        pid = hold(pool)
        [job] = await begin(pool, 1)
        await pool.stop(0.05)
        with pytest.raises(StoppingError):
            await job
        assert not is_running(pid)

    with_pool(use)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the memory of a process")
def test_memory_is_limited_and_the_worker_is_replaced() -> None:
    async def use(pool: WorkerPool) -> None:
        large = encoded(Image.new("RGB", (9000, 5000), "red"), "JPEG")
        with pytest.raises(TooManyPixelsError, match="memory"):
            await pool.stylize(StylizeJob(large, "great-wave"))
        assert (await small(pool)).width_px == 32
        assert pool.counts.workers_replaced == 1

    with_pool(use, ServeLimits(memory_bytes=250_000_000))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_stays_flat_over_sizes_and_settings() -> None:
    rng = np.random.default_rng(3)
    settings: list[dict[str, Any]] = [{}, {"strength": 0.5}, {"preserve_color": True}, {"stroke": 1.5}]

    async def use(pool: WorkerPool) -> None:
        def memory() -> int:
            return int(Path(f"/proc/{pool.worker_pids[0]}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

        async def rounds(count: int) -> None:
            for number in range(count):
                height, width = (200, 300) if number % 10 == 0 else rng.integers(20, 150, 2)
                image = encode_jpeg(rng.integers(0, 255, (height, width, 3), np.uint8))
                await pool.stylize(StylizeJob(image, "great-wave", **settings[number % 4]))

        await rounds(40)
        before = memory()
        await rounds(80)
        assert memory() - before < 12_000_000

    with_pool(use)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_nothing_is_left_when_the_front_process_is_killed(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, text=True, env=environment) as front:
        assert front.stdout
        worker = int(front.stdout.readline())
        fork_server = int(Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()[1])
        opened = [str(link.readlink()) for link in Path(f"/proc/{worker}/fd").iterdir()]
        assert sum(link.startswith("socket:") for link in opened) == 1  # none on which the front process may listen
        front.kill()
    end = time.monotonic() + 20
    while is_running(worker) or is_running(fork_server) or any(tmp_path.iterdir()):
        assert time.monotonic() < end, list(tmp_path.iterdir())
        time.sleep(0.01)


@pytest.mark.parametrize(("name", "is_short"), [("short", True), ("long" * 30, False)])
def test_the_socket_of_the_fork_server_has_a_short_path(
    name: str, is_short: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as parent:
        folder = Path(parent, name)
        folder.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(folder))
        monkeypatch.setattr(mp_process.current_process(), "_config", {})
        monkeypatch.setattr(mp_util, "Finalize", lambda *_, **__: None)  # else it would be removed twice
        _choose_folder()
        assert tempfile.gettempdir() == str(folder)
        chosen = Path(mp_util.get_temp_dir())
        assert (chosen.parent == folder) is is_short
        assert len(os.fsencode(chosen / "listener-12345678")) < 104
        chosen.rmdir()
