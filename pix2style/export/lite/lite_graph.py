"""The lightweight generator as an ONNX graph, written by hand: what a tracer writes runs at half the speed.

Everything around the layers is here, and the same in every precision: sizes, padding, the glimpse and what follows from
it, pixels out of channels, strength. The layers are `float_layers` or `int8_layers`.
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
    """Names of whole numbers, each int64 [1]: of the photo, and of the body's maps (rounded up)."""

    batch: str
    height: str
    width: str
    rows: str
    columns: str


class Layers(Protocol):
    """The layers in some precision: from bytes to bytes."""

    batch: str | int
    """How many photos at once: a name for any number, or a number."""
    blended_in_branch: bool
    """Whether strength costs nothing while it is 1, at the price of an If, which OpenCV does not run."""

    def paint(self, graph: GraphBuilder, pixels: str, glimpse: str, style: str | None, sizes: Sizes) -> str:
        """Add the network's layers.

        Args:
            graph: to add to.
            pixels: uint8 [batch, rows * scale, columns * scale, 3].
            glimpse: uint8 [batch, GLIMPSE_SIDE_PX, GLIMPSE_SIDE_PX, 3].
            style: float32 [styles]; None if the network holds one.
            sizes: of the photo.

        Returns:
            The head's output as levels: uint8 [batch, scale * scale * 3, rows, columns].
        """


def lite_graph(network: Lite, layers: Layers) -> onnx.ModelProto:
    """The graph of a filter, without metadata: `spec` says what its inputs mean.

    Args:
        network: folded; its sizes are used, its weights are in `layers`.
        layers: of that network.
    """
    graph = GraphBuilder()
    size = (layers.batch, "height", "width", _COLOURS)
    graph.input(INPUT_NAME, np.uint8, size)
    graph.input(STRENGTH_NAME, np.float32, [1], default=[1])
    if network.styles > 1:
        graph.input(STYLE_NAME, np.float32, [network.styles], default=np.eye(network.styles)[0])
    given = layers.batch if isinstance(layers.batch, int) else "given"  # one for all photos, or one for each
    graph.input(GLIMPSE_NAME, np.uint8, [given, "glimpse_height", "glimpse_width", "colours"], default=[[[[0]]]])
    graph.output(OUTPUT_NAME, np.uint8, size)
    sizes = _sizes(graph, network.scale)
    padded = _padded(graph, sizes, network.scale)
    style = STYLE_NAME if network.styles > 1 else None
    levels = layers.paint(graph, padded, _glimpse(graph, sizes), style, sizes)
    stylized = _unfolded(graph, levels, sizes, network.scale)
    (_blended_in_branch if layers.blended_in_branch else _blended)(graph, stylized, sizes)
    return graph.model()


def _sizes(graph: GraphBuilder, scale: int) -> Sizes:
    shape = graph.op("Shape", INPUT_NAME)
    batch, height, width = (graph.op("Slice", shape, graph.whole(at), graph.whole(at + 1)) for at in range(3))
    rows, columns = (
        graph.op("Div", graph.op("Add", size, graph.whole(scale - 1)), graph.whole(scale)) for size in (height, width)
    )
    return Sizes(batch, height, width, rows, columns)


def _padded(graph: GraphBuilder, sizes: Sizes, scale: int) -> str:
    """The edge repeated below and on the right, as `nets.generator.pad_to_multiple` does."""
    below, right = (
        graph.op("Sub", graph.op("Mul", parts, graph.whole(scale)), size)
        for parts, size in ((sizes.rows, sizes.height), (sizes.columns, sizes.width))
    )
    amounts = graph.op("Concat", graph.whole(0, 0, 0, 0, 0), below, right, graph.whole(0), axis=0)
    return graph.op("Pad", INPUT_NAME, amounts, mode="edge")


