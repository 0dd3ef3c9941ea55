"""Random motions of training crops, and the noise of a camera, for the consistency loss.

The random numbers of a crop follow from the seed and its position in the training stream alone. So they are the same
whatever the number of processes, micro-batches and loader workers, and wherever a run is resumed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from pix2style.config.consistency import ConsistencyConfig
from pix2style.losses.tensors import wide
from pix2style.training.batch import PairBatch

# Distance over which the smooth motion changes: that of ReReVST (Wang et al. 2020, arXiv 2008.07212).
_FLOW_CELL_PX = 100
_SINC_PX = 8
_LEVELS = 255
# Distinguishes these random numbers from others that are drawn by seed and position.
_STREAM = 0x6D6F76


class Motion:
    """A random motion of the crops of a micro-batch, the same for photo and output, and noise for the photo.

    Args:
        config: Section `losses.consistency`.
        seed: Seed of the experiment.
        batch: Crops, and their position in the training stream.

    Attributes:
        margin_px: Width of the border whose pixels may come from outside of the crops.
    """

    def __init__(self, config: ConsistencyConfig, seed: int, batch: PairBatch) -> None:
        images = batch.content
        self._config, self._device = config, images.device
        height, width = images.shape[-2:]
        self.margin_px = _SINC_PX + math.ceil(config.shift_px + 3 * config.flow_px)
        self._generators = [_generator(seed, batch.position + row, self._device) for row in range(len(images))]
        # All numbers are drawn in any case, so that one setting does not change what another one draws.
        shift_px = (self._draw(torch.rand, 2) * 2 - 1) * config.shift_px
        self._rows, self._columns = (_shift_matrix(shift_px[:, i], size) for i, size in enumerate((height, width)))
        cells = [math.ceil(size / _FLOW_CELL_PX) + 1 for size in (height, width)]
        flow_px = self._draw(torch.randn, 2, *cells) * config.flow_px
        self._grid = _flow_grid(flow_px, height, width) if config.flow_px else None

    def move(self, images: Tensor) -> Tensor:
        """Return the moved images in float32, [batch, channels, height, width]; gradients flow through."""
        with torch.autocast(images.device.type, enabled=False):
            moved = wide(images)
            if self._grid is not None:
                moved = F.grid_sample(moved, self._grid, mode="bicubic", padding_mode="border", align_corners=False)
            if self._config.shift_px:
                moved = self._rows @ moved @ self._columns.transpose(-1, -2)
        channels_last = images.is_contiguous(memory_format=torch.channels_last)
        return moved.contiguous(memory_format=torch.channels_last if channels_last else torch.contiguous_format)

    @torch.no_grad()
    def film(self, batch: PairBatch) -> PairBatch:
        """Return the batch as a camera would give it after the motion: with noise, and rounded to bytes.

        Call it once: each call draws other noise. The glimpse is not moved, because the photo as a whole hardly is.
        """
        content = self._with_noise(self.move(batch.content))
        glimpse = None if batch.glimpse is None else self._with_noise(batch.glimpse)
        return replace(batch, content=content, glimpse=glimpse)

    def _with_noise(self, photos: Tensor) -> Tensor:
        if self._config.noise:
            photos = photos + self._draw(torch.randn, *photos.shape[1:]) * (2 * self._config.noise / _LEVELS)
        return ((photos.clamp(-1, 1) + 1) * (_LEVELS / 2)).round() * (2 / _LEVELS) - 1

    def _draw(self, draw: Callable[..., Tensor], *shape: int) -> Tensor:
        """Draw random numbers for each crop, [batch, *shape]."""
        return torch.stack([draw(shape, generator=own, device=self._device) for own in self._generators])


def _generator(seed: int, position: int, device: torch.device) -> torch.Generator:
    """Return the source of the random numbers of one crop; setting a seed does not make the host wait for a GPU."""
    mixed = np.random.SeedSequence([_STREAM, seed, position]).generate_state(1, np.uint64)
    generator = torch.Generator(device)
    generator.manual_seed(int(mixed[0] >> 1))
    return generator


def _shift_matrix(shift_px: Tensor, size: int) -> Tensor:
    """Return matrices that shift rows of pixels by resampling with a sinc under a Hann window.

    Args:
        shift_px: Shift of each image to the right (or down), [batch].
        size: Number of pixels in a row.

    Returns:
        [batch, 1, size, size]; near the border only pixels inside count.
    """
    position = torch.arange(size, device=shift_px.device, dtype=torch.float32)
    distance = position[:, None] - position - shift_px[:, None, None]
    window = torch.cos(distance.clamp(-_SINC_PX, _SINC_PX) * (math.pi / 2 / _SINC_PX)).square()
    weights = torch.sinc(distance) * window
    return (weights / weights.sum(-1, keepdim=True))[:, None]


def _flow_grid(flow_px: Tensor, height: int, width: int) -> Tensor:
    """Return the sampling grid of a smooth motion, [batch, height, width, 2].

    Args:
        flow_px: Motion along columns and rows at a few points, [batch, 2, h, w].
        height: Height of the images in pixels.
        width: Width of the images in pixels.
    """
    smooth = F.interpolate(flow_px, (height, width), mode="bicubic", align_corners=True)
    rows = torch.arange(height, device=flow_px.device)[:, None] - smooth[:, 0]
    columns = torch.arange(width, device=flow_px.device) - smooth[:, 1]
    return torch.stack([(2 * columns + 1) / width - 1, (2 * rows + 1) / height - 1], dim=-1)
