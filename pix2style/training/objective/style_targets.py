"""Gram matrices of the paintings, for style losses that compare with the painting instead of the target."""

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
    """Return the styles of `pairs.style` or `pairs.styles` that an experiment learns, in the order of its style ids.

    Raises:
        ConfigError: There are none, their number is not `model.styles`, or one has a strength below 1, which only a
            teacher can apply.
    """
    blends = style_blends(config.pairs)
    if not blends:
        raise ConfigError(
            "[pairs -> style] losses.style.to: painting and losses.style.painting_weight compare with a painting: set"
            " pairs.style to its file"
        )
    if config.model.styles > 1:
        if len(blends) != config.model.styles:
            raise ConfigError(
                f"[pairs -> styles] names {len(blends)} styles, but model.styles is {config.model.styles}: to compare"
                " with paintings, make them the same number"
            )
    elif len(blends) > 1:
        blends = [_learned_style(blends, config.pairs.learn_style)]
    for blend in blends:
        if blend.strength != 1:
            raise ConfigError(
                f"[pairs -> styles] {blend.name} has strength {blend.strength}, but losses that compare with the"
                " painting know only full strength: set its strength to 1, or losses.style.to: target"
            )
    return blends


def _learned_style(blends: list[StyleBlend], style_id: int | None) -> StyleBlend:
    if style_id is None or style_id >= len(blends):
        choices = ", ".join(f"{i} ({blend.name})" for i, blend in enumerate(blends))
        raise ConfigError(f"[pairs -> learn_style] to compare with a painting, set it to one of the styles {choices}")
    return blends[style_id]


class StyleGrams(nn.Module):
    """Gram matrices of each style, computed once.

    Args:
        feature_network: Network whose activations are compared.
        layers: Names of its layers to compute Gram matrices of.
        styles: Paintings of each style, and their shares.
        side_px: Length in pixels to which the shorter side of each painting is resized
            (`losses.style.painting_side_px`).

    Raises:
        ConfigError: A painting cannot be read; the message names `pairs.style`.
    """

    def __init__(
        self, feature_network: FeatureNetwork, layers: Sequence[str], styles: Sequence[StyleBlend], side_px: int
    ) -> None:
        super().__init__()
        self._layers = tuple(layers)
        by_style = [_style_grams(feature_network, self._layers, blend, side_px) for blend in styles]
        for layer in self._layers:
            # Not persistent, because resuming computes them from the paintings again.
            self.register_buffer(layer, torch.cat([grams[layer] for grams in by_style]), persistent=False)

    def forward(self, style: Tensor | None) -> dict[str, Tensor]:
        """Return the Gram matrices of each image's style: layer -> [batch or 1, channels, channels].

        Args:
            style: Weight of each style, [batch, styles]; may be None if there is one style only.

        Raises:
            ValueError: `style` is None although there are several styles, or has another number of styles.
        """
        grams = {layer: self.get_buffer(layer) for layer in self._layers}
        styles = len(next(iter(grams.values())))
        if style is None and styles == 1:
            return grams
        if style is None or style.shape[-1] != styles:
            raise ValueError(f"style must be [batch, {styles}], got {None if style is None else list(style.shape)}")
        with torch.autocast(style.device.type, enabled=False):
            return {layer: torch.einsum("bs,scd->bcd", style.float(), gram) for layer, gram in grams.items()}


@torch.no_grad()
def _style_grams(
    feature_network: FeatureNetwork, layers: Sequence[str], blend: StyleBlend, side_px: int
) -> dict[str, Tensor]:
    """Mean of the Gram matrices of a style's paintings, weighted by their shares: layer -> [1, channels, channels]."""
    sums: dict[str, Tensor] = {}
    device = next(feature_network.parameters()).device
    for path, share in zip(blend.paintings, blend.normalized_weights, strict=True):
        painting = torch.from_numpy(to_batch([_read_painting(path, side_px)])).to(device)
        for layer, gram in losses.grams(feature_network(painting), layers).items():
            sums[layer] = sums[layer] + share * gram if layer in sums else share * gram
    return sums


def _read_painting(path: Path, side_px: int) -> Image8:
    """Read a painting and resize its shorter side to `side_px`."""
    try:
        picture = read_picture(path).on_white()
    except ImageError as error:
        raise ConfigError(f"[pairs -> style] the painting cannot be used: {error}") from error
    height, width = picture.shape[:2]
    scale = side_px / min(height, width)
    return resize(picture, max(side_px, round(height * scale)), max(side_px, round(width * scale)))
