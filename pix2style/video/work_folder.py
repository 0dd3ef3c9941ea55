"""The folder beside an output that holds the finished segments of a clip, so that a second call can go on.

It is hidden and named after the output. `job.json` says which source and settings it belongs to and lists the finished
segments; each has a file of encoded frames, and the last two have one with what the stylizer remembers of the motion.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import itertools
import os
import shutil
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pix2style.errors import ArtifactError, DataError
from pix2style.files import atomic_path, locked, read_json, write_json
from pix2style.folders import make_real_folder, while_folders_vanish
from pix2style.video.segments import read_segment

State = dict[str, NDArray[Any]]
_RECORD = "job.json"
_SEGMENT_SUFFIX = ".segment"
_VERSION = 2
_LONGEST_NAME = 40  # characters; file systems allow 255 bytes for a name
_TRIALS = 5


@dataclass(frozen=True, slots=True)
class SegmentRecord:
    """A finished segment.

    Attributes:
        name: Name of its file in the work folder.
        frames: Number of its frames.
        last_index: Number of its last frame in the part that is read, from 0.
        last_time: Presentation time of that frame, in units of the clip's time base.
        state: Name of the file with the stylizer's state after its last frame; empty for the last segment of a clip.
    """

    name: str
    frames: int
    last_index: int
    last_time: int
    state: str


@dataclass(frozen=True, slots=True)
class PartialFile:
    """The playable file that an interrupted call left.

    Attributes:
        name: Its name, in the folder of the output.
        size_bytes: Its size.
    """

    name: str
    size_bytes: int

    def is_at(self, path: Path) -> bool:
        """Return whether this file lies at a path, as far as name and size tell."""
        try:
            return path.name == self.name and path.stat().st_size == self.size_bytes
        except OSError:
            return False


@dataclass(frozen=True, slots=True)
class _Record:
    """What an earlier call has left, as `job.json` says."""

    job: str | None = None
    segments: Sequence[SegmentRecord] = ()
    notes: list[str] = field(default_factory=list)
    partial: PartialFile | None = None


def _read_record(folder: Path) -> _Record:
    """Return the record of a work folder; an empty one if there is none that can be read."""
    try:
        values = read_json(folder / _RECORD)
        if values["version"] != _VERSION:
            return _Record()
        segments = [SegmentRecord(**segment) for segment in values["segments"]]
        partial = PartialFile(**values["partial"]) if values["partial"] else None
        return _Record(values["job"], segments, list(values["notes"]), partial)
    except (ArtifactError, LookupError, TypeError):
        return _Record()


def _load_state(path: Path) -> State | None:
    """Return a stored state; None if the file is damaged."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, EOFError, ValueError, TypeError, LookupError, NotImplementedError, zipfile.BadZipFile, zlib.error):
        return None


def work_folder_path(out: Path) -> Path:
    """Return the path of the work folder of an output."""
    name = out.name
    if len(name) > _LONGEST_NAME:
        digest = hashlib.sha256(os.fsencode(name)).hexdigest()[:16]
        name = f"{name[:_LONGEST_NAME]}-{digest}"
    return out.with_name(f".{name}.pix2style")


