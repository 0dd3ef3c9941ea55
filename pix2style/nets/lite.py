"""The lightweight generator: less than 200,000 parameters at its default size, designed for 8-bit quantisation."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from pix2style.nets.blocks import Foldable, conv3x3
from pix2style.nets.flat_head import FlatHead
from pix2style.nets.generator import FeatureStage, Generator
from pix2style.nets.glimpse_context import GlimpseContext, take_glimpse
from pix2style.nets.photo_norm import PhotoNorm, PhotoScale
from pix2style.nets.receptive import Span, receptive_radius
from pix2style.nets.style_condition import ConditionalBias, apply_layer

_COLOURS = 3
# Scale of the last convolution of an untrained residual block, which thereby starts near the identity.
_INITIAL_RESIDUAL_SCALE = 0.03


class Lite(Generator):
    """A strided convolution, residual blocks of 3x3 convolutions at 1/scale of the resolution, and a pixel shuffle.

    Folded, with the defaults: 162,896 parameters, 0.61 GMAC at 256x256 and 2.42 GMAC at 512x512 (176,720
    parameters while training, and the same work).

    All layers run fast in 8 bits (`benchmarks/lite.py`). The stem works on patches that do not overlap. The output
    range of ReLU begins at 0, which 8 bits represent exactly. Features are added, never concatenated. The head
    (`FlatHead`) is linear; values outside [-1, 1] are clipped when they become bytes.

    No layer but `context` sees the whole photo, so that a tile equals that part of the whole image if it gets the
    context of the whole photo. With `norm` "none" the context is a vector that is added to the channels of the stem,
    from where the residual sums carry it to all blocks. With "instance", the stem is followed by `PhotoNorm`, the other
    convolutions but the head by `PhotoScale`, and the context holds what the same layers measure on the glimpse. For a
    teacher that has InstanceNorm, this is far better, and in 8 bits as fast.

    Args:
        channels: Number of channels of the stem and the residual blocks.
        blocks: Number of residual blocks, of two 3x3 convolutions each.
        scale: The residual blocks work at 1/scale of the resolution; sizes are padded to multiples of it.
        styles: Number of styles. With more than 1, each adds a vector of its own to the channels of the stem and of
            every block.
        norm: "none" or "instance"; the latter with one style only.

    Raises:
        ValueError: Unknown `norm`, or several styles with "instance".
    """

    architecture: ClassVar[str] = "lite"
    uses_glimpse = True

    def __init__(
        self, channels: int = 48, blocks: int = 3, scale: int = 4, styles: int = 1, norm: str = "none"
    ) -> None:
        super().__init__()
        if norm not in ("none", "instance"):
            raise ValueError(f"norm must be none or instance, got {norm!r}")
        if norm == "instance" and styles > 1:
            raise ValueError("a lite with norm instance holds one style")
        self.channels, self.scale, self.styles, self.norm = channels, scale, styles, norm
        stem = nn.Conv2d(_COLOURS, channels, scale, stride=scale)
        self.stem = _with_style_bias(stem, channels, styles)
        self.stem_norm = PhotoNorm(channels) if norm == "instance" else None
        self.body = nn.ModuleList(ResidualBlock(channels, styles, norm) for _ in range(blocks))
        head = FlatHead(channels, _COLOURS, scale**2)
        self.head: nn.Module = head
        self.context_network = GlimpseContext(channels) if norm == "none" else None
        self.size_multiple = scale
        self.global_context = True
        self.receptive_field_px = receptive_radius(self._span, scale)
        _init_as_copy(stem, head)

    def glimpse(self, photo: Tensor) -> Tensor:
        """Return the glimpse of a photo, a mosaic of patches from all over it (see `images.glimpse`).

        Args:
            photo: The whole photo, [batch, 3, height, width] in [-1, 1].

        Returns:
            [batch, 3, GLIMPSE_SIDE_PX, GLIMPSE_SIDE_PX].
        """
        return take_glimpse(photo)

    def context(self, photo: Tensor) -> Tensor:
        """Compute the context of a photo.

        Args:
            photo: The whole photo, [batch, 3, height, width] in [-1, 1].

        Returns:
            [batch, channels]; with `norm` "instance" [batch, 2 + 2 * blocks, channels]: factors and summands of the
            stem, then the factors of both convolutions of each block.
        """
        return self.context_from_glimpse(self.glimpse(photo))

    def context_from_glimpse(self, glimpse: Tensor, style: Tensor | None = None) -> Tensor:
        """Compute the context of a photo from its glimpse, [batch, 3, GLIMPSE_SIDE_PX, GLIMPSE_SIDE_PX].

        Args:
            glimpse: The glimpse.
            style: Style code, [batch, codes], of a base, whose normalisations depend on it.
        """
        if self.context_network is None:
            return self._measure(glimpse, style)
        context: Tensor = self.context_network(glimpse)
        return context

    def _measure(self, glimpse: Tensor, style: Tensor | None) -> Tensor:
        """Run stem and blocks on glimpses, and return what all normalisations measure there."""
        assert self.stem_norm is not None  # noqa: S101 (for mypy: norm is instance)
        features = self.stem(glimpse)
        stem = self.stem_norm.measure(features, style)
        factors: list[Tensor] = []
        # `forward`, here and in `ResidualBlock.measure`, because hooks on the modules are for features of the photo.
        features = F.relu(self.stem_norm.forward(features, stem))
        for block in self.body:
            assert isinstance(block, ResidualBlock)  # noqa: S101 (ModuleList has no element type)
            features, measured = block.measure(features, style)
            factors += measured
        return torch.cat([stem, *(factor[:, None] for factor in factors)], dim=1)

    def stages_at_scale(self, scale: int) -> tuple[FeatureStage, FeatureStage]:
        """Return the middle and the last residual block; `scale` makes no difference, as the network has only one."""
        del scale
        last = len(self.body) - 1
        return FeatureStage(last // 2, self.channels, self.scale), FeatureStage(last, self.channels, self.scale)

    def _generate(self, photo: Tensor, context: Tensor | None, style: Tensor | None) -> Tensor:
        image, _ = self._generate_with_features(photo, context, style, ())
        return image

    def _generate_with_features(
        self, photo: Tensor, context: Tensor | None, style: Tensor | None, feature_stages: Collection[int]
    ) -> tuple[Tensor, dict[int, Tensor]]:
        if context is None:
            raise ValueError("lite needs a context: call the network itself, which computes it")
        returned: dict[int, Tensor] = {}
        features = apply_layer(self.stem, photo, style)
        if self.stem_norm is None:
            features = F.relu(features + context[:, :, None, None])
        else:
            features = F.relu(self.stem_norm(features, context[:, :2]))
        for stage, block in enumerate(self.body):
            measured = None if self.stem_norm is None else context[:, 2 + 2 * stage : 4 + 2 * stage]
            features = block(features, style, measured)
            if stage in feature_stages:
                returned[stage] = features
        image = depth_to_space(self.head(features), self.scale)
        clipped = image.clamp(-1, 1)
        if self.training:
            # A straight-through estimator: the value is clipped, as in the exported filter, but the gradient is not.
            # The gradient of clamp is 0 outside [-1, 1], so that a value out there could never come back.
            clipped = image + (clipped - image).detach()
        return clipped, returned

    def _span(self, span: Span) -> Span:
        span = span.input_of_upsampling(self.scale)
        for _ in range(2 * len(self.body) + 1):  # two convolutions in each block, one in the head
            span = span.input_of_conv(kernel=3, padding=1)
        return span.input_of_unshuffle(self.scale)


class ResidualBlock(nn.Module):
    """Computes ReLU(features + conv(ReLU(conv(features)))) with 3x3 convolutions, normalised or not.

    Args:
        channels: Number of channels of input and output.
        styles: Number of styles. With more than 1, each adds a vector of its own to the channels of the sum.
        norm: "instance" adds a `PhotoScale` after each convolution.
    """

    def __init__(self, channels: int, styles: int = 1, norm: str = "none") -> None:
        super().__init__()
        self.first = RepConv(channels)
        second = RepConv(channels)
        self.second = _with_style_bias(second, channels, styles)
        self.first_norm = PhotoScale(channels) if norm == "instance" else None
        self.second_norm = PhotoScale(channels) if norm == "instance" else None
        with torch.no_grad():
            second.full.mul_(_INITIAL_RESIDUAL_SCALE)

    def forward(self, features: Tensor, style: Tensor | None = None, measured: Tensor | None = None) -> Tensor:
        """Apply the block to features [batch, channels, h, w]; the shape stays.

        Args:
            features: The features.
            style: Weights of the styles; see `Generator.forward`.
            measured: With `norm`, the factors of both convolutions: [batch, 2, channels].
        """
        hidden = apply_layer(self.first, features, style)
        if self.first_norm is not None and measured is not None:
            hidden = self.first_norm(hidden, measured[:, 0])
        residual = apply_layer(self.second, F.relu(hidden), style)
        if self.second_norm is not None and measured is not None:
            residual = self.second_norm(residual, measured[:, 1])
        return F.relu(features + residual)

    def measure(self, features: Tensor, style: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
        """Apply the block normalised by the features' own statistics.

        Args:
            features: The features, [batch, channels, h, w].
            style: See `forward`.

        Returns:
            The result, and what `PhotoScale.measure` returned for both convolutions.
        """
        assert self.first_norm is not None  # noqa: S101 (for mypy: norm is instance)
        assert self.second_norm is not None  # noqa: S101
        hidden = apply_layer(self.first, features, style)
        first = self.first_norm.measure(hidden, style)
        residual = apply_layer(self.second, F.relu(self.first_norm.forward(hidden, first)), style)
        second = self.second_norm.measure(residual, style)
        return F.relu(features + self.second_norm.forward(residual, second)), [first, second]


class RepConv(Foldable):
    """A 3x3 convolution that is trained as the sum of a 3x3 and a 1x1 branch (structural reparametrisation).

    This is the block of RepVGG (Ding et al. 2021, arXiv 2101.03697) without its normalisation layers, and without its
    identity branch, whose role the residual sum around it has. The block is therefore linear, and its branches can be
    merged into one kernel before it is applied, in training too (as in OREPA, Hu et al. 2022, arXiv 2204.00826):
    training costs one convolution. `benchmarks/blocks.py` compares it with plain convolutions.

    Args:
        channels: Number of channels of input and output.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.full = nn.Parameter(torch.empty(channels, channels, 3, 3))
        self.point = nn.Parameter(torch.empty(channels, channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        nn.init.kaiming_normal_(self.full, nonlinearity="relu")
        nn.init.zeros_(self.point)

    def kernel(self) -> Tensor:
        """Return the merged kernel of both branches, [channels, channels, 3, 3]."""
        return self.full + F.pad(self.point[:, :, None, None], (1, 1, 1, 1))

    def forward(self, features: Tensor) -> Tensor:
        """Convolve features [batch, channels, h, w]; the shape stays."""
        return F.conv2d(features, self.kernel(), self.bias, padding=1)

    def fold(self) -> nn.Conv2d:
        """Return the plain convolution that computes the same function."""
        return conv3x3(self.kernel(), self.bias)


def depth_to_space(patches: Tensor, scale: int) -> Tensor:
    """Rearrange channels into pixels: [batch, scale * scale * 3, h, w] to [batch, 3, h * scale, w * scale].

    This is a pixel shuffle with another order of channels: row, column, colour (in ONNX, DepthToSpace in mode DCR). In
    channels-last memory it moves runs of 3 * scale values, whereas `torch.pixel_shuffle` moves single values.
    """
    batch, channels, height, width = patches.shape
    colours = channels // scale**2
    split = patches.reshape(batch, scale, scale, colours, height, width)
    # The reshape copies once, into channels-last memory, which is also the layout that the networks of losses work in.
    pixels = split.permute(0, 4, 1, 5, 2, 3).reshape(batch, height * scale, width * scale, colours)
    return pixels.permute(0, 3, 1, 2)


def _with_style_bias(layer: nn.Module, channels: int, styles: int) -> nn.Module:
    """Let each style add a vector to the output channels of a layer; with one style, return the layer itself."""
    return layer if styles == 1 else ConditionalBias(layer, channels, styles)


def _init_as_copy(stem: nn.Conv2d, head: FlatHead) -> None:
    """Initialise stem and head so that the untrained network returns the photo at 1/scale of its resolution.

    Training then need not learn to reproduce colours, and there is no checkerboard pattern. Six channels of the stem
    hold the mean colour of a patch, positive and negative parts separately because of the ReLU, and the head adds them
    up. All other filters of the head are small and equal for all pixels of a patch (ICNR, Aitken et al. 2017, arXiv
    1707.02937, in the channel order of `depth_to_space`).
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
