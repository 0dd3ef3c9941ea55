"""Trainings in the studio: quickstart in a process of its own, with a live picture, until a person likes it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pix2style.durations import duration_text
from pix2style.errors import ConfigError, DataError, Pix2StyleError
from pix2style.files import atomic_path, read_json
from pix2style.printable import printable
from pix2style.processes import python_command
from pix2style.studio.jobs import Job
from pix2style.studio.uploads import Upload

LEAST_MINUTES, MOST_MINUTES = 0.5, 240.0
MOST_PHOTOS = 2000
_QUIET_VARIABLE = "PIX2STYLE_QUIET"  # lines of progress are wanted, even if the studio itself is quiet
_INTERRUPTED = 130
_FIGURES = ("psnr_db", "ssim", "gram_distance", "photo_psnr_db", "held_out", "images_seen", "filter_bytes")


@dataclass(frozen=True, slots=True)
class TrainingOrder:
    """What is trained.

    Attributes:
        out: Folder of the work.
        content: Folder of photos; None for the sample photos.
        style: The painting; None for the sample painting.
        minutes: Limit of the time for all stages together, earlier trainings with the same folder included.
        used_minutes: How much of it earlier trainings have used.
    """

    out: str
    content: str | None
    style: str | None
    minutes: float
    used_minutes: float = 0.0


def lay_out(folder: Path, painting: Upload | None, photos: Sequence[Upload], minutes: float) -> TrainingOrder:
    """Put the painting and the photos into a folder as quickstart takes them, and return the order.

    Args:
        folder: Existing, empty folder.
        painting: The painting; None for the sample painting.
        photos: The photos; none for the sample photos.
        minutes: Limit of the time.

    Raises:
        DataError: A file cannot be copied.
    """
    content, style = None, None
    try:
        if painting is not None:
            (folder / "painting").mkdir()
            style = folder / "painting" / f"{painting.stem[:60] or 'painting'}{painting.suffix}"
            _link(painting.path, style)
        if photos:
            content = folder / "photos"
            content.mkdir()
            for number, photo in enumerate(photos):
                _link(photo.path, content / f"{number:04d}{photo.suffix}")
    except OSError as error:
        raise DataError(f"the photos cannot be copied: {error.strerror or error}") from error
    return TrainingOrder(str(folder / "work"), _text(content), _text(style), minutes)


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _link(source: Path, target: Path) -> None:
    """Give a file a second name, so that it outlives the upload; copy it where the file system has no links."""
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)


class TrainingJob(Job):
    """Trains a filter.

    Args:
        folder: Folder of the work, which an earlier job may have begun.
        order: What is trained.
        kept: Folder into which the filter is copied at the end; it is made then.
        on_trained: Called with the copied filter file.
    """

    kind = "training"

    def __init__(self, folder: Path, order: TrainingOrder, kept: Path, on_trained: Callable[[Path], None]) -> None:
        super().__init__(folder)
        self.order, self._kept, self._on_trained = order, kept, on_trained
        self._process: subprocess.Popen[str] | None = None
        self._began_s = self._ended_s = time.monotonic()
        self._figures: dict[str, Any] = {}

    @property
    def preview(self) -> Path:
        """Picture of photos, the teacher's images and the filter's as it is now; it need not exist yet."""
        return Path(self.order.out) / "preview.png"

    def longer(self, minutes: float) -> TrainingOrder:
        """Return the order that goes on from here for some minutes more."""
        used = self._used_minutes()
        return replace(self.order, minutes=used + minutes, used_minutes=used)

    def _used_minutes(self) -> float:
        """Return how many minutes of its limit quickstart has used, as it counts them."""
        if not (Path(self.order.out) / "run" / "config.json").is_file():
            return 0.0  # it had not begun to train, and does not count what it did before
        return min(self.order.minutes, self.order.used_minutes + (self._ended_s - self._began_s) / 60)

    def stop(self) -> None:
        """End the training; the filter is written as it is then. A second call ends all of it at once."""
        if self._stop.is_set():
            self._kill()
        super().stop()
        self._close_input()

    def finish(self, within_s: float) -> str:
        """End the training as `stop` does, wait for its filter, and return a sentence that says where it is.

        Args:
            within_s: The longest time to wait.
        """
        if not self._stop.is_set():
            self.stop()
        self._thread.join(within_s)
        if self.result is not None and self.result.parent == self._kept:
            return f"{self.result}: the filter, as far as it was trained"
        reason = "its filter was not written in time" if self.is_running else next(reversed(self.lines), "")
        return f"the training has left no filter: {reason or 'it had hardly begun'}"

    def abandon(self) -> None:
        """End the training at once: nothing of it is kept."""
        self._stop.set()
        self._kill()
        super().abandon()

    def to_json(self) -> dict[str, Any]:
        """Return what the page has to know."""
        has_preview = self.preview.is_file()
        changed = self.preview.stat().st_mtime_ns if has_preview else 0
        if self.is_running:
            seconds, limit_s = time.monotonic() - self._began_s, 60 * (self.order.minutes - self.order.used_minutes)
            self.share = min(0.99, seconds / limit_s)
            self.message = f"{duration_text(seconds)} of {duration_text(limit_s)}"
        return {**super().to_json(), "preview": changed, "figures": self._figures, "minutes": self.order.minutes}

    def _work(self) -> None:
        process = self._process = _start(self.order)
        if process.stdout is None:
            raise TypeError("the output of the process is read")
        if self._stop.is_set():  # since before there was a process
            self._close_input()
        for line in process.stdout:
            self.lines.append(printable(line.rstrip()))
        code = process.wait()
        self._ended_s = time.monotonic()
        if code == 0:
            self._take_filter()
        elif not (self._stop.is_set() or code == _INTERRUPTED):
            raise DataError(next(reversed(self.lines), "the training has ended without a message"))

    def _take_filter(self) -> None:
        report = read_json(Path(self.order.out) / "report.json")
        self._figures = {name: report.get(name) for name in _FIGURES}
        trained = Path(self.order.out) / Path(report["filter"]).name
        kept = _free_path(self._kept / trained.name)
        try:
            with atomic_path(kept) as temporary:
                shutil.copyfile(trained, temporary)
        except OSError as error:
            self.lines.append(f"{kept}: cannot be written ({error.strerror or error}): download the filter")
            kept = trained
        self.result = kept
        self.share, self.message = 1.0, f"The filter is ready: {self.result}"
        self._on_trained(self.result)

    def _close_input(self) -> None:
        """Let the process end its training."""
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):  # the process has just ended
                self._process.stdin.close()

    def _kill(self) -> None:
        """End the process, and those that it has started."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        with contextlib.suppress(OSError):
            if sys.platform == "win32":
                process.kill()
            else:
                os.killpg(process.pid, signal.SIGKILL)


