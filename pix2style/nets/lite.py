"""The lightweight generator: a few hundred thousand parameters, made to be quantised and shipped."""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from pix2style.images.glimpse import GLIMPSE_CELLS, GLIMPSE_PATCH_PX
from pix2style.nets.blocks import Foldable
from pix2style.nets.flat_head import FlatHead
from pix2style.nets.generator import Generator
from pix2style.nets.receptive import Span, receptive_radius
from pix2style.nets.style_condition import ConditionalBias, apply_layer

_COLOURS = 3
VARIANCE_EPSILON = 1e-4  # of a glimpse's features: the root of 0 has no slope
_FIRST_SHARE = 0.03  # of what a convolution would add to a residual sum: blocks begin near the identity


class Lite(Generator):
    """A strided convolution, residual blocks of plain 3x3 convolutions at 1/scale of the resolution, pixel shuffle.

    Folded, with the defaults: 162,896 parameters, 0.61 GMAC at 256x256 and 2.42 GMAC at 512x512 (176,720
    parameters while training, and the same work).

    Every part is one that runs fast in 8 bits (`benchmarks/lite.py`): a stem of patches that do not overlap; ReLU, for
    which zero is exact and the range begins there; sums of features; no normalisation; a linear head (`FlatHead`) whose
    values beyond [-1, 1] are clipped where they become bytes.

    No layer but `context` looks at the whole picture, so that tiles equal the whole when they are given the whole's
    context. It is what InstanceNorm is to larger networks, and it is told to every pixel once, as numbers added to the
    stem's: the residual sums carry them to all blocks.

    Args:
        channels: of the body.
        blocks: residual blocks of two 3x3 convolutions each.
        scale: the body works at 1/scale of the resolution; sizes are padded to it.
        styles: how many; with more than 1, each adds numbers of its own to the stem's channels and to every block's.
    """

    architecture: ClassVar[str] = "lite"
    uses_glimpse: ClassVar[bool] = True

    def __init__(self, channels: int = 48, blocks: int = 3, scale: int = 4, styles: int = 1) -> None:
        super().__init__()
        self.channels, self.scale, self.styles = channels, scale, styles
        stem = nn.Conv2d(_COLOURS, channels, scale, stride=scale)
        self.stem = shifted(stem, channels, styles)
        self.body = nn.ModuleList(ResidualBlock(channels, styles) for _ in range(blocks))
        head = FlatHead(channels, _COLOURS, scale**2)
        self.head: nn.Module = head
        self.observe = _Observer(channels)
        self.size_multiple = scale
        self.global_context = True
        self.receptive_field_px = receptive_radius(self._span, scale)
        _start_with_colours(stem, head)

    def glimpse(self, photo: Tensor) -> Tensor:
        """What `context_from_glimpse` looks at: patches from all over the photo, see `images.glimpse`.

        Args:
            photo: the whole photo, [batch, 3, height, width] in [-1, 1].

        Returns:
            [batch, 3, GLIMPSE_SIDE_PX, GLIMPSE_SIDE_PX].
        """
        rows, columns = (_glimpse_indices(size, photo.device) for size in photo.shape[-2:])
        return photo[..., rows[:, None], columns[None, :]]

    def context(self, photo: Tensor) -> Tensor:
        """Numbers for the stem's channels, from a glimpse of the whole photo.

        Args:
            photo: the whole photo, [batch, 3, height, width] in [-1, 1].

        Returns:
            [batch, channels].
        """
        return self.context_from_glimpse(self.glimpse(photo))

    def context_from_glimpse(self, glimpse: Tensor) -> Tensor:
        """The same from what `glimpse` gave."""
        observed: Tensor = self.observe(glimpse)
        return observed

    def _generate(self, photo: Tensor, context: Tensor | None, style: Tensor | None) -> Tensor:
        if context is None:
            raise ValueError("lite needs a context: call the generator, or pass context(photo)")
        features = F.relu(apply_layer(self.stem, photo, style) + context[:, :, None, None])
        for block in self.body:
            features = block(features, style)
        painted = depth_to_space(self.head(features), self.scale)
        # Clipped as the file clips; but a value beyond the range still learns which way is back.
        return painted + (painted.clamp(-1, 1) - painted).detach() if self.training else painted.clamp(-1, 1)

    def _span(self, span: Span) -> Span:
        seen = span.input_of_upsampling(self.scale)
        for _ in range(2 * len(self.body) + 1):  # blocks, head
            seen = seen.input_of_conv(kernel=3, padding=1)
        return seen.input_of_unshuffle(self.scale)


class ResidualBlock(nn.Module):
    """ReLU(features + conv(ReLU(conv(features)))), of 3x3 convolutions that keep size and channels.

    Args:
        channels: in and out.
        styles: how many; with more than 1, each adds numbers of its own to the sum.
    """

    def __init__(self, channels: int, styles: int = 1) -> None:
        super().__init__()
        self.first = RepConv(channels)
        second = RepConv(channels)
        self.second = shifted(second, channels, styles)
        with torch.no_grad():
            second.full.mul_(_FIRST_SHARE)

    def forward(self, features: Tensor, style: Tensor | None = None) -> Tensor:
        """From [batch, channels, h, w] to the same shape."""
        return F.relu(features + apply_layer(self.second, F.relu(self.first(features)), style))


