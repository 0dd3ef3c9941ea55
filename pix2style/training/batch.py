"""The input of a training step: a micro-batch of content images and targets as tensors."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True)
class PairBatch:
    """A micro-batch of pairs; images are float32 [batch, 3, height, width] in [-1, 1].

    Attributes:
        content: Photos, as the generator gets them.
        target: The photos as stylized by the teacher; None when training from photos alone (`train.unpaired`).
        style: One-hot styles, float32 [batch, styles]; None if one style is learned.
        glimpse: Glimpses of the whole photos that `content` was cropped from (see `images.glimpse`), mirrored like the
            crops. None if the generator takes no glimpse, or if `content` holds whole photos.
        position: Position of the first image in the training stream; the others follow it. Random numbers of losses
            are drawn by it.
    """

    content: Tensor
    target: Tensor | None
    style: Tensor | None
    glimpse: Tensor | None = None
    position: int = 0
