"""What the pool makes of the answers of its workers: those of faults, and those of workers that were taken over."""

from __future__ import annotations

import asyncio
import io
import json
import struct
import sys
from collections.abc import Callable
from typing import Any

import pytest

from pix2style.effects.stroke import StrokeSize
from pix2style.errors import ArtifactError
from pix2style.serve import pool as pool_module
from pix2style.serve import worker
from pix2style.serve.job_messages import values_of
from pix2style.serve.jobs import StylizeJob, WorkerLostError
from pix2style.serve.limits import ServeLimits
from pix2style.serve.messages import ConnectionEndedError, receive_from
from pix2style.serve.pool import WorkerPool
from pix2style.serve.served_filters import FilterPart, ServedFilters
from pix2style.serve.stylizers import Stylizers
from pix2style.serve.worker_entry import WorkerSettings

FILTERS = ServedFilters.from_sources(["great-wave"])
JOB = StylizeJob(b"photo", "great-wave")
READY = {"status": "ready"}
RIGHT: dict[str, Any] = {
    "status": "done",
    "suffix": ".png",
    "notes": ["a note"],
    "width_px": 3,
    "height_px": 2,
    "memory_bytes": 5,
    **dict.fromkeys(("decode_s", "stylize_s", "encode_s"), 0.5),
}


class PlayedWorker:
    """Stands for a worker process, and says what a test wants; None waits until it is asked."""

    def __init__(self, messages: list[dict[str, Any] | None]) -> None:
        self._messages, self._asked = iter(messages), asyncio.Event()
        self.pid, self.memory_bytes, self.is_killed = 1, 0, False

    def send(self, _values: dict[str, Any], _data: bytes) -> None:
        self._asked.set()

    async def receive(self) -> tuple[dict[str, Any], bytes]:
        message = next(self._messages, None)
        if message is None:
            await self._asked.wait()
            self._asked.clear()
            message = next(self._messages, RIGHT)
        return message, b"stylized"

    def kill(self) -> None:
        self.is_killed = True

    async def end(self, _within_s: float) -> int:
        return -9


class NobodyReads(io.StringIO):
    """A stream to a program that has ended."""

    def write(self, _text: str) -> int:
        raise BrokenPipeError


def use_pool(
    monkeypatch: pytest.MonkeyPatch, start: Callable[[WorkerSettings], PlayedWorker], workers: int, use: Any
) -> None:
    async def start_worker(settings: WorkerSettings) -> PlayedWorker:
        return start(settings)

    async def run() -> None:
        pool = WorkerPool(FILTERS, ServeLimits(), workers=workers)
        await pool.start()
        async with asyncio.timeout(20):
            await use(pool)
        await pool.stop(0)

    monkeypatch.setattr(pool_module, "WorkerProcess", type("Played", (), {"start": staticmethod(start_worker)}))
    asyncio.run(run())


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"status": "done"},
        {"status": "error", "error": ["x"]},
        {**RIGHT, "suffix": "../x"},
        {**RIGHT, "width_px": "a"},
        {**RIGHT, "height_px": float("inf")},
        {**RIGHT, "notes": 7},
        {**RIGHT, "memory_bytes": None},
    ],
)
def test_a_wrong_answer_costs_one_job_and_the_worker(wrong: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    played: list[PlayedWorker] = []

    def start(_settings: WorkerSettings) -> PlayedWorker:
        played.append(PlayedWorker([READY] if played else [READY, None, wrong]))
        return played[-1]

    async def use(pool: WorkerPool) -> None:
        with pytest.raises(WorkerLostError):
            await pool.stylize(JOB)
        answer = await pool.stylize(JOB)
        assert (answer.data, answer.media_type, answer.notes) == (b"stylized", "image/png", ("a note",))
        counts = pool.counts
        assert (counts.jobs_lost, counts.jobs_done, counts.workers_replaced, counts.in_flight) == (1, 1, 1, 0)
        assert [one.is_killed for one in played] == [True, False]

    use_pool(monkeypatch, start, 1, use)


def test_an_answer_to_no_question_costs_no_job(monkeypatch: pytest.MonkeyPatch) -> None:
    played: list[PlayedWorker] = []

    def start(_settings: WorkerSettings) -> PlayedWorker:
        played.append(PlayedWorker([READY] if played else [READY, RIGHT]))
        return played[-1]

    async def use(pool: WorkerPool) -> None:
        while not pool.counts.workers_replaced:
            await asyncio.sleep(0)
        assert (await pool.stylize(JOB)).data == b"stylized"

    use_pool(monkeypatch, start, 1, use)


def test_workers_are_replaced_though_nobody_reads_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    played: list[PlayedWorker] = []

    def start(_settings: WorkerSettings) -> PlayedWorker:
        played.append(PlayedWorker([READY] if len(played) > 1 else [READY, None, {}]))
        if len(played) == 2:
            raise RuntimeError("can't start new thread")
        return played[-1]

    async def use(pool: WorkerPool) -> None:
        monkeypatch.setattr(sys, "stderr", NobodyReads())
        monkeypatch.setattr(pool_module, "_LONGEST_PAUSE_S", 0.0)
        with pytest.raises(WorkerLostError):
            await pool.stylize(JOB)
        assert (await pool.stylize(JOB)).data == b"stylized"
        assert len(played) == 3

    use_pool(monkeypatch, start, 1, use)


def test_a_filter_that_cannot_be_loaded_later_keeps_no_worker_away(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = {"status": "error", "error": ArtifactError.__name__, "message": "x.onnx: cannot be loaded"}
    checked: list[PlayedWorker] = []

    def start(settings: WorkerSettings) -> PlayedWorker:
        if not settings.checks_files:
            return PlayedWorker([READY])
        checked.append(PlayedWorker([None, broken]))
        return checked[-1]

    async def use(pool: WorkerPool) -> None:
        checked[0].send({}, b"")  # the other worker is ready
        while pool.counts.workers_ready < 2:
            await asyncio.sleep(0)
        assert len(checked) == 1

    use_pool(monkeypatch, start, 2, use)
    assert "replaced: x.onnx: cannot be loaded" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["[]", "1", "[" * 200_000, "{", '"\\ud800"', "null"])
def test_what_is_no_message_ends_the_connection(text: str) -> None:
    async def read() -> None:
        reader = asyncio.StreamReader()
        reader.feed_data(struct.pack(">IQ", len(text), 0) + text.encode())
        reader.feed_eof()
        with pytest.raises(ConnectionEndedError):
            await receive_from(reader)

    asyncio.run(read())


def test_a_fault_is_no_lost_worker(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("/secret")

    monkeypatch.setattr(worker, "stylize_data", fail)
    values = json.loads(json.dumps(values_of(JOB, [("great-wave", None, 1.0)])))
    answer, _ = worker._answer(Stylizers(FILTERS, 1), ServeLimits(), values, b"photo")
    assert (answer["error"], "secret" in answer["message"]) == ("WorkerFaultError", False)
    assert "RuntimeError: /secret" in capsys.readouterr().err


def test_effects_use_no_more_threads_than_the_filter() -> None:
    stylizer = Stylizers(FILTERS, 1).get([FilterPart("great-wave")], stroke=2.0)
    assert isinstance(stylizer, StrokeSize)
    assert stylizer._threads == 1
