"""Long work in the background: its state, how far it is, and how it is stopped."""

from __future__ import annotations

import re
import secrets
import shutil
import threading
from abc import ABC, abstractmethod
from collections import deque
from pathlib import Path
from typing import Any, Literal

from pix2style.errors import Pix2StyleError
from pix2style.page_server.refusals import BusyError, NotHereError

State = Literal["running", "stopping", "done", "stopped", "failed"]
_KEPT_LINES = 200
_KEPT_JOBS = 6
_JOIN_S = 5.0


class Job(ABC):
    """Work in a thread of its own.

    Attributes:
        id: Random name, which nobody can guess.
        folder: Folder of the work, which is deleted with the studio's folder.
        state: How it is at present.
        share: Share that is done, from 0 to 1; None if it is not known.
        message: What went wrong, or a short remark; may be empty.
        lines: The last lines that the work has printed.
        result: The output, once it is there.
    """

    kind: str

    def __init__(self, folder: Path) -> None:
        self.id, self.folder = secrets.token_urlsafe(16), folder
        self.state: State = "running"
        self.share: float | None = None
        self.message, self.lines = "", deque[str](maxlen=_KEPT_LINES)
        self.result: Path | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=self.kind, daemon=True)

    def start(self) -> None:
        """Begin the work."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the work to end soon, in a way that suits it."""
        if self.is_running:
            self.state = "stopping"
            self._stop.set()

    def abandon(self) -> None:
        """End the work at once, and wait a few seconds for its thread: the studio closes."""
        self.stop()
        self._thread.join(_JOIN_S)

    @property
    def is_running(self) -> bool:
        """Whether the work has not ended yet."""
        return self.state in ("running", "stopping")

    def to_json(self) -> dict[str, Any]:
        """Return what the page has to know."""
        return {
            "id": self.id,
            "kind": self.kind,
            "state": self.state,
            "share": self.share,
            "message": without_folder(self.message, self.folder.parent),
            "lines": [without_folder(line, self.folder.parent) for line in self.lines],
            "has_result": self.result is not None,
        }

    @abstractmethod
    def _work(self) -> None:
        """Do the work, set `result`, and return early once `_stop` is set."""

    def _run(self) -> None:
        try:
            self._work()
            self.state = "stopped" if self._stop.is_set() and self.result is None else "done"
        except Pix2StyleError as error:
            self.state, self.message = "failed", str(error)
        except Exception as error:  # noqa: BLE001 - the page shows it, and the studio goes on
            self.state, self.message = "failed", f"{type(error).__name__}: {error}"


class Jobs:
    """The jobs of a studio: of each kind, one runs at a time."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()

    def start(self, job: Job) -> Job:
        """Start a job.

        Raises:
            BusyError: Another one of its kind is running.
        """
        with self._lock:
            if any(other.kind == job.kind and other.is_running for other in self._jobs.values()):
                raise BusyError(f"another {job.kind} is going on: wait until it has ended, or stop it")
            self._jobs[job.id] = job
            job.start()
            self._forget_oldest()
        return job

    def _forget_oldest(self) -> None:
        """Delete the folders of jobs that have ended, except for those of the newest ones."""
        ended = [job for job in self._jobs.values() if not job.is_running]
        for job in ended[: max(0, len(ended) - _KEPT_JOBS)]:
            del self._jobs[job.id]
            if all(other.folder != job.folder for other in self._jobs.values()):
                shutil.rmtree(job.folder, ignore_errors=True)

    def get(self, job_id: str) -> Job:
        """Return a job.

        Raises:
            NotHereError: There is none of that id.
        """
        with self._lock:
            if job_id not in self._jobs:
                raise NotHereError("this work is no longer known: begin it again")
            return self._jobs[job_id]

    def running(self) -> list[Job]:
        """Return the jobs that have not ended yet."""
        with self._lock:
            return [job for job in self._jobs.values() if job.is_running]

    def close(self) -> None:
        """End all jobs."""
        for job in self.running():
            job.abandon()


def without_folder(text: str, folder: Path) -> str:
    """Return a text in which paths inside a folder, and inside one of its folders with random names, are short."""
    return re.sub(re.escape(str(folder)) + r"[/\\]([0-9a-f]{16}[/\\])?", "", text)
