"""Download a Kaggle dataset into a folder that appears only when it is complete. Only this module uses kagglehub.

kagglehub (1.0.2) downloads a dataset as one archive into its cache, resumes a partial download if the server allows it,
checks the MD5 and unpacks the archive. Members that point outside the folder are renamed or refused (tests/datasets).
Public datasets need no account. kagglehub's own option `output_dir` cannot resume a partial download; therefore its
cache is placed next to the output folder, and the finished folder is renamed.
"""

from __future__ import annotations

import contextlib
import gzip
import logging
import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pix2style.datasets.card import DatasetSource, kaggle_source, read_source, write_card
from pix2style.datasets.scan import DatasetScan, scan_dataset
from pix2style.errors import ConfigError, DataError, Pix2StyleError, require
from pix2style.files import locked
from pix2style.folders import publish_folder
from pix2style.plural import counted
from pix2style.progress import StageProgressCallback, no_progress

_HANDLE = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")
_MAX_REASON_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class FetchResult:
    """The result of `fetch_dataset`.

    Attributes:
        folder: Folder of the dataset.
        source: Origin of the dataset.
        scan: Scan of the dataset, or None if it was downloaded before.
        already_fetched: Whether the dataset was downloaded before, so that nothing was done.
    """

    folder: Path
    source: DatasetSource
    scan: DatasetScan | None
    already_fetched: bool = False


def fetch_dataset(
    handle: str,
    out: Path,
    *,
    version: int | None = None,
    on_progress: StageProgressCallback = no_progress,
) -> FetchResult:
    """Download a dataset, scan it and write its card.

    If the download is interrupted, the part that has arrived is kept in a hidden folder next to `out`
    (`.NAME.download`), and the same call resumes it. If nothing has arrived, nothing is left behind.

    Args:
        handle: Owner and name of the dataset as in its address, `owner/name`.
        out: Folder that does not exist or is empty. If it holds the same dataset already, nothing is done.
        version: Version of the dataset, or None for the newest one, or the one in `out`.
        on_progress: Called while a sample of the images is decoded, see `scan_dataset`.

    Raises:
        ConfigError: `handle` or `version` is malformed.
        DataError: `out` holds something else, or the dataset cannot be downloaded, is damaged or holds no images.
        MissingExtraError: kagglehub is not installed.
    """
    fetched_source = find_fetched(handle, out, version=version)
    if fetched_source is not None:
        return FetchResult(out, fetched_source, None, already_fetched=True)
    with _cache_folder(out) as cache:
        folder, downloaded_version = _download(cache, handle, version)
        scan = scan_dataset(folder, on_progress=on_progress)
        if not scan.pictures:
            raise DataError(
                f"kaggle:{handle}: there are no images in its {counted(scan.files, 'file')}: choose another dataset"
            )
        source = kaggle_source(handle, downloaded_version)
        write_card(folder, scan, source)
        _publish(folder, out)
    return FetchResult(out, source, scan)


def find_fetched(handle: str, out: Path, *, version: int | None) -> DatasetSource | None:
    """Return the origin of the dataset in `out` if it is the requested one; uses no network and changes nothing.

    Args:
        handle: Owner and name of the dataset, `owner/name`.
        out: Folder of the dataset.
        version: Version of the dataset, or None for any version.

    Returns:
        The origin, or None if `out` is empty or does not exist.

    Raises:
        ConfigError: `handle` or `version` is malformed.
        DataError: `out` holds something else.
    """
    if not _HANDLE.fullmatch(handle):
        raise ConfigError(f"--dataset {handle!r}: is not of the form owner/name")
    if version is not None and version < 1:
        raise ConfigError(f"--version {version}: versions begin at 1")
    if out.exists() and not out.is_dir():
        raise DataError(f"{out}: is a file: choose a folder")
    if not out.exists() or not any(out.iterdir()):
        return None
    source = read_source(out)
    if source is None:
        raise DataError(f"{out}: holds other files: choose an empty or a new folder")
    if source.name != f"kaggle:{handle}" or version not in (None, source.version):
        raise DataError(
            f"{out}: holds {source.name}, version {source.version}: choose another folder, or delete this one"
        )
    return source


def _publish(folder: Path, out: Path) -> None:
    try:
        publish_folder(folder, Path(os.path.realpath(out)))
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(f"{out}: cannot be written: {reason}: choose another folder, or make room there") from error


