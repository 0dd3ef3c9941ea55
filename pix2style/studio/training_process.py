"""The process of a training: runs quickstart, and ends it as Ctrl-C does when its standard input is closed.

So it also ends when the studio is killed. A signal could not be sent to it on all systems.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

from pix2style.errors import Pix2StyleError
from pix2style.system.interrupts import interrupt_main_thread, terminated_like_interrupted

_INTERRUPTED = 130
_LAST_STAGES = "export"  # after the training: they take seconds, and without them there is no filter


def main() -> int:
    """Train what the first argument says, and return the exit code."""
    order: dict[str, Any] = json.loads(sys.argv[1])
    is_trained = threading.Event()

    def log(line: object) -> None:
        if str(line).startswith(_LAST_STAGES):
            is_trained.set()
        print(line, flush=True)  # noqa: T201 - the studio reads it

    try:
        with terminated_like_interrupted():
            threading.Thread(target=_interrupt_at_end_of_input, args=(is_trained,), name="stop", daemon=True).start()
            from pix2style.recipes.quickstart import QuickstartOptions, quickstart

            content, style = (order[name] and Path(order[name]) for name in ("content", "style"))
            quickstart(QuickstartOptions(Path(order["out"]), content, style, minutes=order["minutes"]), log)
    except Pix2StyleError as error:
        log(error)
        return error.exit_code
    except KeyboardInterrupt:
        return _INTERRUPTED
    return 0


def _interrupt_at_end_of_input(is_trained: threading.Event) -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    if not is_trained.is_set():
        interrupt_main_thread()


if __name__ == "__main__":
    sys.exit(main())
