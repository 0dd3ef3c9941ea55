"""A graph in ONNX Runtime, before it is a file."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx

from pix2style.images import Image8
from pix2style.onnx_session import open_session
from pix2style.spec import INPUT_NAME, OUTPUT_NAME, STYLE_NAME


class GraphSession:
    """ONNX Runtime on the CPU, with a graph's optional inputs.

    Args:
        graph: a filter's, with or without its description; or a file's bytes.
    """

    def __init__(self, graph: onnx.ModelProto | bytes) -> None:
        data = graph if isinstance(graph, bytes) else graph.SerializeToString(deterministic=True)
        self._session = open_session(data)
        self._sizes = {one.name: one.shape for one in self._session.get_overridable_initializers()}

    @property
    def optional(self) -> tuple[str, ...]:
        """Names of the inputs that need not be given."""
        return tuple(self._sizes)

    def paint(self, photos: list[Image8], *, style: int | None = None, **inputs: Any) -> Image8:
        """Run it.

        Args:
            photos: of one size.
            style: an id; None: none is given.
            inputs: others, by name.

        Returns:
            uint8 [batch, height, width, 3].
        """
        if style is not None:
            inputs[STYLE_NAME] = np.eye(self._sizes[STYLE_NAME][0], dtype=np.float32)[style]
        batches = [np.stack(photos)]
        if self._session.get_inputs()[0].shape[0] == 1:
            batches = [photo[None] for photo in photos]
        return np.concatenate([self._session.run([OUTPUT_NAME], {INPUT_NAME: b, **inputs})[0] for b in batches])
