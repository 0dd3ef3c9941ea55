"""The paintings' Gram matrices: what the generator's textures and colours are to be like."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from pix2style import losses
from pix2style.config import Config
from pix2style.errors import ConfigError, ImageError
from pix2style.images import Image8, read_picture, resize, to_batch
from pix2style.nets.features import FeatureNetwork
from pix2style.teachers.style import StyleBlend, style_blends


def training_styles(config: Config) -> list[StyleBlend]:
    """The paintings of `pairs.style` or `pairs.styles` that this experiment learns, in the order of its style ids.

    Raises:
        ConfigError: there are none, their number is not `model.styles`, or one is to be painted at less than full
            strength, which only a teacher can do.
    """
    blends = style_blends(config.pairs)
    if not blends:
        raise ConfigError(
            "[pairs -> style] losses.style.to: painting, and painting_weight, need one: set pairs.style to its file"
        )
    if config.model.styles > 1:
        if len(blends) != config.model.styles:
            raise ConfigError(
                f"[pairs -> styles] losses.style.to: painting needs one for each style: {len(blends)} for"
                f" model.styles {config.model.styles}"
            )
    elif len(blends) > 1:
        blends = [_chosen(blends, config.pairs.learn_style)]
    for blend in blends:
        if blend.strength != 1:
            raise ConfigError(
                f"[pairs -> styles] {blend.name} has strength {blend.strength}, and losses.style.to: painting knows"
                " only the whole style: set its strength to 1, or losses.style.to: target"
            )
    return blends


def _chosen(blends: list[StyleBlend], wanted: int | None) -> StyleBlend:
    if wanted is None or wanted >= len(blends):
        known = ", ".join(f"{place} ({blend.name})" for place, blend in enumerate(blends))
        raise ConfigError(f"[pairs -> learn_style] losses.style.to: painting needs one of the styles {known}: set it")
    return blends[wanted]


class StyleGrams(nn.Module):
    """Gram matrices of each style, computed once.

    Args:
        features: gives the layers.
        layers: whose Gram matrices are kept.
        styles: paintings and their shares.
        side_px: of the paintings' shorter side when they are looked at.

    Raises:
        ConfigError: a painting cannot be read, or is too small for the network; names `pairs.style`.
    """

    def __init__(
        self, features: FeatureNetwork, layers: Sequence[str], styles: Sequence[StyleBlend], side_px: int
    ) -> None:
        super().__init__()
        self._layers = tuple(layers)
        each = [_style_grams(features, self._layers, blend, side_px) for blend in styles]
        for layer in self._layers:
            # not persistent: they are computed from the paintings again
            self.register_buffer(layer, torch.cat([one[layer] for one in each]), persistent=False)

    def forward(self, style: Tensor | None) -> dict[str, Tensor]:
        """Gram matrices for a batch: layer -> [batch or 1, channels, channels].

        Args:
            style: [batch, styles], how much of each style; None where there is only one.

        Raises:
            ValueError: None where there are several, or another number of styles.
        """
        known = {layer: self.get_buffer(layer) for layer in self._layers}
        styles = len(next(iter(known.values())))
        if style is None and styles == 1:
            return known
        if style is None or style.shape[-1] != styles:
            raise ValueError(f"style must be [batch, {styles}], got {None if style is None else list(style.shape)}")
        with torch.autocast(style.device.type, enabled=False):
            return {layer: torch.einsum("bs,scd->bcd", style.float(), one) for layer, one in known.items()}


@torch.no_grad()
def _style_grams(features: FeatureNetwork, layers: Sequence[str], blend: StyleBlend, side_px: int) -> dict[str, Tensor]:
    """Layer -> [1, channels, channels]: the weighted mean over a style's paintings."""
    sums: dict[str, Tensor] = {}
    device = next(features.parameters()).device
    for path, share in zip(blend.paintings, blend.normalized_weights, strict=True):
        pixels = torch.from_numpy(to_batch([_painting(path, side_px)])).to(device)
        for layer, one in losses.grams(features(pixels), layers).items():
            sums[layer] = sums[layer] + share * one if layer in sums else share * one
    return sums


def _painting(path: Path, side_px: int) -> Image8:
    try:
        picture = read_picture(path).on_white()
    except ImageError as error:
        raise ConfigError(f"[pairs -> style] the painting cannot be used: {error}") from error
    height, width = picture.shape[:2]
    scale = side_px / min(height, width)
    return resize(picture, max(side_px, round(height * scale)), max(side_px, round(width * scale)))
