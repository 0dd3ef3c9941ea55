"""A skip connection that carries the photo's colours around the network."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pix2style.nets.style_condition import ConditionalColourMatrix, apply_layer

# atanh(1) is infinite, so colours are scaled by this factor first. An untrained network therefore returns white as
# 0.96, which is 5 of 255 levels darker.
_LOGIT_SCALE = 0.96


class ColourSkip(nn.Module):
    """The photo's colours as logits (inverse tanh), through a learned 3x3 colour matrix that starts as the identity.

    A generator returns `tanh(head(features) + skip(photo))`, so an untrained network returns almost the photo. Colours
    then need not be learned through the whole network, where they may shift, invert or go grey (pix2pix #249, #744,
    #1301), and a style with other colours changes twelve numbers. The sum is taken before the tanh, so that the output
    stays in [-1, 1] without clipping.

    Args:
        styles: Number of styles. Each has its own twelve numbers.
    """

    def __init__(self, styles: int = 1) -> None:
        super().__init__()
        matrix = nn.Conv2d(3, 3, 1)
        with torch.no_grad():
            matrix.weight.copy_(torch.eye(3)[:, :, None, None])
            nn.init.zeros_(matrix.bias)  # type: ignore[arg-type]
        self.matrix = matrix if styles == 1 else ConditionalColourMatrix(matrix, styles)

    def forward(self, photo: Tensor, style: Tensor | None = None) -> Tensor:
        """Convert [batch, 3, h, w] in [-1, 1] to logits of the same shape; `style` is as in `Generator.forward`."""
        scaled = photo * _LOGIT_SCALE
        # This is atanh, written with logarithms. ONNX Runtime computes Atanh one number at a time, which took a third
        # of the lightweight generator's time; its Log is vectorised.
        return apply_layer(self.matrix, 0.5 * torch.log((1 + scaled) / (1 - scaled)), style)
