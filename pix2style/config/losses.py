"""The section `losses`: the terms of the training loss and their weights."""

from __future__ import annotations

import math
from typing import Literal, Self

from pydantic import Field, model_validator

from pix2style.config.consistency import ConsistencyConfig
from pix2style.config.late_start import check_one_start
from pix2style.config.paths import UserPath
from pix2style.config.section import Section

_PIX2PIXHD_LAYERS = {"relu1_1": 1 / 32, "relu2_1": 1 / 16, "relu3_1": 1 / 8, "relu4_1": 1 / 4, "relu5_1": 1.0}
_JOHNSON_STYLE_LAYERS = {"relu1_2": 1.0, "relu2_2": 1.0, "relu3_3": 1.0, "relu4_3": 1.0}
# Losses that compare the output with the target. Style is not among them, because it depends on `style.to`.
_LOSSES_WITH_TARGET = ("l1", "charbonnier", "mse", "ms_ssim", "color", "feature_matching", "adversarial", "perceptual")


class FeaturesConfig(Section):
    """The pretrained, frozen network whose features the losses perceptual, style and content compare."""

    network: Literal["vgg19", "vgg16", "autoencoder"] = "vgg19"
    """vgg19, vgg16: trained on ImageNet; autoencoder: trained with `pix2style train-features`, needs `weights`."""
    weights: UserPath | None = None
    """Safetensors file with the weights of the network. null (VGG only): those of torchvision if they were downloaded
    before, else those of extra `vgg` if it is installed (vgg19 only), else download those of torchvision once (548
    MB)."""
    start_images: int = Field(0, ge=0)
    """Number of training images after which the losses on features begin. Until then, steps without the feature network
    are several times as fast."""
    start_share: float | None = Field(None, ge=0, le=1)
    """The same as a share of the training, by images or by minutes, in place of `start_images`: 0.5 is the half. Losses
    that have begun stay when a run is resumed with a longer training."""
    every: int = Field(1, ge=1, le=64)
    """Compute the losses on features only in every n-th step, with n times their weight (as StyleGAN2's lazy
    regularisation). Saves time for a small generator, where the feature network takes most of a step."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_one_start(self)
        return self


class AdversarialConfig(Section):
    """The adversarial loss (GAN): a discriminator learns to tell outputs from targets, the generator to fool it."""

    weight: float = Field(1.0, ge=0)
    """Weight of the adversarial loss; 0: train without a discriminator."""
    kind: Literal["bce", "lsgan", "hinge", "relativistic"] = "lsgan"
    """bce: cross-entropy, as in pix2pix; lsgan: least squares (Mao et al. 2017); hinge (Lim and Ye 2017); relativistic:
    the logit of each output relative to that of its target (R3GAN, Huang et al. 2024), to be used with r1 and r2."""
    start_images: int = Field(0, ge=0)
    """Number of training images after which discriminator and adversarial loss begin."""
    start_share: float | None = Field(None, ge=0, le=1)
    """The same as a share of the training, by images or by minutes, in place of `start_images`."""
    ramp_images: int = Field(0, ge=0)
    """Number of training images after `start_images` over which the weight grows linearly from 0 to its full value."""
    ramp_share: float = Field(0.0, ge=0, le=1)
    """The same as a share of the training, after `start_share`; in place of `ramp_images`."""
    r1: float = Field(0.0, ge=0)
    """Weight of the gradient penalty of the discriminator at targets (Mescheder et al. 2018); 0: none."""
    r2: float = Field(0.0, ge=0)
    """Weight of the gradient penalty of the discriminator at outputs; 0: none."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_one_start(self)
        if self.ramp_images and (self.ramp_share or self.start_share is not None):
            raise ValueError("ramp_images goes with start_images: set ramp_share instead, or leave out start_share")
        if self.ramp_share and self.start_images:
            raise ValueError("ramp_share goes with start_share: set start_share instead of start_images")
        return self


class PerceptualConfig(Section):
    """The perceptual loss: L1 distance between the features of output and target (pix2pixHD)."""

    weight: float = Field(1.0, ge=0)
    """Weight of the perceptual loss; 0: not computed."""
    layers: dict[str, float] = Field(default_factory=lambda: dict(_PIX2PIXHD_LAYERS))
    """Layers of the feature network to compare, each with its weight; the default is that of pix2pixHD."""

    @property
    def is_active(self) -> bool:
        """Whether the loss is computed."""
        return self.weight > 0


