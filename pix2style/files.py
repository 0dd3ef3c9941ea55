"""Write files atomically, lock folders, and compute SHA-256 digests."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pix2style.errors import ArtifactError, Pix2StyleError
from pix2style.folders import while_folders_vanish, while_in_use
from pix2style.system.locks import open_lock, try_lock, wait_for_lock

# These characters have at most 160 bytes in UTF-8; file systems allow 255 bytes for a name.
KEPT_OF_NAME = 40
"""Number of characters of a file's name that its temporary name begins with."""


def _machine() -> bytes:
    """Return what tells this machine from others: the id of its last start on Linux, and elsewhere its name."""
    try:
        with open("/proc/sys/kernel/random/boot_id", "rb") as stream:
            return stream.read()
    except OSError:
        if sys.platform == "win32":
            return b""
        else:  # noqa: RET505 (mypy takes code after the block for unreachable on Windows)
            return os.uname().nodename.encode("utf-8", "surrogateescape")


MACHINE_DIGITS = hashlib.sha256(_machine()).hexdigest()[:4]
"""First digits of the number in the temporary name of a file that this machine writes."""


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`, and rename it to `path` if the block ends without an exception.

    A reader sees either the old file or the complete new one. If the block fails, no file is left behind.
    """
    temporary = path.with_name(f".{path.name[:KEPT_OF_NAME]}.{MACHINE_DIGITS}{os.urandom(6).hex()}.partial")

    def create() -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # As any new file is, so that it gets the permissions that the umask or the folder prescribes.
        temporary.open("xb").close()

    while_folders_vanish(create)
    permissions = stat.S_IMODE(temporary.stat().st_mode)
    try:
        yield temporary
        # Sync before renaming: after a power failure the new name must not point to a file whose data were not written.
        _sync(temporary)
        # Some libraries put a private file (0600) in place of the one that they are asked to write, as safetensors 0.7.
        temporary.chmod(permissions)
        while_in_use(lambda: temporary.replace(path))
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(folder: Path, busy: Pix2StyleError, *, shared: bool = False) -> Iterator[None]:
    """Lock a folder for this process. The lock leaves no file in it, and ends even if the process is killed.

    Args:
        folder: Existing folder to lock.
        busy: Error to raise if another process has locked the folder.
        shared: If true, other processes may hold the lock as well, provided that all of them share it.
    """
    handle = open_lock(folder)
    try:
        if not try_lock(handle, shared=shared):
            raise busy
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def locked_in_turn(folder: Path) -> Iterator[None]:
    """Lock a folder for this process, and wait while another process has locked it.

    On a network file system without locks the block runs without one.
    """
    handle = open_lock(folder)
    try:
        wait_for_lock(handle)
        yield
    finally:
        os.close(handle)


def user_cache_folder() -> Path:
    """Return the folder of pix2style's lasting cache: under `XDG_CACHE_HOME`, else ~/.cache. It need not exist.

    A path that is not absolute is ignored, as the XDG specification asks.
    """
    base = os.environ.get("XDG_CACHE_HOME", "")
    try:
        return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "pix2style"
    except RuntimeError:
        # A user without a home folder, as in some containers. Here nothing is found, and nothing can be written.
        return Path(os.devnull) / "pix2style"


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path, value: Any) -> None:
    """Write `value` atomically as indented JSON with sorted keys, so that equal values give equal bytes.

    Names of files may hold bytes that are no text, which Python holds as lone surrogates: JSON has them as escapes, and
    `read_json` returns them.
    """
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
    try:
        data = text.encode()
    except UnicodeEncodeError:
        data = json.dumps(value, indent=2, sort_keys=True).encode()
    write_bytes(path, data + b"\n")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        ArtifactError: The file is missing, cannot be read, or is not JSON.
    """
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise ArtifactError(
            f"{path}: is not valid JSON ({error}); it is damaged or was not written by pix2style"
        ) from error


def sha256_bytes(data: bytes) -> str:
    """Return the SHA-256 of `data` in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal. The file is read in chunks, so its size does not matter."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_folder(folder: Path) -> str:
    """Return one SHA-256 of all files of a folder: of their relative paths and contents, sorted by path."""
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        digest.update(os.fsencode(path.relative_to(folder).as_posix()) + b"\0")
        digest.update(bytes.fromhex(sha256_file(path)))
    return digest.hexdigest()


def sha256_json(value: Any) -> str:
    """Return the SHA-256 of a value's canonical JSON (sorted keys, no spaces)."""
    return sha256_bytes(json.dumps(value, sort_keys=True, separators=(",", ":")).encode())


def _sync(path: Path) -> None:
    with path.open("r+b") as stream:  # Windows cannot sync what is open for reading only
        os.fsync(stream.fileno())
