"""Send stylized frames to a virtual camera, so that other programs, such as those for meetings, see them."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from pix2style.errors import DataError, require
from pix2style.images import Image8, resize
from pix2style.printable import one_line

_RATE = 30
_ADVICE = {
    "linux": 'install v4l2loopback and load it: sudo modprobe v4l2loopback exclusive_caps=1 card_label="pix2style"',
    "darwin": "install OBS 30 or later, start and stop its virtual camera once, and close OBS",
    "win32": "install OBS, which brings a virtual camera",
}


class VirtualCamera:
    """A virtual camera that is open.

    Args:
        height_px, width_px: Size of its frames. An odd row or column is left out.

    Attributes:
        device: Name of the virtual camera, which other programs show in their list of cameras.

    Raises:
        DataError: There is no virtual camera, or another program feeds it.
        MissingExtraError: pyvirtualcam is not installed.
    """

    def __init__(self, height_px: int, width_px: int) -> None:
        [pyvirtualcam] = require("live", "pyvirtualcam")
        self._height_px, self._width_px = max(2, height_px // 2 * 2), max(2, width_px // 2 * 2)
        try:
            self._camera: Any = pyvirtualcam.Camera(width=self._width_px, height=self._height_px, fps=_RATE)
        except (RuntimeError, OSError, ValueError) as error:
            advice = _ADVICE.get(sys.platform, "")
            raise DataError(f"--virtual-camera: no virtual camera can be used: {advice} ({one_line(error)})") from error
        self.device = str(self._camera.device)

    def send(self, rgb: Image8) -> None:
        """Show a frame, uint8 [height, width, 3] of any size.

        Raises:
            DataError: The virtual camera was closed by the system.
        """
        try:
            self._camera.send(np.ascontiguousarray(resize(rgb, self._height_px, self._width_px)))
        except (RuntimeError, OSError) as error:
            raise DataError(f"{self.device}: the virtual camera takes no more frames ({one_line(error)})") from error

    def close(self) -> None:
        """Close the virtual camera."""
        self._camera.close()
