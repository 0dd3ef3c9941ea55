"""Magenta's network by ONNX Runtime: no TensorFlow, on the CPU or by CUDA."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime

from pix2style.errors import ArtifactError, PhotoError
from pix2style.files import sha256_json
from pix2style.onnx_session import (
    CPU_PROVIDER,
    CUDA_PROVIDER,
    LOAD_ERRORS,
    RUN_ERRORS,
    has_cuda,
    is_out_of_memory,
    open_session,
    shrink_arena_after_run,
)
from pix2style.processes import usable_cores
from pix2style.stylizer import Setting
from pix2style.teachers.magenta.network import Floats, MagentaNetwork, reason
from pix2style.teachers.magenta.records import STYLE_FILE, TRANSFORMER_FILE, Conversion

_BATCH_ON_GPU = 16
# ONNX Runtime keeps the memory it ever had; beyond this size a photo's is given back (see runtime/onnx_stylizer.py).
_LARGE_PIXELS = 2_000_000


class OnnxNetwork(MagentaNetwork):
    """A folder that `pix2style teacher convert` wrote.

    On the CPU each photo is painted by one thread, as many photos at a time as there are threads: a photo cannot depend
    on the others so, and batches were no faster (benchmarks/magenta_backends.py).

    Args:
        folder: with both halves and their record.
        threads: on the CPU, photos painted at the same time; None: as many as this process may use cores.
        cuda: use CUDA where this ONNX Runtime has it.

    Raises:
        ArtifactError: a file is missing, damaged or not what the record says.
    """

    def __init__(self, folder: Path, *, threads: int | None = None, cuda: bool = True) -> None:
        record = Conversion.read(folder)
        self.source_sha256, self.style_length = record.source_sha256, record.style_length
        self._on_gpu = cuda and has_cuda()
        self.threads = 1 if self._on_gpu else threads or usable_cores()
        self.batch = _BATCH_ON_GPU if self._on_gpu else 1
        self._predictor = self._open(folder / STYLE_FILE, record)
        self._transformer = self._open(folder / TRANSFORMER_FILE, record)
        self._onnx_sha256 = sha256_json([record.files[name].sha256 for name in (STYLE_FILE, TRANSFORMER_FILE)])

    @property
    def settings(self) -> Mapping[str, Setting]:
        """Backend and digest of the two files; on a GPU also the batch, which may change a few values by a level."""
        gpu: dict[str, Setting] = {"device": "gpu", "batch": self.batch} if self._on_gpu else {}
        return {"backend": "onnx", "onnx_sha256": self._onnx_sha256, **gpu}

    def predict(self, paintings: Floats) -> Floats:
        """See `MagentaNetwork.predict`."""
        return _run(self._predictor, paintings)

    def transform(self, photos: Floats, vector: Floats) -> Floats:
        """See `MagentaNetwork.transform`. May be called by several threads at once."""
        _, height, width, _ = photos.shape
        try:
            return _run(self._transformer, photos, vector, give_memory_back=self._is_large(photos))
        except RUN_ERRORS as error:
            if not is_out_of_memory(error):
                raise
            raise PhotoError(
                f"{width}x{height} pixels need more memory than there is: make the photo smaller, or close other"
                " programs"
            ) from error

    def _is_large(self, photos: Floats) -> bool:
        return not self._on_gpu and photos.shape[1] * photos.shape[2] > _LARGE_PIXELS

    def _open(self, path: Path, record: Conversion) -> onnxruntime.InferenceSession:
        data = record.files[path.name].read(path)
        providers = [CUDA_PROVIDER, CPU_PROVIDER] if self._on_gpu else [CPU_PROVIDER]
        try:
            return open_session(data, threads=1, providers=providers)
        except (*LOAD_ERRORS, MemoryError) as error:
            raise ArtifactError(
                f"{path}: ONNX Runtime {onnxruntime.__version__} cannot load it ({reason(error)}): convert again"
                " (pix2style teacher convert), or update onnxruntime"
            ) from error


def _run(session: onnxruntime.InferenceSession, *inputs: Floats, give_memory_back: bool = False) -> Floats:
    names = [one.name for one in session.get_inputs()]
    options = shrink_arena_after_run() if give_memory_back else None
    feeds = {name: np.ascontiguousarray(one) for name, one in zip(names, inputs, strict=True)}
    output: Floats = session.run(None, feeds, options)[0]
    return output
