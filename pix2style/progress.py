"""Messages and progress on stderr: bars on a terminal, and else a line from time to time.

Only the main process of several prints. `--quiet` turns remarks and progress off, but neither errors nor lists of
failures.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar, Self, TypeVar

from pix2style.durations import joined, live_text, time_left_text
from pix2style.plural import counted, merge_missing_packages
from pix2style.printable import printable
from pix2style.processes import is_main_process

if TYPE_CHECKING:
    from pix2style.terminal_bar import BarKind, TerminalBar

ProgressCallback = Callable[[int, int], None]
"""Called with the number of items that are finished and the number of all items."""
StageProgressCallback = Callable[[str, int, int], None]
"""Called with the name of the stage, the number of its items that are finished and the number of all its items."""

_Item = TypeVar("_Item")

LINE_EVERY_S = 15.0
"""Seconds between two lines about a work, where stderr is no terminal."""
_FREQUENT_LINES_S = 300.0  # from then on, lines come less often
_SLOWEST_PACE = 20.0  # so many times as long between two lines, at most
_SHOWN_FAILURES = 20
_SHOWN_NAMES = 3
_recorded: list[list[str]] = []  # one list for each block of `recorded_notes`
_QUIET_VARIABLE = "PIX2STYLE_QUIET"  # in the environment, so that programs which a command starts are quiet, too


def no_progress(*_args: object) -> None:
    """Ignore progress: the default for callers that do not show any."""


def set_quiet(quiet: bool) -> None:
    """Turn remarks and progress off, or on again, in this process and in those that it starts."""
    if quiet:
        os.environ[_QUIET_VARIABLE] = "1"
    else:
        os.environ.pop(_QUIET_VARIABLE, None)


def is_quiet() -> bool:
    """Return whether remarks and progress are turned off."""
    return os.environ.get(_QUIET_VARIABLE, "0") not in ("", "0")


def print_note(text: str) -> None:
    """Print a remark on stderr that does not stop the work."""
    for notes in _recorded:
        notes.append(text)
    if not is_quiet():
        _print("note", text)


@contextmanager
def recorded_notes() -> Iterator[list[str]]:
    """Collect the remarks of the block, for a report; they are printed as well."""
    notes: list[str] = []
    _recorded.append(notes)
    try:
        yield notes
    finally:
        _recorded.pop()


def print_next(*command: str | Path) -> None:
    """Print on stderr the command that comes next, quoted as a shell needs it; words in capitals are to be replaced."""
    if not is_quiet():
        _print("next", command_text(*command))


def command_text(*command: str | Path) -> str:
    """Return a command, quoted as a shell needs it."""
    words = [str(word) for word in command]
    # Windows' shell takes single quotes for part of the word.
    return subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)


def print_failures(failures: Sequence[tuple[str, str]], complete_list: str) -> None:
    """Print the first 20 files that failed on stderr, and how many more there are.

    Args:
        failures: Name of each file, and the reason why it failed.
        complete_list: Where all failures are listed, for example `manifest.json`.
    """
    failures = merge_missing_packages(failures)
    for name, reason in failures[:_SHOWN_FAILURES]:
        _print("failed", printable(f"{name}: {reason}"))
    if len(failures) > _SHOWN_FAILURES:
        _print("failed", f"{counted(len(failures) - _SHOWN_FAILURES, 'more file')}: see {complete_list}")


def print_file_notes(notes: Iterable[tuple[str, str]]) -> None:
    """Print remarks about files, given as name and remark, on stderr: each remark once, with its first three files."""
    files: dict[str, list[str]] = {}
    counts: Counter[str] = Counter()
    for name, text in notes:
        counts[text] += 1
        if counts[text] <= _SHOWN_NAMES:
            files.setdefault(text, []).append(name)
    for text, names in files.items():
        more = f" and {counts[text] - _SHOWN_NAMES:,} more" if counts[text] > _SHOWN_NAMES else ""
        print_note(printable(f"{', '.join(names)}{more}: {text}"))


def _print(kind: str, text: str) -> None:
    # Without stderr, as in a service, `print` would write to stdout.
    if is_main_process() and sys.stderr is not None:
        print(f"{kind}: {text}", file=sys.stderr)  # noqa: T201


class _LiveLine:
    """What `ProgressBar` and `LiveStatus` share: a bar on a terminal, and else a line on stderr from time to time.

    Lines come every `every_s` seconds in the first minutes, and less often in a work of hours. A work that is part of
    another one which is shown is not shown itself.

    Args:
        label: Name of the work, or what is counted.
        kind: What the bar shows.
        total: Size of the work.
        done: How much of it was done before.
        every_s: Seconds between two lines.
    """

    _shown: ClassVar[_LiveLine | None] = None

    def __init__(
        self,
        label: str,
        kind: BarKind,
        total: float,
        done: int = 0,
        every_s: float = LINE_EVERY_S,
    ) -> None:
        self._label, self._every_s = label, every_s
        self._is_terminal = sys.stderr is not None and sys.stderr.isatty()
        self._bar: TerminalBar | None = None
        if is_main_process() and self._is_terminal and not is_quiet():
            from pix2style.terminal_bar import TerminalBar

            self._bar = TerminalBar(label, kind, total, done)
        self._started_s = self._last_line_s = time.monotonic()

    def __enter__(self) -> Self:
        if _LiveLine._shown is None:
            _LiveLine._shown = self
            if self._bar:
                self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if _LiveLine._shown is self:
            _LiveLine._shown = None
            if self._bar:
                self._bar.stop()

    def _line_is_due(self) -> bool:
        """Return whether a line has to be printed now, which then counts as printed."""
        now = time.monotonic()
        pace = min(max(1.0, (now - self._started_s) / _FREQUENT_LINES_S), _SLOWEST_PACE)
        if (
            self._is_terminal
            or is_quiet()
            or _LiveLine._shown is not self
            or now - self._last_line_s < self._every_s * pace
        ):
            return False
        self._last_line_s = now
        return is_main_process()


class ProgressBar(_LiveLine):
    """Show how many items are done on stderr, inside a `with` block: a bar on a terminal, and else lines.

    Args:
        label: What is counted, for example `pairs`.
        total: Number of items in all.
        done: Number of items that were done before, in work that is resumed.
    """

    def __init__(self, label: str, total: int, done: int = 0) -> None:
        super().__init__(label, "items", total, done=done, every_s=LINE_EVERY_S)
        self._done, self._total, self._done_before, self._status = done, total, done, ""

    def advance(self, count: int = 1, status: str | None = None) -> None:
        """Count `count` more items as done; `status` replaces the text at the end of the line."""
        self._status = self._status if status is None else status
        self.set_counts(self._done + count, self._total)

    def set_counts(self, done: int, total: int) -> None:
        """Set both counts, for work that finds out its total only when it runs."""
        self._done, self._total = done, total
        if self._bar:
            self._bar.update(done, total, self._status)
        if self._line_is_due():
            _print(self._label, joined(f"{done:,} of {total:,} done", time_left_text(self._left_s()), self._status))

    def _left_s(self) -> float | None:
        """Return the seconds that the remaining items will take at the speed of those that are done."""
        finished = self._done - self._done_before
        if finished <= 0 or self._done > self._total:
            return None
        return (self._total - self._done) * (time.monotonic() - self._started_s) / finished


def track(label: str, items: Sequence[_Item]) -> Iterator[_Item]:
    """Yield items one by one, and show how many of them are done."""
    with ProgressBar(label, len(items)) as bar:
        for item in items:
            yield item
            bar.advance()


class LiveStatus(_LiveLine):
    """Show which share of a long work is done, inside a `with` block: a bar on a terminal, and else lines.

    Args:
        label: Name of the work, for example `training`.
        every_s: Seconds between two lines, where stderr is no terminal.
    """

    def __init__(self, label: str, every_s: float = LINE_EVERY_S) -> None:
        super().__init__(label, "share", 1.0, every_s=every_s)

    def update(self, share: float | None, left_s: float | None, remark: str = "") -> None:
        """Show the share (0 to 1) that is done and the time left, if they are known, and a remark such as the loss."""
        if self._bar:
            self._bar.update(share or 0, 1.0, joined(time_left_text(left_s), remark))
        if self._line_is_due():
            _print(self._label, live_text(share, left_s, remark))


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
