"""Where signals that stop a program may raise KeyboardInterrupt."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from pix2style.system import interrupts
from pix2style.system.interrupts import (
    STOP_SIGNALS,
    HeldInterrupts,
    Terminated,
    interrupts_held,
    terminated_like_interrupted,
)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    yield
    after = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    for number, handler in before.items():
        signal.signal(number, handler)
    assert after == before


def interrupt(then: Callable[[HeldInterrupts], object], number: signal.Signals = signal.SIGINT) -> list[str]:
    """Send a signal in a block, do something then, and return how far the block has come."""
    reached: list[str] = []
    with interrupts_held() as held:
        held.check()
        signal.raise_signal(number)
        reached.append("signal")
        kind: type[KeyboardInterrupt] = KeyboardInterrupt if number == signal.SIGINT else Terminated
        try:
            then(held)
        except kind:
            reached.append("raised")
        else:
            reached.append("end")
    return reached


def test_a_signal_takes_effect_at_the_end_of_the_block() -> None:
    reached: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        interrupt(lambda _: reached.append("end"))
    assert reached == ["end"]


def test_a_signal_is_not_lost_if_the_block_fails() -> None:
    def fail(_: object) -> None:
        raise ValueError

    with pytest.raises(KeyboardInterrupt):
        interrupt(fail)


def test_a_block_that_waits_asks() -> None:
    assert interrupt(HeldInterrupts.check) == ["signal", "raised"]


def test_the_caller_s_handler_is_called_late_and_once() -> None:
    came: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _frame: came.append(number))
    try:
        with interrupts_held() as held:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            assert not came
            held.check()
            assert came == [signal.SIGINT]
            signal.raise_signal(signal.SIGINT)
            assert came == [signal.SIGINT]
        assert came == [signal.SIGINT] * 2
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def test_blocks_may_be_nested() -> None:
    reached: list[str] = []

    def nested() -> None:
        with interrupts_held():
            reached.extend(interrupt(HeldInterrupts.check))

    with pytest.raises(KeyboardInterrupt):
        nested()
    assert reached == ["signal", "end"]


def test_a_second_signal_ends_a_block_that_does_not_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interrupts, "_PATIENCE_S", 0.0)

    def second(_: object) -> None:
        time.sleep(0.01)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):  # the first one, at the end
        assert interrupt(second) == ["signal", "raised"]


def test_other_threads_hold_nothing() -> None:
    handlers: list[object] = []

    def work() -> None:
        with interrupts_held() as held:
            held.check()
            handlers.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert handlers == [signal.default_int_handler]


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_terminations_interrupt(name: str) -> None:
    with pytest.raises(Terminated), terminated_like_interrupted():
        signal.raise_signal(signal.Signals[name])
    with terminated_like_interrupted():
        assert interrupt(HeldInterrupts.check, signal.Signals[name]) == ["signal", "raised"]


def test_a_termination_that_is_sent_twice_has_one_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminated_like_interrupted():
        with pytest.raises(Terminated):
            signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGHUP)
        monkeypatch.setattr(interrupts, "_SAME_REQUEST_S", 0.0)
        with pytest.raises(Terminated):
            signal.raise_signal(signal.SIGTERM)


def test_a_termination_uses_the_handler_of_ctrl_c() -> None:
    came: list[int] = []
    with terminated_like_interrupted():
        signal.signal(signal.SIGINT, lambda number, _frame: came.append(number))
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)
    assert came == [signal.SIGINT]


def test_ctrl_c_that_is_ignored_does_not_make_sigterm_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell does for commands in the background
    try:
        with pytest.raises(Terminated), terminated_like_interrupted():
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def test_what_nohup_ignores_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with terminated_like_interrupted():
            signal.raise_signal(signal.SIGHUP)
    finally:
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
