"""Convert images from bytes to the numbers that networks take."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pix2style.images import to_signed

# What each byte is as a number; looking it up is one pass where converting, dividing and subtracting are three.
_SIGNED: NDArray[np.float32] = to_signed(torch.arange(256, dtype=torch.float32)).numpy()


def bytes_to_signed(pixels: NDArray[np.uint8], layout: torch.memory_format) -> Tensor:
    """Bytes [batch, height, width, 3] to float32 [batch, 3, height, width] in [-1, 1], in one pass."""
    import cv2

    count, height, width, channels = pixels.shape
    if layout == torch.channels_last:
        numbers = np.empty(pixels.shape, np.float32)
        cv2.LUT(pixels.reshape(-1, width, channels), _SIGNED, numbers.reshape(-1, width, channels))
        return torch.from_numpy(numbers).permute(0, 3, 1, 2)
    numbers = np.empty((count, channels, height, width), np.float32)
    for picture, into in zip(pixels, numbers, strict=True):
        for plane, out in zip(cv2.split(picture), into, strict=True):
            cv2.LUT(plane, _SIGNED, out)
    return torch.from_numpy(numbers)
