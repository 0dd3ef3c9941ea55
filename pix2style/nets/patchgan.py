"""The discriminator: looks at photo and picture together, and judges each patch."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from pix2style.nets.receptive import Span
from pix2style.nets.unet_2017 import init_normal

_KERNEL = 4


class PatchGan(nn.Module):
    """PatchGAN of Isola et al. 2017 (arXiv 1611.07004, appendix 6.1.2), conditional on the photo.

    With 3 layers every logit sees a patch of 70x70 pixels; 2,768,705 parameters with the defaults.

    Args:
        channels: filters of the first layer (ndf); doubled by each next one up to eight times.
        layers: strided layers.
        norm: "batch" is the 2017 recipe's, and not for DDP (pytorch #175024); "instance" judges a picture the same in
            any batch (with learned scale and shift, as a convolution's bias does not survive the normalisation);
            "none" goes with spectral norm.
        spectral_norm: limit each layer's Lipschitz constant (Miyato et al. 2018, arXiv 1802.05957).

    Raises:
        ValueError: an unknown norm.
    """

    def __init__(
        self, channels: int = 64, layers: int = 3, norm: str = "instance", spectral_norm: bool = False
    ) -> None:
        super().__init__()
        normalize = _norm(norm)
        strides = [2] * layers + [1, 1]
        widths = [6, *(channels * min(2**level, 8) for level in range(layers + 1)), 1]
        self.strides = tuple(strides)
        self.smallest_px = 3 * 2**layers  # the two layers of stride 1 take one row each; below, no logit is left
        body: list[nn.Module] = []
        for level, ((into, out), stride) in enumerate(zip(itertools.pairwise(widths), strides, strict=True)):
            between = 0 < level < len(strides) - 1  # neither the first layer nor the logits are normalised
            bias = not between or norm == "none"
            conv = nn.Conv2d(into, out, _KERNEL, stride=stride, padding=1, bias=bias)
            body.append(conv)
            if between and normalize is not None:
                body.append(normalize(out))
            if level < len(strides) - 1:
                body.append(nn.LeakyReLU(0.2))
        self.body = nn.Sequential(*body)
        self.apply(init_normal)
        if spectral_norm:
            for module in self.body:
                if isinstance(module, nn.Conv2d):
                    parametrizations.spectral_norm(module)

    @property
    def receptive_field_px(self) -> int:
        """Side of the patch that one logit sees."""
        span = Span(0, 0)
        for stride in reversed(self.strides):
            span = span.before_conv(_KERNEL, stride, padding=1)
        return span.last - span.first + 1

    def forward(self, photo: Tensor, picture: Tensor) -> Tensor:
        """Judge every patch; larger means "painted by the teacher".

        Args:
            photo: [batch, 3, height, width] in [-1, 1].
            picture: the teacher's or the generator's, of the same shape.

        Returns:
            Logits [batch, 1, h, w]; 256x256 pictures give 30x30 of them with 3 layers.

        Raises:
            ValueError: pictures smaller than `smallest_px`.
        """
        if min(photo.shape[-2:]) < self.smallest_px:
            raise ValueError(
                f"the discriminator needs pictures of at least {self.smallest_px} px, got {list(photo.shape[-2:])}:"
                " use larger crops or fewer layers"
            )
        logits: Tensor = self.body(torch.cat([photo, picture], dim=1))
        return logits


def _norm(name: str) -> Callable[[int], nn.Module] | None:
    if name == "batch":
        return nn.BatchNorm2d
    if name == "instance":
        return lambda channels: nn.InstanceNorm2d(channels, affine=True)
    if name == "none":
        return None
    raise ValueError(f"norm must be batch, instance or none, got {name!r}")
