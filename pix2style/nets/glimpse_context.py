"""The context of a photo: numbers that describe it as a whole, computed from its glimpse."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pix2style.images.glimpse import GLIMPSE_CELLS, GLIMPSE_PATCH_PX

# Added to the variance of a glimpse's features before the square root, whose gradient is infinite at 0.
VARIANCE_EPSILON = 1e-4


class GlimpseContext(nn.Module):
    """Computes the context from a glimpse; an untrained one returns zeros.

    Features of each patch are reduced to their mean and standard deviation over all patches, the statistics that the
    InstanceNorm layers of the teacher compute. They describe brightness, colours and texture of the photo, and how much
    its parts differ in them.

    Args:
        outputs: Number of values of the context.
    """

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.patch_layers = nn.Sequential(
            nn.Conv2d(3, 32, GLIMPSE_PATCH_PX, stride=GLIMPSE_PATCH_PX),
            nn.ReLU(),
            nn.Conv2d(32, 64, 1),
            nn.ReLU(),
        )
        self.statistics_layers = nn.Sequential(nn.Linear(2 * 64, 64), nn.ReLU(), nn.Linear(64, outputs))
        last = self.statistics_layers[-1]
        nn.init.zeros_(last.weight)  # type: ignore[arg-type]
        nn.init.zeros_(last.bias)  # type: ignore[arg-type]

    def forward(self, glimpse: Tensor) -> Tensor:
        """Compute the contexts [batch, outputs] of glimpses [batch, 3, GLIMPSE_SIDE_PX, GLIMPSE_SIDE_PX]."""
        features = self.patch_layers(glimpse)
        # The variance is a difference of two means, for which bfloat16 has too few digits.
        features = features.to(torch.promote_types(features.dtype, torch.float32))
        mean, square = features.mean(dim=(2, 3)), features.square().mean(dim=(2, 3))
        deviation = ((square - mean.square()).clamp(min=0) + VARIANCE_EPSILON).sqrt()
        context: Tensor = self.statistics_layers(torch.cat([mean, deviation], dim=1))
        return context


def take_glimpse(photo: Tensor) -> Tensor:
    """Return the glimpse of photos: [batch, 3, GLIMPSE_SIDE_PX, GLIMPSE_SIDE_PX] of [batch, 3, height, width]."""
    rows, columns = (_glimpse_indices(size, photo.device) for size in photo.shape[-2:])
    return photo.index_select(-2, rows).index_select(-1, columns)


def _glimpse_indices(size: int, device: torch.device) -> Tensor:
    """Compute `images.glimpse.glimpse_indices` in torch, which also works with the symbolic sizes of an export."""
    middles = (2 * torch.arange(GLIMPSE_CELLS, device=device) + 1) * size // (2 * GLIMPSE_CELLS)
    offsets = torch.arange(GLIMPSE_PATCH_PX, device=device) - GLIMPSE_PATCH_PX // 2
    return (middles[:, None] + offsets).clamp(min=0).clamp(max=size - 1).flatten()
