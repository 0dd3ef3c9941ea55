"""Handle Ctrl-C, SIGTERM and SIGHUP: finish the current step and save a checkpoint; exit at once at a second Ctrl-C."""

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
from pathlib import Path

from pix2style.system.interrupts import STOP_SIGNALS

EXIT_INTERRUPTED = 130
# A SIGINT this soon after the first one is taken for the same key press. Under torchrun one press arrives twice: the
# terminal sends it to all processes, and torchrun forwards it to its children.
_REPEAT_S = 0.1
_TORCHRUN_REPEAT_S = 2.0
_LONGEST_JOIN_S = 5.0
# Signals that are handled even if they are ignored before, as a shell lets commands in the background ignore Ctrl-C.
_ALWAYS = (signal.SIGINT, signal.SIGTERM)
_NEVER = (signal.SIG_IGN, None)  # None: handled by something else than Python


class StopRequest:
    """Tells whether somebody asked the run to stop.

    Attributes:
        temporary_file: Large file that is removed if the process ends at once.
    """

    temporary_file: Path | None = None

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
            _exit_at_once(self.temporary_file)


@contextmanager
def stop_signals() -> Iterator[StopRequest]:
    """Turn the signals that stop a program into a `StopRequest` for the block: no step is interrupted halfway.

    The signals are received by a thread, through `signal.set_wakeup_fd`. Python runs its own signal handlers in the
    main thread and between two bytecodes, so a second Ctrl-C would have no effect while the main thread is inside a
    long call of a library. In a thread other than the main one, where Python allows no handlers, nothing is received.
    SIGHUP stays ignored under nohup.
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
    handled = [number for number in STOP_SIGNALS if number in _ALWAYS or signal.getsignal(number) not in _NEVER]
    previous = {number: signal.signal(number, lambda *_: None) for number in handled}
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
        # Ends the thread: its recv() then returns nothing. Closing would not do, because loader processes hold the
        # socket, too, and live on while an exception holds the loader.
        sender.shutdown(socket.SHUT_RDWR)
        sender.close()
        thread.join(_LONGEST_JOIN_S)
        receiver.close()


def _receive_signals(receiver: socket.socket, request: StopRequest) -> None:
    # set_wakeup_fd writes one byte for each signal: its number.
    while numbers := receiver.recv(16):
        for number in numbers:
            if number in STOP_SIGNALS:
                request.handle_signal(number)


def _exit_at_once(temporary_file: Path | None) -> None:
    """End the process without any cleanup but that of a large file, because the cleanup may be what hangs.

    No file is left half-written under its final name: files are written under temporary names and renamed at the end.
    """
    if temporary_file is not None:
        with contextlib.suppress(OSError):  # Windows does not delete a file that is mapped
            temporary_file.unlink(missing_ok=True)
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
