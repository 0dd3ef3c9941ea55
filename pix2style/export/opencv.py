"""Verify that OpenCV's DNN module computes what ONNX Runtime computes, for the files that are meant to run in it."""

from __future__ import annotations

import numpy as np

from pix2style.errors import ArtifactError
from pix2style.export.graph_session import GraphSession
from pix2style.export.synthetic_photo import synthetic_photo

SIZES = ((256, 256), (127, 201), (5, 3))
# The two programs sum the same numbers in different orders; see `verify.MAX_DIFFERENCE_LEVELS`.
_MAX_DIFFERENCE_LEVELS = 1
# In 8 bits a tie that is rounded differently changes a feature by a whole step, and the following layers pass that on.
# Measured were 2 levels.
_MAX_DIFFERENCE_LEVELS_INT8 = 8


def verify_in_opencv(data: bytes, *, int8: bool = False) -> str:
    """Compare the output of OpenCV with the output of ONNX Runtime at three sizes.

    Args:
        data: Content of a filter file.
        int8: Whether the file computes in 8 bits.

    Returns:
        One line for the export report: that the outputs agree, or why the file was not compared.

    Raises:
        ArtifactError: OpenCV runs the file, but its output differs.
    """
    try:
        import cv2
    except ImportError:
        return "not checked in OpenCV, which is not installed"
    max_difference = 0
    for size in SIZES:
        photo = synthetic_photo(*size)
        try:
            # Every size needs its own network: OpenCV fixes free sizes to those of the first photo.
            network = cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8))
            network.setInput(photo[None], "photo")
            output = network.forward()
        except cv2.error as error:
            return f"OpenCV {cv2.__version__} does not run it ({_short_reason(error)})"
        expected = GraphSession(data).stylize([photo])
        if output.shape != expected.shape:
            raise ArtifactError(
                f"the filter was not written: OpenCV {cv2.__version__} returns the shape {output.shape} where ONNX"
                f" Runtime returns {expected.shape}"
            )
        max_difference = max(max_difference, int(np.abs(output.astype(int) - expected).max()))
    if max_difference > (_MAX_DIFFERENCE_LEVELS_INT8 if int8 else _MAX_DIFFERENCE_LEVELS):
        raise ArtifactError(
            f"the filter was not written: the output of OpenCV {cv2.__version__} differs by up to {max_difference} of"
            " 255 levels from ONNX Runtime's: install another version of OpenCV, or none"
        )
    return f"checked in OpenCV {cv2.__version__}: at most {max_difference} of 255 levels apart"


def _short_reason(error: Exception) -> str:
    return " ".join(str(error).split())[-160:].strip("> '")
