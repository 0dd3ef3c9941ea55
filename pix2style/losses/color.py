"""Colours compared, brightness and texture left out."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from pix2style.losses.pixel import l1
from pix2style.losses.tensors import check_same_shape, wide
from pix2style.nets.image_tensors import check_rgb_batch

# U and V of YUV (ITU-R BT.470-6, table 2: U = 0.493 (B - Y), V = 0.877 (R - Y)), rounded as usual. Each row sums to 0,
# so that grey added to a picture changes nothing. Linear, unlike Lab, whose cube root is infinitely steep at black.
_CHROMA = ((-0.147, -0.289, 0.436), (0.615, -0.515, -0.100))
_BLOCK_PX = 8


def color(output: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference of the chroma (U and V) of 8x8 pixel means.

    Means leave texture out, as the blur of Ignatov et al. does (2017, arXiv 1704.02470, section 3.2.1); chroma leaves
    brightness out, as in AnimeGAN's colour loss (Chen et al. 2020, doi 10.1007/978-981-15-5577-0_18), whose Y part is
    not wanted here.

    Args:
        output: [batch, 3, height, width], RGB in [-1, 1]; where 8 does not divide a size, the last means are of fewer
            pixels.
        target: the same shape.

    Raises:
        ValueError: the shapes differ, or are not those of RGB pictures.
    """
    check_rgb_batch(output)
    check_same_shape(output, target)
    return l1(_chroma(output), _chroma(target))


def _chroma(picture: Tensor) -> Tensor:
    """[batch, 2, ceil(height / 8), ceil(width / 8)], in the unit of RGB."""
    picture = wide(picture)
    means = F.avg_pool2d(picture, _BLOCK_PX, ceil_mode=True, count_include_pad=False)
    red, green, blue = means.unbind(1)
    # numbers of the host: a matrix would have to be brought to a GPU, which waits for that
    return torch.stack([r * red + g * green + b * blue for r, g, b in _CHROMA], 1)
