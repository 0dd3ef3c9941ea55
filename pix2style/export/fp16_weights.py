"""Weights kept as float16 in the file: half its size; what is computed stays float32."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_LARGEST = float(np.finfo(np.float16).max)
_WORTH_IT = 64  # numbers; below, a node costs more bytes than it saves


def halve_weights(model: onnx.ModelProto) -> None:
    """Keep matrices and kernels as float16, and turn them into float32 by a Cast each, in place.

    Biases and other vectors stay as they are: they are small, and sums of many products hang on them. So does what
    float16 cannot hold. Runtimes compute the Casts once, when they load the file.
    """
    graph, casts, inputs = model.graph, [], {one.name for one in model.graph.input}
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or len(tensor.dims) < 2 or tensor.name in inputs:
            continue
        values = numpy_helper.to_array(tensor)
        if values.size < _WORTH_IT or np.abs(values).max() > _LARGEST:
            continue
        name, kept = tensor.name, f"{tensor.name}_half"
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), kept))
        casts.append(helper.make_node("Cast", [kept], [name], name=name, to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