class StyleLossConfig(Section):
    """The style loss: distance between Gram matrices of features."""

    weight: float = Field(0.0, ge=0)
    """Weight of the style loss; 0: not computed."""
    to: Literal["target", "painting"] = "target"
    """What the output is compared with. target: the teacher's image of the same photo; painting: the style image of
    `pairs.style` or `pairs.styles`."""
    painting_weight: float = Field(0.0, ge=0)
    """Weight of a second style loss, to the painting, besides the one to the target; 0: not computed. It pulls the
    output towards the painting, and away from the targets."""
    distance: Literal["squared", "relative"] = "squared"
    """squared: squared Frobenius norm of the difference (Johnson et al. 2016), which grows with the size of the
    activations; relative: Frobenius norm of the difference divided by that of the compared matrix, as `pix2style eval`
    measures style, so that a weight means the same for every network, layer and painting."""
    layers: dict[str, float] = Field(default_factory=lambda: dict(_JOHNSON_STYLE_LAYERS))
    """Layers of the feature network to compare, each with its weight; the default is that of Johnson et al. (2016)."""
    painting_layers: dict[str, float] | None = None
    """Layers, with weights, of the second style loss, to the painting; null: those of `layers`. Layers up to relu5_1
    hold larger patterns of the painting, but need the whole VGG."""
    painting_side_px: int = Field(256, ge=32, le=4096)
    """Length in pixels to which the shorter side of the painting is resized before its Gram matrices are computed; a
    larger painting gives larger strokes. 256 is the size at which the teacher `magenta` sees the painting, and so the
    size of the strokes in its images."""

    @property
    def compares_targets(self) -> bool:
        """Whether a style loss compares with targets."""
        return self.weight > 0 and self.to == "target"

    @property
    def compares_paintings(self) -> bool:
        """Whether a style loss compares with paintings."""
        return self.painting_weight > 0 or (self.weight > 0 and self.to == "painting")

    @property
    def is_active(self) -> bool:
        """Whether any style loss is computed."""
        return self.compares_targets or self.compares_paintings

    @property
    def compared_with_painting(self) -> dict[str, float]:
        """Layers in which the output is compared with the painting, each with its weight; empty if it is not."""
        if self.painting_weight > 0 and self.painting_layers is not None:
            return self.painting_layers
        return self.layers if self.compares_paintings else {}

    @property
    def compared_layers(self) -> tuple[str, ...]:
        """Names of all layers that active style losses compare, without duplicates."""
        of_targets = self.layers if self.compares_targets else {}
        return tuple(dict.fromkeys((*of_targets, *self.compared_with_painting)))

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.painting_weight > 0 and self.to == "painting":
            raise ValueError(
                "to: painting already compares with the painting: set weight to the sum of both, and painting_weight: 0"
            )
        if self.painting_layers is not None and not self.painting_layers:
            raise ValueError("painting_layers is empty: name at least one layer, or null for those of layers")
        return self


class ContentLossConfig(Section):
    """The content loss: mean squared difference between the features of output and photo (Johnson et al. 2016)."""

    weight: float = Field(0.0, ge=0)
    """Weight of the content loss; 0: not computed."""
    layers: dict[str, float] = Field(default_factory=lambda: {"relu2_2": 1.0})
    """Layers of the feature network to compare, each with its weight."""

    @property
    def is_active(self) -> bool:
        """Whether the loss is computed."""
        return self.weight > 0


_FeatureLoss = PerceptualConfig | StyleLossConfig | ContentLossConfig


class BalanceConfig(Section):
    """Dynamic loss weighting: scales the style loss so that it keeps a fixed ratio to the content loss."""

    style_to_content: float | None = Field(None, gt=0)
    """Ratio of the weighted style loss to the weighted content loss, as running means; null: fixed weights. The loss of
    `style.painting_weight` is not scaled."""
    halflife_images: int = Field(1_000, ge=1)
    """Half-life of the running means, in training images."""


