"""Convert images from bytes to the float tensors that networks take."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pix2style.images import Image8, to_signed

# The value of each byte in [-1, 1]. Looking values up takes one pass over an image, while converting, dividing and
# subtracting take three.
_SIGNED_VALUES: NDArray[np.float32] = to_signed(torch.arange(256, dtype=torch.float32)).numpy()


def bytes_to_signed(pixels: Image8, layout: torch.memory_format) -> Tensor:
    """Convert bytes to floats on the CPU.

    Args:
        pixels: uint8 [batch, height, width, 3].
        layout: Memory layout of the result, `torch.channels_last` or `torch.contiguous_format`.

    Returns:
        float32 [batch, 3, height, width] in [-1, 1].
    """
    import cv2

    count, height, width, channels = pixels.shape
    if layout == torch.channels_last:  # the layout that the bytes have already
        signed = np.empty(pixels.shape, np.float32)
        cv2.LUT(pixels.reshape(-1, width, channels), _SIGNED_VALUES, signed.reshape(-1, width, channels))
        return torch.from_numpy(signed).permute(0, 3, 1, 2)
    signed = np.empty((count, channels, height, width), np.float32)
    for image, signed_image in zip(pixels, signed, strict=True):
        for plane, signed_plane in zip(cv2.split(image), signed_image, strict=True):
            cv2.LUT(plane, _SIGNED_VALUES, signed_plane)
    return torch.from_numpy(signed)


def bytes_to_signed_on_device(pixels: Tensor, layout: torch.memory_format) -> Tensor:
    """Convert bytes to floats on the device that they are on; shapes and range as `bytes_to_signed`."""
    return to_signed(pixels.permute(0, 3, 1, 2).to(torch.float32, memory_format=layout))
