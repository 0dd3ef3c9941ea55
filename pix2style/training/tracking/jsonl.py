"""Write and read `metrics.jsonl`, which every run has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pix2style.files import write_bytes

METRICS_FILE = "metrics.jsonl"


class JsonLinesTracker:
    """Appends one JSON object per line, with its `step`.

    Each line is flushed to the operating system before `log` returns. If the process is killed, the file therefore
    holds all metrics up to its newest checkpoint, and early stopping can be replayed from it (`metric_history`).

    Args:
        path: File to append to.
        resume_step: Remove lines of later steps, because the resumed run will write them again.
    """

    run_id = None

    def __init__(self, path: Path, *, resume_step: int) -> None:
        kept = [line for line in _read_lines(path) if line.get("step", 0) <= resume_step]
        # Written atomically: if the process is killed here, the old file is still complete.
        write_bytes(path, "".join(json.dumps(line) + "\n" for line in kept).encode())
        self._stream = path.open("a", encoding="utf-8")

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """Append a line."""
        self._stream.write(json.dumps({"step": step, **metrics}) + "\n")
        self._stream.flush()

    def log_image(self, step: int, name: str, path: Path) -> None:
        """Do nothing: the image is in the run folder already."""

    def close(self, summary: Mapping[str, Any]) -> None:  # noqa: ARG002 (the last lines hold these values already)
        """Close the file."""
        self._stream.close()


def metric_history(path: Path, name: str, *, up_to_step: int) -> list[float]:
    """Return the values of a metric, the oldest first; an empty list if there is no such file or metric.

    Args:
        path: A `metrics.jsonl`.
        name: Name of the metric, for example `validation/l1_levels`.
        up_to_step: Ignore lines of later steps, because the run resumes from this step.
    """
    lines = (line for line in _read_lines(path) if line.get("step", 0) <= up_to_step)
    return [float(line[name]) for line in lines if name in line]


def _read_lines(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    lines = map(_parse_line, path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if isinstance(line, dict)]


def _parse_line(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:  # a process that is killed may leave an incomplete last line
        return None
