"""Write an ONNX graph node by node. Names are numbered in the order of creation, so that the bytes are reproducible."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike, DTypeLike, NDArray
from onnx import helper, numpy_helper

OPSET = 17
"""ONNX opset of filter files: the lowest that has all operators. ONNX Runtime reads it since version 1.12."""
IR_VERSION = 8
"""Version of the file format that belongs to this opset."""
Dimensions = Sequence[int | str]
Floats = NDArray[np.float64]


class GraphBuilder:
    """Collects inputs, constants and nodes, and makes a model of them.

    A value is identified by its name, a string, as in ONNX itself. Every method that adds a value returns its name.
    """

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._initializers: dict[str, onnx.TensorProto] = {}
        self._constant_names: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._counts: Counter[str] = Counter()

    def input(self, name: str, dtype: DTypeLike, dimensions: Dimensions, default: ArrayLike | None = None) -> str:
        """Add an input.

        Args:
            name: Name of the input.
            dtype: Type of its elements.
            dimensions: Size of each dimension: a number, or a name for a free size.
            default: Value if the caller does not set the input (in ONNX: an initializer with the input's name); None
                for a required input.
        """
        self._inputs.append(_value_info(name, dtype, dimensions))
        if default is not None:
            self._initializers[name] = numpy_helper.from_array(np.asarray(default, dtype), name)
        return name

    def output(self, name: str, dtype: DTypeLike, dimensions: Dimensions) -> None:
        """Declare a value as an output of the graph; arguments as for `input`."""
        self._outputs.append(_value_info(name, dtype, dimensions))

    def constant(self, values: ArrayLike, dtype: DTypeLike) -> str:
        """Add a constant. Equal constants are stored once."""
        array = np.ascontiguousarray(values, dtype)
        if np.ndim(values) == 0:
            array = array.reshape(())  # ascontiguousarray turns a scalar into a vector
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constant_names:
            name = self._new_name("constant")
            self._initializers[name] = numpy_helper.from_array(array, name)
            self._constant_names[key] = name
        return self._constant_names[key]

    def int64_vector(self, *numbers: int) -> str:
        """Add a constant vector of int64, for example a shape or a list of axes."""
        return self.constant(numbers, np.int64)

    def scalar(self, number: float) -> str:
        """Add a constant float32 scalar."""
        return self.constant(number, np.float32)

    def float_tensor(self, values: NDArray[Any]) -> str:
        """Add a constant float32 tensor, for example weights."""
        return self.constant(values, np.float32)

    def op(self, kind: str, *inputs: str, name: str | None = None, **attributes: Any) -> str:
        """Add a node with one output.

        Args:
            kind: ONNX's name of the operator.
            inputs: Names of the values that the node takes.
            name: Name of the output; None for the kind with a number.
            attributes: Attributes of the operator.

        Returns:
            Name of the output.
        """
        output = name or self._new_name(kind.lower())
        self._nodes.append(helper.make_node(kind, list(inputs), [output], name=output, **attributes))
        return output

    def cast(self, value: str, dtype: DTypeLike, name: str | None = None) -> str:
        """Add a conversion to another element type."""
        return self.op("Cast", value, name=name, to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def branch(self, name: str, output: str, dtype: DTypeLike, start: int) -> onnx.GraphProto:
        """Move the nodes that were added since `start` into a subgraph, for a branch of an If.

        Args:
            name: Name of the subgraph.
            output: Name of the value that the branch returns.
            dtype: Element type of that value.
            start: What `position` was before the first node of the branch was added.
        """
        nodes, self._nodes = self._nodes[start:], self._nodes[:start]
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return helper.make_graph(nodes, name, [], [helper.make_tensor_value_info(output, kind, None)])

    @property
    def position(self) -> int:
        """Index that the next node will have."""
        return len(self._nodes)

    def model(self) -> onnx.ModelProto:
        """Return the complete model, without metadata."""
        initializers = list(self._initializers.values())
        graph = helper.make_graph(self._nodes, "filter", self._inputs, self._outputs, initializers)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)

    def _new_name(self, prefix: str) -> str:
        self._counts[prefix] += 1
        return f"{prefix}_{self._counts[prefix]}"


def _value_info(name: str, dtype: DTypeLike, dimensions: Dimensions) -> onnx.ValueInfoProto:
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    return helper.make_tensor_value_info(name, kind, list(dimensions))
