"""A W&B run's links to its pair set and its model.

Each is made in a thread of its own: W&B waits for its server's answer without end, and figures are not to wait with it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pix2style.training.tracking.artifacts import PairSetReference, model_artifact, pair_set_artifact
from pix2style.training.tracking.base import warn

# The run has ended, with its last answers: a thread needs no longer to take them in.
_LAST_WAIT_S = 1.0


class ArtifactUploads:
    """Links a run to its pair set and to its model, each on request.

    Args:
        run: what `wandb.init` gave.
        wandb: the package.
        folder: the run folder.
        pairs: what is learned.
    """

    def __init__(self, run: Any, wandb: Any, folder: Path, pairs: PairSetReference) -> None:
        self._run, self._wandb, self._folder, self._pairs = run, wandb, folder, pairs
        self._links: list[_Link] = []

    def use_pairs(self) -> None:
        """Begin to say what the run learns from, unless it was begun."""
        if not self._links:
            self._links.append(_Link("the pair set", self._use_pairs))

    def make_model(self) -> None:
        """Begin to send the best checkpoint's generator, if there is one."""
        self._links.append(_Link("the model", self._make_model))

    def wait(self, timeout_s: float) -> None:
        """Until all of them are made or refused, but only so long."""
        deadline = time.monotonic() + timeout_s
        for link in self._links:
            link.wait(max(0.0, deadline - time.monotonic()))

    def close(self) -> None:
        """Name those that are not made."""
        for link in self._links:
            link.close()

    def _use_pairs(self) -> None:
        artifact = pair_set_artifact(self._wandb, self._pairs)
        if not self._run.offline:
            self._run.use_artifact(artifact)
            return
        try:
            # use_artifact raises there, and log_artifact would have `wandb sync` say that the run made it
            self._run._log_artifact(artifact, is_user_created=True, use_after_commit=True)
        except (AttributeError, TypeError):  # another W&B than was tried
            self._run.log_artifact(artifact)

    def _make_model(self) -> None:
        if (made := model_artifact(self._wandb, self._folder, str(self._run.id))) is not None:
            artifact, aliases = made
            self._run.log_artifact(artifact, aliases=aliases)
            if not self._run.offline:
                artifact.wait()  # which tells whether the server took it


class _Link:
    """One of them, on its way."""

    def __init__(self, what: str, make: Callable[[], None]) -> None:
        self._what, self._make = what, make
        self._failed = threading.Lock()  # taken by whoever says so: once
        self._thread = threading.Thread(target=self._work, name=f"W&B: {what}", daemon=True)
        self._thread.start()

    def wait(self, timeout_s: float) -> None:
        self._thread.join(timeout_s)

    def close(self) -> None:
        self._thread.join(_LAST_WAIT_S)
        if self._thread.is_alive():
            self._say("the server did not answer in time")

    def _work(self) -> None:
        try:
            self._make()
        except Exception as error:  # noqa: BLE001 (the figures are worth more than the link)
            self._say(" ".join(str(error).split())[:200])

    def _say(self, reason: str) -> None:
        if self._failed.acquire(blocking=False):
            warn(f"W&B: {self._what} could not be linked ({reason})")
