"""What a tracker is, and several of them as one."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol


class Tracker(Protocol):
    """Hears of figures and pictures."""

    @property
    def run_id(self) -> str | None:
        """What to hand in again when the run goes on."""

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        """Take down figures of a step."""

    def log_image(self, step: int, name: str, path: Path) -> None:
        """Take down a picture file of a step."""

    def close(self, summary: Mapping[str, Any]) -> None:
        """The run ended, with these last words."""


class Trackers:
    """Several trackers as one; what goes wrong in one is said once and stops nothing."""

    def __init__(self, trackers: Sequence[Tracker]) -> None:
        self._trackers = list(trackers)

    @property
    def run_id(self) -> str | None:
        """The first id that a tracker has."""
        return next((t.run_id for t in self._trackers if t.run_id is not None), None)

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        """See `Tracker.log`."""
        self._each("log", step, figures)

    def log_image(self, step: int, name: str, path: Path) -> None:
        """See `Tracker.log_image`."""
        self._each("log_image", step, name, path)

    def close(self, summary: Mapping[str, Any]) -> None:
        """See `Tracker.close`."""
        self._each("close", summary)

    def _each(self, method: str, *args: Any) -> None:
        for tracker in list(self._trackers):
            try:
                getattr(tracker, method)(*args)
            except Exception as error:  # noqa: BLE001 (a tracker must never stop a run)
                self._trackers.remove(tracker)
                warn(f"{type(tracker).__name__} failed and is left out from here on: {error}")


def warn(message: str) -> None:
    """Say on stderr what went wrong with a tracker."""
    print(f"pix2style: {message}", file=sys.stderr)  # noqa: T201
