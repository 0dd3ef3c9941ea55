"""Progress of long work on a terminal: done, rate, time left. Silent where nobody looks."""

from __future__ import annotations

import sys
from collections.abc import Callable
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


def no_progress(*_args: object) -> None:
    """Ignore progress: the default for callers that do not show any."""


def print_note(text: str) -> None:
    """Say on stderr what a person should know."""
    if is_main_process():
        print(f"note: {text}", file=sys.stderr)  # noqa: T201


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:.1f}/s")


class ProgressBar:
    """A bar on stderr while in a `with` block; prints nothing if stderr is no terminal.

    Args:
        label: what is counted, for example `pairs`.
        total: how many in all.
        done: how many were done before (a resumed run).
    """

    def __init__(self, label: str, total: int, done: int = 0) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
        )
        self._bar = Progress(
            *columns, console=Console(file=sys.stderr), disable=not (is_main_process() and sys.stderr.isatty())
        )
        self._task = self._bar.add_task(label, total=total, completed=done, note="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def advance(self, count: int = 1, note: str | None = None) -> None:
        """Count `count` more as done; `note` replaces the words at the end of the line."""
        self._bar.advance(self._task, count)
        if note is not None:
            self._bar.update(self._task, note=note)

    def show(self, done: int, total: int) -> None:
        """Set both counts, where the work itself finds out how much there is."""
        self._bar.update(self._task, completed=done, total=total)


class StagedProgress:
    """Bars for work that tells `(label, done, total)` itself: a new bar whenever the label is another one.

    Use it in a `with` block and hand it over as the callback.
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
        """Show that `done` of `total` are done."""
        if self._bar is None or label != self._label:
            if self._bar is not None:
                self._bar.__exit__(None, None, None)
            self._label, self._bar = label, ProgressBar(label, total, done)
            self._bar.__enter__()
        else:
            self._bar.advance(done - self._done)
        self._done = done
