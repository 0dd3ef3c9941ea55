"""`metrics.jsonl`, which is always written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pix2style.files import write_bytes

METRICS_FILE = "metrics.jsonl"


class JsonLinesTracker:
    """`metrics.jsonl`: one JSON object a line, with its `step`.

    A line is with the operating system when `log` returns: what a checkpoint was written after survives a kill, so
    that early stopping can be replayed from here (`metric_history`).

    Args:
        path: the file; lines are appended.
        resume_step: drop lines of later steps, which a run that goes on will write again.
    """

    run_id = None

    def __init__(self, path: Path, *, resume_step: int) -> None:
        kept = [line for line in _lines(path) if line.get("step", 0) <= resume_step]
        write_bytes(path, "".join(json.dumps(line) + "\n" for line in kept).encode())  # a kill here loses nothing
        self._stream = path.open("a", encoding="utf-8")

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        """Append a line."""
        self._write({"step": step, **figures})

    def log_image(self, step: int, name: str, path: Path) -> None:
        """Pictures lie beside this file already."""

    def close(self, summary: Mapping[str, Any]) -> None:  # noqa: ARG002 (the summary is the last line already)
        """Close the file."""
        self._stream.close()

    def _write(self, line: Mapping[str, Any]) -> None:
        self._stream.write(json.dumps(line) + "\n")
        self._stream.flush()


def metric_history(path: Path, figure: str, *, up_to_step: int) -> list[float]:
    """A figure's values so far, the oldest first; nothing where there is no such file or figure.

    Args:
        path: a `metrics.jsonl`.
        figure: its name, for example `validation/l1_levels`.
        up_to_step: later lines do not count: the run goes on from here.
    """
    lines = (line for line in _lines(path) if line.get("step", 0) <= up_to_step)
    return [float(line[figure]) for line in lines if figure in line]


def _lines(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    lines = []
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            line = json.loads(text)
        except ValueError:  # the last line of a killed run
            continue
        lines += [line] if isinstance(line, dict) else []
    return lines
