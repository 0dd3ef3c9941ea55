"""The ONNX graph of the lightweight generator, written by hand: a traced graph would run at half the speed.

This module has everything around the layers, which is the same in every precision: image sizes, padding, the glimpse
(small patches from all over the photo, from which the network takes its global context), the conversion from channels
to pixels, and strength. The layers themselves are in `float_layers` and `int8_layers`.

Values of a graph are passed between functions by their names. A comment such as "int64 [1]" tells type and shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
import onnx

from pix2style.export.graph_builder import GraphBuilder
from pix2style.images.glimpse import GLIMPSE_CELLS, GLIMPSE_PATCH_PX, GLIMPSE_SIDE_PX
from pix2style.nets.lite import Lite
from pix2style.spec import GLIMPSE_NAME, INPUT_NAME, OUTPUT_NAME, STRENGTH_NAME, STYLE_NAME

_COLOURS = 3


@dataclass(frozen=True, slots=True)
class Sizes:
    """Names of the values that hold sizes, each int64 [1].

    Attributes:
        batch: Number of photos.
        height: Height of the photos in pixels.
        width: Width of the photos in pixels.
        rows: Height of the feature maps: height / scale, rounded up.
        columns: Width of the feature maps: width / scale, rounded up.
    """

    batch: str
    height: str
    width: str
    rows: str
    columns: str


class LiteLayers(Protocol):
    """The layers of the network in some precision, from bytes to bytes."""

    batch: str | int
    """Batch size that the graph accepts: a name if any size is accepted, or a number."""
    blends_in_branch: bool
    """Whether strength is applied in a branch of an If, so that it costs no time at 1. OpenCV cannot run an If."""

    def add_layers(self, graph: GraphBuilder, pixels: str, glimpse: str, style: str | None, sizes: Sizes) -> str:
        """Add the layers of the network to a graph.

        Args:
            graph: Graph that is extended.
            pixels: Padded photos, uint8 [batch, rows * scale, columns * scale, 3].
            glimpse: Glimpses, uint8 [batch, GLIMPSE_SIDE_PX, GLIMPSE_SIDE_PX, 3].
            style: Weights of the styles, float32 [styles]; None if the network holds one style.
            sizes: Sizes of the photos and feature maps.

        Returns:
            Output of the head in levels of 0..255: uint8 [batch, scale * scale * 3, rows, columns].
        """


def lite_graph(network: Lite, layers: LiteLayers) -> onnx.ModelProto:
    """Build the graph of a filter, without metadata. `spec.GeneratorSpec` describes its inputs and output.

    Args:
        network: Folded network, from which the sizes are taken; the weights are in `layers`.
        layers: Layers of that network.
    """
    graph = GraphBuilder()
    size = (layers.batch, "height", "width", _COLOURS)
    graph.input(INPUT_NAME, np.uint8, size)
    graph.input(STRENGTH_NAME, np.float32, [1], default=[1])
    if network.styles > 1:
        graph.input(STYLE_NAME, np.float32, [network.styles], default=np.eye(network.styles)[0])
    # A free batch size of its own: there may be one glimpse for all photos, or one for each.
    glimpses = layers.batch if isinstance(layers.batch, int) else "given"
    graph.input(GLIMPSE_NAME, np.uint8, [glimpses, "glimpse_height", "glimpse_width", "colours"], default=[[[[0]]]])
    graph.output(OUTPUT_NAME, np.uint8, size)
    sizes = _add_sizes(graph, network.scale)
    padded = _pad(graph, sizes, network.scale)
    style = STYLE_NAME if network.styles > 1 else None
    levels = layers.add_layers(graph, padded, _glimpse(graph, sizes), style, sizes)
    stylized = _depth_to_space(graph, levels, sizes, network.scale)
    (_blend_in_branch if layers.blends_in_branch else _blend)(graph, stylized, sizes)
    return graph.model()


def _add_sizes(graph: GraphBuilder, scale: int) -> Sizes:
    shape = graph.op("Shape", INPUT_NAME)
    batch, height, width = (
        graph.op("Slice", shape, graph.int64_vector(axis), graph.int64_vector(axis + 1)) for axis in range(3)
    )
    rows, columns = (
        graph.op("Div", graph.op("Add", size, graph.int64_vector(scale - 1)), graph.int64_vector(scale))
        for size in (height, width)
    )
    return Sizes(batch, height, width, rows, columns)


def _pad(graph: GraphBuilder, sizes: Sizes, scale: int) -> str:
    """Repeat the last row and column up to a multiple of `scale`, as `nets.generator.pad_to_multiple` does."""
    below, right = (
        graph.op("Sub", graph.op("Mul", count, graph.int64_vector(scale)), size)
        for count, size in ((sizes.rows, sizes.height), (sizes.columns, sizes.width))
    )
    amounts = graph.op("Concat", graph.int64_vector(0, 0, 0, 0, 0), below, right, graph.int64_vector(0), axis=0)
    return graph.op("Pad", INPUT_NAME, amounts, mode="edge")


def _glimpse(graph: GraphBuilder, sizes: Sizes) -> str:
    """Return the glimpse input if it is set, else the photo's own glimpse: uint8 [batch, side, side, 3].

    The default of the input is a single number, which is too small to be a glimpse and takes little space in the file.
    """
    rows, columns = _glimpse_indices(graph, sizes.height), _glimpse_indices(graph, sizes.width)
    own = graph.op("Gather", graph.op("Gather", INPUT_NAME, rows, axis=1), columns, axis=2)
    side = graph.op("Slice", graph.op("Shape", GLIMPSE_NAME), graph.int64_vector(1), graph.int64_vector(2))
    # Where broadcasts: the default, [1, 1, 1, 1], fits the shape of the photo's own glimpse.
    return graph.op("Where", graph.op("Equal", side, graph.int64_vector(1)), own, GLIMPSE_NAME)


def _glimpse_indices(graph: GraphBuilder, size: str) -> str:
    """Compute `images.glimpse.glimpse_indices` in the graph: int64 [GLIMPSE_SIDE_PX]."""
    cells = graph.constant(2 * np.arange(GLIMPSE_CELLS)[:, None] + 1, np.int64)
    offsets = graph.constant(np.arange(GLIMPSE_PATCH_PX)[None] - GLIMPSE_PATCH_PX // 2, np.int64)
    middles = graph.op("Div", graph.op("Mul", cells, size), graph.int64_vector(2 * GLIMPSE_CELLS))
    pixels = graph.op("Reshape", graph.op("Add", middles, offsets), graph.int64_vector(GLIMPSE_SIDE_PX))
    return graph.op("Min", graph.op("Max", pixels, graph.int64_vector(0)), graph.op("Sub", size, graph.int64_vector(1)))


def _depth_to_space(graph: GraphBuilder, levels: str, sizes: Sizes, scale: int) -> str:
    """Rearrange channels to pixels, as `nets.lite.depth_to_space` does.

    The graph handles one pixel row of all patches at a time: a run of 3 * scale bytes of each patch. A Transpose of
    five dimensions would do all of this in one node, but ONNX Runtime takes more than twice as long for it.
    """
    channels_last, run = graph.op("Transpose", levels, perm=[0, 2, 3, 1]), _COLOURS * scale
    line_shape = graph.op("Concat", sizes.batch, sizes.rows, graph.int64_vector(1, -1), axis=0)
    bounds = [graph.int64_vector(run * number) for number in range(scale + 1)]
    lines = (graph.op("Slice", channels_last, *pair, graph.int64_vector(3)) for pair in pairwise(bounds))
    pixels = graph.op("Concat", *(graph.op("Reshape", line, line_shape) for line in lines), axis=2)
    height, width = (graph.op("Mul", count, graph.int64_vector(scale)) for count in (sizes.rows, sizes.columns))
    shape = graph.op("Concat", sizes.batch, height, width, graph.int64_vector(_COLOURS), axis=0)
    return graph.op("Reshape", pixels, shape)


def _crop(graph: GraphBuilder, stylized: str, sizes: Sizes) -> str:
    """Cut the padding off."""
    ends = graph.op("Concat", sizes.height, sizes.width, axis=0)
    return graph.op("Slice", stylized, graph.int64_vector(0, 0), ends, graph.int64_vector(1, 2))


def _blend(graph: GraphBuilder, stylized: str, sizes: Sizes, name: str = OUTPUT_NAME) -> str:
    """Compute round(photo + strength * (stylized - photo)), with strength clipped to [0, 1]."""
    stylized = _crop(graph, stylized, sizes)
    strength = graph.op("Clip", STRENGTH_NAME, graph.scalar(0), graph.scalar(1))
    photo = graph.cast(INPUT_NAME, np.float32)
    change = graph.op("Mul", graph.op("Sub", graph.cast(stylized, np.float32), photo), strength)
    return graph.cast(graph.op("Round", graph.op("Add", photo, change)), np.uint8, name=name)


def _blend_in_branch(graph: GraphBuilder, stylized: str, sizes: Sizes) -> str:
    """Compute the same as `_blend`, but skip the computation while strength is 1.

    Both branches crop by themselves: a branch that returned a value from outside would have to copy it.
    """
    is_weaker = graph.op("Squeeze", graph.op("Less", STRENGTH_NAME, graph.scalar(1)))
    start = graph.position
    blended = graph.branch("mixed", _blend(graph, stylized, sizes, name="blended"), np.uint8, start)
    unchanged = graph.branch("whole", _crop(graph, stylized, sizes), np.uint8, start)
    return graph.op("If", is_weaker, name=OUTPUT_NAME, then_branch=blended, else_branch=unchanged)
