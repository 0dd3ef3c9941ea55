"""Video clips in the studio: stylized in the background, with progress, and stopped when a person wants it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pix2style.durations import duration_text
from pix2style.errors import ConfigError, DataError, FileError
from pix2style.steady import SteadyMode
from pix2style.studio.jobs import Job
from pix2style.studio.uploads import Upload
from pix2style.stylizer import Stylizer
from pix2style.video.api import stylize_clip
from pix2style.video.clip_progress import ClipProgress

_SUFFIX = ".mp4"  # what browsers play
SIDES_PX = (480, 720, 1280, 1920, 3840)


class _StoppedError(Exception):
    """A person has stopped the work."""


class ClipJob(Job):
    """Stylizes a clip.

    Args:
        folder: Existing folder for the output.
        upload: The clip.
        stylizer: What stylizes its frames.
        steady: How strokes are kept in place.
        max_side_px: Longer frames are shrunk to this side; None for the clip's own size.
    """

    kind = "clip"

    def __init__(
        self, folder: Path, upload: Upload, stylizer: Stylizer, *, steady: SteadyMode, max_side_px: int | None
    ) -> None:
        super().__init__(folder)
        self._upload, self._stylizer, self._steady, self._max_side_px = upload, stylizer, steady, max_side_px

    def _work(self) -> None:
        out = self.folder / f"stylized{_SUFFIX}"
        try:
            report = stylize_clip(
                self._stylizer,
                self._upload.path,
                out,
                steady=self._steady,
                max_side_px=self._max_side_px,
                on_progress=self._show,
            )
        except _StoppedError:
            return
        except FileError as error:  # about the file by its name here
            raise DataError(f"{self._upload.name}: {error.reason}") from error
        self.share, self.result = 1.0, out
        self.message = f"{report.frames:,} frames"
        self.lines.extend(report.notes)

    def _show(self, progress: ClipProgress) -> None:
        if self._stop.is_set():
            raise _StoppedError
        self._upload.used_s = time.monotonic()  # so that it is not deleted in the middle of long work
        self.share = progress.share
        rate = "" if progress.frames_per_s is None else f", {progress.frames_per_s:.1f} frames/s"
        left = "" if progress.left_s is None else f", {duration_text(progress.left_s)} left"
        self.message = f"{progress.done:,} frames{rate}{left}"


def parse_clip_settings(value: Mapping[str, Any]) -> tuple[SteadyMode, int | None]:
    """Check the settings of a clip that came as JSON, and return steadiness and longer side.

    Raises:
        ConfigError: A value is none of those that the page offers.
    """
    steady, side = value.get("steady", SteadyMode.LOCK.value), value.get("max_side")
    if steady not in [mode.value for mode in SteadyMode]:
        raise ConfigError(f"steady: {steady!r} is none of {', '.join(mode.value for mode in SteadyMode)}")
    if side is not None and side not in SIDES_PX:
        raise ConfigError(f"max_side: {side!r} is none of {', '.join(map(str, SIDES_PX))}")
    return SteadyMode(steady), side
