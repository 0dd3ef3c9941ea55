"""Magenta's network by TensorFlow, cut in two. With `convert`, the only modules that import TensorFlow.

Ghiasi et al., Exploring the structure of a real-time, arbitrary neural artistic stylization network, BMVC 2017
(https://arxiv.org/abs/1705.06830). The network is called as `module(photos, paintings)[0]`, both float32
[batch, height, width, 3] in [0, 1]. Its style goes through one tensor [batch, 1, 1, K] (the
vector that sets every normalisation), and there it is cut.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pix2style.errors import ArtifactError, PhotoError, require
from pix2style.stylizer import Setting
from pix2style.teachers.magenta.graph_cut import ancestors, gates
from pix2style.teachers.magenta.network import STYLE_SIDE_PX, Floats, MagentaNetwork, check_painted, reason

_BATCH_ON_GPU = 16


class TensorFlowNetwork(MagentaNetwork):
    """The SavedModel, cut in two.

    On the CPU one photo at a time: together, photos came out up to two values in 300,000 different by one level,
    depending on what else was in the batch, and no faster (TensorFlow 2.21, two CPU cores, 256 and 512 pixels).

    Args:
        folder: the SavedModel.
        sha256: digest of the folder.

    Raises:
        ArtifactError: it cannot be loaded, or is another kind of network.
        MissingExtraError: TensorFlow is not installed.
    """

    def __init__(self, folder: Path, sha256: str) -> None:
        self._tf = import_tensorflow()
        module = _load(self._tf, folder)
        self.source_sha256 = sha256
        self.batch = _BATCH_ON_GPU if self._tf.config.list_physical_devices("GPU") else 1
        try:
            self.predictor, self.transformer = _cut(self._tf, module)
            self.style_length = int(self.predictor.outputs[0].shape[3])
            self._prove(module)
        except Exception as error:  # each kind of wrong network raises its own kind of error
            raise ArtifactError(f"is not Magenta's arbitrary stylization: {reason(error)}") from error

    @property
    def settings(self) -> Mapping[str, Setting]:
        """The backend; on a GPU also the batch, which may change a few values by a level."""
        gpu: dict[str, Setting] = {"device": "gpu", "batch": self.batch} if self.batch > 1 else {}
        return {"backend": "tensorflow", **gpu}

    def predict(self, paintings: Floats) -> Floats:
        """See `MagentaNetwork.predict`."""
        vectors: Floats = self.predictor(self._tf.constant(paintings)).numpy()
        return vectors

    def transform(self, photos: Floats, vector: Floats) -> Floats:
        """See `MagentaNetwork.transform`."""
        try:
            painted: Floats = self.transformer(self._tf.constant(photos), self._tf.constant(vector)).numpy()
        except (self._tf.errors.OpError, MemoryError) as error:
            _, height, width, _ = photos.shape
            raise PhotoError(
                f"TensorFlow cannot paint {width}x{height} pixels here: make the photo smaller, or close other"
                f" programs ({reason(error)})"
            ) from error
        return painted

    def _prove(self, module: Any) -> None:
        """The halves must give the whole's very bits; on the CPU, for a GPU may choose other ways each time."""
        rng = np.random.default_rng(0)
        photo = rng.random((1, 36, 40, 3), np.float32)
        painting = rng.random((1, STYLE_SIDE_PX, STYLE_SIDE_PX, 3), np.float32)
        with self._tf.device("CPU:0"):
            whole = module(self._tf.constant(photo), self._tf.constant(painting))[0].numpy()
            halves = self.transform(photo, self.predict(painting))
        check_painted(whole, photo)
        if not np.array_equal(whole, halves):
            raise ValueError("its halves do not give the picture that the whole gives")


def _load(tf: Any, folder: Path) -> Any:
    try:
        return tf.saved_model.load(str(folder))
    except Exception as error:  # a damaged SavedModel raises DecodeError, DataLossError, KeyError, ...
        raise ArtifactError(f"cannot be loaded as a SavedModel ({reason(error)})") from error


def _cut(tf: Any, module: Any) -> tuple[Any, Any]:
    """The style predictor and the transformer, as functions of tensors."""
    pictures = tf.TensorSpec([None, None, None, 3], tf.float32)
    whole = tf.function(lambda photo, painting: module(photo, painting)[0]).get_concrete_function(pictures, pictures)
    frozen = _freeze(whole)
    photo, painting = (one.name for one in frozen.inputs)
    output = frozen.outputs[0].name
    definition = _without_control_inputs(frozen.graph.as_graph_def())
    neck = _find_neck(frozen.graph, photo, painting, output)
    wrapped = tf.compat.v1.wrap_function(lambda: tf.graph_util.import_graph_def(definition, name=""), [])
    return wrapped.prune(painting, neck), wrapped.prune([photo, neck], output)


def _freeze(function: Any) -> Any:
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    return convert_variables_to_constants_v2(function)


def _without_control_inputs(definition: Any) -> Any:
    """Inlined calls wait for all their inputs, so that each half would want the other's; nothing here has effects."""
    for node in definition.node:
        kept = [name for name in node.input if not name.startswith("^")]
        del node.input[:]
        node.input.extend(kept)
    return definition


def _find_neck(graph: Any, photo: str, painting: str, output: str) -> str:
    """The last tensor [batch, 1, 1, K] that all of the style and nothing of the photo goes through."""
    nodes = {one.name: [given.op.name for given in one.inputs] for one in graph.get_operations()}
    photo, painting, output = (graph.get_tensor_by_name(name).op.name for name in (photo, painting, output))
    for name in reversed(gates(nodes, painting, output)):
        outputs = graph.get_operation_by_name(name).outputs
        if len(outputs) == 1 and _is_vector(outputs[0].shape) and photo not in ancestors(nodes, name):
            return str(outputs[0].name)
    raise ValueError("no tensor of shape [batch, 1, 1, K] carries the whole style")


def _is_vector(shape: Any) -> bool:
    if shape.rank != 4:
        return False
    _, height, width, length = shape.as_list()
    return (height, width) == (1, 1) and length is not None


# --- TensorFlow ------------------------------------------------------------------------------------------------------


def import_tensorflow() -> Any:
    """`tensorflow`, quiet, and taking only the GPU memory that it uses (torch needs some).

    Raises:
        MissingExtraError: it is not installed.
    """
    _load_triton_first()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    with quiet_stderr(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        [tensorflow] = require("magenta", "tensorflow")
    return tensorflow


def _load_triton_first() -> None:
    """Keep a later `torch.compile` or ONNX export in this process from killing it.

    TensorFlow and triton, which those load, both hold an LLVM. Triton's aborts the process when it comes second
    ("CommandLine Error: Option 'bitcode-mdindex-threshold' registered more than once!": TensorFlow 2.21, triton 3
    of torch 2.15); TensorFlow's does not mind.
    """
    if "tensorflow" in sys.modules or importlib.util.find_spec("triton") is None:
        return
    with contextlib.suppress(ImportError):
        importlib.import_module("triton")


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Hold back what C++ writes to stderr before it reads its log level; shown after all if the block fails."""
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as held_back:
        os.dup2(held_back.fileno(), 2)
        try:
            yield
        except BaseException:
            held_back.seek(0)
            os.write(stderr, held_back.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