class RepConv(Foldable):
    """A 3x3 convolution trained as the sum of a 3x3 and a 1x1 branch.

    RepVGG's (Ding et al. 2021, arXiv 2101.03697) without its normalisations (and without its identity, which the
    residual sum around it is), so that the sum is linear and the merged kernel is known at every step: it is computed
    first and applied once, in training too (as in OREPA, Hu et al. 2022, arXiv 2204.00826). Training costs one
    convolution, and folding changes nothing.

    `benchmarks/blocks.py` compares it with plain convolutions.

    Args:
        channels: in and out.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.full = nn.Parameter(torch.empty(channels, channels, 3, 3))
        self.point = nn.Parameter(torch.empty(channels, channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        nn.init.kaiming_normal_(self.full, nonlinearity="relu")
        nn.init.zeros_(self.point)

    def kernel(self) -> Tensor:
        """The branches merged: [channels, channels, 3, 3]."""
        return self.full + F.pad(self.point[:, :, None, None], (1, 1, 1, 1))

    def forward(self, features: Tensor) -> Tensor:
        """From [batch, channels, h, w] to the same shape."""
        return F.conv2d(features, self.kernel(), self.bias, padding=1)

    def fold(self) -> nn.Conv2d:
        """The same function as one plain convolution."""
        channels = len(self.bias)
        plain = nn.Conv2d(channels, channels, 3, padding=1, device=self.bias.device, dtype=self.bias.dtype)
        with torch.no_grad():
            plain.weight.copy_(self.kernel())
            plain.bias.copy_(self.bias)  # type: ignore[union-attr]
        return plain


def depth_to_space(patches: Tensor, scale: int) -> Tensor:
    """Channels to pixels: [batch, scale * scale * 3, h, w] to [batch, 3, h * scale, w * scale].

    A pixel shuffle whose channels are ordered by row, column, colour: with channels last in memory it then moves runs
    of 3 * scale values that stay together, where torch's order moves single ones.
    """
    batch, channels, height, width = patches.shape
    colours = channels // scale**2
    split = patches.reshape(batch, scale, scale, colours, height, width)
    # colours last in memory: one copy, of whole runs, and losses' networks want pictures to lie so
    pixels = split.permute(0, 4, 1, 5, 2, 3).reshape(batch, height * scale, width * scale, colours)
    return pixels.permute(0, 3, 1, 2)


def shifted(layer: nn.Module, channels: int, styles: int) -> nn.Module:
    """The layer itself for one style, else a `ConditionalBias` one."""
    return layer if styles == 1 else ConditionalBias(layer, channels, styles)


def _glimpse_indices(size: int, device: torch.device) -> Tensor:
    """`images.glimpse.glimpse_indices` for sizes that may be symbols."""
    middles = (2 * torch.arange(GLIMPSE_CELLS, device=device) + 1) * size // (2 * GLIMPSE_CELLS)
    offsets = torch.arange(GLIMPSE_PATCH_PX, device=device) - GLIMPSE_PATCH_PX // 2
    return (middles[:, None] + offsets).clamp(min=0).clamp(max=size - 1).flatten()


def _start_with_colours(stem: nn.Conv2d, head: FlatHead) -> None:
    """Start as a small copy of the photo, enlarged: colours need not be found, and there is no checkerboard.

    Six channels of the stem carry a patch's mean colour past ReLU, above and below zero, and the head puts them
    together. Its other filters are small and, for each colour, the same for all pixels of a patch: ICNR (Aitken et al.
    2017, arXiv 1707.02937), for the order of `depth_to_space`.
    """
    patch_px = stem.kernel_size[0] * stem.kernel_size[1]
    filters = torch.randn(_COLOURS, *head.weight.shape[1:]) * 0.03 * (9 * head.in_channels) ** -0.5
    with torch.no_grad():
        nn.init.kaiming_normal_(stem.weight, nonlinearity="relu")
        for channel, (colour, sign) in enumerate((colour, sign) for colour in range(_COLOURS) for sign in (1, -1)):
            stem.weight[channel] = 0
            stem.weight[channel, colour] = sign / patch_px
            filters[colour, channel, 1, 1] = sign
        head.weight.copy_(filters.repeat(head.out_channels // _COLOURS, 1, 1, 1))
        for bias in (stem.bias, head.bias):
            nn.init.zeros_(bias)  # type: ignore[arg-type]


class _Observer(nn.Module):
    """From a glimpse to numbers that describe the whole picture; starts at zero, as if there were none.

    Features of each patch, then their mean and standard deviation over all patches: how bright, dark, rough, blue the
    picture is, and how far its places differ in it. These are the statistics that the teacher's InstanceNorm takes.
    """

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.look = nn.Sequential(
            nn.Conv2d(_COLOURS, 32, GLIMPSE_PATCH_PX, stride=GLIMPSE_PATCH_PX),
            nn.ReLU(),
            nn.Conv2d(32, 64, 1),
            nn.ReLU(),
        )
        self.tell = nn.Sequential(nn.Linear(2 * 64, 64), nn.ReLU(), nn.Linear(64, outputs))
        last = self.tell[-1]
        nn.init.zeros_(last.weight)  # type: ignore[arg-type]
        nn.init.zeros_(last.bias)  # type: ignore[arg-type]

    def forward(self, glimpse: Tensor) -> Tensor:
        seen = self.look(glimpse)
        seen = seen.to(torch.promote_types(seen.dtype, torch.float32))  # bfloat16 is too coarse for what follows
        mean, square = seen.mean(dim=(2, 3)), seen.square().mean(dim=(2, 3))
        spread = ((square - mean.square()).clamp(min=0) + VARIANCE_EPSILON).sqrt()
        told: Tensor = self.tell(torch.cat([mean, spread], dim=1))
        return told