def _start(order: TrainingOrder) -> subprocess.Popen[str]:
    """Start quickstart in a process of its own session, which Ctrl-C in the studio's terminal does not reach."""
    command = python_command("-m", "pix2style.studio.training_process", json.dumps(asdict(order)))
    environment = {name: value for name, value in os.environ.items() if name != _QUIET_VARIABLE}
    return subprocess.Popen(  # noqa: S603
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        text=True,
        errors="replace",
        start_new_session=True,
    )


def _free_path(path: Path) -> Path:
    """Return the path, with a number if there is a file of that name already."""
    number, free = 1, path
    while os.path.lexists(free):
        number += 1
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return free


def parse_minutes(value: Any) -> float:
    """Check the minutes of a training that came as JSON.

    Raises:
        ConfigError: They are no number, or out of their range.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not LEAST_MINUTES <= value <= MOST_MINUTES:
        raise ConfigError(f"minutes: {value!r} is no number from {LEAST_MINUTES:g} to {MOST_MINUTES:g}")
    return float(value)


def missing_for_training() -> str:
    """Return what to install before filters can be trained; empty if all is there. Imports nothing large."""
    from importlib.util import find_spec

    from pix2style.installation import install_extras
    from pix2style.teachers.magenta.find import check_network

    if any(find_spec(name) is None for name in ("torch", "albumentations", "onnxscript", "safetensors")):
        return f"Training needs the extras train and painting: {install_extras('train', 'painting')}"
    try:
        check_network(None)
    except Pix2StyleError as error:
        return str(error)
    return ""
