"""A dataset of Kaggle, in a folder: whole and with its card, or not there at all. The only user of kagglehub.

kagglehub (1.0.2) downloads a dataset as one archive into its cache, goes on with a part of it if the server allows,
checks its MD5 and unpacks it (members that point elsewhere stay inside or are refused: tests/datasets); public datasets
need no account. Its own `output_dir` refuses to go on with a part, so the cache is put beside the output, and the
finished folder is renamed.
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
from pix2style.progress import StageProgressCallback, no_progress

_HANDLE = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")
_LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class FetchResult:
    """What `fetch_dataset` did.

    Attributes:
        folder: where the dataset lies.
        source: what it is.
        scan: what was found; None if nothing was done.
        already_fetched: nothing was done.
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
    """Download a dataset, look through it and write its card.

    What was downloaded before a stop is kept in a hidden folder beside `out` (`.NAME.download`); the same call goes on
    there. If nothing could be downloaded, nothing stays.

    Args:
        handle: `owner/name`, as in its address.
        out: a folder that does not exist or is empty; one with the same dataset is left as it is.
        version: of the dataset; None: the newest, or the one that is there.
        on_progress: told of the sampling.

    Raises:
        ConfigError: `handle` or `version` is wrong.
        DataError: `out` holds something else, or the dataset cannot be downloaded, is damaged, or has no pictures.
        MissingExtraError: kagglehub is not installed.
    """
    there = find_fetched(handle, out, version=version)
    if there is not None:
        return FetchResult(out, there, None, already_fetched=True)
    with _staging(out) as cache:
        folder, found_version = _download(cache, handle, version)
        scan = scan_dataset(folder, on_progress=on_progress)
        if not scan.pictures:
            raise DataError(f"kaggle:{handle}: there are no pictures in its {scan.files} files: name another dataset")
        source = kaggle_source(handle, found_version)
        write_card(folder, scan, source)
        folder.rename(out)
    return FetchResult(out, source, scan)


def find_fetched(handle: str, out: Path, *, version: int | None) -> DatasetSource | None:
    """What is in `out` already, if it is this dataset; changes nothing and asks nobody.

    Raises:
        ConfigError, DataError: as `fetch_dataset`.
    """
    if not _HANDLE.fullmatch(handle):
        raise ConfigError(f"--dataset {handle!r}: is not of the form owner/name")
    if version is not None and version < 1:
        raise ConfigError(f"--version {version}: versions begin at 1")
    if out.exists() and not out.is_dir():
        raise DataError(f"{out}: is a file: choose a folder")
    if not out.exists() or not any(out.iterdir()):
        return None
    there = read_source(out)
    if there is None:
        raise DataError(f"{out}: holds other files: choose an empty or a new folder")
    if there.name != f"kaggle:{handle}" or version not in (None, there.version):
        raise DataError(
            f"{out}: holds {there.name}, version {there.version}: choose another folder, or delete this one"
        )
    return there


@contextlib.contextmanager
def _staging(out: Path) -> Iterator[Path]:
    """A hidden folder beside `out`, for this process alone; afterwards only what is worth going on with is left."""
    cache = out.parent / f".{out.name}.download"
    made = [folder for folder in (cache, *cache.parents) if not folder.exists()]
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{out}: cannot be written: {error.strerror or error}") from error
    busy = DataError(f"{out}: another pix2style is fetching there: wait for it, or choose another folder")
    with locked(cache, busy):
        try:
            yield cache
            shutil.rmtree(cache)
        finally:
            _remove_empty(cache)
            for folder in made:
                with contextlib.suppress(OSError):
                    folder.rmdir()


def _remove_empty(cache: Path) -> None:
    for parent, _, _ in os.walk(cache, topdown=False):
        with contextlib.suppress(OSError):
            Path(parent).rmdir()


def _download(cache: Path, handle: str, version: int | None) -> tuple[Path, int]:
    wanted = handle if version is None else f"{handle}/versions/{version}"
    try:
        with _kagglehub(cache) as kagglehub:
            folder = Path(kagglehub.dataset_download(wanted)).resolve()
    except Pix2StyleError:
        raise
    # requests', zipfile's, tarfile's, the system's and kagglehub's own errors: what can happen to a download.
    except Exception as error:
        raise _not_downloaded(cache, handle, error) from error
    if not folder.is_relative_to(cache.resolve()) or not folder.name.isdecimal():
        raise DataError(f"kaggle:{handle}: kagglehub put it into {folder}, which is not the folder that was asked for")
    return folder, int(folder.name)


def _not_downloaded(cache: Path, handle: str, error: Exception) -> DataError:
    kinds = {kind.__name__ for kind in type(error).__mro__}
    text = "no connection to Kaggle" if "ConnectionError" in kinds else " ".join(str(error).split())
    reason = (text or type(error).__name__)[:_LONGEST_REASON]
    # Only the network and the system fail with OSErrors. Another error is an archive that cannot be unpacked: with it
    # kept, every later call would take it for complete.
    if not isinstance(error, OSError) or isinstance(error, gzip.BadGzipFile):
        shutil.rmtree(cache, ignore_errors=True)
    kept = any(path.is_file() for path in cache.rglob("*"))
    fate = f"What has come is kept in {cache}: run the same command again to go on." if kept else "Nothing was written."
    return DataError(
        f"kaggle:{handle}: cannot be downloaded ({reason}). {fate} Check the network; a dataset that needs an account"
        " takes a token (KAGGLE_API_TOKEN, or ~/.kaggle). Or download it by hand from"
        f" https://www.kaggle.com/datasets/{handle}, unpack it, and run pix2style data card FOLDER"
    )


@contextlib.contextmanager
def _kagglehub(cache: Path) -> Iterator[Any]:
    """kagglehub, with its cache in `cache`, downloading itself wherever it runs, and writing to stderr only."""
    wanted = {"KAGGLEHUB_CACHE": str(cache), "DISABLE_KAGGLE_CACHE": "1", "DISABLE_COLAB_CACHE": "1"}
    before = {name: os.environ.get(name) for name in wanted}
    if not sys.stderr.isatty():
        os.environ.setdefault("TQDM_DISABLE", "1")
    os.environ.update(wanted)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            [module] = require("data", "kagglehub")
            handlers = [one for one in logging.getLogger("kagglehub").handlers if type(one) is logging.StreamHandler]
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
