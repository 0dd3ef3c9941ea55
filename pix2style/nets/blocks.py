"""Small parts that generators share."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# atanh(1) is infinite: colours enter the logit space scaled by this, so white starts as 0.96, a step of 5 in 255.
_LOGIT_SCALE = 0.96


class ColourSkip(nn.Module):
    """The photo's own colours as logits, through a learned 3x3 colour matrix that starts as the identity.

    `tanh(skip(photo) + drawing)` is then close to the photo for an untrained network: colours need not be learned
    through the whole network, which is where they shift, invert or go grey (pix2pix #249, #744, #1301), and a style
    with other colours changes twelve numbers. Sums are taken before the tanh so that the output stays in [-1, 1]
    without clipping.
    """

    def __init__(self) -> None:
        super().__init__()
        self.matrix = nn.Conv2d(3, 3, 1)
        with torch.no_grad():
            self.matrix.weight.copy_(torch.eye(3)[:, :, None, None])
            nn.init.zeros_(self.matrix.bias)  # type: ignore[arg-type]

    def forward(self, photo: Tensor) -> Tensor:
        """From [batch, 3, h, w] in [-1, 1] to logits of the same shape."""
        scaled = photo * _LOGIT_SCALE
        # atanh, written out: ONNX Runtime computes Atanh one number at a time, which took a third of the lightweight
        # generator's whole time; its Log is vectorised.
        logits: Tensor = self.matrix(0.5 * torch.log((1 + scaled) / (1 - scaled)))
        return logits


def init_preserving(module: nn.Module) -> None:
    """Convolutions that keep the scale of what they get.

    Weights from normal(0, 1 / sqrt(inputs of a filter)), biases 0: He et al. 2015 (arXiv 1502.01852) with gain 1. It
    stands in for normalisation layers. For `nn.Module.apply`.
    """
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def icnr_(weight: Tensor, factor: int, std: float) -> None:
    """Fill the weight of a convolution before a pixel shuffle so that the shuffle starts as nearest neighbour.

    The `factor` ** 2 filters of one output channel are equal, so an untrained head has no checkerboard (Aitken et al.
    2017, arXiv 1707.02937).

    Args:
        weight: [out_channels * factor ** 2, in_channels, kernel, kernel], changed in place.
        factor: of the pixel shuffle.
        std: of the normal distribution.
    """
    with torch.no_grad():
        filters = torch.randn(weight.shape[0] // factor**2, *weight.shape[1:]) * std
        # Pixel shuffle takes output channel c from input channels c * factor**2 .. (c + 1) * factor**2 - 1.
        weight.copy_(filters.repeat_interleave(factor**2, dim=0))
