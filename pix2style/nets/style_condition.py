"""Layers that hold several styles: each style scales and shifts their output with its own row of a table.

After a normalisation this is conditional instance normalisation (Dumoulin et al. 2017, arXiv 1610.07629); after a
convolution it is FiLM (Perez et al. 2018, arXiv 1709.07871). All other weights are shared by the styles. The tables
start at zero, so an untrained network gives the same output in every style. A weighted mean of several rows blends
styles.

For one fixed style or blend, scale and shift are constants that can be folded into the layer before them.
`fix_style` does that: afterwards the network has plain torch layers only, and needs nothing of this module.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from pix2style.nets.blocks import ChannelNorm, Foldable
from pix2style.style_choice import check_style_choice


class ConditionalLayer(nn.Module, ABC):
    """A layer whose function depends on the style.

    Args:
        styles: Number of styles.
        numbers: How many numbers each style has in this layer (columns of its table).
    """

    def __init__(self, styles: int, numbers: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.zeros(styles, numbers))

    @abstractmethod
    def forward(self, features: Tensor, style: Tensor) -> Tensor:
        """Run the layer in a blend of styles.

        Args:
            features: [batch, channels, height, width].
            style: Weight of each style, [batch, styles].
        """

    @abstractmethod
    def with_fixed_style(self, weights: Tensor) -> nn.Module:
        """Return a plain layer that computes the same function for one blend of styles: weights [styles]."""


class ConditionalAffine(ConditionalLayer):
    """A convolution or normalisation whose output channels are scaled and shifted by each style (FiLM).

    Args:
        layer: Convolution or normalisation with the output [batch, channels, height, width].
        channels: Number of its output channels.
        styles: Number of styles.
    """

    def __init__(self, layer: nn.Module, channels: int, styles: int) -> None:
        super().__init__(styles, 2 * channels)
        self.layer = layer

    def forward(self, features: Tensor, style: Tensor) -> Tensor:
        """See `ConditionalLayer.forward`."""
        scale, shift = (style @ self.table)[:, :, None, None].chunk(2, dim=1)
        return torch.addcmul(shift, self.layer(features), 1 + scale)

    def with_fixed_style(self, weights: Tensor) -> nn.Module:
        """See `ConditionalLayer.with_fixed_style`."""
        scale, shift = (weights.to(self.table) @ self.table.detach()).chunk(2)
        plain = self.layer.fold() if isinstance(self.layer, Foldable) else copy.deepcopy(self.layer)
        return _fold_affine(plain, 1 + scale, shift)


class ConditionalBias(ConditionalLayer):
    """A convolution to whose output channels each style adds its own numbers.

    This is `ConditionalAffine` without the scale. A shift costs a quantised network almost nothing, in any blend of
    styles, because it only changes the bias.

    Args:
        layer: Convolution with the output [batch, channels, height, width].
        channels: Number of its output channels.
        styles: Number of styles.
    """

    def __init__(self, layer: nn.Module, channels: int, styles: int) -> None:
        super().__init__(styles, channels)
        self.layer = layer

    def forward(self, features: Tensor, style: Tensor) -> Tensor:
        """See `ConditionalLayer.forward`."""
        shifted: Tensor = self.layer(features) + (style @ self.table)[:, :, None, None]
        return shifted

    def with_fixed_style(self, weights: Tensor) -> nn.Module:
        """See `ConditionalLayer.with_fixed_style`."""
        plain = self.layer.fold() if isinstance(self.layer, Foldable) else copy.deepcopy(self.layer)
        shift = weights.to(self.table) @ self.table.detach()
        return _fold_affine(plain, torch.ones_like(shift), shift)


class ConditionalColourMatrix(ConditionalLayer):
    """A 1x1 convolution that each style changes as a whole: a colour matrix and an offset (for RGB twelve numbers).

    Args:
        matrix: The convolution that all styles share; each style's numbers are added to its weight and bias.
        styles: Number of styles.
    """

    def __init__(self, matrix: nn.Conv2d, styles: int) -> None:
        super().__init__(styles, matrix.out_channels * (matrix.in_channels + 1))
        self.matrix = matrix

    def forward(self, features: Tensor, style: Tensor) -> Tensor:
        """See `ConditionalLayer.forward`."""
        weight, bias = self._weight_and_bias(style @ self.table)
        mixed: Tensor = self.matrix(features) + torch.einsum("boi,bihw->bohw", weight, features)
        return mixed + bias[:, :, None, None]

    def with_fixed_style(self, weights: Tensor) -> nn.Module:
        """See `ConditionalLayer.with_fixed_style`."""
        plain = copy.deepcopy(self.matrix)
        weight, bias = self._weight_and_bias((weights.to(self.table) @ self.table.detach())[None])
        with torch.no_grad():
            plain.weight += weight[0, :, :, None, None]
            plain.bias += bias[0]  # type: ignore[operator]
        return plain

    def _weight_and_bias(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Split table rows [batch, numbers] into weights [batch, out, in] and biases [batch, out]."""
        out, into = self.matrix.out_channels, self.matrix.in_channels
        return rows[:, : out * into].view(-1, out, into), rows[:, out * into :]


