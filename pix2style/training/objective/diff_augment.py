"""DiffAugment: differentiable augmentation of what the discriminator sees, so that it cannot overfit a small set.

Zhao et al. 2020 (arXiv 2006.10738).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

# Section 4 and appendix A of the paper.
_MAX_SHIFT = 1 / 8
_CUTOUT_SIDE = 1 / 2

Augmentation = Callable[[Tensor], Tensor]


def draw_augmentation(kinds: Sequence[str], images: Tensor) -> Augmentation:
    """Draw an augmentation for each row of a batch, from torch's global random state of the batch's device.

    Apply the result to photo, target and output alike. The discriminator compares the photo with the image pixel by
    pixel, and activations and logits of target and output can only be compared under the same augmentation. (The paper
    draws for real and generated images separately, because there they are no pairs.)

    Args:
        kinds: Any of "color", "translation", "cutout", applied in this order; empty leaves images as they are.
        images: [batch, channels, height, width]; only shape and device matter.

    Returns:
        A function of images of that shape, in [-1, 1], through which gradients flow.

    Raises:
        ValueError: Unknown kind.
    """
    for kind in kinds:
        if kind not in _DRAW:
            raise ValueError(f"kind must be one of {', '.join(_DRAW)}, got {kind!r}")
    augmentations = [_DRAW[kind](images) for kind in kinds]

    def apply(batch: Tensor) -> Tensor:
        for augmentation in augmentations:
            batch = augmentation(batch)
        return batch

    return apply


def _draw_color(images: Tensor) -> Augmentation:
    """Brightness by up to 0.5 either way, then saturation times 0 to 2, then contrast times 0.5 to 1.5."""
    brightness, saturation, contrast = torch.rand(3, len(images), 1, 1, 1, device=images.device)

    def apply(batch: Tensor) -> Tensor:
        batch = batch + (brightness - 0.5)
        grey = batch.mean(dim=1, keepdim=True)
        batch = grey + (batch - grey) * (2 * saturation)
        mean = batch.mean(dim=(1, 2, 3), keepdim=True)
        contrasted: Tensor = mean + (batch - mean) * (contrast + 0.5)
        return contrasted

    return apply


def _draw_translation(images: Tensor) -> Augmentation:
    """Shift by whole pixels; pixels from outside the image are 0, the middle grey."""
    height, width = images.shape[-2:]
    max_y, max_x = int(height * _MAX_SHIFT + 0.5), int(width * _MAX_SHIFT + 0.5)
    rows = _shifted_indices(height, max_y, images)[:, None, :, None]
    columns = _shifted_indices(width, max_x, images)[:, None, None, :]

    def apply(batch: Tensor) -> Tensor:
        size, channels = batch.shape[:2]
        # `gather` reads each pixel at most once here, so its gradient does not depend on the order of additions and
        # is the same in every run on a GPU.
        padded = F.pad(batch, (max_x, max_x, max_y, max_y))
        shifted = padded.gather(2, rows.expand(size, channels, height, width + 2 * max_x))
        return shifted.gather(3, columns.expand(size, channels, height, width))

    return apply


def _shifted_indices(size: int, max_shift: int, images: Tensor) -> Tensor:
    """Indices [batch, size] into a row padded by `max_shift` on both sides: one random shift for each image."""
    shift = torch.randint(0, 2 * max_shift + 1, (len(images), 1), device=images.device)
    return shift + torch.arange(size, device=images.device)


def _draw_cutout(images: Tensor) -> Augmentation:
    """Set a rectangle of half the sides to 0, the middle grey; parts of it may lie outside the image."""
    height, width = images.shape[-2:]
    rows = _outside_cutout(height, images)[:, None, :, None]
    columns = _outside_cutout(width, images)[:, None, None, :]
    return lambda batch: batch * (rows | columns)


def _outside_cutout(size: int, images: Tensor) -> Tensor:
    """Mask [batch, size], False on a stretch of half the size at a random place for each image."""
    side = int(size * _CUTOUT_SIDE + 0.5)
    centre = torch.randint(0, size + (1 - side % 2), (len(images), 1), device=images.device)
    position = torch.arange(size, device=images.device) - (centre - side // 2)
    return (position < 0) | (position >= side)


_DRAW: dict[str, Callable[[Tensor], Augmentation]] = {
    "color": _draw_color,
    "translation": _draw_translation,
    "cutout": _draw_cutout,
}
