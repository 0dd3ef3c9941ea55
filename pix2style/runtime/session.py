"""A filter file, opened and looked through: what it says of itself, and which inputs it has."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as _ort

from pix2style.errors import ArtifactError
from pix2style.spec import INPUT_NAME, OUTPUT_NAME, SPEC_KEY, GeneratorSpec

_QUIET = 4  # of ONNX Runtime's severities only FATAL: errors reach people as our exceptions, not as stderr noise
# ONNX Runtime's exceptions have no base class of their own.
_LOAD_ERRORS = (
    _ort.Fail,
    _ort.InvalidArgument,
    _ort.InvalidGraph,
    _ort.InvalidProtobuf,
    _ort.NoModel,
    _ort.NotImplemented,
    _ort.RuntimeException,
)
RUN_ERRORS = (_ort.EPFail, _ort.Fail, _ort.RuntimeException, MemoryError)
# ONNX Runtime's words for "out of memory", on the CPU and on a GPU.
_MEMORY_WORDS = ("allocate memory", "bad_alloc", "out of memory", "bad allocation")


def read_file(path: Path) -> bytes:
    """The bytes of a filter file.

    Raises:
        ArtifactError: missing, or unreadable.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ArtifactError(
            f"{path}: no such filter file: expected an .onnx file that pix2style export wrote"
        ) from error
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read: {error.strerror or error}") from error


def open_session(data: bytes, path: Path, threads: int | None, providers: list[str]) -> onnxruntime.InferenceSession:
    """ONNX Runtime on a filter's bytes.

    From the bytes that were digested; so a file cannot point to others either (ONNX's external data).

    Raises:
        ArtifactError: ONNX Runtime cannot load them.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _QUIET
    options.intra_op_num_threads = threads or 0
    options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(data, options, providers=providers)
    except _LOAD_ERRORS as error:
        raise ArtifactError(
            f"{path}: ONNX Runtime {onnxruntime.__version__} cannot load it, so it is damaged, not an ONNX file, or too"
            f" new: export it again or update onnxruntime ({_first_line(error)})"
        ) from error


def read_spec(session: onnxruntime.InferenceSession, path: Path) -> GeneratorSpec:
    """What the file says of itself.

    Raises:
        ArtifactError: not a filter of pix2style, changed since, or of an unknown schema version.
    """
    metadata: Mapping[str, str] = session.get_modelmeta().custom_metadata_map
    if SPEC_KEY not in metadata:
        raise ArtifactError(
            f"{path}: is an ONNX file, but not a filter of pix2style (it has no {SPEC_KEY!r} in its metadata):"
            " expected a file that pix2style export wrote"
        )
    spec = GeneratorSpec.from_json(metadata[SPEC_KEY], source=str(path))
    names = [one.name for one in (*session.get_inputs(), *session.get_outputs())]
    if names != [INPUT_NAME, OUTPUT_NAME]:
        raise ArtifactError(
            f"{path}: has the inputs and outputs {', '.join(names)} where a filter has {INPUT_NAME} and {OUTPUT_NAME}:"
            " it was changed after its export; export it again"
        )
    return spec


def optional_inputs(session: onnxruntime.InferenceSession) -> dict[str, list[int | str]]:
    """Names and shapes of the inputs that have a default: of `strength`, `style` and `glimpse` those that there are."""
    return {one.name: list(one.shape) for one in session.get_overridable_initializers()}


def default_providers() -> list[str]:
    """CUDA where this ONNX Runtime has it, then the CPU."""
    available = onnxruntime.get_available_providers()
    return [name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in available]


def out_of_memory(error: Exception) -> bool:
    """Whether this is what an exception of `RUN_ERRORS` says."""
    return isinstance(error, MemoryError) or any(word in str(error).lower() for word in _MEMORY_WORDS)


def memory_given_back() -> onnxruntime.RunOptions:
    """Options of a run after which ONNX Runtime keeps no memory for the next one."""
    options = onnxruntime.RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return options


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
