"""What a training step gets: a batch of photos, with their targets, as tensors."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True)
class PairBatch:
    """Pictures are float32 [batch, 3, height, width] in [-1, 1].

    Attributes:
        content: the photos.
        target: what the teacher made of them; None: nobody painted them.
        style: [batch, styles], 1 at each pair's style and else 0; None: one style is learned.
        glimpse: of the whole photos (`images.glimpse`), mirrored as the crops are; None: the generator looks at none,
            or `content` are whole photos.
    """

    content: Tensor
    target: Tensor | None
    style: Tensor | None
    glimpse: Tensor | None = None
