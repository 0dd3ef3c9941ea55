"""Magenta's network from its two public addresses into a folder. No TensorFlow."""

from __future__ import annotations

import gzip
import importlib
import shutil
import tarfile
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pix2style.errors import ArtifactError, require
from pix2style.teachers.magenta.network import reason

HUB_ADDRESS = "https://tfhub.dev/google/magenta/arbitrary-image-stylization-v1-256/2"
KAGGLE_HANDLE = "google/arbitrary-image-stylization-v1/tensorFlow1/256"
_BY_HAND = f"https://www.kaggle.com/models/{KAGGLE_HANDLE}"
MODULE_VARIABLE = "PIX2STYLE_MAGENTA"
HELP = (
    f"download the model by hand from {_BY_HAND}, unpack it, and give its folder with --module PATH, in the"
    f" environment variable {MODULE_VARIABLE}, or once with: pix2style teacher fetch --from PATH"
)
# urllib waits for ever by default; a connection that says nothing for so long is dead.
_TIMEOUT_S = 30.0
# The archive has about 90 MB; what goes on beyond this is not the network.
_MAX_BYTES = 2_000_000_000
_CHUNK_BYTES = 1 << 20


def download(address: str | None, folder: Path) -> str:
    """Get the network into `folder`.

    Args:
        address: of a SavedModel's tar.gz, called as TF-Hub's are; None: TF-Hub's, then Kaggle's.
        folder: does not exist yet; is left behind if this fails.

    Returns:
        Where it came from.

    Raises:
        ArtifactError: it cannot be had; lists what was tried, and how to do it by hand.
    """
    ways: list[tuple[str, Callable[[Path], None]]] = [(address or HUB_ADDRESS, _from_hub(address or HUB_ADDRESS))]
    if address is None:
        ways.append((f"kaggle:{KAGGLE_HANDLE}", _from_kaggle))
    failures = []
    for origin, get in ways:
        shutil.rmtree(folder, ignore_errors=True)
        try:
            get(folder)
            if not is_saved_model(folder):
                raise ValueError("what came has no saved_model.pb")
        # urllib's, http's, tarfile's, zlib's, requests' and Kaggle's own errors: what a half-dead site makes of it.
        except Exception as error:  # noqa: BLE001
            failures.append(f"{origin} ({reason(error)})")
        else:
            return origin
    raise ArtifactError(f"Magenta's network cannot be downloaded. Tried {'; '.join(failures)}. Instead, {HELP}")


def is_saved_model(folder: Path) -> bool:
    """Whether a folder looks like a SavedModel."""
    return any((folder / name).is_file() for name in ("saved_model.pb", "saved_model.pbtxt"))


def _from_hub(address: str) -> Callable[[Path], None]:
    def get(folder: Path) -> None:
        """TF-Hub's protocol: https://www.tensorflow.org/hub/hosting."""
        parts = urllib.parse.urlsplit(address)
        if parts.scheme not in ("https", "http"):
            raise ValueError("is no http or https address")
        query = "&".join(one for one in (parts.query, "tf-hub-format=compressed") if one)
        url = urllib.parse.urlunsplit(parts._replace(query=query))
        # urlopen() would keep the proxies of its first call.
        with urllib.request.build_opener().open(url, timeout=_TIMEOUT_S) as stream:
            _unpack(stream, folder)

    return get


def _unpack(stream: Any, folder: Path) -> None:
    """Unpack a tar.gz as it comes; files only, and none outside of `folder`."""
    folder.mkdir(parents=True)
    total = 0
    # gzip by hand: tarfile does not look at its checksum, at the very end.
    with gzip.GzipFile(fileobj=stream) as plain, tarfile.open(fileobj=plain, mode="r|") as archive:
        for member in archive:
            total += member.size
            if total > _MAX_BYTES:
                raise ValueError(f"has more than {_MAX_BYTES} bytes")
            if not (member.isfile() or member.isdir()) or member.name.startswith("/"):
                raise ValueError(f"the archive holds {member.name!r}, which is no file or folder of its own")
            archive.extract(member, folder, filter="data")  # refuses paths that lead out
        while plain.read(_CHUNK_BYTES):
            pass


def _from_kaggle(folder: Path) -> None:
    require("data", "kagglehub")
    kagglehub: Any = importlib.import_module("kagglehub")
    folder.mkdir(parents=True)
    # Straight into our folder: kagglehub's own cache would keep a second copy.
    given = Path(kagglehub.model_download(KAGGLE_HANDLE, output_dir=str(folder)))
    if given.resolve() != folder.resolve():
        shutil.copytree(given, folder, dirs_exist_ok=True)
