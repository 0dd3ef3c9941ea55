"""Find Magenta's network on this machine, or bring it into the lasting cache.

~/.cache/pix2style/teachers/
  magenta/               the default network (a network from another address: magenta-DIGEST of the address)
    teacher.json         digest and origin
    network/             the SavedModel, or a converted folder
  converted/SHA256/      the two ONNX files of a SavedModel with this digest
  mobile/NAME/           the two ONNX files of the mobile network, see `teachers.magenta.mobile`
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pix2style.errors import ArtifactError
from pix2style.files import sha256_bytes, sha256_folder, user_cache_folder
from pix2style.teachers.magenta.download import MODULE_HELP, MODULE_VARIABLE, download, is_saved_model
from pix2style.teachers.magenta.network import SAVED_MODEL_LABEL, NetworkLabel
from pix2style.teachers.magenta.records import (
    RECORD_FILE,
    STYLE_FILE,
    TRANSFORMER_FILE,
    ConversionRecord,
    DownloadRecord,
)

MOBILE, FULL = "mobile", "full"
"""Words that choose a network instead of a path: the mobile one of the wheel, or the large one that is fetched."""


@dataclass(frozen=True, slots=True)
class LocatedNetwork:
    """A network on this machine.

    Attributes:
        folder: Folder of the SavedModel, or folder of a conversion.
        converted: Whether it is a converted folder.
        source_sha256: Digest of the SavedModel's folder, or of what the mobile network was made from; also for a
            converted folder.
        origin: Where it came from, for people.
        cached: Whether it lies in the lasting cache.
        label: What the network is.
    """

    folder: Path
    converted: bool
    source_sha256: str
    origin: str
    cached: bool = False
    label: NetworkLabel = SAVED_MODEL_LABEL


def cache_folder() -> Path:
    """Return the folder of the lasting cache of teachers; it need not exist."""
    return user_cache_folder() / "teachers"


def converted_folder(source_sha256: str) -> Path:
    """Return the cache's folder for the conversion of a SavedModel with this digest; it need not exist."""
    return cache_folder() / "converted" / source_sha256


def locate(module: str | None) -> LocatedNetwork | None:
    """Find a network that a path names or that was fetched, without downloading anything; no mobile network.

    Args:
        module: SavedModel folder, converted folder or address, or the word `full`; None for the environment variable
            PIX2STYLE_MAGENTA, else the network that was fetched.

    Returns:
        The network, or None if it would have to be downloaded.

    Raises:
        ArtifactError: If a path holds no network, or the network in the cache is damaged.
    """
    handle = _handle(module)
    if handle is not None and "://" not in handle:
        return _local(handle)
    place = _cache_place(handle)
    return _cached(place) if place.is_dir() else None


def fetch(module: str | None, *, again: bool = False) -> LocatedNetwork:
    """Bring a network into the lasting cache. One that is already there stays.

    Args:
        module: Address; or SavedModel folder or converted folder, which then becomes the default network; None for the
            environment variable PIX2STYLE_MAGENTA, else TF-Hub's and Kaggle's addresses.
        again: Replace the network that the cache holds.

    Raises:
        ArtifactError: If the network cannot be downloaded or is none, or the cache holds another one. The cache is
            then unchanged.
    """
    handle = _handle(module)
    local = _local(handle) if handle is not None and "://" not in handle else None
    place = _cache_place(None if local else handle)
    if place.is_dir() and not again:
        cached = _cached(place)
        if local is not None and (cached.source_sha256, cached.converted) != (local.source_sha256, local.converted):
            raise ArtifactError(f"{place}: holds another network: replace it with: pix2style teacher fetch --again")
        return cached
    with writing_to(place.parent), new_folder(place, replace=again) as folder:
        if local is not None:
            shutil.copytree(local.folder, folder / "network")
            origin = "copied from a local folder"
        else:
            origin = download(handle, folder / "network")
        DownloadRecord(sha256_folder(folder / "network"), origin).write(folder)
    return _cached(place)


def _cached(place: Path) -> LocatedNetwork:
    record = DownloadRecord.read(place)
    record.check(place / "network")
    return _located(place / "network", record.origin, cached=True)


@contextlib.contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Make a folder for networks, and explain why it or what the block writes there cannot be written.

    Raises:
        ArtifactError: The folder cannot be made, or the block raised an OSError.
    """
    advice = "choose another folder"
    if folder.is_relative_to(cache_folder()):
        advice = "networks are kept there: set XDG_CACHE_HOME to a folder that can be written"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise ArtifactError(f"{folder}: cannot be written ({error.strerror or error}): {advice}") from error


@contextlib.contextmanager
def new_folder(place: Path, *, replace: bool = False) -> Iterator[Path]:
    """Yield a temporary folder beside `place`, and rename it to `place` if the block ends without an exception.

    Renaming is atomic, so that `place` is complete whenever it exists. If another process made it first, that
    process's folder stays, unless `replace` is set.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=f".{place.name[:40]}.") as name:
        folder = Path(name) / "new"
        folder.mkdir()
        yield folder
        if replace and place.exists():
            place.replace(Path(name) / "old")  # deleted with the temporary folder
        with _ignore_if_exists(place):
            folder.replace(place)


@contextlib.contextmanager
def _ignore_if_exists(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError:
        if not place.is_dir():
            raise


def requested_network(module: str | None) -> str | None:
    """Return `module`, else the value of the environment variable PIX2STYLE_MAGENTA, else None."""
    return module or os.environ.get(MODULE_VARIABLE) or None


def _handle(module: str | None) -> str | None:
    """Return the path or address that is requested; None for the network that was fetched."""
    requested = requested_network(module)
    return None if requested in (MOBILE, FULL) else requested


def _cache_place(address: str | None) -> Path:
    name = "magenta" if address is None else f"magenta-{sha256_bytes(address.encode())[:16]}"
    return cache_folder() / name


def _local(handle: str) -> LocatedNetwork:
    folder = Path(handle).expanduser()
    if not is_saved_model(folder) and not is_converted(folder):
        detail = "has neither saved_model.pb nor teacher.json" if folder.is_dir() else "no such folder"
        raise ArtifactError(f"{handle}: is no SavedModel folder ({detail}): {MODULE_HELP}")
    return _located(folder, f"the local folder {folder.name}")


def is_converted(folder: Path) -> bool:
    """Return whether a folder looks like one that `pix2style teacher convert` wrote, complete or damaged."""
    return any((folder / name).is_file() for name in (RECORD_FILE, STYLE_FILE, TRANSFORMER_FILE))


def _located(folder: Path, origin: str, *, cached: bool = False) -> LocatedNetwork:
    if is_saved_model(folder):
        return LocatedNetwork(folder, False, sha256_folder(folder), origin, cached)
    record = ConversionRecord.read(folder)
    return LocatedNetwork(folder, True, record.source_sha256, origin, cached, record.label)
