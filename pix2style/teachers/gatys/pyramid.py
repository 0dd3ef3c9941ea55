"""The image pyramid of the optimisation: sizes of its levels, enlarging, and the memory that a size needs.

VGG19 sees only a limited number of pixels at once, so in a large image the optimisation makes small strokes. If it
starts with a small image, and then enlarges and refines it, the strokes grow with the image: Gatys et al., Controlling
Perceptual Factors in Neural Style Transfer, CVPR 2017 (https://arxiv.org/abs/1611.07865), section 6.
"""

from __future__ import annotations

from pathlib import Path

import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from pix2style.errors import PhotoError
from pix2style.nets.features import FeatureNetwork
from pix2style.system.memory import physical_memory_bytes
from pix2style.teachers.gatys.optimize import LBFGS_HISTORY
from pix2style.teachers.gatys.settings import GatysSettings

_FLOAT_BYTES = 4
# Memory limit of a container. cgroup v2: https://docs.kernel.org/admin-guide/cgroup-v2.html
_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")

Size = tuple[int, int]
"""Height and width in pixels."""


def level_sizes(size: Size, coarse_side_px: int, smallest_px: int) -> list[Size]:
    """Return the sizes of the pyramid's levels, from small to large; the last one is `size`.

    Args:
        size: Size of the photo.
        coarse_side_px: The photo is halved until its longer side is at most this; 0 to never halve it.
        smallest_px: The photo is not halved if a side would become shorter than this.
    """
    sizes = [size]
    while coarse_side_px and max(sizes[0]) > coarse_side_px:
        height, width = (max(1, round(side / 2)) for side in sizes[0])
        if min(height, width) < smallest_px:
            break
        sizes.insert(0, (height, width))
    return sizes


def painting_size(painting: Size, longer_px: int, smallest_px: int) -> Size:
    """Return a painting's size for a longer side of `longer_px`; larger if a side would be below `smallest_px`."""
    scale = max(longer_px / max(painting), smallest_px / min(painting))
    height, width = (max(smallest_px, round(side * scale)) for side in painting)
    return height, width


def enlarge(image: Tensor, size: Size) -> Tensor:
    """Resize an image [1, 3, height, width] to `size` by bicubic interpolation, and clip it to [0, 1]."""
    return F.interpolate(image, size=size, mode="bicubic", align_corners=False).clamp(0, 1)


def check_size(network: FeatureNetwork, settings: GatysSettings, size: Size) -> None:
    """Refuse a photo that is too small or too large, before the operating system kills the process for its memory.

    Raises:
        PhotoError: If a side is shorter than the stride of the deepest layer, or the optimisation needs more memory
            than this process may use.
    """
    height, width = size
    if min(size) < network.smallest_px:
        raise PhotoError(
            f"{width}x{height} is too small: the layers need sides of at least {network.smallest_px} px:"
            " choose less deep layers, or a larger photo"
        )
    needed, available = bytes_needed(network, settings, size), memory_bytes()
    if available is not None and needed > available:
        raise PhotoError(
            f"{width}x{height} needs about {needed / 2**30:.1f} GiB of memory, this machine has"
            f" {available / 2**30:.1f}: make the photo smaller (--max-side)"
        )


def bytes_needed(network: FeatureNetwork, settings: GatysSettings, size: Size) -> int:
    """Estimate the memory of the optimisation from below.

    Counts every activation once, because the backward pass needs them, and the state of the optimiser.
    """
    height, width = size
    floats, channels = 0, 3
    for module in network.body:
        if isinstance(module, nn.Conv2d):
            channels = module.out_channels
        elif isinstance(module, nn.MaxPool2d | nn.AvgPool2d):
            height, width = height // 2, width // 2
        floats += channels * height * width
    # L-BFGS keeps two images per step of its history (changes of position and gradient), Adam two moments.
    images_in_state = 2 * LBFGS_HISTORY if settings.optimizer == "lbfgs" else 2
    return _FLOAT_BYTES * (floats + images_in_state * 3 * size[0] * size[1])


def memory_bytes() -> int | None:
    """Return how much memory this process may use: the machine's, or its container's limit if that is lower.

    None if the system does not say.
    """
    machine = physical_memory_bytes()
    try:
        limit = int(_CGROUP_LIMIT.read_text(encoding="utf-8"))
        return limit if machine is None else min(machine, limit)
    except (OSError, ValueError):  # no cgroup, or the text "max"
        return machine
