"""Upload the W&B artifacts of a run, in threads.

W&B waits for its server's answers without a time limit. Each upload therefore has a thread of its own, so that metrics
do not have to wait for it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pix2style.training.tracking.artifacts import PairSetReference, model_artifact, pair_set_artifact
from pix2style.training.tracking.base import warn

# How long `close` waits for each thread. W&B has finished the run by then and has received its last answers, so a
# thread that has one only has to return.
_CLOSE_TIMEOUT_S = 1.0


class ArtifactUploads:
    """Links a W&B run to its pair set (as an input) and to its model (as an output).

    Args:
        wandb: The package `wandb`.
        wandb_run: The W&B run, as returned by `wandb.init`.
        folder: Run folder.
        pairs: Pair set that the run is trained on.
    """

    def __init__(self, wandb: Any, wandb_run: Any, folder: Path, pairs: PairSetReference) -> None:
        self._wandb, self._wandb_run, self._folder, self._pairs = wandb, wandb_run, folder, pairs
        self._uploads: list[_Upload] = []

    def start_pair_set(self) -> None:
        """Start to upload the description of the pair set, unless that was started before."""
        if not self._uploads:
            self._uploads.append(_Upload("the pair set", self._use_pair_set))

    def start_model(self) -> None:
        """Start to upload the generator of the best checkpoint, if there is a checkpoint."""
        self._uploads.append(_Upload("the model", self._log_model))

    def wait(self, timeout_s: float) -> None:
        """Wait until all uploads have succeeded or failed, but not longer than the timeout."""
        deadline = time.monotonic() + timeout_s
        for upload in self._uploads:
            upload.wait(max(0.0, deadline - time.monotonic()))

    def close(self) -> None:
        """Warn about uploads that have not finished; call this after W&B has finished the run."""
        for upload in self._uploads:
            upload.close()

    def _use_pair_set(self) -> None:
        artifact = pair_set_artifact(self._wandb, self._pairs)
        if not self._wandb_run.offline:
            self._wandb_run.use_artifact(artifact)
            return
        try:
            # Offline, use_artifact() raises an exception, and after log_artifact() `wandb sync` would record the pair
            # set as an output of the run. This is what both call internally.
            self._wandb_run._log_artifact(artifact, is_user_created=True, use_after_commit=True)
        except (AttributeError, TypeError):  # a version of W&B in which this internal function differs
            self._wandb_run.log_artifact(artifact)

    def _log_model(self) -> None:
        if (built := model_artifact(self._wandb, self._folder, str(self._wandb_run.id))) is not None:
            artifact, aliases = built
            self._wandb_run.log_artifact(artifact, aliases=aliases)
            if not self._wandb_run.offline:
                artifact.wait()  # raises an exception if the server refuses the artifact


class _Upload:
    """One upload in a thread; a failure is reported once.

    Args:
        what: What is uploaded, for messages.
        upload: Function that uploads it.
    """

    def __init__(self, what: str, upload: Callable[[], None]) -> None:
        self._what, self._upload = what, upload
        # Held while a failure is reported, so that only one thread reports one, and the other waits until it is out.
        self._lock, self._reported = threading.Lock(), False
        self._thread = threading.Thread(target=self._work, name=f"W&B: {what}", daemon=True)
        self._thread.start()

    def wait(self, timeout_s: float) -> None:
        self._thread.join(timeout_s)

    def close(self) -> None:
        self._thread.join(_CLOSE_TIMEOUT_S)
        if self._thread.is_alive():
            self._report("the server did not answer in time")

    def _work(self) -> None:
        try:
            self._upload()
        except Exception as error:  # noqa: BLE001 (W&B raises many kinds; a missing artifact must not end the run)
            self._report(" ".join(str(error).split())[:200])

    def _report(self, reason: str) -> None:
        with self._lock:
            if self._reported:
                return
            self._reported = True
            warn(f"W&B: {self._what} could not be linked ({reason})")
