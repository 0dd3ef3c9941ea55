"""What the optimisation makes small: the distance to the photo's content and to the painting's style.

With F the activations of a layer with N channels at M positions, P the photo's, G = F F^T and A the painting's:

    "paper"  content  1/2 sum (F - P)^2          style  1/(4 N^2 M^2) sum (G - A)^2      (eq. 1 and 4 of 1508.06576)
    "mean"   content  mean (F - P)^2             style  mean ((G - A) / (N M))^2

`losses.gram` is G / (N M), so that photo and painting may differ in size: the paper's equation has one M for both.
In "paper" the content counts the more the larger the picture is, in "mean" neither depends on the size. The authors'
own notebook uses means as well (there G / M and weights of 1e3 / N^2).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from pix2style.images import to_signed
from pix2style.losses import gram, total_variation
from pix2style.nets.features import FeatureNetwork
from pix2style.teachers.gatys.settings import GatysSettings

Grams = Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class Losses:
    """Scalars, weights included, that sum to the total."""

    content: Tensor
    style: Tensor
    variation: Tensor

    @property
    def total(self) -> Tensor:
        """What is made small."""
        return self.content + self.style + self.variation

    def detached(self) -> Losses:
        """The same values, without what a gradient needs."""
        return Losses(self.content.detach(), self.style.detach(), self.variation.detach())


@torch.no_grad()
def painting_grams(
    network: FeatureNetwork, settings: GatysSettings, paintings: Iterable[Tensor], shares: Iterable[float]
) -> dict[str, Tensor]:
    """Gram matrices of each style layer: the weighted mean over paintings.

    Args:
        network: gives the layers of `settings`.
        settings: style layers and the activations' scale.
        paintings: each [1, 3, height, width] in [0, 1], of any size.
        shares: one a painting, summing to 1.

    Returns:
        layer -> [1, channels, channels].
    """
    sums: dict[str, Tensor] = {}
    for painting, share in zip(paintings, shares, strict=True):
        activations = _activations(network, settings, painting)
        for name, _ in settings.style_layers:
            part = share * gram(activations[name])
            sums[name] = sums[name] + part if name in sums else part
    return sums


class Objective:
    """Losses of a picture against one photo and one style; the targets are computed once.

    Args:
        network: gives the layers of `settings`.
        settings: layers and weights.
        photo: [1, 3, height, width] in [0, 1].
        style: what `painting_grams` gives.
        strength: from 0 to 1: the target is that share of `style`, the rest the photo's own Gram matrices.
    """

    def __init__(
        self, network: FeatureNetwork, settings: GatysSettings, photo: Tensor, style: Grams, strength: float = 1.0
    ) -> None:
        self._network, self._settings = network, settings
        with torch.no_grad():
            own = _activations(network, settings, photo)
            self._content = {name: own[name] for name, _ in settings.content_layers}
            self._style = {
                name: style[name] if strength == 1 else torch.lerp(gram(own[name]), style[name], strength)
                for name, _ in settings.style_layers
            }

    def __call__(self, picture: Tensor) -> Losses:
        """The losses of `picture`, [1, 3, height, width] in [0, 1], of the photo's size."""
        settings = self._settings
        activations = _activations(self._network, settings, picture)
        content = sum(
            (weight * self._content_part(activations[name], name) for name, weight in settings.content_layers),
            start=picture.new_zeros(()),
        )
        style = sum(
            (weight * self._style_part(activations[name], name) for name, weight in settings.style_layers),
            start=picture.new_zeros(()),
        )
        variation = total_variation(picture) if settings.variation_weight else picture.new_zeros(())
        return Losses(
            settings.content_weight * content, settings.style_weight * style, settings.variation_weight * variation
        )

    def _content_part(self, activations: Tensor, layer: str) -> Tensor:
        squares = (activations - self._content[layer]).square()
        return 0.5 * squares.sum() if self._settings.normalization == "paper" else squares.mean()

    def _style_part(self, activations: Tensor, layer: str) -> Tensor:
        squares = (gram(activations) - self._style[layer]).square()
        return 0.25 * squares.sum() if self._settings.normalization == "paper" else squares.mean()


def _activations(network: FeatureNetwork, settings: GatysSettings, picture: Tensor) -> dict[str, Tensor]:
    # [0, 1] in levels, then as every network here takes it.
    found = network(to_signed(picture * 255))
    scale = settings.activation_scale
    return found if scale == 1 else {name: one * scale for name, one in found.items()}
