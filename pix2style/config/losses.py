"""The section `losses`: what the generator is asked for, and how much of each."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from pix2style.config.section import Section

_PIX2PIXHD_LAYERS = {"relu1_1": 1 / 32, "relu2_1": 1 / 16, "relu3_1": 1 / 8, "relu4_1": 1 / 4, "relu5_1": 1.0}
_PAIRED = ("l1", "charbonnier", "mse", "ms_ssim", "color", "feature_matching")
_JOHNSON_STYLE_LAYERS = {"relu1_2": 1.0, "relu2_2": 1.0, "relu3_3": 1.0, "relu4_3": 1.0}


class FeaturesConfig(Section):
    """The frozen network whose activations the losses perceptual, style and content compare."""

    network: Literal["vgg19", "vgg16", "autoencoder"] = "vgg19"
    """vgg19, vgg16: trained on ImageNet; autoencoder: what train-features made (`weights` is then its file)."""
    weights: Path | None = None
    """A safetensors file; for VGG, nothing means torchvision's, downloaded once."""
    start_images: int = Field(0, ge=0)
    """Training pictures seen before its losses begin; until then pixels alone teach, several times as fast."""
    every: int = Field(1, ge=1, le=64)
    """Compute them in every so many steps only, so many times as strong (lazily, as StyleGAN2 does its regularisation):
    for a small generator the feature network is most of a step."""


class AdversarialConfig(Section):
    """Fool the discriminator."""

    weight: float = Field(1.0, ge=0)
    """0: no discriminator is built or trained."""
    kind: Literal["bce", "lsgan", "hinge", "relativistic"] = "lsgan"
    """bce: the 2017 recipe's; lsgan: least squares (Mao et al. 2017); hinge (Lim and Ye 2017); relativistic: each
    generated picture against the teacher's (R3GAN, Huang et al. 2024), which wants r1 and r2."""
    start_images: int = Field(0, ge=0)
    """Training pictures seen before the game begins; until then only the other losses teach."""
    ramp_images: int = Field(0, ge=0)
    """Pictures over which the weight then grows linearly from 0 to its full value."""
    r1: float = Field(0.0, ge=0)
    """Weight of the discriminator's squared gradient at the teacher's pictures; 0: not computed."""
    r2: float = Field(0.0, ge=0)
    """The same at the generator's pictures."""


class PerceptualConfig(Section):
    """L1 distance to the target's activations, layer by layer."""

    weight: float = Field(1.0, ge=0)
    """0: not computed."""
    layers: dict[str, float] = Field(default_factory=lambda: dict(_PIX2PIXHD_LAYERS))
    """Layers by name and their weights; the default is pix2pixHD's."""


class StyleLossConfig(Section):
    """Distance of Gram matrices."""

    weight: float = Field(0.0, ge=0)
    """0: not computed."""
    to: Literal["target", "painting"] = "target"
    """target: the teacher's picture of the same photo; painting: the style picture itself (`pairs.style`)."""
    painting_weight: float = Field(0.0, ge=0)
    """How much of the distance to the style picture there is besides that to the target; 0: not computed. A teacher's
    pictures are themselves some way from the painting."""
    distance: Literal["squared", "relative"] = "squared"
    """squared: Johnson's, which grows with the activations; relative: to the size of the target's own matrices, as eval
    measures it: a weight then means the same for every network, layer and painting."""
    layers: dict[str, float] = Field(default_factory=lambda: dict(_JOHNSON_STYLE_LAYERS))
    """Layers by name and their weights."""
    painting_side_px: int = Field(256, ge=32, le=4096)
    """The painting's shorter side when its Gram matrices are taken: larger makes larger strokes."""

    @property
    def compares_targets(self) -> bool:
        """Whether the teacher's pictures are looked at."""
        return self.weight > 0 and self.to == "target"

    @property
    def compares_paintings(self) -> bool:
        """Whether the paintings are looked at."""
        return self.painting_weight > 0 or (self.weight > 0 and self.to == "painting")

    @property
    def is_active(self) -> bool:
        """Whether anything is."""
        return self.compares_targets or self.compares_paintings

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.painting_weight > 0 and self.to == "painting":
            raise ValueError("to: painting is that distance already: set weight alone, and painting_weight: 0")
        return self


class ContentLossConfig(Section):
    """Mean squared difference from the photo's own activations (Johnson et al. 2016)."""

    weight: float = Field(0.0, ge=0)
    """0: not computed."""
    layers: dict[str, float] = Field(default_factory=lambda: {"relu2_2": 1.0})
    """Layers by name and their weights."""


