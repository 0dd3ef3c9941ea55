"""An ONNX graph, written node by node: names that follow from the order alone, so that the bytes do too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike, DTypeLike, NDArray
from onnx import helper, numpy_helper

OPSET = 20
IR_VERSION = 10
Dimensions = Sequence[int | str]
Floats = NDArray[np.float64]


class GraphBuilder:
    """Nodes and constants, in the order in which they are added.

    A value is known by its name, a string, as in ONNX itself.
    """

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}
        self._known: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._counts: Counter[str] = Counter()

    def input(self, name: str, dtype: DTypeLike, dimensions: Dimensions, default: ArrayLike | None = None) -> str:
        """An input; one with a default need not be given (ONNX: an input that is an initializer as well)."""
        self._inputs.append(_value(name, dtype, dimensions))
        if default is not None:
            self._constants[name] = numpy_helper.from_array(np.asarray(default, dtype), name)
        return name

    def output(self, name: str, dtype: DTypeLike, dimensions: Dimensions) -> None:
        """Name the value that the graph gives."""
        self._outputs.append(_value(name, dtype, dimensions))

    def constant(self, values: ArrayLike, dtype: DTypeLike) -> str:
        """A constant; equal ones are kept once."""
        array = np.ascontiguousarray(values, dtype)
        if np.ndim(values) == 0:
            array = array.reshape(())  # ascontiguousarray makes a scalar a vector
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._known:
            name = self._name("constant")
            self._constants[name] = numpy_helper.from_array(array, name)
            self._known[key] = name
        return self._known[key]

    def whole(self, *numbers: int) -> str:
        """A vector of int64."""
        return self.constant(numbers, np.int64)

    def number(self, number: float) -> str:
        """A scalar of float32."""
        return self.constant(number, np.float32)

    def floats(self, values: NDArray[Any]) -> str:
        """Weights, as float32."""
        return self.constant(values, np.float32)

    def op(self, kind: str, *inputs: str, name: str | None = None, **attributes: Any) -> str:
        """A node with one output.

        Args:
            kind: ONNX's name of the operator.
            inputs: names of values.
            name: of the output; None: the kind with a number.
            attributes: of the operator.

        Returns:
            The output's name.
        """
        output = name or self._name(kind.lower())
        self._nodes.append(helper.make_node(kind, list(inputs), [output], name=output, **attributes))
        return output

    def cast(self, value: str, dtype: DTypeLike, name: str | None = None) -> str:
        """The same numbers in another type."""
        return self.op("Cast", value, name=name, to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def branch(self, name: str, give: str, dtype: DTypeLike, nodes_from: int) -> onnx.GraphProto:
        """Take the nodes added since `nodes_from` (see `position`) out, as the branch of an If that gives `give`."""
        nodes, self._nodes = self._nodes[nodes_from:], self._nodes[:nodes_from]
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return helper.make_graph(nodes, name, [], [helper.make_tensor_value_info(give, kind, None)])

    @property
    def position(self) -> int:
        """Where the next node goes."""
        return len(self._nodes)

    def model(self) -> onnx.ModelProto:
        """The whole, without metadata."""
        graph = helper.make_graph(self._nodes, "filter", self._inputs, self._outputs, list(self._constants.values()))
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)

    def _name(self, stem: str) -> str:
        self._counts[stem] += 1
        return f"{stem}_{self._counts[stem]}"


def _value(name: str, dtype: DTypeLike, dimensions: Dimensions) -> onnx.ValueInfoProto:
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    return helper.make_tensor_value_info(name, kind, list(dimensions))