@contextlib.contextmanager
def _cache_folder(out: Path) -> Iterator[Path]:
    """Provide a locked hidden folder next to `out`; only a partial download is left in it after the block."""
    cache = out.parent / f".{out.name}.download"
    new_folders = [folder for folder in (cache, *cache.parents) if not folder.exists()]
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{out}: cannot be written: {error.strerror or error}") from error
    busy = DataError(f"{out}: another pix2style is downloading there: wait for it, or choose another folder")
    with locked(cache, busy):
        try:
            yield cache
            shutil.rmtree(cache)
        finally:
            _remove_empty_folders(cache)
            for folder in new_folders:
                with contextlib.suppress(OSError):  # a folder that is not empty stays
                    folder.rmdir()


def _remove_empty_folders(folder: Path) -> None:
    for parent, _, _ in os.walk(folder, topdown=False):
        with contextlib.suppress(OSError):
            Path(parent).rmdir()


def _download(cache: Path, handle: str, version: int | None) -> tuple[Path, int]:
    """Download a dataset into the cache; return its folder and its version."""
    versioned_handle = handle if version is None else f"{handle}/versions/{version}"
    try:
        with _kagglehub(cache) as kagglehub:
            folder = Path(kagglehub.dataset_download(versioned_handle)).resolve()
    except Pix2StyleError:
        raise
    # A download can fail with the errors of requests, zipfile, tarfile, the operating system and kagglehub itself.
    except Exception as error:
        raise _download_error(cache, handle, error) from error
    if not folder.is_relative_to(cache.resolve()) or not folder.name.isdecimal():
        raise DataError(f"kaggle:{handle}: kagglehub wrote to {folder} instead of the requested folder")
    return folder, int(folder.name)


def _download_error(cache: Path, handle: str, error: Exception) -> DataError:
    class_names = {error_class.__name__ for error_class in type(error).__mro__}
    text = "no connection to Kaggle" if "ConnectionError" in class_names else " ".join(str(error).split())
    reason = (text or type(error).__name__)[:_MAX_REASON_CHARACTERS]
    # Errors of the network and of the system are OSErrors. Any other error means that the archive cannot be unpacked.
    # Such an archive is deleted, because kagglehub would take it for complete in every later call.
    if not isinstance(error, OSError) or isinstance(error, gzip.BadGzipFile):
        shutil.rmtree(cache, ignore_errors=True)
    kept = any(path.is_file() for path in cache.rglob("*"))
    rest = (
        f"The part that has arrived is kept in {cache}: run the same command again to continue."
        if kept
        else "Nothing was written."
    )
    return DataError(
        f"kaggle:{handle}: cannot be downloaded ({reason}). {rest} Check the network. A dataset that needs an account"
        " needs a token (KAGGLE_API_TOKEN, or ~/.kaggle). Or download it by hand from"
        f" https://www.kaggle.com/datasets/{handle}, unpack it, and run pix2style data card FOLDER"
    )


@contextlib.contextmanager
def _kagglehub(cache: Path) -> Iterator[Any]:
    """Import kagglehub, with its cache in `cache`; it downloads by itself on any machine and writes to stderr only.

    On Kaggle and Colab kagglehub would otherwise use the cache of the platform. The environment variables are restored
    after the block, except that TQDM_DISABLE stays set if stderr is no terminal.
    """
    variables = {"KAGGLEHUB_CACHE": str(cache), "DISABLE_KAGGLE_CACHE": "1", "DISABLE_COLAB_CACHE": "1"}
    before = {name: os.environ.get(name) for name in variables}
    if not sys.stderr.isatty():
        os.environ.setdefault("TQDM_DISABLE", "1")
    os.environ.update(variables)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            [module] = require("data", "kagglehub")
            # Its log handlers keep the stream of the moment at which kagglehub was first imported.
            all_handlers = logging.getLogger("kagglehub").handlers
            handlers = [handler for handler in all_handlers if type(handler) is logging.StreamHandler]
            streams = [handler.setStream(sys.stderr) for handler in handlers]
            try:
                yield module
            finally:
                for handler, stream in zip(handlers, streams, strict=True):
                    handler.setStream(stream or sys.stdout)
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
