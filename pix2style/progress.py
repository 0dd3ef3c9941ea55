"""Messages and progress bars on stderr. Only the main process of several prints, and bars appear only on a terminal."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from pix2style.processes import is_main_process

ProgressCallback = Callable[[int, int], None]
"""Called with the number of items that are finished and the number of all items."""
StageProgressCallback = Callable[[str, int, int], None]
"""Called with the name of the stage, the number of its items that are finished and the number of all its items."""

_SHOWN_FAILURES = 20


def no_progress(*_args: object) -> None:
    """Ignore progress: the default for callers that do not show any."""


def print_note(text: str) -> None:
    """Print a remark on stderr that does not stop the work."""
    _print("note", text)


def print_failures(failures: Sequence[tuple[str, str]], complete_list: str) -> None:
    """Print the first 20 files that failed on stderr, and how many more there are.

    Args:
        failures: Name of each file, and the reason why it failed.
        complete_list: Where all failures are listed, for example `manifest.json`.
    """
    failures = _merge_missing_packages(failures)
    for name, reason in failures[:_SHOWN_FAILURES]:
        _print("failed", f"{name}: {reason}")
    if len(failures) > _SHOWN_FAILURES:
        _print("failed", f"{len(failures) - _SHOWN_FAILURES} more files: see {complete_list}")


def _merge_missing_packages(failures: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Merge failures that one and the same missing package explains into one line."""
    merged: dict[tuple[str, str], tuple[str, str]] = {}
    counts = Counter(reason for _, reason in failures)
    for name, reason in failures:
        if counts[reason] > 1 and "pip install" in reason:
            merged.setdefault(("", reason), (f"{name} and {counts[reason] - 1:,} more", reason))
        else:
            merged.setdefault((name, reason), (name, reason))
    return list(merged.values())


def _print(kind: str, text: str) -> None:
    if is_main_process():
        print(f"{kind}: {text}", file=sys.stderr)  # noqa: T201


class _Rate(ProgressColumn):
    """Items per second."""

    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:.1f}/s")


class ProgressBar:
    """Show a progress bar on stderr inside a `with` block, if stderr is a terminal.

    Args:
        label: What is counted, for example `pairs`.
        total: Number of items in all.
        done: Number of items that were done before, in work that is resumed.
    """

    def __init__(self, label: str, total: int, done: int = 0) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[status]}"),
        )
        is_shown = is_main_process() and sys.stderr.isatty()
        self._bar = Progress(*columns, console=Console(file=sys.stderr), disable=not is_shown)
        self._task = self._bar.add_task(label, total=total, completed=done, status="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def advance(self, count: int = 1, status: str | None = None) -> None:
        """Count `count` more items as done; `status` replaces the text at the end of the line."""
        self._bar.advance(self._task, count)
        if status is not None:
            self._bar.update(self._task, status=status)

    def set_counts(self, done: int, total: int) -> None:
        """Set both counts, for work that finds out its total only when it runs."""
        self._bar.update(self._task, completed=done, total=total)


class LiveStatus:
    """Show how far a long work is, inside a `with` block: a bar on a terminal, and else a line from time to time.

    Args:
        label: Name of the work, for example `training`.
        every_s: Seconds between two lines, where stderr is no terminal.
    """

    def __init__(self, label: str, every_s: float = 15.0) -> None:
        self._label, self._every_s = label, every_s
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[status]}"),
        )
        self._is_terminal = sys.stderr.isatty()
        is_shown = is_main_process() and self._is_terminal
        self._bar = Progress(*columns, console=Console(file=sys.stderr), disable=not is_shown)
        self._task = self._bar.add_task(label, total=1.0, status="")
        self._last_line_s = time.monotonic()

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def update(self, share: float, left_s: float | None, remark: str = "") -> None:
        """Show the share (0 to 1) that is done, the time left if it is known, and a remark such as the loss."""
        if self._is_terminal:
            self._bar.update(self._task, completed=share, status=_joined(_left_text(left_s), remark))
        elif is_main_process() and time.monotonic() - self._last_line_s >= self._every_s:
            self._last_line_s = time.monotonic()
            _print(self._label, live_text(share, left_s, remark))


def live_text(share: float, left_s: float | None, remark: str = "") -> str:
    """Return how far a work is, for example `40% done, 3 min 05 s left, loss 1.234`."""
    return _joined(f"{share:.0%} done", _left_text(left_s), remark)


def _left_text(left_s: float | None) -> str:
    return "" if left_s is None else f"{duration_text(left_s)} left"


def _joined(*texts: str) -> str:
    return ", ".join(text for text in texts if text)


def duration_text(seconds: float) -> str:
    """Return a duration such as `45 s`, `3 min 05 s` or `2 h 10 min`."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{rest} s"
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


class StagedProgress:
    """Show one progress bar for each stage of the work, inside a `with` block.

    The instance is passed as the progress callback of functions that call it with `(label, done, total)`. A new label
    starts a new bar.
    """

    def __init__(self) -> None:
        self._label = ""
        self._done = 0
        self._bar: ProgressBar | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.__exit__(kind, error, trace)

    def __call__(self, label: str, done: int, total: int) -> None:
        """Show that `done` of `total` items of the stage `label` are done."""
        if self._bar is None or label != self._label:
            if self._bar is not None:
                self._bar.__exit__(None, None, None)
            self._label, self._bar = label, ProgressBar(label, total, done)
            self._bar.__enter__()
        else:
            self._bar.advance(done - self._done)
        self._done = done