class BalanceConfig(Section):
    """Dynamic weighting: the style's part follows the content's, so that neither is drowned."""

    style_to_content: float | None = Field(None, gt=0)
    """Keep weighted style this many times weighted content (running means); nothing: fixed weights. It holds the part
    of style.weight; that of style.painting_weight stays as it is."""
    halflife_images: int = Field(1_000, ge=1)
    """Half-life of the running means in pictures seen."""


class LossesConfig(Section):
    """The generator's loss is the weighted sum; a weight of 0 means not computed."""

    l1: float = Field(100.0, ge=0)
    """Mean absolute difference from the target in [-1, 1]; 100 is the 2017 recipe's."""
    charbonnier: float = Field(0.0, ge=0)
    """Smooth L1: mean of sqrt(difference^2 + 1e-6) (Lai et al. 2017)."""
    mse: float = Field(0.0, ge=0)
    """Mean squared difference from the target in [-1, 1]."""
    ms_ssim: float = Field(0.0, ge=0)
    """1 - multi-scale structural similarity to the target (Wang et al. 2003)."""
    color: float = Field(0.0, ge=0)
    """Difference of colours from the target, brightness and texture left out."""
    total_variation: float = Field(0.0, ge=0)
    """Mean absolute difference of neighbouring pixels of the output."""
    feature_matching: float = Field(0.0, ge=0)
    """L1 distance of the discriminator's activations for output and target (pix2pixHD)."""
    features: FeaturesConfig = FeaturesConfig()
    """The network of the losses perceptual, style and content."""
    adversarial: AdversarialConfig = AdversarialConfig()
    """The GAN's part."""
    perceptual: PerceptualConfig = PerceptualConfig()
    """Activations like the target's."""
    style: StyleLossConfig = StyleLossConfig()
    """Textures and colours like the target's or the painting's."""
    content: ContentLossConfig = ContentLossConfig()
    """Activations like the photo's."""
    balance: BalanceConfig = BalanceConfig()
    """Style against content."""

    @property
    def paired_keys(self) -> tuple[str, ...]:
        """The losses that are computed and compare with the teacher's pictures, by their keys."""
        keys = [f"losses.{name}" for name in _PAIRED if getattr(self, name) > 0]
        keys += [f"losses.{name}" for name in ("adversarial", "perceptual") if getattr(self, name).weight > 0]
        if self.style.compares_targets:
            keys.append("losses.style (to: target)")
        return tuple(keys)

    @property
    def needs_targets(self) -> bool:
        """Whether a loss compares with the teacher's pictures."""
        return bool(self.paired_keys)

    @property
    def needs_features(self) -> bool:
        """Whether the feature network is used."""
        return self.perceptual.weight > 0 or self.style.is_active or self.content.weight > 0

    @property
    def is_active(self) -> bool:
        """Whether anything is computed."""
        return self.needs_targets or self.needs_features or self.total_variation > 0

    @property
    def feature_layers(self) -> tuple[str, ...]:
        """All layers that are compared, each once."""
        wanted = [one.layers for one in (self.perceptual, self.content) if one.weight > 0]
        wanted += [self.style.layers] if self.style.is_active else []
        return tuple(dict.fromkeys(name for layers in wanted for name in layers))

    @model_validator(mode="after")
    def _check(self) -> Self:
        asked = {"perceptual": self.perceptual.weight, "style": self.style.is_active, "content": self.content.weight}
        for name, is_active in asked.items():
            if is_active and not getattr(self, name).layers:
                weights = "weight and style.painting_weight" if name == "style" else "weight"
                raise ValueError(f"{name}.layers is empty: name at least one layer, or set {name}.{weights}: 0")
        if self.needs_features and self.features.network == "autoencoder" and self.features.weights is None:
            raise ValueError("features.network: autoencoder needs features.weights (the file that it was saved to)")
        if self.feature_matching > 0 and self.adversarial.weight == 0:
            raise ValueError("feature_matching compares the discriminator's activations: set adversarial.weight too")
        if self.balance.style_to_content is not None and (self.features.every > 1 or self.features.start_images):
            raise ValueError(
                "balance.style_to_content needs both in every step: set features.every: 1, features.start_images: 0"
            )
        if self.balance.style_to_content is not None and not (self.style.weight > 0 and self.content.weight > 0):
            raise ValueError("balance.style_to_content needs style.weight and content.weight")
        return self
