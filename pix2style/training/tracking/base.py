"""The interface of trackers, and a group of trackers in which failures do no harm."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pix2style.training.tracking.artifacts import PairSetReference


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """What trackers have to know about a run when they start.

    Attributes:
        folder: Run folder.
        name: Name of the experiment.
        description: Configuration and origin of the run, as JSON values.
        pairs: Pair set that the run is trained on, for W&B artifacts; None for none.
        resume_step: Step that the run resumes from; 0 for a new run.
        wandb_id: Id of the W&B run to continue; None for a new one.
    """

    folder: Path
    name: str
    description: Mapping[str, Any]
    pairs: PairSetReference | None = None
    resume_step: int = 0
    wandb_id: str | None = None


class Tracker(Protocol):
    """Receives metrics and images of a run."""

    @property
    def run_id(self) -> str | None:
        """Id to pass on when the run is resumed; None if the tracker needs none."""

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """Log metrics of a step."""

    def log_image(self, step: int, name: str, path: Path) -> None:
        """Log an image file of a step."""

    def close(self, summary: Mapping[str, Any]) -> None:
        """End the run with some summarising values."""


class Trackers:
    """A group of trackers. One that raises an exception is removed, with a warning; the others continue.

    Args:
        trackers: The trackers, which are called in this order.
    """

    def __init__(self, trackers: Sequence[Tracker]) -> None:
        self._trackers = list(trackers)

    @property
    def run_id(self) -> str | None:
        """The id of the first tracker that has one."""
        return next((t.run_id for t in self._trackers if t.run_id is not None), None)

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """See `Tracker.log`."""
        self._call_all("log", step, metrics)

    def log_image(self, step: int, name: str, path: Path) -> None:
        """See `Tracker.log_image`."""
        self._call_all("log_image", step, name, path)

    def close(self, summary: Mapping[str, Any]) -> None:
        """See `Tracker.close`."""
        self._call_all("close", summary)

    def _call_all(self, method: str, *args: Any) -> None:
        for tracker in list(self._trackers):
            try:
                getattr(tracker, method)(*args)
            except Exception as error:  # noqa: BLE001 (a tracker must never stop a run)
                self._trackers.remove(tracker)
                warn(f"{type(tracker).__name__} failed and is not used any more in this run: {error}")


def warn(message: str) -> None:
    """Print a warning about a tracker on stderr."""
    print(f"pix2style: {message}", file=sys.stderr)  # noqa: T201
