"""Write TensorBoard event files into the run folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pix2style.errors import require
from pix2style.images import read_picture

FOLDER = "tensorboard"


class TensorBoardTracker:
    """Writes event files into `RUN/tensorboard`.

    Args:
        run: Run folder.
        resume_step: Let TensorBoard hide what was written for later steps, because the resumed run will write it again.

    Raises:
        MissingExtraError: TensorBoard is not installed.
    """

    run_id = None

    def __init__(self, run: Path, *, resume_step: int) -> None:
        require("tensorboard", "tensorboard")
        from torch.utils.tensorboard import SummaryWriter

        purge = resume_step + 1 if resume_step else None
        self._writer = SummaryWriter(log_dir=str(run / FOLDER), purge_step=purge)

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """See `Tracker.log`."""
        for name, value in metrics.items():
            self._writer.add_scalar(name, value, step)

    def log_image(self, step: int, name: str, path: Path) -> None:
        """See `Tracker.log_image`."""
        self._writer.add_image(name, read_picture(path).rgb, step, dataformats="HWC")

    def close(self, summary: Mapping[str, Any]) -> None:  # noqa: ARG002 (TensorBoard has no summary)
        """Write what is buffered, and close the files."""
        self._writer.close()
