"""Patch discriminators, conditional on the photo."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from pix2style.nets.receptive import Span
from pix2style.nets.unet_2017 import init_normal

_KERNEL = 4
_SLOPE = 0.2
_PAIR_CHANNELS = 6  # RGB of the photo and RGB of the image


class Discriminator(nn.Module, ABC):
    """Classifies each patch of an image as real (made by the teacher for this photo) or fake (made by the generator).

    Attributes:
        smallest_px: Smallest height and width in pixels; smaller images would give no logit.
        receptive_field_px: Side in pixels of the largest patch that one logit depends on.
    """

    smallest_px: int
    receptive_field_px: int

    def forward(self, photo: Tensor, image: Tensor) -> list[list[Tensor]]:
        """Compute logits and activations for every patch.

        Args:
            photo: [batch, 3, height, width] in [-1, 1].
            image: The target or the generator's output, of the same shape.

        Returns:
            For each scale, finest first, the activations [batch, channels, h, w] of its layers, from shallow to deep.
            The last ones are the logits [batch, 1, h, w]; larger means "real", made by the teacher.

        Raises:
            ValueError: The images are smaller than `smallest_px`.
        """
        if min(photo.shape[-2:]) < self.smallest_px:
            raise ValueError(
                f"the discriminator needs images of at least {self.smallest_px} px, got {list(photo.shape[-2:])}:"
                " use larger crops, fewer layers or fewer scales"
            )
        return self._activations(torch.cat([photo, image], dim=1))

    @abstractmethod
    def _activations(self, pair: Tensor) -> list[list[Tensor]]:
        """Return the result of `forward` for photo and image concatenated to [batch, 6, height, width]."""


class _SequentialDiscriminator(Discriminator):
    """Blocks of convolution, normalisation (not in the first and last) and LeakyReLU (not in the last)."""

    def __init__(self, convs: list[nn.Conv2d], norm: str, spectral_norm: bool) -> None:
        super().__init__()
        normalize = _norm(norm)
        self.blocks = nn.ModuleList()
        for level, conv in enumerate(convs):
            layers: list[nn.Module] = [conv]
            last = level == len(convs) - 1
            if level > 0 and not last and normalize is not None:
                layers.append(normalize(conv.out_channels))
            if not last:
                layers.append(nn.LeakyReLU(_SLOPE))
            self.blocks.append(nn.Sequential(*layers))
        self.apply(init_normal)
        if spectral_norm:
            for conv in convs:
                parametrizations.spectral_norm(conv)
        self.receptive_field_px = _length(self.span(Span(0, 0)))

    def span(self, logits: Span) -> Span:
        """Return the span of input pixels along one axis that a span of logits depends on."""
        span = logits
        for block in reversed(self.blocks):
            conv = block[0]  # type: ignore[index]
            span = span.input_of_conv(conv.kernel_size[0], conv.stride[0], conv.padding[0])
        return span

    def _activations(self, pair: Tensor) -> list[list[Tensor]]:
        activations: list[Tensor] = []
        features = pair
        for block in self.blocks:
            features = block(features)
            activations.append(features)
        return [activations]


class PatchGan(_SequentialDiscriminator):
    """The PatchGAN of Isola et al. 2017 (arXiv 1611.07004, appendix 6.1.2), conditional on the photo.

    With 3 layers every logit depends on a patch of 70x70 pixels. With the defaults and batch
    normalisation it has 2,768,705 parameters.

    Args:
        channels: Filters of the first layer (ndf). Each following layer doubles them, up to eight times as many.
        layers: Number of strided layers.
        norm: "batch", as in the 2017 recipe, which does not work with DDP (pytorch #175024); "instance", whose result
            for an image does not depend on its batch (with learned scale and shift, because the normalisation removes
            the bias of the convolution); or "none", which is meant for spectral norm.
        spectral_norm: Whether to limit each layer's Lipschitz constant (Miyato et al. 2018, arXiv 1802.05957).

    Raises:
        ValueError: `norm` is unknown.
    """

    def __init__(
        self, channels: int = 64, layers: int = 3, norm: str = "instance", spectral_norm: bool = False
    ) -> None:
        strides = [2] * layers + [1, 1]
        widths = [_PAIR_CHANNELS, *(channels * min(2**level, 8) for level in range(layers + 1)), 1]
        convs = [
            # No bias where a normalisation follows, which would remove it: everywhere but in the first and last layer.
            nn.Conv2d(into, out, _KERNEL, stride, padding=1, bias=norm == "none" or level in (0, len(strides) - 1))
            for level, ((into, out), stride) in enumerate(zip(itertools.pairwise(widths), strides, strict=True))
        ]
        super().__init__(convs, norm, spectral_norm)
        self.smallest_px = 3 * 2**layers  # each of the two layers with stride 1 makes the map one row smaller


class PixelGan(_SequentialDiscriminator):
    """The PixelGAN of pix2pix (Isola et al. 2017, appendix 6.1.2): 1x1 convolutions, which see single colours only.

    Args:
        channels: Filters of the first layer (ndf). The second layer has twice as many.
        norm: Normalisation of the second layer; see `PatchGan`.
        spectral_norm: See `PatchGan`.

    Raises:
        ValueError: `norm` is unknown.
    """

    def __init__(self, channels: int = 64, norm: str = "instance", spectral_norm: bool = False) -> None:
        convs = [
            nn.Conv2d(_PAIR_CHANNELS, channels, 1),
            nn.Conv2d(channels, 2 * channels, 1, bias=norm == "none"),
            nn.Conv2d(2 * channels, 1, 1, bias=True),
        ]
        super().__init__(convs, norm, spectral_norm)
        self.smallest_px = 2  # a normalisation needs more than one pixel for its statistics


class MultiScalePatchGan(Discriminator):
    """One PatchGAN for each of several scales of the image (pix2pixHD, Wang et al. 2018, arXiv 1711.11585).

    Each scale has half the resolution of the one before. The coarse discriminators see the composition, the fine ones
    the brush strokes.

    Args:
        scales: Number of scales.
        channels: Filters of each PatchGAN's first layer; see `PatchGan`.
        layers: Strided layers of each PatchGAN.
        norm: Normalisation of each PatchGAN.
        spectral_norm: Whether each PatchGAN uses spectral norm.

    Raises:
        ValueError: `norm` is unknown, or `scales` is less than 1.
    """

    def __init__(
        self,
        scales: int = 2,
        channels: int = 64,
        layers: int = 3,
        norm: str = "instance",
        spectral_norm: bool = False,
    ) -> None:
        super().__init__()
        if scales < 1:
            raise ValueError(f"scales must be at least 1, got {scales}")
        patches = [PatchGan(channels, layers, norm, spectral_norm) for _ in range(scales)]
        self.scales = nn.ModuleList(patches)
        coarsest = patches[-1].span(Span(0, 0))
        for _ in range(scales - 1):
            coarsest = coarsest.input_of_conv(kernel=3, stride=2, padding=1)
        self.receptive_field_px = _length(coarsest)
        # Each average pooling maps a side of n pixels to ceil(n / 2).
        self.smallest_px = (patches[-1].smallest_px - 1) * 2 ** (scales - 1) + 1

    def _activations(self, pair: Tensor) -> list[list[Tensor]]:
        activations: list[list[Tensor]] = []
        for level, patch_gan in enumerate(self.scales):
            if level > 0:
                pair = F.avg_pool2d(pair, 3, stride=2, padding=1, count_include_pad=False)
            activations += patch_gan._activations(pair)  # type: ignore[operator]
        return activations


def _length(span: Span) -> int:
    return span.last - span.first + 1


def _norm(name: str) -> Callable[[int], nn.Module] | None:
    if name == "batch":
        return nn.BatchNorm2d
    if name == "instance":
        return lambda channels: nn.InstanceNorm2d(channels, affine=True)
    if name == "none":
        return None
    raise ValueError(f"norm must be batch, instance or none, got {name!r}")