def _glimpse(graph: GraphBuilder, sizes: Sizes) -> str:
    """The glimpse that was given, else the photo's own: uint8 [batch, GLIMPSE_SIDE_PX, GLIMPSE_SIDE_PX, 3].

    The default is a single number: too small to be one, and small in the file.
    """
    rows, columns = _glimpse_indices(graph, sizes.height), _glimpse_indices(graph, sizes.width)
    own = graph.op("Gather", graph.op("Gather", INPUT_NAME, rows, axis=1), columns, axis=2)
    side = graph.op("Slice", graph.op("Shape", GLIMPSE_NAME), graph.whole(1), graph.whole(2))
    return graph.op("Where", graph.op("Equal", side, graph.whole(1)), own, GLIMPSE_NAME)


def _glimpse_indices(graph: GraphBuilder, size: str) -> str:
    """`images.glimpse.glimpse_indices`: int64 [GLIMPSE_SIDE_PX]."""
    cells = graph.constant(2 * np.arange(GLIMPSE_CELLS)[:, None] + 1, np.int64)
    offsets = graph.constant(np.arange(GLIMPSE_PATCH_PX)[None] - GLIMPSE_PATCH_PX // 2, np.int64)
    middles = graph.op("Div", graph.op("Mul", cells, size), graph.whole(2 * GLIMPSE_CELLS))
    at = graph.op("Reshape", graph.op("Add", middles, offsets), graph.whole(GLIMPSE_SIDE_PX))
    return graph.op("Min", graph.op("Max", at, graph.whole(0)), graph.op("Sub", size, graph.whole(1)))


def _unfolded(graph: GraphBuilder, levels: str, sizes: Sizes, scale: int) -> str:
    """Channels to pixels: `nets.lite.depth_to_space`.

    Line by line of the patches, each a run of 3 * scale bytes in every patch. A Transpose of five dimensions says it in
    one node, and takes ONNX Runtime more than twice as long.
    """
    last, run = graph.op("Transpose", levels, perm=[0, 2, 3, 1]), _COLOURS * scale
    line_shape = graph.op("Concat", sizes.batch, sizes.rows, graph.whole(1, -1), axis=0)
    ends = [graph.whole(run * number) for number in range(scale + 1)]
    lines = (graph.op("Slice", last, *pair, graph.whole(3)) for pair in pairwise(ends))
    pixels = graph.op("Concat", *(graph.op("Reshape", line, line_shape) for line in lines), axis=2)
    height, width = (graph.op("Mul", parts, graph.whole(scale)) for parts in (sizes.rows, sizes.columns))
    return graph.op("Reshape", pixels, graph.op("Concat", sizes.batch, height, width, graph.whole(_COLOURS), axis=0))


def _cropped(graph: GraphBuilder, stylized: str, sizes: Sizes) -> str:
    """The padding cut off."""
    ends = graph.op("Concat", sizes.height, sizes.width, axis=0)
    return graph.op("Slice", stylized, graph.whole(0, 0), ends, graph.whole(1, 2))


def _blended(graph: GraphBuilder, stylized: str, sizes: Sizes, name: str = OUTPUT_NAME) -> str:
    """round(photo + strength * (stylized - photo)); a strength beyond [0, 1] counts as the nearer end."""
    stylized = _cropped(graph, stylized, sizes)
    strength = graph.op("Clip", STRENGTH_NAME, graph.number(0), graph.number(1))
    photo = graph.cast(INPUT_NAME, np.float32)
    change = graph.op("Mul", graph.op("Sub", graph.cast(stylized, np.float32), photo), strength)
    return graph.cast(graph.op("Round", graph.op("Add", photo, change)), np.uint8, name=name)


def _blended_in_branch(graph: GraphBuilder, stylized: str, sizes: Sizes) -> str:
    """The same, but while strength is 1 nothing is computed.

    Each branch crops for itself: one that gave what it found outside would have to copy it.
    """
    weaker = graph.op("Squeeze", graph.op("Less", STRENGTH_NAME, graph.number(1)))
    start = graph.position
    mixed = graph.branch("mixed", _blended(graph, stylized, sizes, name="blended"), np.uint8, start)
    whole = graph.branch("whole", _cropped(graph, stylized, sizes), np.uint8, start)
    return graph.op("If", weaker, name=OUTPUT_NAME, then_branch=mixed, else_branch=whole)
