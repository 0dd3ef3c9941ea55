"""The studio without HTTP: filters, uploads, photos, clips, webcam frames and trainings, in one temporary folder."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pix2style.durations import duration_text
from pix2style.errors import ConfigError
from pix2style.installation import install_extras
from pix2style.page_server.refusals import NotHereError
from pix2style.plural import counted
from pix2style.studio.choice import Choice
from pix2style.studio.filters import Filters
from pix2style.studio.frames import Frames
from pix2style.studio.jobs import Job, Jobs, without_folder
from pix2style.studio.limits import StudioLimits
from pix2style.studio.photos import Photos
from pix2style.studio.training import (
    MOST_PHOTOS,
    TrainingJob,
    lay_out,
    missing_for_training,
    parse_minutes,
)
from pix2style.studio.uploads import Upload, Uploads
from pix2style.system.locks import open_lock, try_lock
from pix2style.version import __version__

_FOLDER_PREFIX = "pix2style-studio-"
_SWEEP_S = 60.0
_FINISH_S = 60.0


class Studio:
    """Everything that the page can do, as methods. `close` deletes all uploads.

    Args:
        sources: Filters, runs and folders of filters; none for the gallery.
        kept: Folder into which trained filters are copied.
        limits: What is accepted.

    Attributes:
        folder: Temporary folder of all uploads and works.
        uploads: The uploaded files.
        filters: The filters to choose from.
        photos: What stylizes photos.
        frames: What stylizes frames of a webcam.
        jobs: Clips that are stylized and filters that are trained.
    """

    def __init__(self, sources: Sequence[str], kept: Path, limits: StudioLimits | None = None) -> None:
        self.limits, self._kept = limits or StudioLimits(), kept
        self.filters = Filters(sources)
        self.photos, self.frames = Photos(self.filters, self.limits), Frames(self.filters, self.limits)
        remove_abandoned(Path(tempfile.gettempdir()))
        self.folder = Path(tempfile.mkdtemp(prefix=_FOLDER_PREFIX))  # for this user alone
        self._folder_lock = open_lock(self.folder)
        try_lock(self._folder_lock, shared=False)
        self.uploads, self.jobs = Uploads(self.folder, self.limits, self.photos.forget), Jobs()
        self._is_closed = threading.Event()
        threading.Thread(target=self._remove_unused, name="unused uploads", daemon=True).start()

    def __enter__(self) -> Studio:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def finish_trainings(self, say: Callable[[str], None]) -> None:
        """End trainings as the page's stop button does, and say where their filters are.

        Args:
            say: Called with each line of text to print.
        """
        for job in self.jobs.running():
            if isinstance(job, TrainingJob):
                say(
                    f"the training is ending: its filter is written within {_FINISH_S:.0f} s (Ctrl-C leaves without it)"
                )
                say(job.finish(_FINISH_S))

    def close(self) -> None:
        """End all work, and delete all uploads and results."""
        if self._is_closed.is_set():
            return
        self._is_closed.set()
        self.jobs.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._folder_lock)

    def without_paths(self, text: str) -> str:
        """Return a message without the folder of the uploads, which means nothing to the person."""
        return without_folder(text, self.folder)

    def describe(self) -> dict[str, Any]:
        """Return what the page has to know at its start: filters, and which tabs work."""
        return {
            "version": __version__,
            "filters": [filter_.to_json() for filter_ in self.filters.all()],
            "missing": {"video": missing_for_clips(), "training": missing_for_training()},
            "limits": {"photos": self.limits.photo_bytes, "clips": self.limits.clip_bytes},
        }

    def start_clip(self, value: Any) -> Job:
        """Begin to stylize a clip.

        Args:
            value: JSON: `clip` (id), `choice`, `steady`, `max_side`.

        Raises:
            Pix2StyleError: A value is wrong, the clip is gone, or another clip is being stylized.
        """
        from pix2style.studio.clips import ClipJob, parse_clip_settings

        values = _object(value)
        upload = self.uploads.get(str(values.get("clip")), "clip")
        stylizer = self.filters.stylizer(Choice.parse(values.get("choice")))
        steady, side = parse_clip_settings(values)
        with self._new_folder() as folder:
            return self.jobs.start(ClipJob(folder, upload, stylizer, steady=steady, max_side_px=side))

    def start_training(self, value: Any) -> Job:
        """Begin to train a filter, or go on with a training that has ended.

        Args:
            value: JSON: `painting` (id or null), `photos` (ids), `minutes`; or `go_on` (id of the job), `minutes`.

        Raises:
            Pix2StyleError: A value is wrong, an upload is gone, or another filter is being trained.
        """
        values = _object(value)
        minutes = parse_minutes(values.get("minutes"))
        if "go_on" in values:
            earlier = self.jobs.get(str(values["go_on"]))
            if not isinstance(earlier, TrainingJob) or earlier.is_running:
                raise ConfigError("go_on: this is no training that has ended")
            order = earlier.longer(minutes)
            return self.jobs.start(TrainingJob(earlier.folder, order, self._kept, self._add_trained))
        painting_id, photo_ids = values.get("painting"), values.get("photos", [])
        if not isinstance(photo_ids, list) or len(photo_ids) > MOST_PHOTOS:
            raise ConfigError(f"photos: give a list of at most {MOST_PHOTOS}")
        painting = None if painting_id is None else self._painting(painting_id)
        photos = self._training_photos(photo_ids)
        with self._new_folder() as folder:
            order = lay_out(folder, painting, photos, minutes)
            return self.jobs.start(TrainingJob(folder, order, self._kept, self._add_trained))

    def _remove_unused(self) -> None:
        while not self._is_closed.wait(_SWEEP_S):
            self.uploads.remove_unused()

    def _photo(self, upload_id: object) -> Upload:
        return self.uploads.get(str(upload_id), "photo")

    def _painting(self, upload_id: object) -> Upload:
        try:
            return self._photo(upload_id)
        except NotHereError as error:
            raise NotHereError("the painting is no longer here: add it again") from error

    def _training_photos(self, upload_ids: Sequence[object]) -> list[Upload]:
        photos, gone = [], 0
        for upload_id in upload_ids:
            try:
                photos.append(self._photo(upload_id))
            except NotHereError:
                gone += 1
        if gone:
            raise NotHereError(
                f"{gone} of {counted(len(upload_ids), 'photo')} can no longer be used, because unused ones are deleted"
                f" after {duration_text(self.limits.unused_s)}, and the oldest ones if all together have more than"
                f" {self.limits.total_bytes / 1e9:g} GB: add the photos again"
            )
        return photos

    def _add_trained(self, file: Path) -> None:
        self.filters.add_trained(file.stem, file)

    @contextlib.contextmanager
    def _new_folder(self) -> Iterator[Path]:
        """Yield a folder for a job, which is deleted if the job cannot start."""
        folder = self.folder / secrets.token_hex(8)
        folder.mkdir(mode=0o700)
        try:
            yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise


def remove_abandoned(temporary: Path) -> None:
    """Delete the folders of studios that were killed, so that they could not do it themselves.

    Args:
        temporary: The system's folder for temporary files.
    """
    for folder in temporary.glob(f"{_FOLDER_PREFIX}*"):
        with contextlib.suppress(OSError):  # it belongs to another user, or its studio has just deleted it
            if folder.is_symlink() or time.time() - folder.stat().st_mtime < _SWEEP_S:
                continue
            lock = open_lock(folder)
            try:
                if try_lock(lock, shared=False):
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


def missing_for_clips() -> str:
    """Return what to install before clips can be stylized; empty if all is there."""
    return "" if find_spec("av") is not None else f"Video clips need the extra video: {install_extras('video')}"


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError("the request is no object: send values by their names")
    return value
