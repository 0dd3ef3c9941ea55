"""The lightweight generator's layers in 8 bits: bytes from the photo to the picture, no float map between.

Written with QuantizeLinear and DequantizeLinear around ordinary operators, which every runtime understands, in an order
that ONNX Runtime merges into its 8-bit convolutions and sums (with channels last in memory) without a rest. Features
are uint8, weights int8: with int8 features its 3x3 convolutions are 20 to 40 times slower on x86.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from torch import nn

from pix2style.export.graph_builder import Floats, GraphBuilder
from pix2style.export.lite.calibration import Calibration, Step
from pix2style.export.lite.float_layers import numbers, plain_layer, told_by
from pix2style.export.lite.lite_graph import Sizes
from pix2style.export.lite.quantize_weights import rounded
from pix2style.nets.lite import Lite, ResidualBlock

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
        for_opencv: what OpenCV runs: strength computed always, not in a branch, and no bias that depends on the photo.
            Slower, and less exact; but it takes any number of photos at once.
    """

    def __init__(self, network: Lite, calibration: Calibration, *, for_opencv: bool = False) -> None:
        self.network, self.steps, self.means = network, calibration.steps, calibration.means
        self.batch: str | int = "batch" if for_opencv else 1
        self.blended_in_branch = not for_opencv

    def paint(self, graph: GraphBuilder, pixels: str, glimpse: str, style: str | None, sizes: Sizes) -> str:
        """See `lite_graph.Layers`."""
        network = self.network
        told = told_by(graph, network, glimpse)
        features = self._stem(graph, pixels, told, style, sizes)
        for number, block in enumerate(network.body):
            assert isinstance(block, ResidualBlock)  # noqa: S101
            features = self._block(graph, block, number, features, style)
        into = f"features.{len(network.body)}"
        head = self._layer(network.head, into, colours=3)
        head = replace(head, bias=head.bias - _HALF_LEVEL)
        levels = _conv(graph, _read(graph, features, self.steps[into]), self.steps[into], head)
        return _written(graph, levels, _PIXELS)

    def _stem(self, graph: GraphBuilder, pixels: str, told: str, style: str | None, sizes: Sizes) -> str:
        """The stem, the context's numbers, ReLU."""
        if self.batch == 1:
            return self._stem_of_one(graph, pixels, told, style)
        return self._stem_of_several(graph, pixels, told, style, sizes)

    def _stem_of_one(self, graph: GraphBuilder, pixels: str, told: str, style: str | None) -> str:
        """The context is a part of the bias: in the steps of the sums, which are finer than a byte's, and for nothing.

        So there is one bias, and one photo. An If around this and the other way would take any number of them; ONNX
        Runtime before 1.31 cannot read 8-bit convolutions inside an If.
        """
        features = self._patches(graph, pixels, style, [graph.op("Reshape", told, graph.whole(-1))])
        return _written(graph, graph.op("Relu", features), self.steps["features.0"])

    def _stem_of_several(self, graph: GraphBuilder, pixels: str, told: str, style: str | None, sizes: Sizes) -> str:
        """Each photo's context is added to maps that are bytes already."""
        stem = _through(graph, self._patches(graph, pixels, style, []), self.steps["stem"])
        features = graph.op("Relu", graph.op("Add", stem, self._everywhere(graph, told, sizes)))
        return _written(graph, features, self.steps["features.0"])

    def _patches(self, graph: GraphBuilder, pixels: str, style: str | None, told: list[str]) -> str:
        """The stem's convolution."""
        stem, scale = self._layer(self.network.stem), self.network.scale
        half_levels = _HALF_LEVEL * (stem.whole.sum(axis=(1, 2, 3)) * stem.steps)
        values = _read(graph, graph.op("Transpose", pixels, perm=[0, 3, 1, 2]), _PIXELS)
        added = [*_of_style(graph, self.network.stem, style), *told]
        return _conv(graph, values, _PIXELS, replace(stem, bias=stem.bias + half_levels), added=added, stride=scale)

    def _everywhere(self, graph: GraphBuilder, told: str, sizes: Sizes) -> str:
        """The context's numbers at every place. Bytes, and channels last: so that writing them is all that it costs."""
        kept = graph.op("Transpose", _written(graph, told, self.steps["told"]), perm=[0, 2, 3, 1])
        places = graph.op("Concat", sizes.batch, sizes.rows, sizes.columns, graph.whole(1), axis=0)
        everywhere = graph.op("Transpose", graph.op("Expand", kept, places), perm=[0, 3, 1, 2])
        return _read(graph, everywhere, self.steps["told"])

    def _block(self, graph: GraphBuilder, block: ResidualBlock, number: int, features: str, style: str | None) -> str:
        into, inside = f"features.{number}", f"inner.{number}"
        first = _conv(graph, _read(graph, features, self.steps[into]), self.steps[into], self._layer(block.first, into))
        inner = _through(graph, graph.op("Relu", first), self.steps[inside])
        second = self._layer(block.second, inside)
        added = _conv(graph, inner, self.steps[inside], second, added=_of_style(graph, block.second, style))
        added = _through(graph, added, self.steps[f"added.{number}"])
        # Read a second time, not the same values: OpenCV loses what two 8-bit operators share.
        total = graph.op("Add", _read(graph, features, self.steps[into]), added)
        return _written(graph, graph.op("Relu", total), self.steps[f"features.{number + 1}"])

    def _layer(self, layer: nn.Module, into: str | None = None, *, colours: int | None = None) -> _Rounded:
        """A convolution in whole numbers; its bias makes up for what that adds on average, by the means of `into`."""
        weight, bias = numbers(plain_layer(layer)[0])
        whole, steps = rounded(weight, colours=colours)
        if into is not None:
            error = whole * steps[:, None, None, None] - weight
            bias = bias - error.sum(axis=(2, 3)) @ self.means[into]
        return _Rounded(whole, steps, bias)


@dataclass(frozen=True, slots=True)
class _Rounded:
    """A convolution: weights [filters, channels, height, width] in steps, a step for each filter, and biases."""

    whole: Floats
    steps: Floats
    bias: Floats


def _conv(
    graph: GraphBuilder,
    features: str,
    into: Step,
    layer: _Rounded,
    *,
    added: Sequence[str] = (),
    stride: int = 1,
) -> str:
    """A convolution of bytes, numbers for each channel `added`; what it gives is to be quantised by the caller."""
    # For weights around 0 ONNX Runtime before 1.30 takes a kernel that never looks at a bias which is no constant.
    zero = -1 if added else 0
    held = graph.op(
        "DequantizeLinear",
        graph.constant(layer.whole + zero, np.int8),
        graph.floats(layer.steps),
        graph.constant(np.full(len(layer.steps), zero), np.int8),
        axis=0,
    )
    kernel = layer.whole.shape[2]
    return graph.op(
        "Conv",
        features,
        held,
        _bias(graph, layer.bias, layer.steps * np.float32(into.scale), added),
        kernel_shape=[kernel, kernel],
        strides=[stride, stride],
        pads=[kernel // 2 if stride == 1 and kernel > 1 else 0] * 4,
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


def _written(graph: GraphBuilder, values: str, step: Step) -> str:
    return graph.op("QuantizeLinear", values, graph.number(step.scale), graph.constant(step.zero, np.uint8))


def _read(graph: GraphBuilder, kept: str, step: Step) -> str:
    return graph.op("DequantizeLinear", kept, graph.number(step.scale), graph.constant(step.zero, np.uint8))


def _through(graph: GraphBuilder, values: str, step: Step) -> str:
    return _read(graph, _written(graph, values, step), step)
