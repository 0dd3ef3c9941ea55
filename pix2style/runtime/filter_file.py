"""Open a session on a filter file, and read its description from there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import onnxruntime

from pix2style.errors import ArtifactError
from pix2style.file_session import FileSession
from pix2style.onnx_session import CPU_PROVIDER, LOAD_ERRORS, Spinning
from pix2style.runtime.devices import cannot_be_used, check_is_used
from pix2style.runtime.filter_description import spec_in
from pix2style.spec import GeneratorSpec

_LONGEST_REASON = 300


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
    return spec_in(metadata, path)


def short_reason(error: Exception) -> str:
    """Return the first line of a message of ONNX Runtime, for a message of one line."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return "".join(character if character.isprintable() else "?" for character in lines[0])[:_LONGEST_REASON]
