"""Download Magenta's network from one of its two public addresses. No TensorFlow."""

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
from pix2style.installation import install_extras
from pix2style.teachers.magenta.network import one_line_message

HUB_ADDRESS = "https://tfhub.dev/google/magenta/arbitrary-image-stylization-v1-256/2"
KAGGLE_HANDLE = "google/arbitrary-image-stylization-v1/tensorFlow1/256"
_BY_HAND = f"https://www.kaggle.com/models/{KAGGLE_HANDLE}"
MODULE_VARIABLE = "PIX2STYLE_MAGENTA"
MODULE_HELP = (
    f"download the model by hand from {_BY_HAND}, unpack it, and give its folder with --module PATH, in the"
    f" environment variable {MODULE_VARIABLE}, or once with: pix2style teacher fetch --from PATH"
)
# urllib waits for ever by default. A connection that sends nothing for so long is dead.
_TIMEOUT_S = 30.0
# The archive has about 90 MB. Whatever is larger than this is not the network, and could fill the disk.
_MAX_BYTES = 2_000_000_000
_CHUNK_BYTES = 1 << 20


def download(address: str | None, folder: Path) -> str:
    """Download the network into `folder`.

    Args:
        address: Address of a SavedModel's tar.gz with TF-Hub's protocol; None to try TF-Hub's address, then Kaggle's.
        folder: Folder that does not exist yet. If the download fails, the caller has to delete it.

    Returns:
        Where the network came from.

    Raises:
        ArtifactError: If every source failed. Lists them, and says how to download by hand.
    """
    sources: list[tuple[str, Callable[[Path], None]]] = [(address or HUB_ADDRESS, _from_hub(address or HUB_ADDRESS))]
    if address is None:
        sources.append((f"kaggle:{KAGGLE_HANDLE}", _from_kaggle))
    failures = []
    for origin, download_into in sources:
        shutil.rmtree(folder, ignore_errors=True)
        try:
            download_into(folder)
            if not is_saved_model(folder):
                raise ValueError("the download has no saved_model.pb")
        # A site that fails halfway raises errors of urllib, http, tarfile, zlib, requests or kagglehub.
        except Exception as error:  # noqa: BLE001
            failures.append(f"{origin} ({one_line_message(error)})")
        else:
            return origin
    raise ArtifactError(
        "\n".join(
            [
                f"Magenta's network cannot be downloaded: {failures[0]}",
                *(f"  nor from {failure}" for failure in failures[1:]),
                f"  Or {MODULE_HELP}",
                f"  Or take its mobile form: {install_extras('painting')}",
            ]
        )
    )


def is_saved_model(folder: Path) -> bool:
    """Return whether a folder looks like a SavedModel."""
    return any((folder / name).is_file() for name in ("saved_model.pb", "saved_model.pbtxt"))


def _from_hub(address: str) -> Callable[[Path], None]:
    def download_into(folder: Path) -> None:
        """Download by TF-Hub's protocol: https://www.tensorflow.org/hub/hosting."""
        parts = urllib.parse.urlsplit(address)
        if parts.scheme not in ("https", "http"):
            raise ValueError("is not an http or https address")
        query = "&".join(item for item in (parts.query, "tf-hub-format=compressed") if item)
        url = urllib.parse.urlunsplit(parts._replace(query=query))
        # An opener of its own: urlopen() would use the proxies that were set at its first call in this process.
        with urllib.request.build_opener().open(url, timeout=_TIMEOUT_S) as stream:
            _unpack(stream, folder)

    return download_into


def _unpack(stream: Any, folder: Path) -> None:
    """Unpack a tar.gz while it is downloaded; only files and folders, and none outside of `folder`."""
    folder.mkdir(parents=True)
    total = 0
    # gzip is read explicitly, because tarfile stops before the checksum at the very end; the loop below reads it.
    with gzip.GzipFile(fileobj=stream) as plain, tarfile.open(fileobj=plain, mode="r|") as archive:
        for member in archive:
            total += member.size
            if total > _MAX_BYTES:
                raise ValueError(f"has more than {_MAX_BYTES} bytes")
            if not (member.isfile() or member.isdir()) or member.name.startswith("/"):
                raise ValueError(f"the archive holds {member.name!r}, which is neither a file nor a folder inside it")
            archive.extract(member, folder, filter="data")  # raises for paths that lead outside
        while plain.read(_CHUNK_BYTES):
            pass


def _from_kaggle(folder: Path) -> None:
    require("data", "kagglehub")
    kagglehub: Any = importlib.import_module("kagglehub")
    folder.mkdir(parents=True)
    # Directly into our folder, because kagglehub's own cache would keep a second copy.
    downloaded = Path(kagglehub.model_download(KAGGLE_HANDLE, output_dir=str(folder)))
    if downloaded.resolve() != folder.resolve():
        shutil.copytree(downloaded, folder, dirs_exist_ok=True)
