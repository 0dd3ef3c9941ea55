"""A part of an object store, or of a file system behind a network. Only this module uses fsspec."""

from __future__ import annotations

import contextlib
import os
import posixpath
import threading
from collections.abc import Iterator
from typing import Any

from pix2style.cluster.place import Entry, Place, TargetKind
from pix2style.errors import ConfigError, MissingExtraError, require

# These stores make an object visible only when it is complete, and they cannot rename. On other file systems, a file is
# first written under another name.
_OBJECT_STORES = frozenset(("abfs", "abfss", "adl", "az", "gcs", "gs", "oci", "oss", "s3", "s3a"))
_WHAT_FILE_SYSTEMS_RAISE = Exception  # fsspec's packages raise errors of their own libraries


class RemotePlace(Place):
    """A folder behind a URL.

    Args:
        url: The URL.
        protocol: Its protocol, for example `s3`.
        options: Options of fsspec's file system.
    """

    def __init__(self, url: str, protocol: str, options: dict[str, object]) -> None:
        self._url, self._protocol, self._options = url, protocol, options
        self._of_thread = threading.local()
        self._root = self._connect()[1]
        self.address = f"{protocol}://{self._shown_host()}{self._root.lstrip('/')}"

    def _connect(self) -> tuple[Any, str]:
        [core] = require("ray", "fsspec.core")
        system, path = core.url_to_fs(self._url, use_listings_cache=False, **self._options)
        return system, str(path).rstrip("/")

    @property
    def _system(self) -> Any:
        """The file system: one for each thread, because most hold a connection that does one thing at a time."""
        if not hasattr(self._of_thread, "system"):
            self._of_thread.system = self._connect()[0]
        return self._of_thread.system

    def _shown_host(self) -> str:
        host = getattr(self._system, "host", None)
        return f"{host}/" if isinstance(host, str) else ""

    def __reduce__(self) -> tuple[type[RemotePlace], tuple[str, str, dict[str, object]]]:
        return RemotePlace, (self._url, self._protocol, self._options)

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    def entries(self, folder: str) -> list[Entry]:
        """See `Place.entries`."""
        path = self._path(folder)
        with _as_os_errors():
            found = self._system.ls(path, detail=True)
        entries = [(posixpath.basename(str(item["name"]).rstrip("/")), item) for item in found]
        # Object stores may list an empty object for the folder itself. For a file, some return that file.
        below = [(name, item) for name, item in entries if str(item["name"]).strip("/") != path.strip("/")]
        if found and not below and any(item["type"] == "file" and item.get("size") for _, item in entries):
            raise NotADirectoryError(20, os.strerror(20), path)
        kinds = {name: "folder" if item["type"] == "directory" else "file" for name, item in below}
        return [Entry(name, "folder" if kinds[name] == "folder" else "file") for name in sorted(kinds)]

    def read(self, name: str) -> bytes:
        """See `Place.read`."""
        with _as_os_errors():
            data: bytes = self._system.cat_file(self._path(name))
            return data

    def kind(self, name: str) -> TargetKind:
        """See `Place.kind`."""
        with contextlib.suppress(_WHAT_FILE_SYSTEMS_RAISE):
            info = self._system.info(self._path(name))
            if info["type"] == "directory":
                return "folder"
            return "file" if info.get("size") != 0 else "empty"
        return "absent"

    def write(self, name: str, data: bytes) -> None:
        """See `Place.write`."""
        path = self._path(name)
        with _as_os_errors():
            if self._protocol in _OBJECT_STORES:
                self._system.pipe_file(path, data)
                return
            parent, base = posixpath.split(path)
            self._system.makedirs(parent, exist_ok=True)
            temporary = f"{parent}/.{base[:40]}.{os.urandom(8).hex()}.partial"
            try:
                self._system.pipe_file(temporary, data)
                self._rename(temporary, path)
            except BaseException:
                with contextlib.suppress(_WHAT_FILE_SYSTEMS_RAISE):
                    self._system.rm_file(temporary)
                raise

    def _rename(self, temporary: str, path: str) -> None:
        try:
            self._system.mv(temporary, path)
        except _WHAT_FILE_SYSTEMS_RAISE:
            # Some systems do not replace a file by renaming.
            if not self._system.exists(path):
                raise
            self._system.rm_file(path)
            self._system.mv(temporary, path)

    def path_within(self, outer: Place) -> str | None:
        """See `Place.path_within`."""
        if not isinstance(outer, RemotePlace) or self._system != outer._system:
            return None
        if self._root == outer._root:
            return ""
        return self._root.removeprefix(f"{outer._root}/") if self._root.startswith(f"{outer._root}/") else None


def open_remote_place(url: str, protocol: str, options: dict[str, object]) -> RemotePlace:
    """Return the place behind a URL.

    Raises:
        ConfigError: There is no such protocol, or the options do not fit.
        MissingExtraError: A package for the protocol is not installed.
    """
    try:
        return RemotePlace(url, protocol, options)
    except MissingExtraError:
        raise
    except ImportError as error:
        raise MissingExtraError(f"{protocol}://: needs another package: {error}") from error
    except _WHAT_FILE_SYSTEMS_RAISE as error:
        raise ConfigError(
            f"{protocol}://: cannot be opened: {_reason(error)}: check the URL and --storage-option"
        ) from error


@contextlib.contextmanager
def _as_os_errors() -> Iterator[None]:
    """Turn whatever the package of a file system raises into an OSError."""
    try:
        yield
    except OSError:
        raise
    except _WHAT_FILE_SYSTEMS_RAISE as error:
        raise OSError(0, _reason(error)) from error


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
