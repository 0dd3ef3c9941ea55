"""Ctrl-C while the main thread holds a lock of a future, in what waits for futures there."""

from __future__ import annotations

import signal
import sys
import threading
import types
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, _base
from pathlib import Path

import pytest
from signalled_condition import SignalledCondition

from pix2style.config.pairs import PairsConfig
from pix2style.images import Image8, Picture, write_picture
from pix2style.pairs.build.make_pairs import make_pairs
from pix2style.processes import are_done, result_of, shut_down, submit_ahead, thread_pool
from pix2style.runtime.stylize_files import stylize_files
from pix2style.stylizer import Stylizer, StylizerIdentity

# A lock that is left taken makes a test wait for ever.
pytestmark = [pytest.mark.skipif(sys.platform == "win32", reason="signals"), pytest.mark.timeout(120)]


class Negative(Stylizer):
    @property
    def identity(self) -> StylizerIdentity:
        return StylizerIdentity("negative", "0" * 64)

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        return [255 - image for image in images]


@pytest.fixture
def signal_comes(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let Ctrl-C come when the main thread has taken a lock of any future for a number of times."""

    def after(count: int) -> None:
        one = SignalledCondition(count)

        class Counting(SignalledCondition):
            def _signal(self) -> None:
                one._signal()

        monkeypatch.setattr(_base, "threading", types.SimpleNamespace(**{**vars(threading), "Condition": Counting}))

    return after


@pytest.fixture
def folder(tmp_path: Path, photos: Callable[..., list[Image8]]) -> Path:
    for number, photo in enumerate(photos(6, 40, 48)):
        write_picture(tmp_path / "photos" / f"{number}.png", Picture(photo))
    return tmp_path / "photos"


def is_free(future: Future[int]) -> bool:
    """Return whether another thread can take the lock of a future."""
    with ThreadPoolExecutor(1) as pool:
        taken = pool.submit(lambda: future._condition.acquire(timeout=1)).result()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    return taken


@pytest.mark.parametrize("is_done", [False, True])
@pytest.mark.parametrize("use", [result_of, lambda future: are_done([future])])
def test_no_lock_is_left_taken(use: Callable[[Future[int]], object], is_done: bool) -> None:
    future: Future[int] = Future()
    if is_done:
        future.set_result(1)
    future._condition = SignalledCondition()
    with pytest.raises(KeyboardInterrupt):
        use(future)
    assert is_free(future)


def test_results_and_errors_are_those_of_the_work() -> None:
    with thread_pool(2) as pool:
        assert [result_of(future) for _, future in submit_ahead(pool, abs, [-1, -2, -3], 1)] == [1, 2, 3]
        [(_, failing)] = submit_ahead(pool, lambda error: error.throw(), [_Thrower(TimeoutError("of the work"))], 1)
        with pytest.raises(TimeoutError, match="of the work"):
            result_of(failing)


class _Thrower:
    def __init__(self, error: Exception) -> None:
        self._error = error

    def throw(self) -> None:
        raise self._error


def test_what_has_not_begun_is_cancelled() -> None:
    pool = ThreadPoolExecutor(1)
    first, *others = [pool.submit(iter, ()) for _ in range(1)] + [pool.submit(Path.cwd) for _ in range(50)]
    shut_down(pool)
    assert first.done()
    assert all(other.done() for other in others)


def sweep(work: Callable[[], object], signal_comes: Callable[[int], None], counts: Iterator[int]) -> int:
    """Repeat a work with the signal at a later moment each time; return how often it came."""
    for number, count in enumerate(counts):
        signal_comes(count)
        try:
            work()
        except KeyboardInterrupt:
            continue
        return number
    return -1


def test_photos_that_are_stylized(folder: Path, tmp_path: Path, signal_comes: Callable[[int], None]) -> None:
    def work() -> None:
        stylize_files(Negative(), [folder], tmp_path / "out", overwrite=True)

    assert sweep(work, signal_comes, iter(range(200))) > 12
    assert len(list((tmp_path / "out").iterdir())) == 6


def test_pairs_that_are_made(folder: Path, tmp_path: Path, signal_comes: Callable[[int], None]) -> None:
    config = PairsConfig(content=(folder,), size=32, batch=2)
    numbers = iter(range(10_000))

    def work() -> None:
        make_pairs(config, Negative(), tmp_path / f"set-{next(numbers)}")

    assert sweep(work, signal_comes, iter(range(0, 10_000, 7))) > 3
