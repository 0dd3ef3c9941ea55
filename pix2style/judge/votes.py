"""Store votes in a file: one line of JSON for each, which is on the disk before the next pair is shown."""

from __future__ import annotations

import contextlib
import json
import math
import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from pix2style.errors import DataError
from pix2style.judge.plan import QUESTIONS, Question, Trial
from pix2style.progress import print_note
from pix2style.system.locks import open_lock, try_lock

FORMAT = 1
"""Number of the format, the value of `votes` in each line."""

Answer = Literal["left", "right", "neither"]
ANSWERS: tuple[Answer, ...] = get_args(Answer)
_START_OF_LINE = f'{{"votes": {FORMAT}, '.encode()


@dataclass(frozen=True, slots=True)
class Vote:
    """An answer of a judge.

    Attributes:
        id: Random text that no other vote has.
        time: When the answer was given (ISO 8601, UTC).
        judge: Name of the judge.
        question: `better` or `teacher`.
        photo: Name of the photo.
        left: Name of the stylizer whose picture was on the left.
        right: Name of the stylizer whose picture was on the right.
        teacher: Name of the teacher, if there was one.
        showing: 1, or 2 for a repeated pair.
        answer: `left`, `right`, or `neither` for "cannot tell".
        seconds: Time from when both pictures were shown until the answer; None if the page did not send it.
        left_sha256: Digest of the picture on the left: of height, width and pixels.
        right_sha256: Digest of the picture on the right.
        seed: Seed of the order.
        version: Version of pix2style.
    """

    id: str
    time: str
    judge: str
    question: Question
    photo: str
    left: str
    right: str
    teacher: str | None
    showing: int
    answer: Answer
    seconds: float | None
    left_sha256: str
    right_sha256: str
    seed: int
    version: str

    @property
    def trial(self) -> Trial:
        """The trial that it answers."""
        return Trial(self.question, self.photo, self.left, self.right, self.showing)

    @property
    def chosen(self) -> str | None:
        """Name of the stylizer that was chosen; None for neither."""
        return {"left": self.left, "right": self.right, "neither": None}[self.answer]

    def digests(self) -> dict[tuple[str, str], str]:
        """Return the digests of the two pictures by photo and stylizer."""
        return {(self.photo, self.left): self.left_sha256, (self.photo, self.right): self.right_sha256}


def now() -> str:
    """Return the time for a vote."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class VotesFile:
    """A file to which votes are appended.

    Lines that were written are never changed. What undoes a vote is a line of its own. Its last line may have been cut
    off by a crash: that vote has not been confirmed to the judge, who is asked again.

    Args:
        path: The file; it is made with the first vote. Other processes may read it, but not write it (`only_writer`).

    Raises:
        DataError: It cannot be read, or a line is no vote.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._votes = {vote.id: vote for vote in read_votes([path])} if path.exists() else {}
        self._needs_line_break = _mend_end(path)

    def votes(self) -> list[Vote]:
        """Return the votes that have not been undone, in their order."""
        with self._lock:
            return list(self._votes.values())

    def append(self, vote: Vote) -> None:
        """Write a vote; when this returns, it is on the disk.

        Raises:
            DataError: The file cannot be written.
        """
        self._write({"votes": FORMAT, **asdict(vote)})
        with self._lock:
            self._votes[vote.id] = vote

    def undo(self, vote: Vote) -> None:
        """Write that a vote does not count."""
        self._write({"votes": FORMAT, "undo": vote.id, "time": now(), "judge": vote.judge})
        with self._lock:
            self._votes.pop(vote.id, None)

    def _write(self, value: Mapping[str, Any]) -> None:
        line = json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
        with self._lock:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                _append(self.path, b"\n" + line if self._needs_line_break else line)
            except OSError as error:
                raise DataError(f"{self.path}: the vote cannot be written: {error.strerror or error}") from error
            self._needs_line_break = False


def _append(path: Path, line: bytes) -> None:
    """Append a whole line or nothing: if the disk is full, the beginning of a line would damage the next one."""
    with path.open("ab", buffering=0) as stream:
        size = os.fstat(stream.fileno()).st_size
        try:
            written = stream.write(line)
            while written < len(line):  # the system reports a full disk only when no byte can be written
                written += stream.write(line[written:])
            os.fsync(stream.fileno())
        except OSError:
            with contextlib.suppress(OSError):
                stream.truncate(size)
            raise


