"""How the reception of signals ends, and what SIGTERM does after a training has failed."""

from __future__ import annotations

import multiprocessing
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from pix2style.errors import TrainingError
from pix2style.training.run.signals import StopRequest, stop_signals

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="torchrun stops processes by signals")


@pytest.mark.parametrize("under_torchrun", [True, False])
def test_a_failed_process_of_torchrun_is_not_ended_before_it_says_why(
    under_torchrun: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if under_torchrun:
        monkeypatch.setenv("TORCHELASTIC_RUN_ID", "test")
    else:
        monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(TrainingError), stop_signals():
            raise TrainingError("another process of this run ended")
        assert signal.getsignal(signal.SIGTERM) == (signal.SIG_IGN if under_torchrun else before)
        with stop_signals():
            pass
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_loader_process_that_lives_on_does_not_hold_up_the_end() -> None:
    """An exception that came through the loader keeps it and its processes, which have the sockets of the signals."""
    with stop_signals():
        loader = multiprocessing.get_context("fork").Process(target=time.sleep, args=(200,))
        loader.start()
    try:
        assert all(thread.name != "signals" for thread in threading.enumerate())
    finally:
        loader.kill()
        loader.join()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_all_signals_ask_for_an_end(number: signal.Signals) -> None:
    with stop_signals() as stop:
        signal.raise_signal(number)
        deadline_s = time.monotonic() + 60
        while not stop.requested and time.monotonic() < deadline_s:
            time.sleep(0.01)
        assert stop.requested


def test_what_nohup_ignores_asks_for_nothing() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_signals():
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def _press_twice(file: Path) -> None:
    request = StopRequest()
    request.temporary_file = file
    request.handle_signal(signal.SIGINT)
    time.sleep(0.2)  # two that come at once count as one
    request.handle_signal(signal.SIGINT)


def test_an_end_at_once_removes_the_large_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    file = tmp_path / "decoded.u8"
    file.write_bytes(b"8 GB")
    process = multiprocessing.get_context("fork").Process(target=_press_twice, args=(file,))
    process.start()
    process.join(60)
    assert (process.exitcode, file.exists()) == (130, False)
