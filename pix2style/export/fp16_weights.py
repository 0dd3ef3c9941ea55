"""Store the weights of a graph as float16, which halves the file. The computation stays in float32."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_FP16_MAX = float(np.finfo(np.float16).max)
_MIN_WEIGHTS = 64  # for smaller tensors the additional Cast node takes more bytes than float16 saves


def store_weights_as_fp16(model: onnx.ModelProto) -> None:
    """Store matrices and kernels as float16, each followed by a Cast to float32, in place.

    Runtimes compute these Casts once, when they load the file. Vectors, such as biases, stay float32: they are small,
    and an error in a bias shifts a whole channel. Tensors with values that float16 cannot represent stay float32, too.
    """
    graph, casts, input_names = model.graph, [], {graph_input.name for graph_input in model.graph.input}
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or len(tensor.dims) < 2 or tensor.name in input_names:
            continue
        values = numpy_helper.to_array(tensor)
        if values.size < _MIN_WEIGHTS or np.abs(values).max() > _FP16_MAX:
            continue
        name, fp16_name = tensor.name, f"{tensor.name}_half"
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), fp16_name))
        casts.append(helper.make_node("Cast", [fp16_name], [name], name=name, to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]  # nodes have to stand before those that use their outputs
    del graph.node[:]
    graph.node.extend(nodes)