@contextlib.contextmanager
def only_writer(path: Path) -> Iterator[None]:
    """Keep other processes from writing votes to a file; no empty file or folder is left behind.

    Raises:
        DataError: Another process writes to the file, or it cannot be written.
    """
    missing = [folder for folder in path.parents if not folder.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("ab").close()
        handle = open_lock(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror or error}") from error
    try:
        if not try_lock(handle):
            raise DataError(
                f"{path}: another `pix2style judge` writes votes to it: use its page, or name another file (--votes)"
            )
        try:
            yield
        finally:
            _remove_if_empty(path, missing)
    finally:
        os.close(handle)


def _remove_if_empty(path: Path, folders: Iterable[Path]) -> None:
    with contextlib.suppress(OSError):
        if path.stat().st_size == 0:
            path.unlink()
            for folder in folders:
                folder.rmdir()


def read_votes(paths: Iterable[Path]) -> list[Vote]:
    """Read the votes of one or several files, without those that were undone; the same vote in two files counts once.

    Raises:
        DataError: A file cannot be read, a line is no vote, or two votes are about different pictures of the same name.
    """
    votes: dict[str, Vote] = {}
    undone: set[str] = set()
    for path in paths:
        for vote in _read_file(path, undone):
            votes.setdefault(vote.id, vote)
    counted = [vote for vote in votes.values() if vote.id not in undone]
    check_same_pictures(counted)
    return counted


def check_same_pictures(votes: Sequence[Vote], pictures: Mapping[tuple[str, str], str] | None = None) -> None:
    """Check that votes about pictures of the same names are about the same pictures.

    Args:
        votes: The votes.
        pictures: Digests of pictures by photo and stylizer, which count as well.

    Raises:
        DataError: They are not. The message names a picture.
    """
    digests = dict(pictures or {})
    for vote in votes:
        for name, digest in vote.digests().items():
            if digests.setdefault(name, digest) != digest:
                photo, stylizer = name
                raise DataError(
                    f"there are votes about another picture of {photo} by {stylizer}: votes on different"
                    " pictures cannot be counted together: name another file (--votes), or report the files one by one"
                )


def _read_file(path: Path, undone: set[str]) -> list[Vote]:
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    votes = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
            if isinstance(value, dict) and value.get("votes") == FORMAT and isinstance(value.get("undo"), str):
                undone.add(value["undo"])
            else:
                votes.append(_parse(value))
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            if number == len(lines) and _is_cut_off(line):
                print_note(f"{path}: its last line was cut off and is left out: that vote was not confirmed")
                continue
            raise DataError(f"{path}: line {number} is not a vote: correct it or delete the line") from error
    return votes


def _parse(value: Any) -> Vote:
    if not isinstance(value, dict) or value.pop("votes", None) != FORMAT:
        raise ValueError("another format")
    vote = Vote(**value)
    texts = (vote.id, vote.time, vote.judge, vote.photo, vote.left, vote.right, vote.left_sha256, vote.right_sha256)
    if not all(isinstance(text, str) for text in (*texts, vote.version, vote.teacher or "")):
        raise ValueError("a text is missing")
    if vote.question not in QUESTIONS or vote.answer not in ANSWERS or vote.left == vote.right:
        raise ValueError("an unknown question or answer")
    json.dumps(value, ensure_ascii=False).encode()  # refuses lone surrogates, which are halves of characters
    is_time = type(vote.seconds) in (int, float) and math.isfinite(vote.seconds or 0)
    is_number = type(vote.showing) is int and vote.showing >= 1 and (vote.seconds is None or is_time)
    if not is_number or (vote.question == "teacher" and vote.teacher not in (vote.left, vote.right)):
        raise ValueError("a number or the teacher is missing")
    return vote


def _is_cut_off(line: bytes) -> bool:
    """Return whether a line without a line break is the beginning of one of ours, and no other file's text."""
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return line[: len(_START_OF_LINE)] == _START_OF_LINE[: len(line)]
    return False


def _mend_end(path: Path) -> bool:
    """Cut off an incomplete last line, and return whether a complete one lacks its line break."""
    if not path.exists():
        return False
    data = path.read_bytes()
    rest = data[data.rfind(b"\n") + 1 :]
    if not rest.strip():
        return False
    if not _is_cut_off(rest):
        return True
    try:
        with path.open("r+b") as stream:
            stream.truncate(len(data) - len(rest))
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror or error}") from error
    return False