class WorkFolder:
    """The work folder of a clip, which this process alone uses.

    Attributes:
        path: Path of the folder.
        segments: Finished segments, in order.
        notes: What a person should know about the frames of these segments.
        partial: The playable file of an earlier call that was interrupted; None if there is none.
        discarded: Number of finished segments of another job that were in the folder.
        damaged: Number of finished segments of this job that cannot be used, because they or one before is damaged.
    """

    def __init__(self, path: Path, job: str) -> None:
        self.path, self._job = path, job
        self.segments: list[SegmentRecord] = []
        self.notes: list[str] = []
        self.partial: PartialFile | None = None
        self.discarded = self.damaged = 0
        self._read()

    def _read(self) -> None:
        """Read what an earlier call has left, and remove what belongs to another job."""
        record = _read_record(self.path)
        self.partial = record.partial
        if record.job == self._job:
            self.segments, self.notes = self._sound_run(record.segments), record.notes
            self.damaged = len(record.segments) - len(self.segments)
        else:
            self.discarded = len(record.segments)
        # What a program that was killed had not finished goes, too.
        used = {_RECORD, *(name for part in self.segments for name in (part.name, part.state))}
        for entry in self.path.iterdir():
            if entry.name not in used:
                _remove_entry(entry)
        self._write_record()

    def _sound_run(self, segments: Sequence[SegmentRecord]) -> list[SegmentRecord]:
        """Return the segments up to the first damaged one. The work goes on behind one whose state is there."""
        sound = list(itertools.takewhile(self._is_sound, segments))
        while sound and sound[-1].state and _load_state(self.path / sound[-1].state) is None:
            sound.pop()
        return sound

    def _is_sound(self, segment: SegmentRecord) -> bool:
        try:
            return len(read_segment(self.path / segment.name).times) == segment.frames
        except ArtifactError:
            return False

    def _write_record(self) -> None:
        write_json(
            self.path / _RECORD,
            {
                "version": _VERSION,
                "job": self._job,
                "segments": [dataclasses.asdict(segment) for segment in self.segments],
                "notes": self.notes,
                "partial": dataclasses.asdict(self.partial) if self.partial else None,
            },
        )

    @property
    def frames(self) -> int:
        """Number of frames in all finished segments."""
        return sum(segment.frames for segment in self.segments)

    @property
    def next_index(self) -> int:
        """Number of the first frame that is still to do."""
        return self.segments[-1].last_index + 1 if self.segments else 0

    @property
    def next_time(self) -> int | None:
        """A time after the last frame that is done, and not after the next one; None if no segment is finished."""
        return self.segments[-1].last_time + 1 if self.segments else None

    @property
    def paths(self) -> list[Path]:
        """Files of the finished segments, in order."""
        return [self.path / segment.name for segment in self.segments]

    def next_path(self) -> Path:
        """Return the path for the next segment while it is being written."""
        return self.path / f"unfinished-{len(self.segments):06d}{_SEGMENT_SUFFIX}"

    def commit(
        self, *, frames: int, last_index: int, last_time: int, state: State | None, notes: Sequence[str]
    ) -> None:
        """Count the file at `next_path` as a finished segment.

        Args:
            frames: Number of its frames.
            last_index: Number of its last frame in the part that is read.
            last_time: Presentation time of that frame.
            state: State of the stylizer after that frame; None after the last frame of the clip.
            notes: What a person should know about the clip up to this frame.
        """
        stem = f"{len(self.segments):06d}"
        self.next_path().replace(self.path / (stem + _SEGMENT_SUFFIX))
        state_name = ""
        if state is not None:
            state_name = f"{stem}.npz"
            with atomic_path(self.path / state_name) as temporary, temporary.open("wb") as stream:
                np.savez(stream, **state)  # type: ignore[arg-type]
        self.segments.append(SegmentRecord(stem + _SEGMENT_SUFFIX, frames, last_index, last_time, state_name))
        self.notes = list(notes)
        self._write_record()
        # States are large. The last one is needed, and the one before if that is damaged.
        for segment in self.segments[-3:-2]:
            if segment.state:
                (self.path / segment.state).unlink(missing_ok=True)

    def last_state(self) -> State | None:
        """Return the state of the stylizer after the last finished segment; None if there is none."""
        if not self.segments or not self.segments[-1].state:
            return None
        return _load_state(self.path / self.segments[-1].state)

    def set_partial(self, path: Path | None) -> None:
        """Record the playable file of this call, or that there is none."""
        self.partial = PartialFile(path.name, path.stat().st_size) if path else None
        self._write_record()

    def owns(self, path: Path) -> bool:
        """Return whether a file is the playable file that an earlier call has left."""
        return self.partial is not None and self.partial.is_at(path)

    def remove(self) -> None:
        """Remove the folder and all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)


def _remove_entry(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


@contextlib.contextmanager
def open_work_folder(out: Path, job: str) -> Iterator[WorkFolder]:
    """Make the work folder of an output or open that of an earlier call, and lock it while the block runs.

    Args:
        out: The output.
        job: Digest of the source and of all settings; the content of the folder is discarded if it had another one.

    Raises:
        DataError: Another process writes the same output.
    """
    path = work_folder_path(out)
    busy = DataError(f"{out}: another process is writing it: wait for it, or choose another OUT")
    for _ in range(_TRIALS):
        while_folders_vanish(lambda: make_real_folder(path))
        with contextlib.ExitStack() as stack:
            try:
                entry = path.stat()
                stack.enter_context(locked(path, busy))
                # Another process may have finished, and removed the folder, before this one locked it.
                if not os.path.samestat(entry, path.stat()):
                    continue
            except FileNotFoundError:
                continue
            yield WorkFolder(path, job)
            return
    raise busy


def remove_stale(out: Path) -> None:
    """Remove what lies beside an output that is complete, if an earlier call was ended before it could do so."""
    path = work_folder_path(out)
    if path.is_dir() and not path.is_symlink():
        with contextlib.suppress(OSError, DataError), locked(path, DataError(f"{out}: busy")):
            remove_partial(out, _read_record(path).partial)
            shutil.rmtree(path, ignore_errors=True)


def remove_partial(out: Path, partial: PartialFile | None) -> None:
    """Remove the playable file of an interrupted call beside its output, unless it has become another file."""
    if partial:
        path = out.parent / Path(partial.name).name
        if partial.is_at(path):
            path.unlink(missing_ok=True)
