"""Uploaded files: bounded, in a temporary folder of this process, and deleted when they are no longer used."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Literal

from pix2style.errors import DataError
from pix2style.images import IMAGE_SUFFIXES
from pix2style.images.kinds import VIDEO_SUFFIXES
from pix2style.page_server.refusals import NotHereError, TooLargeError
from pix2style.printable import printable
from pix2style.studio.limits import StudioLimits

Kind = Literal["photo", "clip"]
_ID_BYTES = 16
_LONGEST_NAME = 120
_MB = 1_000_000
_SUFFIXES: dict[Kind, frozenset[str]] = {"photo": IMAGE_SUFFIXES, "clip": VIDEO_SUFFIXES}


@dataclass(slots=True)
class Upload:
    """An uploaded file.

    Attributes:
        id: Random name, which nobody can guess.
        kind: Whether it is a photo or a clip.
        name: Name that the file has for the person who uploaded it; never part of a path on this machine.
        folder: Folder of this upload alone; results are written into it, too.
        suffix: Suffix of the name, in lower case.
        used_s: Moment of the last use, on the scale of `time.monotonic()`.
    """

    id: str
    kind: Kind
    name: str
    folder: Path
    suffix: str
    used_s: float = field(default_factory=time.monotonic)

    @property
    def path(self) -> Path:
        """The uploaded file."""
        return self.folder / f"{self.kind}{self.suffix}"

    @property
    def mask(self) -> Path:
        """Where the mask lies that was painted for a photo, if one was."""
        return self.folder / "mask.png"

    @property
    def stem(self) -> str:
        """The name without its suffix."""
        return self.name.removesuffix(PurePosixPath(self.name).suffix) or self.kind


class Uploads:
    """All uploads of a studio.

    Args:
        folder: Existing folder for them, which belongs to this process alone.
        limits: What is accepted.
        on_remove: Called with the id of an upload that is deleted, so that what is kept about it in memory goes, too.
    """

    def __init__(self, folder: Path, limits: StudioLimits, on_remove: Callable[[str], None] = lambda _id: None) -> None:
        self._folder, self._limits, self._on_remove = folder, limits, on_remove
        self._uploads: dict[str, Upload] = {}
        self._receiving_bytes = 0
        self._lock = threading.Lock()

    def begin(self, kind: Kind, name: str) -> Receiver:
        """Return what takes the bytes of a new upload.

        Raises:
            DataError: The name has no suffix of a photo or clip.
        """
        shown = _plain_name(name)
        suffix = PurePosixPath(shown).suffix.lower()
        if suffix not in _SUFFIXES[kind]:
            kinds = "JPEG, PNG, WebP, TIFF and others" if kind == "photo" else "MP4, MOV, MKV, WebM and others"
            raise DataError(f"{shown}: is not a {kind} by its name: use a file of a kind such as {kinds}")
        self.remove_unused()
        upload = Upload(secrets.token_urlsafe(_ID_BYTES), kind, shown, self._folder / secrets.token_hex(8), suffix)
        upload.folder.mkdir(mode=0o700)
        most = self._limits.photo_bytes if kind == "photo" else self._limits.clip_bytes
        return Receiver(upload, most, self)

    def add(self, upload: Upload) -> None:
        """Take up an upload that is complete; the oldest others are deleted if all together are too large."""
        with self._lock:
            self._uploads[upload.id] = upload
        total = {item.id: _folder_bytes(item.folder) for item in self.all()}
        for item in sorted(self.all(), key=lambda item: item.used_s):
            if sum(total.values()) <= self._limits.total_bytes or item.id == upload.id:
                return
            self.remove(item.id)
            del total[item.id]

    def count_receiving(self, change_bytes: int) -> bool:
        """Count bytes of uploads that are not complete, and return whether all of them together are few enough."""
        with self._lock:
            self._receiving_bytes += change_bytes
            return self._receiving_bytes <= self._limits.total_bytes

    def all(self) -> list[Upload]:
        """Return all uploads, oldest first."""
        with self._lock:
            return list(self._uploads.values())

    def get(self, upload_id: str, kind: Kind) -> Upload:
        """Return an upload.

        Raises:
            NotHereError: There is none of that id and kind.
        """
        with self._lock:
            upload = self._uploads.get(upload_id)
        if upload is None or upload.kind != kind:
            raise NotHereError(f"this {kind} is no longer here: add it again")
        upload.used_s = time.monotonic()
        return upload

    def remove(self, upload_id: str) -> None:
        """Delete an upload and all that was made of it; nothing happens if it is gone already."""
        with self._lock:
            upload = self._uploads.pop(upload_id, None)
        if upload is not None:
            shutil.rmtree(upload.folder, ignore_errors=True)
            self._on_remove(upload_id)

    def remove_unused(self) -> None:
        """Delete uploads that nobody has used for a long time."""
        oldest_s = time.monotonic() - self._limits.unused_s
        for upload in self.all():
            if upload.used_s < oldest_s:
                self.remove(upload.id)


class Receiver:
    """Takes the bytes of an upload as they come, and leaves no file behind if it is not completed."""

    def __init__(self, upload: Upload, most_bytes: int, uploads: Uploads) -> None:
        self.upload, self._most, self._uploads = upload, most_bytes, uploads
        self._bytes, self._is_complete = 0, False
        self._stream = upload.path.open("xb")

    def __enter__(self) -> Receiver:
        return self

    def write(self, data: bytes) -> None:
        """Store the next bytes.

        Raises:
            TooLargeError: The upload has too many bytes.
            DataError: They cannot be stored.
        """
        self._bytes += len(data)
        is_room = self._uploads.count_receiving(len(data))
        if self._bytes > self._most:
            raise TooLargeError(f"{self.upload.name}: has more than {self._most // _MB} MB: use a smaller file")
        if not is_room:
            raise TooLargeError(f"{self.upload.name}: too many files arrive at once: add it again when they are done")
        try:
            self._stream.write(data)
        except OSError as error:
            raise self._not_stored(error) from error

    def close(self) -> None:
        """End writing, so that the file can be read; it is not among the uploads yet.

        Raises:
            DataError: The last bytes cannot be stored.
        """
        try:
            self._stream.close()
        except OSError as error:
            raise self._not_stored(error) from error

    def complete(self) -> Upload:
        """Take up the file as an upload."""
        self.close()
        self._is_complete = True
        self._uploads.add(self.upload)
        return self.upload

    def __exit__(self, *_: object) -> None:
        # On a full disk, closing fails as well: it writes what is still in the buffer.
        with contextlib.suppress(OSError):
            self._stream.close()
        self._uploads.count_receiving(-self._bytes)
        if not self._is_complete:
            shutil.rmtree(self.upload.folder, ignore_errors=True)

    def _not_stored(self, error: OSError) -> DataError:
        return DataError(f"{self.upload.name}: cannot be stored: {error.strerror or error}")


def _plain_name(name: str) -> str:
    """Return the last part of a name, without control characters: browsers send names, others may send paths."""
    last = PureWindowsPath(PurePosixPath(name).name).name
    return printable(last)[-_LONGEST_NAME:].strip() or "unnamed"


def _folder_bytes(folder: Path) -> int:
    size = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            size += path.stat().st_size
    return size