class ConditionalSequential(nn.Sequential):
    """An `nn.Sequential` (with the same state-dict keys) that passes the style to the layers that take one."""

    def forward(self, features: Tensor, style: Tensor | None = None) -> Tensor:
        """Run all layers; `style` [batch, styles] goes to the conditional ones."""
        for layer in self:
            features = apply_layer(layer, features, style)
        return features


def conditional(layer: nn.Module, channels: int, styles: int) -> nn.Module:
    """Return a convolution or normalisation itself for one style, or a `ConditionalAffine` around it for several."""
    return layer if styles == 1 else ConditionalAffine(layer, channels, styles)


def apply_layer(layer: nn.Module, features: Tensor, style: Tensor | None) -> Tensor:
    """Run a layer, with the style if the layer takes one."""
    takes_style = isinstance(layer, ConditionalLayer | ConditionalSequential)
    output: Tensor = layer(features, style) if takes_style else layer(features)
    return output


def fix_style(network: nn.Module, weights: Tensor) -> None:
    """Replace each conditional layer in place by a plain one that computes the same for these weights, [styles]."""
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, ConditionalLayer):
                setattr(module, name, child.with_fixed_style(weights))


def style_weights(choice: int | list[float] | tuple[float, ...], styles: int) -> Tensor:
    """Return the weight of each style, [styles], for a style's number or a blend.

    Args:
        choice: Number of a style, from 0 on, or one weight per style. Weights must not be negative, and their sum must
            be 1 to within 0.02; they are then scaled to the sum 1.
        styles: Number of styles of the network.

    Raises:
        ValueError: There is no such style, or the weights are not valid.
    """
    check_style_choice(choice, styles)
    if isinstance(choice, int):
        return torch.eye(styles)[choice]
    weights = torch.tensor(choice, dtype=torch.float32)
    return weights / weights.sum()  # in float32, because the bytes of exported files depend on it


def _fold_affine(layer: nn.Module, scale: Tensor, shift: Tensor) -> nn.Module:
    """Change a layer in place so that its output becomes scale * output + shift, per channel."""
    if isinstance(layer, nn.Conv2d):
        weight = layer.weight * scale[:, None, None, None]
    elif isinstance(layer, nn.ConvTranspose2d):
        weight = layer.weight * scale[:, None, None]
    elif isinstance(layer, nn.InstanceNorm2d | nn.BatchNorm2d | nn.GroupNorm | ChannelNorm):
        weight = scale if layer.weight is None else layer.weight * scale
    else:
        raise TypeError(f"cannot fold a scale and a shift into a {type(layer).__name__}")
    bias = shift if layer.bias is None else layer.bias * scale + shift
    layer.weight, layer.bias = nn.Parameter(weight.detach().clone()), nn.Parameter(bias.detach().clone())
    if isinstance(layer, nn.InstanceNorm2d):
        layer.affine = True
    return layer
