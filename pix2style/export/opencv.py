"""Does OpenCV's DNN paint what ONNX Runtime paints? Asked of the lightweight generator's files that it runs."""

from __future__ import annotations

import numpy as np

from pix2style.errors import ArtifactError
from pix2style.export.graph_session import GraphSession
from pix2style.export.verify import photo_like

SIZES = ((256, 256), (127, 201), (5, 3))
# Two programs add the same numbers in other orders, see `verify`; these sizes are whole pictures.
_MAX_DIFFERENCE_LEVELS = 1
# In 8 bits a tie rounded the other way is a whole byte of a map, and goes on from there: measured were 2 levels.
_MAX_DIFFERENCE_INT8 = 8


def verify_in_opencv(data: bytes, *, int8: bool = False) -> str:
    """Compare at three sizes.

    Args:
        data: a filter file.
        int8: it computes in 8 bits.

    Returns:
        One line for people: that it agrees, or why OpenCV was not asked.

    Raises:
        ArtifactError: it runs the file, and paints otherwise.
    """
    try:
        import cv2
    except ImportError:
        return "not checked in OpenCV, which is not installed"
    worst = 0
    for size in SIZES:
        photo = photo_like(*size)
        try:
            # A network of its own for each size: what is meant to be any size is fixed by the first photo.
            network = cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8))
            network.setInput(photo[None], "photo")
            painted = network.forward()
        except cv2.error as error:
            return f"OpenCV {cv2.__version__} does not run it ({_reason(error)})"
        wanted = GraphSession(data).paint([photo])
        if painted.shape != wanted.shape:
            raise ArtifactError(
                f"OpenCV {cv2.__version__} gives {painted.shape} where ONNX Runtime gives {wanted.shape}"
            )
        worst = max(worst, int(np.abs(painted.astype(int) - wanted).max()))
    if worst > (_MAX_DIFFERENCE_INT8 if int8 else _MAX_DIFFERENCE_LEVELS):
        raise ArtifactError(
            f"OpenCV {cv2.__version__} paints up to {worst} levels of 255 from what ONNX Runtime paints, so the filter"
            " was not kept: install another version of OpenCV, or none"
        )
    return f"checked in OpenCV {cv2.__version__}: at most {worst} of 255 levels apart"


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[-160:].strip("> '")
