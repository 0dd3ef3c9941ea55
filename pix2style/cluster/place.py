"""Places that hold photos or outputs: a folder, or a part of an object store or of a file system behind a network."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pix2style.errors import ConfigError

# `C:\photos` is a path of Windows; protocols have at least two letters.
_ADDRESS = re.compile(r"(?P<protocol>[a-z][a-z0-9+.-]+)://(?P<rest>.*)", re.DOTALL | re.IGNORECASE)

EntryKind = Literal["file", "folder", "linked folder"]
TargetKind = Literal["absent", "empty", "file", "folder"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or folder that lies directly in a folder of a place.

    Attributes:
        name: Its name, without the folder.
        kind: Whether it is a file, a folder, or a link to a folder.
    """

    name: str
    kind: EntryKind


class Place(ABC):
    """A tree of files. Paths of files in it are relative to its top, with forward slashes.

    A place can be pickled, so that all machines of a cluster use the same one.

    Attributes:
        address: The path or URL, without passwords, for messages.
    """

    address: str

    @abstractmethod
    def entries(self, folder: str) -> list[Entry]:
        """Return what lies in a folder, sorted by name.

        Args:
            folder: Path of the folder; empty for the top.

        Raises:
            OSError: The folder does not exist or cannot be opened.
        """

    @abstractmethod
    def read(self, name: str) -> bytes:
        """Return the content of a file.

        Raises:
            OSError: It cannot be read.
        """

    @abstractmethod
    def kind(self, name: str) -> TargetKind:
        """Return whether something lies at a path; "absent" if it cannot be looked at."""

    @abstractmethod
    def write(self, name: str, data: bytes) -> None:
        """Write a file so that a reader sees either the old content or all of the new one.

        Raises:
            OSError: It cannot be written.
        """

    @abstractmethod
    def path_within(self, outer: Place) -> str | None:
        """Return the path of this place inside another one: empty if they are the same, None if it lies elsewhere."""

    def local_path(self, name: str) -> Path | None:  # noqa: ARG002 - of use to places with paths
        """Return the path of a file for this machine's file system; None if the place is behind a network."""
        return None


def open_place(address: str, options: Mapping[str, object] | None = None) -> Place:
    """Return the place at a path or URL.

    Args:
        address: A path, `file://` with a path, or another URL that fsspec knows, for example `s3://bucket/photos`.
        options: Options of the file system behind a URL; see fsspec's documentation of it.

    Raises:
        ConfigError: There is no such protocol, or the options do not fit.
        MissingExtraError: A package for the protocol is not installed.
    """
    from pix2style.cluster.local_place import LocalPlace

    match = _ADDRESS.fullmatch(address)
    protocol = match["protocol"].lower() if match else ""
    if match is None or protocol in ("file", "local"):
        if not (path := match["rest"] if match else address):
            raise ConfigError(f"{address!r}: names no folder: give a path, or a URL such as s3://bucket/photos")
        return LocalPlace(Path(path))
    from pix2style.cluster.remote_place import open_remote_place

    return open_remote_place(address, protocol, dict(options or {}))
