"""Gram matrices of the paintings, for style losses that compare with the painting instead of the target."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pix2style import losses
from pix2style.errors import ArtifactError, ConfigError, ImageError
from pix2style.files import sha256_json
from pix2style.images import Image8, resize_shorter_side, to_batch
from pix2style.nets.features import FeatureNetwork
from pix2style.teachers.style import StyleBlend, read_painting


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
        by_style, digests = [], []
        for blend in styles:
            paintings, file_digests = _read_paintings(blend)
            digests.append(file_digests)
            resized = [resize_shorter_side(painting, side_px) for painting in paintings]
            by_style.append(_style_grams(feature_network, self._layers, resized, blend.normalized_weights))
        self._paintings_sha256 = sha256_json(digests)
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

    def resume_state(self) -> dict[str, Tensor]:
        """Return what a checkpoint must hold to resume exactly: the digest of the paintings' files."""
        return {"paintings": torch.tensor(list(bytes.fromhex(self._paintings_sha256)), dtype=torch.uint8)}

    def load_resume_state(self, state: dict[str, Tensor]) -> None:
        """Check that the paintings are those of the run. Checkpoints of version 0.1.0 do not name them.

        Raises:
            ArtifactError: A painting has changed since the run began.
        """
        if "paintings" in state and bytes(state["paintings"].tolist()).hex() != self._paintings_sha256:
            raise ArtifactError(
                "[pairs -> style] a painting has changed since this run began: name the same file, or start a new run"
                " in another --out"
            )


@torch.no_grad()
def _style_grams(
    feature_network: FeatureNetwork, layers: Sequence[str], paintings: Sequence[Image8], shares: Sequence[float]
) -> dict[str, Tensor]:
    """Mean of the Gram matrices of a style's paintings, weighted by their shares: layer -> [1, channels, channels]."""
    sums: dict[str, Tensor] = {}
    device = next(feature_network.parameters()).device
    for image, share in zip(paintings, shares, strict=True):
        painting = torch.from_numpy(to_batch([image])).to(device)
        for layer, gram in losses.grams(feature_network(painting), layers).items():
            sums[layer] = sums[layer] + share * gram if layer in sums else share * gram
    return sums


def _read_paintings(blend: StyleBlend) -> tuple[list[Image8], list[str]]:
    """Return the paintings of a style and the digests of their files."""
    try:
        paintings = [read_painting(path) for path in blend.paintings]
    except ImageError as error:
        raise ConfigError(f"[pairs -> style] the painting cannot be used: {error}") from error
    return [image for image, _ in paintings], [digest for _, digest in paintings]
