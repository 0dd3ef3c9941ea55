"""Run Magenta's converted network with ONNX Runtime, on the CPU or with CUDA. No TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime

from pix2style.errors import ArtifactError, PhotoError
from pix2style.file_session import FileSession
from pix2style.files import sha256_json
from pix2style.onnx_session import (
    CPU_PROVIDER,
    CUDA_PROVIDER,
    LOAD_ERRORS,
    RUN_ERRORS,
    has_cuda,
    is_out_of_memory,
    shrink_arena_after_run,
)
from pix2style.processes import usable_cores
from pix2style.stylizer import Setting
from pix2style.teachers.magenta.network import Floats, MagentaNetwork, one_line_message
from pix2style.teachers.magenta.records import STYLE_FILE, TRANSFORMER_FILE, ConversionRecord

_BATCH_ON_GPU = 16
# ONNX Runtime's arena keeps all memory that it ever allocated. After a photo with more pixels than this, it is told to
# shrink (see runtime/onnx_stylizer.py).
_LARGE_PIXELS = 2_000_000


class OnnxNetwork(MagentaNetwork):
    """The network in a folder that `pix2style teacher convert` wrote.

    On the CPU, one thread stylizes one photo, and several threads run side by side. This way a photo's result cannot
    depend on the other photos, and batches were not faster (benchmarks/magenta_backends.py).

    Args:
        folder: Folder with the two ONNX files and their record.
        threads: Number of photos that are stylized at the same time on the CPU; None for the number of cores that this
            process may use.
        cuda: Use CUDA if this ONNX Runtime supports it.

    Raises:
        ArtifactError: If a file is missing, damaged or not the one in the record.
    """

    def __init__(self, folder: Path, *, threads: int | None = None, cuda: bool = True) -> None:
        record = ConversionRecord.read(folder)
        self.source_sha256, self.style_length, self.label = record.source_sha256, record.style_length, record.label
        self._on_gpu = cuda and has_cuda()
        self.threads = 1 if self._on_gpu else threads or usable_cores()
        self.batch = _BATCH_ON_GPU if self._on_gpu else 1
        self._predictor = self._load(folder / STYLE_FILE, record)
        self._transformer = self._load(folder / TRANSFORMER_FILE, record)
        self._onnx_sha256 = sha256_json([record.files[name].sha256 for name in (STYLE_FILE, TRANSFORMER_FILE)])

    @property
    def settings(self) -> Mapping[str, Setting]:
        """Backend, digest of the two files and, for the mobile form, its name and the digests of its source files.

        On a GPU also the batch size, which can change some values by 1.
        """
        gpu: dict[str, Setting] = {"device": "gpu", "batch": self.batch} if self._on_gpu else {}
        return {**self.label.settings, "backend": "onnx", "onnx_sha256": self._onnx_sha256, **gpu}

    def predict_style(self, paintings: Floats) -> Floats:
        """See `MagentaNetwork.predict_style`."""
        return run_session(self._predictor.get(), paintings)

    def transfer_style(self, photos: Floats, vector: Floats) -> Floats:
        """See `MagentaNetwork.transfer_style`. Several threads may call it at once."""
        _, height, width, _ = photos.shape
        try:
            return run_session(self._transformer.get(), photos, vector, shrink_arena=self._is_large(photos))
        except RUN_ERRORS as error:
            if not is_out_of_memory(error):
                raise
            raise PhotoError(
                f"{width}x{height} pixels need more memory than there is: make the photo smaller, or close other"
                " programs"
            ) from error

    def _is_large(self, photos: Floats) -> bool:
        return not self._on_gpu and photos.shape[1] * photos.shape[2] > _LARGE_PIXELS

    def _load(self, path: Path, record: ConversionRecord) -> FileSession:
        data = record.files[path.name].read(path)
        providers = [CUDA_PROVIDER, CPU_PROVIDER] if self._on_gpu else [CPU_PROVIDER]
        try:
            return FileSession(path, data, threads=1, providers=providers)
        except (*LOAD_ERRORS, MemoryError) as error:
            raise ArtifactError(
                f"{path}: ONNX Runtime {onnxruntime.__version__} cannot load it ({one_line_message(error)}):"
                " convert again (pix2style teacher convert), or update onnxruntime"
            ) from error


def run_session(session: onnxruntime.InferenceSession, *inputs: Floats, shrink_arena: bool = False) -> Floats:
    """Run a graph with one output.

    Args:
        session: Session of the graph.
        inputs: The inputs, in the graph's order.
        shrink_arena: Let ONNX Runtime release its memory after the run.
    """
    names = [node.name for node in session.get_inputs()]
    options = shrink_arena_after_run() if shrink_arena else None
    feeds = {name: np.ascontiguousarray(array) for name, array in zip(names, inputs, strict=True)}
    output: Floats = session.run(None, feeds, options)[0]
    return output
