"""Ctrl-C and the other signals that stop a program: where they may raise KeyboardInterrupt, and which ones do.

Python raises KeyboardInterrupt between any two bytecodes of the main thread. Inside a `threading.Condition`, on which
futures, events and queues are built, the exception leaves the lock taken for ever, and then other threads wait for it,
or raises a RuntimeError instead. So whatever the main thread does with them stands in `interrupts_held()`.
"""

from __future__ import annotations

import contextlib
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

POLL_S = 0.1
"""Longest wait in a block of `interrupts_held`, after which it has to ask for interrupts."""
# Whatever waits in such a block asks more often. A second signal after this time is not held, so that nothing holds a
# program for ever.
_PATIENCE_S = 2.0
_SAME_REQUEST_S = 2.0
_Handler = Callable[[int, FrameType | None], object]


def _existing(*names: str) -> tuple[signal.Signals, ...]:
    return tuple(getattr(signal, name) for name in names if hasattr(signal, name))


TERMINATIONS = _existing("SIGTERM", "SIGHUP")
"""Signals besides Ctrl-C that ask a program to end; the second one comes from a terminal that is closed."""
STOP_SIGNALS = _existing("SIGINT", "SIGTERM", "SIGHUP")
"""Signals that ask a program to end."""


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP has asked the program to end: unlike Ctrl-C, perhaps this process alone."""


class HeldInterrupts:
    """Signals that came in a block of `interrupts_held`."""

    def __init__(self) -> None:
        self._handlers: dict[int, _Handler] = {}
        self._is_on = False
        self._number: int | None = None
        self._came_s = 0.0

    def check(self) -> None:
        """Do what a signal that has come does otherwise, which raises KeyboardInterrupt as a rule."""
        if self._number is not None:
            self._end()
            self._begin()

    def _begin(self) -> None:
        self._is_on = True
        for number in STOP_SIGNALS:
            handler = signal.getsignal(number)
            if callable(handler):  # else the signal ends the program, or is ignored
                self._handlers[number] = handler
                signal.signal(number, self._hold)

    def _end(self) -> None:
        if self._is_on:
            try:
                for number, handler in self._handlers.items():
                    signal.signal(number, handler)
            finally:
                self._is_on = False
        came, self._number = self._number, None
        if came is not None:
            self._handlers[came](came, None)

    def _hold(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if not self._is_on or (self._number is not None and now - self._came_s > _PATIENCE_S):
            self._handlers[number](number, frame)
        elif self._number is None:
            self._number, self._came_s = number, now


@contextlib.contextmanager
def interrupts_held() -> Iterator[HeldInterrupts]:
    """Let signals that come in the block raise KeyboardInterrupt at its end, or where it calls `check` of what it gets.

    A block that waits does so for at most `POLL_S` seconds at a time, and then calls `check`. Handlers are replaced for
    the block only, and only if they are functions. In a thread other than the main one, where no signal is handled,
    nothing happens.
    """
    held = HeldInterrupts()
    if threading.current_thread() is not threading.main_thread():
        yield held
        return
    try:
        held._begin()
        yield held
    finally:
        held._end()


@contextlib.contextmanager
def terminated_like_interrupted() -> Iterator[None]:
    """Let SIGTERM and SIGHUP do what Ctrl-C does, so that the block finishes or deletes what it has begun.

    One that follows within two seconds has no effect: some programs send a signal to all processes of a program, and
    then each of these to those that it has started. A signal that is ignored, as SIGHUP under nohup, stays ignored.
    """
    came_s = -math.inf

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        nonlocal came_s
        earlier_s, came_s = came_s, time.monotonic()
        if came_s - earlier_s < _SAME_REQUEST_S:
            return
        if callable(handler := signal.getsignal(signal.SIGINT)) and handler is not signal.default_int_handler:
            signal.raise_signal(signal.SIGINT)  # a server or a training has a handler of its own
        else:
            raise Terminated

    is_main = threading.current_thread() is threading.main_thread()  # Python allows handlers there only
    usual = [number for number in TERMINATIONS if is_main and signal.getsignal(number) == signal.SIG_DFL]
    try:
        for number in usual:
            signal.signal(number, interrupt)
        yield
    finally:
        for number in usual:
            signal.signal(number, signal.SIG_DFL)


def interrupt_main_thread() -> None:
    """Do from any thread what SIGTERM to this process does: on Linux and macOS, end a wait of the main thread, too."""
    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, signal.SIGTERM)
    else:
        signal.raise_signal(signal.SIGTERM)
