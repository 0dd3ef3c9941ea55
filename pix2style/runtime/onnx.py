"""A filter file as a `Stylizer`: numpy and ONNX Runtime only, on any machine that runs Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as _ort

from pix2style.errors import ArtifactError, DataError
from pix2style.files import sha256_bytes
from pix2style.images import Image8
from pix2style.spec import INPUT_NAME, OUTPUT_NAME, SPEC_KEY, GeneratorSpec
from pix2style.stylizer import Stylizer, StylizerIdentity

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
_RUN_ERRORS = (_ort.EPFail, _ort.Fail, _ort.RuntimeException, MemoryError)
# ONNX Runtime's words for "out of memory", on the CPU and on a GPU.
_MEMORY_WORDS = ("allocate memory", "bad_alloc", "out of memory", "bad allocation")

# ONNX Runtime keeps the memory it ever had, in pieces that fit the next photo badly: two photos of 20 megapixels (lite
# generator) peaked at 4.7 GB. Giving it back after each makes that 2.7 GB, then 0.4; but photos of 1 megapixel take a
# third longer so. Hence only beyond this size.
_LARGE_PIXELS = 2_000_000


class OnnxStylizer(Stylizer):
    """An exported filter.

    Args:
        path: the `.onnx` file that `pix2style export` wrote.
        threads: for one picture; None: as many as there are cores.
        providers: ONNX Runtime's execution providers, best first; None: CUDA where this ONNX Runtime has it, then the
            CPU.

    Attributes:
        spec: what the file says of itself.
        bytes: size of the file.

    Raises:
        ArtifactError: missing, not an ONNX file, not one of ours, or of an unknown schema version.
    """

    def __init__(self, path: str | Path, *, threads: int | None = None, providers: Sequence[str] | None = None) -> None:
        path = Path(path)
        data = _read(path)
        self._session = _open(data, path, threads, list(providers or _default_providers()))
        self.spec = _read_spec(self._session, path)
        self.bytes = len(data)
        self._identity = StylizerIdentity(
            name=self.spec.name,
            sha256=sha256_bytes(data),
            style_sha256=self.spec.provenance.style_sha256,
            licence=self.spec.licence,
        )

    @property
    def identity(self) -> StylizerIdentity:
        """The filter's name, and the digest of its file."""
        return self._identity

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        """Stylize pictures of any sizes, one at a time.

        One at a time: batches of 4 and 16 were no faster on a CPU at 256 and 512 pixels (16: 1.3 to 1.6 times slower,
        as they leave the caches), and take as many times the memory.

        Raises:
            DataError: a picture needs more memory than there is.
        """
        return [self.run(image[None])[0] for image in images]

    def run(self, batch: Image8) -> Image8:
        """Stylize equally sized pictures at once: uint8 [batch, height, width, 3] in and out.

        Raises:
            DataError: they need more memory than there is.
        """
        large = batch.shape[0] * batch.shape[1] * batch.shape[2] > _LARGE_PIXELS
        options = _give_memory_back() if large else None
        try:
            [output] = self._session.run([OUTPUT_NAME], {INPUT_NAME: np.ascontiguousarray(batch)}, options)
        except _RUN_ERRORS as error:
            if not isinstance(error, MemoryError) and not any(word in str(error).lower() for word in _MEMORY_WORDS):
                raise
            height, width = batch.shape[1:3]
            raise DataError(
                f"{width}x{height} pixels need more memory than there is for the filter {self.spec.name!r}:"
                " make the photo smaller, or close other programs (photos are not yet cut into tiles)"
            ) from error
        stylized: Image8 = output
        return stylized


def _give_memory_back() -> onnxruntime.RunOptions:
    options = onnxruntime.RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return options


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ArtifactError(
            f"{path}: no such filter file: expected an .onnx file that pix2style export wrote"
        ) from error
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read: {error.strerror or error}") from error


def _open(data: bytes, path: Path, threads: int | None, providers: list[str]) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _QUIET
    options.intra_op_num_threads = threads or 0
    options.inter_op_num_threads = 1
    try:
        # From the bytes that were digested; so a file cannot point to others either (ONNX's external data).
        return onnxruntime.InferenceSession(data, options, providers=providers)
    except _LOAD_ERRORS as error:
        raise ArtifactError(
            f"{path}: ONNX Runtime {onnxruntime.__version__} cannot load it, so it is damaged, not an ONNX file, or too"
            f" new: export it again or update onnxruntime ({_first_line(error)})"
        ) from error


def _read_spec(session: onnxruntime.InferenceSession, path: Path) -> GeneratorSpec:
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


def _default_providers() -> list[str]:
    available = onnxruntime.get_available_providers()
    return [name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in available]


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
