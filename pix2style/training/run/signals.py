"""Ctrl-C and SIGTERM: the loop ends after the step at hand and keeps it; a second Ctrl-C leaves at once."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

EXIT_INTERRUPTED = 130
# One press can arrive twice: torchrun hands a terminal's Ctrl-C on to processes that had it from the terminal already.
_ECHO_S = 0.1
_TORCHRUN_ECHO_S = 2.0


class StopRequest:
    """Whether somebody asked the run to stop."""

    def __init__(self) -> None:
        self._asked, self._first_s = threading.Event(), 0.0
        self._echo_s = _TORCHRUN_ECHO_S if "TORCHELASTIC_RUN_ID" in os.environ else _ECHO_S

    @property
    def asked(self) -> bool:
        """Poll this after every step, and in whatever else takes long."""
        return self._asked.is_set()

    def hear(self, number: int) -> None:
        """A signal came."""
        now = time.monotonic()
        if not self._asked.is_set():
            self._first_s = now
            self._asked.set()
        elif number == signal.SIGINT and now - self._first_s > self._echo_s:
            _leave_at_once()


@contextmanager
def stop_signals() -> Iterator[StopRequest]:
    """Listen to SIGINT and SIGTERM for the block: a step is never cut in half.

    A thread listens, by way of `signal.set_wakeup_fd`: Python's own handlers wait for the main thread, which may be
    deep in a library when somebody presses Ctrl-C for the second time.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request  # only the main thread may listen to signals
        return
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    listener = threading.Thread(target=_listen, args=(ours, request), name="signals", daemon=True)
    listener.start()
    wake_before = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(wake_before)
        theirs.close()  # which ends the listener
        listener.join()
        ours.close()


def _listen(signals: socket.socket, request: StopRequest) -> None:
    while numbers := signals.recv(16):
        for number in numbers:
            if number in (signal.SIGINT, signal.SIGTERM):
                request.hear(number)


def _leave_at_once() -> None:
    """No goodbyes, which may be what hangs; files are whole all the same, as each gets its name when it is."""
    if sys.stderr.isatty():
        os.write(2, b"\x1b[?25h\n")  # the progress bar hides the cursor
    os.write(2, b"pix2style: left at once; run the same command again with --resume to go on\n")
    os._exit(EXIT_INTERRUPTED)


def _deafen() -> None:
    """In a forked process (a loader's): its signals must not be taken for this one's."""
    with contextlib.suppress(ValueError):
        signal.set_wakeup_fd(-1)


os.register_at_fork(after_in_child=_deafen)
