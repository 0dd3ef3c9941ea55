"""Run Magenta's SavedModel with TensorFlow, cut into the prediction and the transfer network.

Ghiasi et al., Exploring the structure of a real-time, arbitrary neural artistic stylization network, BMVC 2017
(https://arxiv.org/abs/1705.06830). The SavedModel holds one function, called as `module(photos, paintings)[0]`; both
arguments are float32 [batch, height, width, 3] in [0, 1]. All information about the style passes through one tensor
[batch, 1, 1, K], the style vector, from which scale and shift of every normalisation are computed. There the graph is
cut, so that a painting's vector is computed once and not for every photo.
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
from pix2style.teachers.magenta.graph_cut import ancestors, cut_nodes
from pix2style.teachers.magenta.network import STYLE_SIDE_PX, Floats, MagentaNetwork, check_output, one_line_message

_BATCH_ON_GPU = 16


class TensorFlowNetwork(MagentaNetwork):
    """The SavedModel, cut into two functions.

    The CPU gets one photo at a time. In batches, up to 2 of 300,000 values changed by 1 of 255 depending on the other
    photos, and it was not faster (TensorFlow 2.21, two CPU cores, 256 and 512 pixels).

    Args:
        folder: Folder of the SavedModel.
        sha256: Digest of the folder.

    Raises:
        ArtifactError: If it cannot be loaded, or is another kind of network.
        MissingExtraError: If TensorFlow is not installed.
    """

    def __init__(self, folder: Path, sha256: str) -> None:
        self._folder, self._process = folder.absolute(), os.getpid()
        self._tf = import_tensorflow()
        module = _load(self._tf, folder)
        self.source_sha256 = sha256
        self.batch = _BATCH_ON_GPU if self._tf.config.list_physical_devices("GPU") else 1
        try:
            self.predictor, self.transformer = _cut(self._tf, module)
            self.style_length = int(self.predictor.outputs[0].shape[3])
            self._check_cut(module)
        except Exception as error:  # every kind of wrong network raises another kind of error
            raise ArtifactError(f"is not Magenta's arbitrary stylization: {one_line_message(error)}") from error

    def __reduce__(self) -> tuple[type[TensorFlowNetwork], tuple[Path, str]]:
        """Pickle the folder: the process that loads the pickle loads the network from it."""
        return TensorFlowNetwork, (self._folder, self.source_sha256)

    @property
    def settings(self) -> Mapping[str, Setting]:
        """Backend; on a GPU also the batch size, which can change some values by 1."""
        gpu: dict[str, Setting] = {"device": "gpu", "batch": self.batch} if self.batch > 1 else {}
        return {"backend": "tensorflow", **gpu}

    def predict_style(self, paintings: Floats) -> Floats:
        """See `MagentaNetwork.predict_style`."""
        self._refuse_after_fork()
        vectors: Floats = self.predictor(self._tf.constant(paintings)).numpy()
        return vectors

    def transfer_style(self, photos: Floats, vector: Floats) -> Floats:
        """See `MagentaNetwork.transfer_style`."""
        self._refuse_after_fork()
        try:
            output: Floats = self.transformer(self._tf.constant(photos), self._tf.constant(vector)).numpy()
        except (self._tf.errors.OpError, MemoryError) as error:
            _, height, width, _ = photos.shape
            raise PhotoError(
                f"TensorFlow cannot paint {width}x{height} pixels here: make the photo smaller, or close other"
                f" programs ({one_line_message(error)})"
            ) from error
        return output

    def _refuse_after_fork(self) -> None:
        if os.getpid() != self._process:
            raise ArtifactError(
                "TensorFlow would wait for ever in a forked process: convert the network (pix2style teacher convert),"
                " or load the teacher in each process"
            )

    def _check_cut(self, module: Any) -> None:
        """Check that the two halves together give the same bits as the whole network.

        On the CPU, because a GPU may choose another algorithm, which rounds differently, at every call.
        """
        rng = np.random.default_rng(0)
        photo = rng.random((1, 36, 40, 3), np.float32)
        painting = rng.random((1, STYLE_SIDE_PX, STYLE_SIDE_PX, 3), np.float32)
        with self._tf.device("CPU:0"):
            whole = module(self._tf.constant(photo), self._tf.constant(painting))[0].numpy()
            halves = self.transfer_style(photo, self.predict_style(painting))
        check_output(whole, photo)
        if not np.array_equal(whole, halves):
            raise ValueError("the two halves of the cut network do not give the output of the whole")


def _load(tf: Any, folder: Path) -> Any:
    try:
        return tf.saved_model.load(str(folder))
    except Exception as error:  # a damaged SavedModel raises DecodeError, DataLossError, KeyError, ...
        raise ArtifactError(f"cannot be loaded as a SavedModel ({one_line_message(error)})") from error


def _cut(tf: Any, module: Any) -> tuple[Any, Any]:
    """Return the style prediction network and the style transfer network, as functions of tensors."""
    images = tf.TensorSpec([None, None, None, 3], tf.float32)
    whole = tf.function(lambda photo, painting: module(photo, painting)[0]).get_concrete_function(images, images)
    frozen = _freeze(whole)
    photo, painting = (tensor.name for tensor in frozen.inputs)
    output = frozen.outputs[0].name
    definition = _without_control_inputs(frozen.graph.as_graph_def())
    vector = _find_style_vector(frozen.graph, photo, painting, output)
    wrapped = tf.compat.v1.wrap_function(lambda: tf.graph_util.import_graph_def(definition, name=""), [])
    return wrapped.prune(painting, vector), wrapped.prune([photo, vector], output)


def _freeze(function: Any) -> Any:
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    return convert_variables_to_constants_v2(function)


def _without_control_inputs(definition: Any) -> Any:
    """Remove the control dependencies from a graph definition, in place, and return it.

    When TensorFlow inlines a function, its nodes wait for all inputs of the function, so each half would need the
    inputs of the other. Control dependencies order side effects, and this network has none.
    """
    for node in definition.node:
        data_inputs = [name for name in node.input if not name.startswith("^")]
        del node.input[:]
        node.input.extend(data_inputs)
    return definition


def _find_style_vector(graph: Any, photo: str, painting: str, output: str) -> str:
    """Return the last tensor [batch, 1, 1, K] that every path from the painting passes, and that no photo reaches."""
    nodes = {operation.name: [tensor.op.name for tensor in operation.inputs] for operation in graph.get_operations()}
    photo, painting, output = (graph.get_tensor_by_name(name).op.name for name in (photo, painting, output))
    for name in reversed(cut_nodes(nodes, painting, output)):
        outputs = graph.get_operation_by_name(name).outputs
        if len(outputs) == 1 and _is_vector(outputs[0].shape) and photo not in ancestors(nodes, name):
            return str(outputs[0].name)
    raise ValueError("no tensor of shape [batch, 1, 1, K] carries all of the style")


def _is_vector(shape: Any) -> bool:
    if shape.rank != 4:
        return False
    _, height, width, length = shape.as_list()
    return (height, width) == (1, 1) and length is not None


# --- TensorFlow ------------------------------------------------------------------------------------------------------


def import_tensorflow() -> Any:
    """Import and return `tensorflow`, without its messages on stderr.

    Also makes it allocate only the GPU memory that it uses: by default it takes all, and torch needs some.

    Raises:
        MissingExtraError: If it is not installed.
    """
    _load_triton_first()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    with quiet_stderr(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        [tensorflow] = require("magenta", "tensorflow")
    return tensorflow


def _load_triton_first() -> None:
    """Import triton before TensorFlow, so that a later `torch.compile` or ONNX export does not kill the process.

    TensorFlow and triton both contain an LLVM, and torch's compiler and exporter import triton. If triton comes second,
    its LLVM aborts the process ("CommandLine Error: Option 'bitcode-mdindex-threshold' registered more than once!" with
    TensorFlow 2.21 and triton 3 of torch 2.15). In the other order both work.
    """
    if "tensorflow" in sys.modules or importlib.util.find_spec("triton") is None:
        return
    with contextlib.suppress(ImportError):
        importlib.import_module("triton")


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Hide what is written to stderr inside the block; print it after all if the block raises.

    TensorFlow's C++ code writes some messages before it reads its log level. It writes to file descriptor 2 directly,
    so replacing `sys.stderr` would not help.
    """
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as hidden:
        os.dup2(hidden.fileno(), 2)
        try:
            yield
        except BaseException:
            hidden.seek(0)
            os.write(stderr, hidden.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
