"""The section `losses`: what the generator is asked for, and how much of each."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from pix2style.config.section import Section


class AdversarialConfig(Section):
    """Fool the discriminator."""

    weight: float = Field(1.0, ge=0)
    """0: no discriminator is built or trained."""
    kind: Literal["bce", "lsgan", "hinge"] = "lsgan"
    """bce: the 2017 recipe's; lsgan: least squares (Mao et al. 2017); hinge (Lim and Ye 2017)."""
    start_images: int = Field(0, ge=0)
    """Training pictures seen before the game begins; until then only the other losses teach."""


class PerceptualConfig(Section):
    """L1 distance of a network's activations, layer by layer."""

    weight: float = Field(1.0, ge=0)
    """0: not computed, and no network is loaded."""
    network: Literal["vgg19", "autoencoder"] = "vgg19"
    """vgg19: trained on ImageNet; autoencoder: a small one of our own (`weights` is then its file)."""
    weights: Path | None = None
    """A safetensors file; for vgg19, nothing means torchvision's, downloaded once."""
    layers: dict[str, float] = Field(
        default_factory=lambda: {
            "relu1_1": 1 / 32,
            "relu2_1": 1 / 16,
            "relu3_1": 1 / 8,
            "relu4_1": 1 / 4,
            "relu5_1": 1.0,
        }
    )
    """Layers by name and their weights; the default is pix2pixHD's."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.weight > 0 and not self.layers:
            raise ValueError("layers is empty: name at least one layer, or set weight: 0")
        if self.weight > 0 and self.network == "autoencoder" and self.weights is None:
            raise ValueError("network: autoencoder needs weights (the file that it was saved to)")
        return self


class LossesConfig(Section):
    """The generator's loss is the weighted sum; a weight of 0 means not computed."""

    l1: float = Field(100.0, ge=0)
    """Mean absolute difference from the target in [-1, 1]; 100 is the 2017 recipe's."""
    adversarial: AdversarialConfig = AdversarialConfig()
    """The GAN's part."""
    perceptual: PerceptualConfig = PerceptualConfig()
    """The feature network's part."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.l1 + self.adversarial.weight + self.perceptual.weight == 0:
            raise ValueError("every weight is 0: nothing would be learned")
        return self
