"""Several styles in one network: layers that scale and shift what they give, by a table with a row for each style.

Where there is a normalisation this is conditional normalisation (Dumoulin et al. 2017, arXiv 1610.07629), elsewhere
FiLM (Perez et al. 2018, arXiv 1709.07871). Everything else is shared by the styles. Tables start at zero, so that an
untrained network paints alike in every style, and weights of several rows mix styles.

For one style or mixture the scale and shift are constants of the layer before: `fixed` puts them into its weights, and
nothing of this module is left.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from pix2style.nets.blocks import ChannelNorm, Foldable
from pix2style.style_choice import check_style_choice


class Conditioned(nn.Module, ABC):
    """A layer that does something else in every style.

    Args:
        styles: how many.
        numbers: that a style has in this layer.
    """

    def __init__(self, styles: int, numbers: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.zeros(styles, numbers))

    @abstractmethod
    def forward(self, features: Tensor, style: Tensor) -> Tensor:
        """Run the layer in a mixture of styles.

        Args:
            features: [batch, channels, height, width].
            style: weights of the styles, [batch, styles].
        """

    @abstractmethod
    def fixed(self, weights: Tensor) -> nn.Module:
        """A plain layer of the same function in one mixture of styles: [styles]."""


class Styled(Conditioned):
    """A convolution or normalisation whose output channels every style scales and shifts.

    Args:
        layer: gives [batch, channels, height, width].
        channels: that it gives.
        styles: how many.
    """

    def __init__(self, layer: nn.Module, channels: int, styles: int) -> None:
        super().__init__(styles, 2 * channels)
        self.layer = layer

    def forward(self, features: Tensor, style: Tensor) -> Tensor:
        """See `Conditioned.forward`."""
        scale, shift = (style @ self.table)[:, :, None, None].chunk(2, dim=1)
        return torch.addcmul(shift, self.layer(features), 1 + scale)

    def fixed(self, weights: Tensor) -> nn.Module:
        """See `Conditioned.fixed`."""
        scale, shift = (weights.to(self.table) @ self.table.detach()).chunk(2)
        plain = self.layer.fold() if isinstance(self.layer, Foldable) else copy.deepcopy(self.layer)
        return _absorb(plain, 1 + scale, shift)


class Shifted(Conditioned):
    """A convolution to whose output channels every style adds numbers of its own.

    Half of `Styled`: the half that costs a quantised network next to nothing, in any mixture of styles.

    Args:
        layer: gives [batch, channels, height, width].
        channels: that it gives.
        styles: how many.
    """

    def __init__(self, layer: nn.Module, channels: int, styles: int) -> None:
        super().__init__(styles, channels)
        self.layer = layer

    def forward(self, features: Tensor, style: Tensor) -> Tensor:
        """See `Conditioned.forward`."""
        shifted: Tensor = self.layer(features) + (style @ self.table)[:, :, None, None]
        return shifted

    def fixed(self, weights: Tensor) -> nn.Module:
        """See `Conditioned.fixed`."""
        plain = self.layer.fold() if isinstance(self.layer, Foldable) else copy.deepcopy(self.layer)
        shift = weights.to(self.table) @ self.table.detach()
        return _absorb(plain, torch.ones_like(shift), shift)


class StyledColours(Conditioned):
    """A 1x1 convolution of which every style has its own: a colour matrix and an offset (for RGB twelve numbers).

    Args:
        matrix: what the styles have in common.
        styles: how many.
    """

    def __init__(self, matrix: nn.Conv2d, styles: int) -> None:
        super().__init__(styles, matrix.out_channels * (matrix.in_channels + 1))
        self.matrix = matrix

    def forward(self, features: Tensor, style: Tensor) -> Tensor:
        """See `Conditioned.forward`."""
        weight, bias = self._own(style @ self.table)
        mixed: Tensor = self.matrix(features) + torch.einsum("boi,bihw->bohw", weight, features)
        return mixed + bias[:, :, None, None]

    def fixed(self, weights: Tensor) -> nn.Module:
        """See `Conditioned.fixed`."""
        plain = copy.deepcopy(self.matrix)
        weight, bias = self._own((weights.to(self.table) @ self.table.detach())[None])
        with torch.no_grad():
            plain.weight += weight[0, :, :, None, None]
            plain.bias += bias[0]  # type: ignore[operator]
        return plain

    def _own(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        out, into = self.matrix.out_channels, self.matrix.in_channels
        return numbers[:, : out * into].view(-1, out, into), numbers[:, out * into :]


class Stack(nn.Sequential):
    """`nn.Sequential` (with its names of weights) that hands the style to those layers that take one."""

    def forward(self, features: Tensor, style: Tensor | None = None) -> Tensor:
        """Run all layers; `style` is for `Conditioned` ones."""
        for layer in self:
            features = through(layer, features, style)
        return features


def styled(layer: nn.Module, channels: int, styles: int) -> nn.Module:
    """The layer itself for one style, else a `Styled` one.

    Args:
        layer: a convolution or normalisation.
        channels: that it gives.
        styles: how many.
    """
    return layer if styles == 1 else Styled(layer, channels, styles)


def through(layer: nn.Module, features: Tensor, style: Tensor | None) -> Tensor:
    """Run a layer, with the style if it takes one."""
    given: Tensor = layer(features, style) if isinstance(layer, Conditioned | Stack) else layer(features)
    return given


def fix_styles(network: nn.Module, weights: Tensor) -> None:
    """Replace every `Conditioned` layer by a plain one of the same function, in place.

    Args:
        network: the layers' parents stay.
        weights: of the styles, [styles].
    """
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, Conditioned):
                setattr(module, name, child.fixed(weights))


def mixture(weights: int | list[float] | tuple[float, ...], styles: int) -> Tensor:
    """Weights of all styles, [styles], from a style's id or a mixture.

    Args:
        weights: an id from 0 on, or a weight for each style, not negative, with the sum 1 (or within 0.02 of it, and
            then scaled to it).
        styles: how many there are.

    Raises:
        ValueError: no such style, or no such mixture.
    """
    check_style_choice(weights, styles)
    if isinstance(weights, int):
        return torch.eye(styles)[weights]
    mixed = torch.tensor(weights, dtype=torch.float32)
    return mixed / mixed.sum()  # in float32: the bytes of exported files depend on it


def _absorb(layer: nn.Module, factor: Tensor, shift: Tensor) -> nn.Module:
    """Change a layer in place so that it gives factor * (what it gave) + shift, by channel."""
    if isinstance(layer, nn.Conv2d):
        weight = layer.weight * factor[:, None, None, None]
    elif isinstance(layer, nn.ConvTranspose2d):
        weight = layer.weight * factor[:, None, None]
    elif isinstance(layer, nn.InstanceNorm2d | nn.BatchNorm2d | nn.GroupNorm | ChannelNorm):
        weight = factor if layer.weight is None else layer.weight * factor
    else:
        raise TypeError(f"cannot put a scale and a shift into a {type(layer).__name__}")
    bias = shift if layer.bias is None else layer.bias * factor + shift
    layer.weight, layer.bias = nn.Parameter(weight.detach().clone()), nn.Parameter(bias.detach().clone())
    if isinstance(layer, nn.InstanceNorm2d):
        layer.affine = True
    return layer
