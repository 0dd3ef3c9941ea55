"""Coarse to fine: sizes, enlarging, and how much memory a size takes.

A network sees only so many pixels at once, so in a large picture it paints small strokes. Painted small first and then
enlarged and painted on, the strokes grow with the picture: Gatys et al., Controlling Perceptual Factors in Neural Style
Transfer, CVPR 2017 (https://arxiv.org/abs/1611.07865), section 6.
"""

from __future__ import annotations

import os
from pathlib import Path

import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from pix2style.errors import PhotoError
from pix2style.nets.features import FeatureNetwork
from pix2style.teachers.gatys.optimize import LBFGS_MEMORY
from pix2style.teachers.gatys.settings import GatysSettings

_FLOAT_BYTES = 4
# cgroup v2: https://docs.kernel.org/admin-guide/cgroup-v2.html
_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")

Size = tuple[int, int]


def level_sizes(size: Size, coarse_side_px: int, smallest_px: int) -> list[Size]:
    """Sizes (height, width) to paint at, small to large; the last is `size`.

    Args:
        size: of the photo.
        coarse_side_px: halve until the longer side is at most this; 0: never.
        smallest_px: no halving that makes a side shorter than this.
    """
    sizes = [size]
    while coarse_side_px and max(sizes[0]) > coarse_side_px:
        height, width = (max(1, round(side / 2)) for side in sizes[0])
        if min(height, width) < smallest_px:
            break
        sizes.insert(0, (height, width))
    return sizes


def painting_size(painting: Size, longer_px: int, smallest_px: int) -> Size:
    """The painting's size with a longer side of `longer_px`, larger only if a side would fall below `smallest_px`."""
    scale = max(longer_px / max(painting), smallest_px / min(painting))
    height, width = (max(smallest_px, round(side * scale)) for side in painting)
    return height, width


def enlarge(picture: Tensor, size: Size) -> Tensor:
    """[1, 3, h, w] to `size` (bicubic), back in [0, 1]."""
    return F.interpolate(picture, size=size, mode="bicubic", align_corners=False).clamp(0, 1)


def check_size(network: FeatureNetwork, settings: GatysSettings, size: Size) -> None:
    """Refuse a photo that cannot be painted, before a kernel kills the process for its memory.

    Raises:
        PhotoError: it is smaller than the deepest layer's step, or needs more memory than this machine has.
    """
    height, width = size
    if min(size) < network.smallest_px:
        raise PhotoError(
            f"{width}x{height} is too small: the layers need sides of at least {network.smallest_px} px:"
            " choose less deep layers, or a larger photo"
        )
    needed, there = bytes_needed(network, settings, size), memory_bytes()
    if needed > there:
        raise PhotoError(
            f"{width}x{height} needs about {needed / 2**30:.1f} GiB of memory, this machine has {there / 2**30:.1f}:"
            " make the photo smaller (--max-side)"
        )


def bytes_needed(network: FeatureNetwork, settings: GatysSettings, size: Size) -> int:
    """A lower estimate: every activation once, as the gradient needs them, and what the optimiser remembers."""
    height, width = size
    floats, channels = 0, 3
    for module in network.body:
        if isinstance(module, nn.Conv2d):
            channels = module.out_channels
        elif isinstance(module, nn.MaxPool2d | nn.AvgPool2d):
            height, width = height // 2, width // 2
        floats += channels * height * width
    remembered = 2 * LBFGS_MEMORY if settings.optimizer == "lbfgs" else 2
    return _FLOAT_BYTES * (floats + remembered * 3 * size[0] * size[1])


def memory_bytes() -> int:
    """What this process may use at most: the machine's memory, or its container's limit."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(machine, int(_CGROUP_LIMIT.read_text()))
    except (OSError, ValueError):  # no cgroup, or "max"
        return machine
