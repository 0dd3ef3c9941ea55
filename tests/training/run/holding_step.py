"""Run the program so that a training holds at a step: python holding_step.py FOLDER STEP KIND train ...

Before the step with the number STEP it writes the file FOLDER/holds, and holds. KIND says how: `library` stays inside
a single long call of a library, which nothing but the end of the process ends; `signal` waits for a signal to stop.
Each signal that has arrived is noted by the file FOLDER/signal.
"""

from __future__ import annotations

import hashlib
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from pix2style.cli import main
from pix2style.training.run import training_loop
from pix2style.training.run.signals import StopRequest

folder, step, kind = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
del sys.argv[1:4]
arrived, train_step, handle_signal = threading.Event(), training_loop.train_step, StopRequest.handle_signal


def hold_before_step(state: Any, *arguments: Any) -> Any:
    if state.step >= step and not arrived.is_set():
        (folder / "holds").touch()
        if kind == "library":
            hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)  # takes many minutes
        else:
            arrived.wait()
    return train_step(state, *arguments)


def note_signal(request: StopRequest, number: int) -> None:
    handle_signal(request, number)
    arrived.set()
    (folder / "signal").write_text(signal.Signals(number).name)


training_loop.train_step = hold_before_step
StopRequest.handle_signal = note_signal  # type: ignore[method-assign]
main()
