"""A loss that compares colours and ignores brightness and texture."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from pix2style.losses.pixel import l1
from pix2style.losses.tensors import check_same_shape, wide
from pix2style.nets.image_tensors import check_rgb_batch

# U and V of YUV (ITU-R BT.470-6, table 2: U = 0.493 (B - Y), V = 0.877 (R - Y)), rounded as usual. Each row sums to 0,
# so that adding grey to an image changes nothing. Unlike Lab, YUV is linear, and so its gradient is finite everywhere:
# that of Lab's cube root is infinite at black.
_CHROMA = ((-0.147, -0.289, 0.436), (0.615, -0.515, -0.100))
_BLOCK_PX = 8


def color(output: Tensor, target: Tensor) -> Tensor:
    """Compute the mean absolute difference between the chroma (U and V) of output and target, in means of 8x8 pixels.

    The means remove texture, as the blur of Ignatov et al. does (2017, arXiv 1704.02470, section 3.2.1). Chroma has no
    brightness; it is the colour loss of AnimeGAN (Chen et al. 2020, doi 10.1007/978-981-15-5577-0_18) without its Y
    part.

    Args:
        output: [batch, 3, height, width], RGB in [-1, 1]. If 8 does not divide a size, the last means are of fewer
            pixels.
        target: Tensor of the same shape.

    Raises:
        ValueError: The shapes differ, or are not those of RGB images.
    """
    check_rgb_batch(output)
    check_same_shape(output, target)
    return l1(_chroma(output), _chroma(target))


def _chroma(image: Tensor) -> Tensor:
    """Return U and V of 8x8 pixel means, in the unit of RGB: [batch, 2, ceil(height / 8), ceil(width / 8)]."""
    means = F.avg_pool2d(wide(image), _BLOCK_PX, ceil_mode=True, count_include_pad=False)
    red, green, blue = means.unbind(1)
    # Python numbers instead of a matrix product: copying a matrix to a GPU would make the CPU wait for it.
    return torch.stack([r * red + g * green + b * blue for r, g, b in _CHROMA], 1)
