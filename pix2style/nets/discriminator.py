"""Discriminators: they look at photo and picture together, and judge each patch."""

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
_PAIR_CHANNELS = 6  # the photo's and the picture's


class Discriminator(nn.Module, ABC):
    """Says of every patch of a picture whether the teacher painted it for that photo.

    Attributes:
        smallest_px: pictures of fewer rows or columns leave no logit.
        receptive_field_px: side of the largest patch that one logit sees.
    """

    smallest_px: int
    receptive_field_px: int

    def forward(self, photo: Tensor, picture: Tensor) -> list[list[Tensor]]:
        """Judge every patch.

        Args:
            photo: [batch, 3, height, width] in [-1, 1].
            picture: the teacher's or the generator's, of the same shape.

        Returns:
            For each scale, finest first, the activations [batch, channels, h, w] of its layers, shallow to deep; the
            last are the logits [batch, 1, h, w], where larger means "painted by the teacher".

        Raises:
            ValueError: pictures smaller than `smallest_px`.
        """
        if min(photo.shape[-2:]) < self.smallest_px:
            raise ValueError(
                f"the discriminator needs pictures of at least {self.smallest_px} px, got {list(photo.shape[-2:])}:"
                " use larger crops, fewer layers or fewer scales"
            )
        return self._judge(torch.cat([photo, picture], dim=1))

    @abstractmethod
    def _judge(self, both: Tensor) -> list[list[Tensor]]:
        """Judge photo and picture, stacked: [batch, 6, height, width]."""


class _Chain(Discriminator):
    """One chain of blocks: convolution, normalisation between the ends, LeakyReLU but for the logits."""

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

    def span(self, seen: Span) -> Span:
        """The input pixels along one axis that a span of logits sees."""
        for block in reversed(self.blocks):
            conv = block[0]  # type: ignore[index]
            seen = seen.before_conv(conv.kernel_size[0], conv.stride[0], conv.padding[0])
        return seen

    def _judge(self, both: Tensor) -> list[list[Tensor]]:
        activations: list[Tensor] = []
        for block in self.blocks:
            both = block(both)
            activations.append(both)
        return [activations]


class PatchGan(_Chain):
    """PatchGAN of Isola et al. 2017 (arXiv 1611.07004, appendix 6.1.2), conditional on the photo.

    With 3 layers every logit sees a patch of 70x70 pixels; 2,768,705 parameters with batch normalisation.

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
        strides = [2] * layers + [1, 1]
        widths = [_PAIR_CHANNELS, *(channels * min(2**level, 8) for level in range(layers + 1)), 1]
        convs = [
            # A normalisation takes the bias out again; neither the first layer nor the logits are normalised.
            nn.Conv2d(into, out, _KERNEL, stride, padding=1, bias=norm == "none" or level in (0, len(strides) - 1))
            for level, ((into, out), stride) in enumerate(zip(itertools.pairwise(widths), strides, strict=True))
        ]
        super().__init__(convs, norm, spectral_norm)
        self.smallest_px = 3 * 2**layers  # the two layers of stride 1 take one row each


class Pixel(_Chain):
    """pix2pix's PixelGAN (Isola et al. 2017, appendix 6.1.2): 1x1 convolutions, so it judges colours alone.

    Args:
        channels: filters of the first layer (ndf), and half the second's.
        norm: of the second layer; see `PatchGan`.
        spectral_norm: see `PatchGan`.

    Raises:
        ValueError: an unknown norm.
    """

    def __init__(self, channels: int = 64, norm: str = "instance", spectral_norm: bool = False) -> None:
        convs = [
            nn.Conv2d(_PAIR_CHANNELS, channels, 1),
            nn.Conv2d(channels, 2 * channels, 1, bias=norm == "none"),
            nn.Conv2d(2 * channels, 1, 1, bias=True),
        ]
        super().__init__(convs, norm, spectral_norm)
        self.smallest_px = 2  # statistics of a single pixel are nothing


class MultiScale(Discriminator):
    """Several PatchGANs on pictures halved again and again (pix2pixHD, Wang et al. 2018, arXiv 1711.11585).

    The coarse ones see the composition, the fine ones the strokes.

    Args:
        scales: how many.
        channels: see `PatchGan`, as are the others.
        layers: of each.
        norm: of each.
        spectral_norm: of each.

    Raises:
        ValueError: an unknown norm, or no scale.
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
            coarsest = coarsest.before_conv(kernel=3, stride=2, padding=1)
        self.receptive_field_px = _length(coarsest)
        # A side of n becomes ceil(n / 2), `scales` - 1 times.
        self.smallest_px = (patches[-1].smallest_px - 1) * 2 ** (scales - 1) + 1

    def _judge(self, both: Tensor) -> list[list[Tensor]]:
        judged: list[list[Tensor]] = []
        for level, patch in enumerate(self.scales):
            if level > 0:
                both = F.avg_pool2d(both, 3, stride=2, padding=1, count_include_pad=False)
            judged += patch._judge(both)  # type: ignore[operator]
        return judged


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
