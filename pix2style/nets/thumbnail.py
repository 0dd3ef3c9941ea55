"""A thumbnail by exact area averaging, the same for torch and ONNX at any size."""

from __future__ import annotations

import torch
from torch import Tensor


def thumbnail(photo: Tensor, side: int) -> Tensor:
    """Average a photo over a grid of side x side cells of equal area.

    A pixel across a cell's border counts for each cell by its share. Two small matrix products: adaptive pooling has
    whole-pixel cells, which depend on the size, and no ONNX form for dynamic sizes.

    Args:
        photo: [batch, channels, height >= 1, width >= 1].
        side: cells along each side; a photo of fewer pixels is enlarged.

    Returns:
        [batch, channels, side, side].
    """
    rows = _shares(photo.shape[-2], side, photo)
    columns = _shares(photo.shape[-1], side, photo)
    return rows @ photo @ columns.transpose(0, 1)


def _shares(size: int, cells: int, like: Tensor) -> Tensor:
    """[cells, size]: how much of each cell each pixel covers; rows sum to 1."""
    # In units of a pixel's length / size, where all borders are whole numbers: pixel i is i * cells .. (i + 1) * cells.
    pixel = torch.arange(size, device=like.device)[None, :] * cells
    cell = torch.arange(cells, device=like.device)[:, None] * size
    overlap = torch.minimum(pixel + cells, cell + size) - torch.maximum(pixel, cell)
    return overlap.clamp(min=0).to(like.dtype) / size