class LossesConfig(Section):
    """Weights of the loss terms. The loss of the generator is the weighted sum; a term of weight 0 is not computed."""

    l1: float = Field(100.0, ge=0)
    """Weight of the mean absolute difference between output and target in [-1, 1]; pix2pix uses 100."""
    charbonnier: float = Field(0.0, ge=0)
    """Weight of the Charbonnier loss, a smooth L1: mean of sqrt(difference^2 + 1e-6) (Lai et al. 2017)."""
    mse: float = Field(0.0, ge=0)
    """Weight of the mean squared difference between output and target in [-1, 1]."""
    ms_ssim: float = Field(0.0, ge=0)
    """Weight of 1 - MS-SSIM, the multi-scale structural similarity of output and target (Wang et al. 2003)."""
    color: float = Field(0.0, ge=0)
    """Weight of the colour loss: mean absolute difference between the chroma of output and target, averaged over 8x8
    pixels. It ignores brightness and texture."""
    total_variation: float = Field(0.0, ge=0)
    """Weight of the total variation: mean absolute difference between neighbouring pixels of the output."""
    feature_matching: float = Field(0.0, ge=0)
    """Weight of the L1 distance between the discriminator's features of output and target (pix2pixHD)."""
    features: FeaturesConfig = FeaturesConfig()
    """Feature network of the losses perceptual, style and content."""
    adversarial: AdversarialConfig = AdversarialConfig()
    """Adversarial loss (GAN)."""
    perceptual: PerceptualConfig = PerceptualConfig()
    """Perceptual loss: compares the features of output and target."""
    style: StyleLossConfig = StyleLossConfig()
    """Style loss: compares Gram matrices of the output with those of the target or the painting."""
    content: ContentLossConfig = ContentLossConfig()
    """Content loss: compares the features of output and photo."""
    consistency: ConsistencyConfig = ConsistencyConfig()
    """Consistency loss: steadies video."""
    balance: BalanceConfig = BalanceConfig()
    """Dynamic weighting of style against content."""

    @property
    def paired_keys(self) -> tuple[str, ...]:
        """Keys of the active losses that compare with targets, for messages."""
        keys = [f"losses.{name}" for name in _LOSSES_WITH_TARGET if self._weight_of(name) > 0]
        return (*keys, "losses.style (to: target)") if self.style.compares_targets else tuple(keys)

    @property
    def needs_features(self) -> bool:
        """Whether any active loss uses the feature network."""
        return bool(self._active_feature_losses)

    @property
    def is_active(self) -> bool:
        """Whether any loss is computed."""
        weights = [value for _, value in self if isinstance(value, float)]
        sections = (self.adversarial.weight, self.consistency.weight)
        return any(weight > 0 for weight in (*weights, *sections)) or self.needs_features

    @property
    def has_loss_in_every_step(self) -> bool:
        """Whether a loss is computed from the first step on, and in each of them."""
        plain = [value for name, value in self if isinstance(value, float) and name != "feature_matching"]
        adversarial, features, consistency = self.adversarial, self.features, self.consistency
        is_ramped = bool(adversarial.ramp_images or adversarial.ramp_share)  # the weight is 0 in the first step
        sections = (
            (adversarial, self.feature_matching > 0 or (adversarial.weight > 0 and not is_ramped)),
            (features, self.needs_features and features.every == 1),
            (consistency, consistency.is_active and consistency.every == 1),
        )
        at_once = (is_steady for late, is_steady in sections if not (late.start_images or late.start_share))
        return any(weight > 0 for weight in plain) or any(at_once)

    @property
    def period_steps(self) -> int:
        """Number of steps after which the same losses are computed again (`every` of all sections)."""
        features = self.features.every if self.needs_features else 1
        return math.lcm(features, self.consistency.every if self.consistency.is_active else 1)

    @property
    def feature_layers(self) -> tuple[str, ...]:
        """Names of all layers of the feature network that active losses compare, without duplicates."""
        sections = self._active_feature_losses.values()
        by_section = (s.compared_layers if isinstance(s, StyleLossConfig) else s.layers for s in sections)
        return tuple(dict.fromkeys(name for layers in by_section for name in layers))

    @property
    def _active_feature_losses(self) -> dict[str, _FeatureLoss]:
        """Sections of the active losses that compare features, by their keys."""
        sections: dict[str, _FeatureLoss] = {
            "perceptual": self.perceptual,
            "content": self.content,
            "style": self.style,
        }
        return {key: section for key, section in sections.items() if section.is_active}

    def _weight_of(self, name: str) -> float:
        value = getattr(self, name)
        weight: float = value if isinstance(value, float) else value.weight
        return weight

    @model_validator(mode="after")
    def _check(self) -> Self:
        for key, section in self._active_feature_losses.items():
            if not (section.compared_layers if isinstance(section, StyleLossConfig) else section.layers):
                weights = "weight and style.painting_weight" if key == "style" else "weight"
                raise ValueError(f"{key}.layers is empty: name at least one layer, or set {key}.{weights}: 0")
        if self.needs_features and self.features.network == "autoencoder" and self.features.weights is None:
            raise ValueError("features.network: autoencoder needs features.weights, the file from train-features")
        if self.feature_matching > 0 and self.adversarial.weight == 0:
            raise ValueError("feature_matching compares features of the discriminator: set adversarial.weight too")
        if self.balance.style_to_content is not None:
            self._check_balance()
        return self

    def _check_balance(self) -> None:
        if self.features.every > 1 or self.features.start_images or self.features.start_share:
            raise ValueError(
                "balance.style_to_content needs style and content in every step: set features.every: 1 and"
                " features.start_images: 0 (or start_share: null)"
            )
        if not (self.style.weight > 0 and self.content.weight > 0):
            raise ValueError("balance.style_to_content needs style.weight and content.weight above 0")
