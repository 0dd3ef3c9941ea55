"""The lightweight generator's layers in 8 bits: bytes from the photo to the picture, no float map between.

Written with QuantizeLinear and DequantizeLinear around ordinary operators, which every runtime understands, in an order
that ONNX Runtime merges into its 8-bit convolutions and sums (with channels last in memory) without a rest. Features
are uint8, weights int8: with int8 features its 3x3 convolutions are 20 to 40 times slower on x86.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import nn

from pix2style.export.calibrate import Calibration, Step
from pix2style.export.float_layers import Floats, numbers, plain_layer, told_by
from pix2style.export.graph_parts import GraphBuilder
from pix2style.export.lite_graph import Sizes
from pix2style.nets.lite import Lite, ResidualBlock

_WEIGHT_MAX = 127
_HALF_RANGE = 127.5
# Bytes are what they are: no byte of a photo is 0 in [-1, 1], so the nearest stands for it, and biases make up for the
# half level (see `Int8Layers`).
_PIXELS = Step(1 / _HALF_RANGE, 128)
_HALF_LEVEL = 0.5 / _HALF_RANGE


class Int8Layers:
    """Stem, blocks and head between bytes.

    The photo's byte b means (b - 127.5) / 127.5, but is read as (b - 128) / 127.5: the stem's bias holds the
    difference, exactly, as its patches have no padding. On the way out the head's bias does.

    Args:
        network: folded.
        calibration: of that network.
        for_opencv: compute strength always, not in a branch, which OpenCV does not run; slower where strength is 1.
    """

    def __init__(self, network: Lite, calibration: Calibration, *, for_opencv: bool = False) -> None:
        self.network, self.steps, self.means = network, calibration.steps, calibration.means
        self.for_opencv, self.blended_in_branch = for_opencv, not for_opencv

    def paint(self, graph: GraphBuilder, pixels: str, glimpse: str, style: str | None, sizes: Sizes) -> str:
        """See `lite_graph.Layers`."""
        network = self.network
        told = told_by(graph, network, glimpse)
        features = self._stem(graph, pixels, told, style, sizes)
        for number, block in enumerate(network.body):
            assert isinstance(block, ResidualBlock)  # noqa: S101
            features = self._block(graph, block, number, features, style)
        weight, bias = self._corrected(numbers(network.head), f"features.{len(network.body)}")
        into = self.steps[f"features.{len(network.body)}"]
        head = self._conv(graph, _read(graph, features, into), into, (weight, bias - _HALF_LEVEL))
        return _written(graph, head, _PIXELS)

    def _stem(self, graph: GraphBuilder, pixels: str, told: str, style: str | None, sizes: Sizes) -> str:
        """The stem, the context's numbers, ReLU.

        A single photo's context is a part of the bias: rounded to the steps of the sums, which are finer than any
        byte's, and for nothing. Several photos have a context each, which is added to maps that are bytes already.
        """
        if self.for_opencv:
            return self._stem_of_several(graph, pixels, told, style, sizes)
        single = graph.op("Squeeze", graph.op("Equal", sizes.batch, graph.whole(1)))
        start, branches = graph.position, {}
        for name, stem in (("then_branch", self._stem_of_one), ("else_branch", self._stem_of_several)):
            # channels last between graphs: so that ONNX Runtime, which computes so, has nothing to turn around
            last = graph.op("Transpose", stem(graph, pixels, told, style, sizes), perm=[0, 2, 3, 1])
            branches[name] = graph.branch(name, last, np.uint8, start)
        return graph.op("Transpose", graph.op("If", single, **branches), perm=[0, 3, 1, 2])

    def _stem_of_one(self, graph: GraphBuilder, pixels: str, told: str, style: str | None, _sizes: Sizes) -> str:
        features = self._patches(graph, pixels, style, [graph.op("Reshape", told, graph.whole(-1))])
        return _written(graph, graph.op("Relu", features), self.steps["features.0"])

    def _stem_of_several(self, graph: GraphBuilder, pixels: str, told: str, style: str | None, sizes: Sizes) -> str:
        stem = _through(graph, self._patches(graph, pixels, style, []), self.steps["stem"])
        features = graph.op("Relu", graph.op("Add", stem, self._everywhere(graph, told, sizes)))
        return _written(graph, features, self.steps["features.0"])

    def _patches(self, graph: GraphBuilder, pixels: str, style: str | None, told: list[str]) -> str:
        """The stem's convolution, over columns of scale x 1 runs of 3 * scale bytes.

        The same bytes by another name: with channels in fours ONNX Runtime has a convolution three times as fast, where
        the bias is constant.
        """
        (weight, bias), scale = numbers(plain_layer(self.network.stem)[0]), self.network.scale
        bias = bias + _HALF_LEVEL * weight.sum(axis=(1, 2, 3))
        weight = weight.transpose(0, 3, 1, 2).reshape(len(weight), -1, scale, 1)
        runs = graph.op("Reshape", pixels, graph.whole(0, 0, -1, weight.shape[1]))
        values = _read(graph, graph.op("Transpose", runs, perm=[0, 3, 1, 2]), _PIXELS)
        added = [*_of_style(graph, self.network.stem, style), *told]
        return self._conv(graph, values, _PIXELS, (weight, bias), added=added, strides=(scale, 1))

    def _everywhere(self, graph: GraphBuilder, told: str, sizes: Sizes) -> str:
        """The context's numbers at every place. Bytes, and channels last: so that writing them is all that it costs."""
        kept = graph.op("Transpose", _written(graph, told, self.steps["told"]), perm=[0, 2, 3, 1])
        places = graph.op("Concat", sizes.batch, sizes.rows, sizes.columns, graph.whole(1), axis=0)
        everywhere = graph.op("Transpose", graph.op("Expand", kept, places), perm=[0, 3, 1, 2])
        return _read(graph, everywhere, self.steps["told"])

    def _block(self, graph: GraphBuilder, block: ResidualBlock, number: int, features: str, style: str | None) -> str:
        into, inside = f"features.{number}", f"inner.{number}"
        first = self._corrected(numbers(block.first), into)
        inner = graph.op("Relu", self._conv(graph, _read(graph, features, self.steps[into]), self.steps[into], first))
        inner = _through(graph, inner, self.steps[inside])
        second = self._corrected(numbers(plain_layer(block.second)[0]), inside)
        of_style = _of_style(graph, block.second, style)
        added = self._conv(graph, inner, self.steps[inside], second, added=of_style)
        added = _through(graph, added, self.steps[f"added.{number}"])
        # Read a second time, not the same values: OpenCV loses what two 8-bit operators share.
        total = graph.op("Add", _read(graph, features, self.steps[into]), added)
        return _written(graph, graph.op("Relu", total), self.steps[f"features.{number + 1}"])

    def _corrected(self, layer: tuple[Floats, Floats], into: str) -> tuple[Floats, Floats]:
        """Weight, and a bias that makes up for what rounding the weight adds on average, given the inputs' means."""
        weight, bias = layer
        error = _rounded(weight)[0] * _scales(weight)[:, None, None, None] - weight
        return weight, bias - error.sum(axis=(2, 3)) @ self.means[into]

    def _conv(
        self,
        graph: GraphBuilder,
        features: str,
        into: Step,
        layer: tuple[Floats, Floats],
        *,
        added: Sequence[str] = (),
        strides: tuple[int, int] = (1, 1),
    ) -> str:
        """A convolution of bytes, numbers for each channel `added`; what it gives is to be quantised by the caller."""
        weight, bias = layer
        rounded, scales = _rounded(weight)
        held = graph.op(
            "DequantizeLinear",
            graph.constant(rounded, np.int8),
            graph.floats(scales),
            graph.constant(np.zeros(len(scales)), np.int8),
            axis=0,
        )
        kernel = weight.shape[2:]
        return graph.op(
            "Conv",
            features,
            held,
            _bias(graph, bias, scales * np.float32(into.scale), added),
            kernel_shape=kernel,
            strides=strides,
            pads=[kernel[0] // 2 if strides == (1, 1) else 0] * 4,
        )


def _bias(graph: GraphBuilder, bias: Floats, scales: Floats, added: Sequence[str]) -> str:
    """A bias as int32; where something is added to it, computed as the filter runs."""
    zeros, steps = graph.constant(np.zeros(len(scales)), np.int32), graph.floats(scales)
    if not added:
        return graph.op("DequantizeLinear", graph.constant(np.rint(bias / scales), np.int32), steps, zeros, axis=0)
    whole = graph.floats(bias)
    for one in added:
        whole = graph.op("Add", one, whole)
    rounded = graph.cast(graph.op("Round", graph.op("Div", whole, steps)), np.int32)
    return graph.op("DequantizeLinear", rounded, steps, zeros, axis=0)


def _of_style(graph: GraphBuilder, layer: nn.Module, style: str | None) -> list[str]:
    """What a style adds to each channel of a layer, if it adds anything."""
    table = plain_layer(layer)[1]
    if table is None or style is None:
        return []
    row = graph.op("Unsqueeze", style, graph.whole(0))  # OpenCV multiplies no vectors
    added = graph.op("MatMul", row, graph.floats(table.detach().numpy()))
    return [graph.op("Reshape", added, graph.whole(-1))]


def _scales(weight: Floats) -> Floats:
    """Of each filter: float32 numbers, as the file holds them."""
    largest = np.maximum(np.abs(weight).max(axis=(1, 2, 3)), 1e-8)
    scales: Floats = (largest / _WEIGHT_MAX).astype(np.float32).astype(np.float64)
    return scales


def _rounded(weight: Floats) -> tuple[Floats, Floats]:
    scales = _scales(weight)
    return np.clip(np.rint(weight / scales[:, None, None, None]), -_WEIGHT_MAX, _WEIGHT_MAX), scales


def _written(graph: GraphBuilder, values: str, step: Step) -> str:
    return graph.op("QuantizeLinear", values, graph.number(step.scale), graph.constant(step.zero, np.uint8))


def _read(graph: GraphBuilder, kept: str, step: Step) -> str:
    return graph.op("DequantizeLinear", kept, graph.number(step.scale), graph.constant(step.zero, np.uint8))


def _through(graph: GraphBuilder, values: str, step: Step) -> str:
    return _read(graph, _written(graph, values, step), step)
