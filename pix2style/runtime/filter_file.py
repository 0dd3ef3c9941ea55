"""Open a filter file: read its bytes, its description, and the optional inputs that it has."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import onnxruntime

from pix2style.errors import ArtifactError
from pix2style.file_session import FileSession
from pix2style.onnx_session import LOAD_ERRORS
from pix2style.spec import INPUT_NAME, OUTPUT_NAME, SPEC_KEY, GeneratorSpec


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


def open_filter(data: bytes, path: Path, threads: int | None, providers: list[str]) -> FileSession:
    """Open a session on the bytes of a filter file.

    Args:
        data: Content of the filter file.
        path: Path of the file, for messages.
        threads: Number of threads for one photo; None for as many as there are cores.
        providers: ONNX Runtime's execution providers, the preferred one first.

    Raises:
        ArtifactError: ONNX Runtime cannot load the file.
    """
    try:
        return FileSession(path, data, threads=threads, providers=providers)
    except LOAD_ERRORS as error:
        raise ArtifactError(
            f"{path}: ONNX Runtime {onnxruntime.__version__} cannot load it, so it is damaged, not an ONNX file, or too"
            f" new: export it again or update onnxruntime ({_first_line(error)})"
        ) from error


def read_spec(session: onnxruntime.InferenceSession, path: Path) -> GeneratorSpec:
    """Read the description of a filter from its metadata, and check that its inputs and outputs fit.

    Args:
        session: Session on the filter file.
        path: Path of the file, for messages.

    Raises:
        ArtifactError: The file is no filter of pix2style, was changed after its export, or has an unknown schema
            version.
    """
    metadata: Mapping[str, str] = session.get_modelmeta().custom_metadata_map
    if SPEC_KEY not in metadata:
        raise ArtifactError(
            f"{path}: is an ONNX file, but not a filter of pix2style (it has no {SPEC_KEY!r} in its metadata):"
            " expected a file that pix2style export wrote"
        )
    spec = GeneratorSpec.from_json(metadata[SPEC_KEY], source=str(path))
    names = [value.name for value in (*session.get_inputs(), *session.get_outputs())]
    if names != [INPUT_NAME, OUTPUT_NAME]:
        raise ArtifactError(
            f"{path}: has the inputs and outputs {', '.join(names)}, but a filter has {INPUT_NAME} and {OUTPUT_NAME}:"
            " the file was changed after its export; export it again"
        )
    return spec


def optional_inputs(session: onnxruntime.InferenceSession) -> dict[str, list[int | str]]:
    """Return names and shapes of the optional inputs of a filter: some of `strength`, `style` and `glimpse`."""
    return {value.name: list(value.shape) for value in session.get_overridable_initializers()}


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
