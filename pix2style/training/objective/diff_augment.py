"""DiffAugment: what the discriminator sees is varied, so that it cannot learn a small set by heart."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

# Zhao et al. 2020 (arXiv 2006.10738), section 4 and appendix A: shifts of up to an eighth, squares of half the side.
_MOST_SHIFT = 1 / 8
_CUTOUT_SIDE = 1 / 2

Look = Callable[[Tensor], Tensor]


def draw_augmentation(kinds: Sequence[str], pictures: Tensor) -> Look:
    """Draw one variation for each row of a batch, from torch's global random state of the batch's device.

    The same look is for the photo, the teacher's and the generator's picture of a row: the three belong together pixel
    by pixel, and activations and logits of two pictures can only be compared under one variation. In the paper real and
    generated pictures are no pairs, and drawn for apart.

    Args:
        kinds: of "color", "translation", "cutout"; empty: nothing is drawn.
        pictures: [batch, channels, height, width]; only shape and device matter.

    Returns:
        A function of pictures of that shape, in [-1, 1]; gradients flow through it.

    Raises:
        ValueError: an unknown kind.
    """
    looks = [_DRAW[_known(kind)](pictures) for kind in kinds]

    def look(seen: Tensor) -> Tensor:
        for one in looks:
            seen = one(seen)
        return seen

    return look


def _known(kind: str) -> str:
    if kind not in _DRAW:
        raise ValueError(f"kind must be one of {', '.join(_DRAW)}, got {kind!r}")
    return kind


def _color(pictures: Tensor) -> Look:
    """Brightness by up to 0.5 either way, saturation times 0 to 2, contrast times 0.5 to 1.5, in this order."""
    brightness, saturation, contrast = torch.rand(3, len(pictures), 1, 1, 1, device=pictures.device)

    def look(seen: Tensor) -> Tensor:
        seen = seen + (brightness - 0.5)
        grey = seen.mean(dim=1, keepdim=True)
        seen = grey + (seen - grey) * (2 * saturation)
        middle = seen.mean(dim=(1, 2, 3), keepdim=True)
        contrasted: Tensor = middle + (seen - middle) * (contrast + 0.5)
        return contrasted

    return look


def _translation(pictures: Tensor) -> Look:
    """Shift by whole pixels; what comes in is 0, the middle grey."""
    height, width = pictures.shape[-2:]
    most_y, most_x = int(height * _MOST_SHIFT + 0.5), int(width * _MOST_SHIFT + 0.5)
    rows = _shifted(height, most_y, pictures)[:, None, :, None]
    columns = _shifted(width, most_x, pictures)[:, None, None, :]

    def look(seen: Tensor) -> Tensor:
        batch, channels = seen.shape[:2]
        # each place is read at most once, so that the gradient's sums do not depend on their order
        padded = F.pad(seen, (most_x, most_x, most_y, most_y))
        part = padded.gather(2, rows.expand(batch, channels, height, width + 2 * most_x))
        return part.gather(3, columns.expand(batch, channels, height, width))

    return look


def _shifted(size: int, most: int, pictures: Tensor) -> Tensor:
    """Places [batch, size] to read, in a padded row, for one shift of up to `most` either way for each picture."""
    shift = torch.randint(0, 2 * most + 1, (len(pictures), 1), device=pictures.device)
    return shift + torch.arange(size, device=pictures.device)


def _cutout(pictures: Tensor) -> Look:
    """A square of half the side becomes 0, the middle grey; parts of it may lie outside."""
    height, width = pictures.shape[-2:]
    rows = _outside(height, pictures)[:, None, :, None]
    columns = _outside(width, pictures)[:, None, None, :]
    return lambda seen: seen * (rows | columns)


def _outside(size: int, pictures: Tensor) -> Tensor:
    """[batch, size]: True where a stretch of half the size, at a random place for each picture, does not reach."""
    side = int(size * _CUTOUT_SIDE + 0.5)
    middle = torch.randint(0, size + (1 - side % 2), (len(pictures), 1), device=pictures.device)
    place = torch.arange(size, device=pictures.device) - (middle - side // 2)
    return (place < 0) | (place >= side)


_DRAW: dict[str, Callable[[Tensor], Look]] = {"color": _color, "translation": _translation, "cutout": _cutout}
