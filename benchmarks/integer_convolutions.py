"""Compare ONNX Runtime's 8-bit convolutions on this processor with sums in 64-bit integers.

    python benchmarks/integer_convolutions.py

Another release of ONNX Runtime is compared without changing the environment, here 1.24.4, whose results are wrong on
processors with AMX:

    pip install --target /tmp/other --no-deps onnxruntime==1.24.4
    PYTHONPATH=/tmp/other python benchmarks/integer_convolutions.py

Right results differ by at most one level, where a sum lies halfway between two. It needs the package onnx.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

# Channels, filters, side of the kernel and side of the image.
SHAPES = ((3, 24, 3, 224), (24, 58, 1, 28), (32, 32, 3, 8), (32, 32, 3, 64), (64, 64, 1, 33), (48, 96, 3, 16))
KINDS = ((np.uint8, np.uint8), (np.uint8, np.int8), (np.int8, np.int8))
LEVELS = {np.uint8: (0, 255, 128), np.int8: (-128, 127, 0)}
INPUT_SCALE, WEIGHT_SCALE = 0.02, 0.003


def compare(kind: Any, weight_kind: Any, shape: tuple[int, int, int, int], rng: np.random.Generator) -> str:
    """Run one convolution on random values, and return how far it is from the exact result."""
    channels, filters, side, size = shape
    low, high, zero = LEVELS[kind]
    weight_low, weight_high, weight_zero = LEVELS[weight_kind]
    image = rng.integers(low, high + 1, (1, channels, size, size)).astype(kind)
    weights = rng.integers(weight_low, weight_high + 1, (filters, channels, side, side)).astype(weight_kind)
    output_scale = INPUT_SCALE * WEIGHT_SCALE * np.sqrt(channels) * side * 137
    padded = np.pad(image.astype(np.int64) - zero, ((0, 0), (0, 0), (side // 2,) * 2, (side // 2,) * 2))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side), axis=(2, 3))
    sums = np.einsum("nchwij,ocij->nohw", windows, weights.astype(np.int64) - weight_zero)
    exact = np.clip(np.rint(sums * (INPUT_SCALE * WEIGHT_SCALE / output_scale)) + zero, low, high)
    constants = {
        "x_scale": np.float32(INPUT_SCALE),
        "x_zero": kind(zero),
        "weights": weights,
        "w_scale": np.float32(WEIGHT_SCALE),
        "w_zero": weight_kind(weight_zero),
        "y_scale": np.float32(output_scale),
        "y_zero": kind(zero),
    }
    output = run(image, constants, side // 2)
    differences = np.abs(output - exact)
    return f"largest difference {differences.max():3.0f}, in {(differences > 0).mean():.2%} of the values"


def run(image: NDArray[Any], constants: dict[str, Any], padding: int) -> NDArray[Any]:
    """Run a graph of one QLinearConv, whose constants are in the order of its inputs."""
    node = helper.make_node("QLinearConv", ["x", *constants], ["y"], pads=[padding] * 4)
    kind = TensorProto.UINT8 if image.dtype == np.uint8 else TensorProto.INT8
    ends = [helper.make_tensor_value_info(name, kind, [1, None, None, None]) for name in "xy"]
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph([node], "convolution", ends[:1], ends[1:], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    output: NDArray[Any] = session.run(None, {"x": image})[0]
    return output.astype(np.float64)


def main() -> None:
    """Print a line for each kind and shape."""
    rng = np.random.default_rng(0)
    print(f"ONNX Runtime {onnxruntime.__version__}; channels, filters, kernel, image")
    for (kind, weight_kind), shape in itertools.product(KINDS, SHAPES):
        print(f"{kind.__name__:5} x {weight_kind.__name__:5} {shape!s:20} {compare(kind, weight_kind, shape, rng)}")


if __name__ == "__main__":
    main()
