"""The losses that the optimisation minimises: distances to the photo's activations and the painting's Gram matrices.

With F the activations of a layer with N channels at M positions, P the photo's activations, G = F F^T and A the
painting's Gram matrix, the two normalisations are:

    "paper"  content  1/2 sum (F - P)^2          style  1/(4 N^2 M^2) sum (G - A)^2      (eq. 1 and 4 of 1508.06576)
    "mean"   content  mean (F - P)^2             style  mean ((G - A) / (N M))^2

`losses.gram` computes G / (N M), so that photo and painting may differ in size; the paper's equation has the same M for
both. In "paper" the content loss grows with the image's size; in "mean" neither loss depends on it. The authors' own
notebook uses means too, there of G / M with weights of 1e3 / N^2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from pix2style.images import to_signed
from pix2style.losses import gram, total_variation
from pix2style.losses.tensors import wide
from pix2style.nets.features import FeatureNetwork
from pix2style.teachers.gatys.settings import GatysSettings

Grams = Mapping[str, Tensor]
"""Gram matrices [1, channels, channels] by layer."""


@dataclass(frozen=True, slots=True)
class Losses:
    """The three loss terms, scalars that are already multiplied by their weights."""

    content: Tensor
    style: Tensor
    variation: Tensor

    @property
    def total(self) -> Tensor:
        """Sum of the terms, which is minimised."""
        return self.content + self.style + self.variation

    def detached(self) -> Losses:
        """Return the same values without the graph for the backward pass."""
        return Losses(self.content.detach(), self.style.detach(), self.variation.detach())


@torch.no_grad()
def painting_grams(
    network: FeatureNetwork, settings: GatysSettings, paintings: Iterable[Tensor], weights: Iterable[float]
) -> dict[str, Tensor]:
    """Compute the weighted mean of paintings' Gram matrices for each style layer.

    Args:
        network: Network that returns the layers of `settings`.
        settings: Settings; style layers and the scale of activations are used.
        paintings: Images [1, 3, height, width] in [0, 1], each of any size.
        weights: One weight per painting, with the sum 1.

    Returns:
        Gram matrices [1, channels, channels] by layer.
    """
    means: dict[str, Tensor] = {}
    for painting, weight in zip(paintings, weights, strict=True):
        activations = _activations(network, painting)
        for name, _ in settings.style_layers:
            weighted = weight * _scaled_gram(activations[name], settings)
            means[name] = means[name] + weighted if name in means else weighted
    return means


class Objective:
    """The losses of an image for one photo and one style. Their targets are computed once, here.

    Args:
        network: Network that returns the layers of `settings`.
        settings: Layers and weights.
        photo: Image [1, 3, height, width] in [0, 1].
        style: Gram matrices from `painting_grams`.
        strength: Number from 0 to 1. The target is a mixture of this share of `style` and the rest of the photo's own
            Gram matrices.
    """

    def __init__(
        self, network: FeatureNetwork, settings: GatysSettings, photo: Tensor, style: Grams, strength: float = 1.0
    ) -> None:
        self._network, self._settings = network, settings
        with torch.no_grad():
            activations = _activations(network, photo)
            self._content_target = {name: activations[name] for name, _ in settings.content_layers}
            # At full strength without lerp, whose rounding would change the target.
            self._style_target = {
                name: style[name]
                if strength == 1
                else torch.lerp(_scaled_gram(activations[name], settings), style[name], strength)
                for name, _ in settings.style_layers
            }

    def __call__(self, image: Tensor) -> Losses:
        """Compute the losses of an image [1, 3, height, width] in [0, 1], of the photo's size."""
        settings = self._settings
        activations = _activations(self._network, image)
        content = sum(
            (weight * self._content_loss(activations[name], name) for name, weight in settings.content_layers),
            start=image.new_zeros(()),
        )
        style = sum(
            (weight * self._style_loss(activations[name], name) for name, weight in settings.style_layers),
            start=image.new_zeros(()),
        )
        variation = total_variation(image) if settings.variation_weight else image.new_zeros(())
        return Losses(
            settings.content_weight * content, settings.style_weight * style, settings.variation_weight * variation
        )

    def _content_loss(self, activations: Tensor, layer: str) -> Tensor:
        squares = (wide(activations) - wide(self._content_target[layer])).square()
        loss = 0.5 * squares.sum() if self._settings.normalization == "paper" else squares.mean()
        return self._settings.activation_scale**2 * loss

    def _style_loss(self, activations: Tensor, layer: str) -> Tensor:
        squares = (_scaled_gram(activations, self._settings) - self._style_target[layer]).square()
        return 0.25 * squares.sum() if self._settings.normalization == "paper" else squares.mean()


def _activations(network: FeatureNetwork, image: Tensor) -> dict[str, Tensor]:
    # [0, 1] to [0, 255] to [-1, 1], the range that every network in this package takes.
    activations: dict[str, Tensor] = network(to_signed(image * 255))
    return activations


def _scaled_gram(activations: Tensor, settings: GatysSettings) -> Tensor:
    """Return the Gram matrix of activations times `settings.activation_scale`.

    Scaling the small matrix, not the activations, saves passes over memory. bfloat16 is widened first: `gram` would
    round the matrix to bfloat16, and the style loss is the square of small differences between such matrices.
    """
    return settings.activation_scale**2 * gram(wide(activations))
