"""Run a graph in ONNX Runtime while it is being exported, before it is a file."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx

from pix2style.images import Image8
from pix2style.onnx_session import open_session
from pix2style.spec import INPUT_NAME, OUTPUT_NAME, STYLE_NAME


class GraphSession:
    """Runs the graph of a filter in ONNX Runtime on the CPU.

    Args:
        graph: Graph of a filter, with or without metadata; or the content of a filter file.
        in_floats: Whether 8-bit operators are computed in float32.
    """

    def __init__(self, graph: onnx.ModelProto | bytes, *, in_floats: bool = False) -> None:
        data = graph if isinstance(graph, bytes) else graph.SerializeToString(deterministic=True)
        self._session = open_session(data, in_floats=in_floats)
        self._optional_shapes = {value.name: value.shape for value in self._session.get_overridable_initializers()}

    @property
    def optional_inputs(self) -> frozenset[str]:
        """Names of the inputs that have a default."""
        return frozenset(self._optional_shapes)

    def stylize(self, photos: list[Image8], *, style: int | None = None, **inputs: Any) -> Image8:
        """Stylize photos.

        Args:
            photos: Photos of the same size.
            style: Id of a style; None to leave the input `style` at its default.
            inputs: Values of other optional inputs, by name.

        Returns:
            uint8 [batch, height, width, 3].
        """
        if style is not None:
            inputs[STYLE_NAME] = np.eye(self._optional_shapes[STYLE_NAME][0], dtype=np.float32)[style]
        batches = [np.stack(photos)]
        if self._session.get_inputs()[0].shape[0] == 1:  # int8 files take one photo at a time
            batches = [photo[None] for photo in photos]
        outputs = [self._session.run([OUTPUT_NAME], {INPUT_NAME: batch, **inputs})[0] for batch in batches]
        return np.concatenate(outputs)
