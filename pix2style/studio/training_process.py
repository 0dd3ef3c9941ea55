"""The process of a training: runs quickstart, and ends it as Ctrl-C does when its standard input is closed.

So it also ends when the studio is killed. A signal could not be sent to it on all systems.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from pix2style.errors import Pix2StyleError

_INTERRUPTED = 130


def main() -> int:
    """Train what the first argument says, and return the exit code."""
    order: dict[str, Any] = json.loads(sys.argv[1])
    log = functools.partial(print, flush=True)
    try:
        threading.Thread(target=_interrupt_at_end_of_input, daemon=True).start()
        from pix2style.recipes.quickstart import QuickstartOptions, quickstart

        content, style = (order[name] and Path(order[name]) for name in ("content", "style"))
        quickstart(QuickstartOptions(Path(order["out"]), content, style, minutes=order["minutes"]), log)
    except Pix2StyleError as error:
        log(error)
        return error.exit_code
    except KeyboardInterrupt:
        return _INTERRUPTED
    return 0


def _interrupt_at_end_of_input() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    signal.raise_signal(signal.SIGINT)


if __name__ == "__main__":
    sys.exit(main())
