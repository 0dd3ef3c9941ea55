"""A progress bar on a terminal, drawn by Rich. `progress` imports it only where a bar is shown: Rich takes long."""

from __future__ import annotations

import sys
from typing import Literal

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

BarKind = Literal["items", "share"]
"""What a bar shows: the number of items and how long the remaining ones take, or a percentage."""


class _Rate(ProgressColumn):
    """Items per second."""

    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:.1f}/s")


class TerminalBar:
    """A bar on stderr between `start` and `stop`.

    Args:
        label: Name of the work, or what is counted.
        kind: What the bar shows.
        total: Size of the work.
        done: How much of it was done before.
    """

    def __init__(self, label: str, kind: BarKind, total: float, done: int) -> None:
        columns: tuple[ProgressColumn, ...] = (MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
        if kind == "share":
            columns = (TextColumn("{task.percentage:>3.0f}%"),)
        all_columns = (TextColumn("{task.description}"), BarColumn(), *columns, TextColumn("{task.fields[status]}"))
        self._progress = Progress(*all_columns, console=Console(file=sys.stderr))
        self._task = self._progress.add_task(label, total=total, completed=done, status="")
        self.start, self.stop = self._progress.start, self._progress.stop

    def update(self, done: float, total: float, status: str) -> None:
        """Show how much is done, and a text at the end of the line."""
        self._progress.update(self._task, completed=done, total=total, status=status)
