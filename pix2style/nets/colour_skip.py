"""The photo's own colours, past the network."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pix2style.nets.style_condition import StyledColours, through

# atanh(1) is infinite: colours enter the logit space scaled by this, so white starts as 0.96, a step of 5 in 255.
_LOGIT_SCALE = 0.96


class ColourSkip(nn.Module):
    """The photo's own colours as logits, through a learned 3x3 colour matrix that starts as the identity.

    `tanh(skip(photo) + drawing)` is then close to the photo for an untrained network: colours need not be learned
    through the whole network, which is where they shift, invert or go grey (pix2pix #249, #744, #1301), and a style
    with other colours changes twelve numbers. Sums are taken before the tanh so that the output stays in [-1, 1]
    without clipping.

    Args:
        styles: how many; each has its own twelve numbers.
    """

    def __init__(self, styles: int = 1) -> None:
        super().__init__()
        matrix = nn.Conv2d(3, 3, 1)
        with torch.no_grad():
            matrix.weight.copy_(torch.eye(3)[:, :, None, None])
            nn.init.zeros_(matrix.bias)  # type: ignore[arg-type]
        self.matrix = matrix if styles == 1 else StyledColours(matrix, styles)

    def forward(self, photo: Tensor, style: Tensor | None = None) -> Tensor:
        """From [batch, 3, h, w] in [-1, 1] to logits of the same shape; `style` as in `Generator.forward`."""
        scaled = photo * _LOGIT_SCALE
        # atanh, written out: ONNX Runtime computes Atanh one number at a time, which took a third of the lightweight
        # generator's whole time; its Log is vectorised.
        return through(self.matrix, 0.5 * torch.log((1 + scaled) / (1 - scaled)), style)
