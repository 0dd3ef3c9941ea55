"""Handle Ctrl-C and SIGTERM: finish the current step and save a checkpoint; exit at once at a second Ctrl-C."""

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
# A SIGINT this soon after the first one is taken for the same key press. Under torchrun one press arrives twice: the
# terminal sends it to all processes, and torchrun forwards it to its children.
_REPEAT_S = 0.1
_TORCHRUN_REPEAT_S = 2.0


class StopRequest:
    """Tells whether somebody asked the run to stop."""

    def __init__(self) -> None:
        self._requested, self._first_s = threading.Event(), 0.0
        self._repeat_s = _TORCHRUN_REPEAT_S if "TORCHELASTIC_RUN_ID" in os.environ else _REPEAT_S

    @property
    def requested(self) -> bool:
        """Whether a signal has arrived. Poll it after every step, and within other work that takes long."""
        return self._requested.is_set()

    def handle_signal(self, number: int) -> None:
        """Request a stop; at a second SIGINT, end the process."""
        now = time.monotonic()
        if not self._requested.is_set():
            self._first_s = now
            self._requested.set()
        elif number == signal.SIGINT and now - self._first_s > self._repeat_s:
            _exit_at_once()


@contextmanager
def stop_signals() -> Iterator[StopRequest]:
    """Turn SIGINT and SIGTERM into a `StopRequest` for the block, so that no step is interrupted halfway.

    The signals are received by a thread, through `signal.set_wakeup_fd`. Python runs its own signal handlers in the
    main thread and between two bytecodes, so a second Ctrl-C would have no effect while the main thread is inside a
    long call of a library. In a thread other than the main one, where Python allows no handlers, nothing is received.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    receiver, sender = socket.socketpair()
    sender.setblocking(False)  # required by set_wakeup_fd
    thread = threading.Thread(target=_receive_signals, args=(receiver, request), name="signals", daemon=True)
    thread.start()
    previous_fd = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
    # Handlers that do nothing: Python writes to the wakeup fd only for signals that have a Python handler.
    previous = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    except BaseException:
        if "TORCHELASTIC_RUN_ID" in os.environ:
            # torchrun ends all processes when one has ended. This one still has to say why it ends; torchrun gives it
            # half a minute.
            previous[signal.SIGTERM] = signal.SIG_IGN
        raise
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(previous_fd)
        sender.close()  # ends the thread: its recv() then returns nothing
        thread.join()
        receiver.close()


def _receive_signals(receiver: socket.socket, request: StopRequest) -> None:
    # set_wakeup_fd writes one byte for each signal: its number.
    while numbers := receiver.recv(16):
        for number in numbers:
            if number in (signal.SIGINT, signal.SIGTERM):
                request.handle_signal(number)


def _exit_at_once() -> None:
    """End the process without any cleanup, because the cleanup may be what hangs.

    No file is left half-written under its final name: files are written under temporary names and renamed at the end.
    """
    if sys.stderr.isatty():
        os.write(2, b"\x1b[?25h\n")  # show the cursor, which the progress bar hides
    os.write(2, b"pix2style: left at once; repeat the command to go on (train and distill: with --resume)\n")
    os._exit(EXIT_INTERRUPTED)


def _detach_in_child() -> None:
    # A process forked by the data loader inherits the wakeup fd: its own signals would be taken for this process's.
    with contextlib.suppress(ValueError):
        signal.set_wakeup_fd(-1)


if hasattr(os, "register_at_fork"):  # Windows does not fork
    os.register_at_fork(after_in_child=_detach_in_child)
