"""Where Magenta's network lies: a path given, the setting, the lasting cache, or the network.

~/.cache/pix2style/teachers/
  magenta/               the default network (another address: magenta-DIGEST of the address)
    teacher.json         digest and origin
    network/             the SavedModel, or a converted folder
  converted/SHA256/      both halves for ONNX Runtime, by the SavedModel's digest
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
from pix2style.files import sha256_bytes, sha256_folder
from pix2style.teachers.magenta.download import HELP, MODULE_VARIABLE, download, is_saved_model
from pix2style.teachers.magenta.records import RECORD_FILE, STYLE_FILE, TRANSFORMER_FILE, Conversion, Fetched


@dataclass(frozen=True, slots=True)
class LocatedNetwork:
    """A network on this machine.

    Attributes:
        folder: the SavedModel, or what `pix2style teacher convert` wrote.
        converted: which of the two.
        source_sha256: digest of the SavedModel's folder.
        origin: where it came from, for people.
        cached: whether it lies in the lasting cache.
    """

    folder: Path
    converted: bool
    source_sha256: str
    origin: str
    cached: bool = False


def cache_folder() -> Path:
    """The lasting cache of teachers; need not exist."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "pix2style" / "teachers"


def converted_folder(source_sha256: str) -> Path:
    """Where the conversion of a SavedModel lies in the cache; need not exist."""
    return cache_folder() / "converted" / source_sha256


def locate(module: str | None) -> LocatedNetwork | None:
    """The network that `module` means, if it is on this machine.

    Args:
        module: a SavedModel, a converted folder or an address; None: the setting, else the default network.

    Returns:
        None: it would have to be downloaded.

    Raises:
        ArtifactError: a path leads to no network, or the cached one is damaged.
    """
    handle = _handle(module)
    if handle is not None and "://" not in handle:
        return _local(handle)
    place = _place(handle)
    if not place.is_dir():
        return None
    return _cached(place)


def fetch(module: str | None, *, again: bool = False) -> LocatedNetwork:
    """Bring a network into the lasting cache; one that is there already stays.

    Args:
        module: an address; or a SavedModel or converted folder, which becomes the default network; None: the setting,
            else TF-Hub's and Kaggle's addresses.
        again: replace what is there.

    Raises:
        ArtifactError: it cannot be had or is no network, or another one is there; nothing is changed then.
    """
    handle = _handle(module)
    local = _local(handle) if handle is not None and "://" not in handle else None
    place = _place(None if local else handle)
    if place.is_dir() and not again:
        there = _cached(place)
        if local is not None and (there.source_sha256, there.converted) != (local.source_sha256, local.converted):
            raise ArtifactError(f"{place}: holds another network: replace it with: pix2style teacher fetch --again")
        return there
    with new_folder(place, replace=again) as folder:
        if local is not None:
            shutil.copytree(local.folder, folder / "network")
            origin = "copied from a local folder"
        else:
            origin = download(handle, folder / "network")
        Fetched(sha256_folder(folder / "network"), origin).write(folder)
    return _cached(place)


def _cached(place: Path) -> LocatedNetwork:
    record = Fetched.read(place)
    record.check(place / "network")
    return _describe(place / "network", record.origin, cached=True)


@contextlib.contextmanager
def new_folder(place: Path, *, replace: bool = False) -> Iterator[Path]:
    """Give a temporary folder beside `place`, which becomes `place` if the block ends well.

    If another process was faster, its folder stays, unless `replace`.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=f".{place.name[:40]}.") as name:
        folder = Path(name) / "new"
        folder.mkdir()
        yield folder
        if replace and place.exists():
            place.replace(Path(name) / "old")
        with _unless_there(place):
            folder.replace(place)


@contextlib.contextmanager
def _unless_there(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError:
        if not place.is_dir():
            raise


def _handle(module: str | None) -> str | None:
    return module or os.environ.get(MODULE_VARIABLE) or None


def _place(address: str | None) -> Path:
    name = "magenta" if address is None else f"magenta-{sha256_bytes(address.encode())[:16]}"
    return cache_folder() / name


def _local(handle: str) -> LocatedNetwork:
    folder = Path(handle).expanduser()
    if not is_saved_model(folder) and not is_converted(folder):
        what = "has neither saved_model.pb nor teacher.json" if folder.is_dir() else "no such folder"
        raise ArtifactError(f"{handle}: is no SavedModel folder ({what}): {HELP}")
    return _describe(folder, f"the local folder {folder.name}")


def is_converted(folder: Path) -> bool:
    """Whether a folder looks like one that `pix2style teacher convert` wrote."""
    return any((folder / name).is_file() for name in (RECORD_FILE, STYLE_FILE, TRANSFORMER_FILE))


def _describe(folder: Path, origin: str, *, cached: bool = False) -> LocatedNetwork:
    if is_saved_model(folder):
        return LocatedNetwork(folder, False, sha256_folder(folder), origin, cached)
    return LocatedNetwork(folder, True, Conversion.read(folder).source_sha256, origin, cached)
