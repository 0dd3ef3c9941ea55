"""Open a filter file: read its bytes, check its digest, and read its description."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import onnxruntime

from pix2style.errors import ArtifactError
from pix2style.file_session import FileSession
from pix2style.onnx_session import CPU_PROVIDER, LOAD_ERRORS, Spinning
from pix2style.runtime.content_digest import DigestState, check_content
from pix2style.runtime.devices import cannot_be_used, check_is_used
from pix2style.spec import SPEC_KEY, GeneratorSpec

_LONGEST_REASON = 300


def read_file(path: Path) -> bytes:
    """Return the content of a filter file.

    Raises:
        ArtifactError: The file does not exist or cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ArtifactError(
            f"{path}: no such filter file: expected an .onnx file that pix2style export wrote"
        ) from error
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read: {error.strerror or error}") from error


def check_digest(data: bytes, path: Path) -> DigestState:
    """Compare a filter file with the digest that it holds.

    Args:
        data: Content of the filter file.
        path: Path of the file, for messages.

    Returns:
        "matches"; "changed" if another program has written the file anew; or "absent" if it holds no digest, as files
        of older versions.

    Raises:
        ArtifactError: The file is damaged.
    """
    state = check_content(data)
    if state == "differs":
        raise ArtifactError(
            f"{path}: is damaged, or was changed after its export: its content differs from the digest in its metadata:"
            " copy it again or export it again"
        )
    return state


def open_filter(
    data: bytes, path: Path, threads: int | None, providers: list[str], spinning: Spinning = "always"
) -> FileSession:
    """Open a session on the bytes of a filter file.

    Args:
        data: Content of the filter file.
        path: Path of the file, for messages.
        threads: Number of threads for one photo; None for as many as there are cores.
        providers: ONNX Runtime's execution providers, the preferred one first.
        spinning: When threads that wait for work keep a core busy.

    Raises:
        ArtifactError: ONNX Runtime cannot load the file.
        ConfigError: It can, but not on the preferred device.
    """
    try:
        session = FileSession(path, data, threads=threads, providers=providers, spinning=spinning)
    except LOAD_ERRORS as error:
        if providers[0] != CPU_PROVIDER:
            open_filter(data, path, threads, [CPU_PROVIDER])  # raises the error of a file that no device can run
            raise cannot_be_used(providers[0], short_reason(error)) from error
        raise ArtifactError(
            f"{path}: ONNX Runtime {onnxruntime.__version__} cannot load it, so it is damaged, not an ONNX file, or too"
            f" new: export it again or update onnxruntime ({short_reason(error)})"
        ) from error
    check_is_used(session.get(), providers)
    return session


def read_spec(session: onnxruntime.InferenceSession, path: Path) -> GeneratorSpec:
    """Read the description of a filter from its metadata.

    Args:
        session: Session on the filter file.
        path: Path of the file, for messages.

    Raises:
        ArtifactError: The file is no filter of pix2style, or its description is damaged or of an unknown version.
    """
    try:
        metadata: Mapping[str, str] = session.get_modelmeta().custom_metadata_map
    except UnicodeDecodeError as error:
        raise ArtifactError(f"{path}: its metadata are no text: it is damaged; export it again") from error
    if SPEC_KEY not in metadata:
        raise ArtifactError(
            f"{path}: is an ONNX file, but not a filter of pix2style (it has no {SPEC_KEY!r} in its metadata):"
            " expected a file that pix2style export wrote"
        )
    return GeneratorSpec.from_json(metadata[SPEC_KEY], source=str(path))


def short_reason(error: Exception) -> str:
    """Return the first line of a message of ONNX Runtime, for a message of one line."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return "".join(character if character.isprintable() else "?" for character in lines[0])[:_LONGEST_REASON]
