"""TensorBoard's event files, in the run folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pix2style.errors import require
from pix2style.images import read_picture

FOLDER = "tensorboard"


class TensorBoardTracker:
    """Event files in `RUN/tensorboard`.

    Args:
        run: the run folder.
        resume_step: what stands there of later steps is hidden, because the run will write it again.

    Raises:
        MissingExtraError: TensorBoard is not installed.
    """

    run_id = None

    def __init__(self, run: Path, *, resume_step: int) -> None:
        require("tensorboard", "tensorboard")
        from torch.utils.tensorboard import SummaryWriter

        purge = resume_step + 1 if resume_step else None
        self._writer = SummaryWriter(log_dir=str(run / FOLDER), purge_step=purge)

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        """See `Tracker.log`."""
        for name, value in figures.items():
            self._writer.add_scalar(name, value, step)

    def log_image(self, step: int, name: str, path: Path) -> None:
        """See `Tracker.log_image`."""
        self._writer.add_image(name, read_picture(path).rgb, step, dataformats="HWC")

    def close(self, summary: Mapping[str, Any]) -> None:  # noqa: ARG002 (TensorBoard has no summary)
        """Write what is left."""
        self._writer.close()
