"""The table of loss terms: the named summands of the generator's loss.

A new loss is a weight in `config/losses.py` and a row in `TERMS`. Its function may stand in this file; one that is used
elsewhere as well belongs in `pix2style.losses`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from pix2style import losses
from pix2style.config.losses import LossesConfig
from pix2style.training.objective.step_tensors import StepTensors


@dataclass(frozen=True, slots=True)
class LossTerm:
    """One summand of the generator's loss.

    Attributes:
        name: Name in metrics.jsonl, where `generator/` stands before it.
        weight: Reads the weight from the section `losses`. A term is not computed while its weight is 0.
        function: Computes the term, a scalar in float32, from the tensors of a step.
        needs: Network that `function` runs through `StepTensors`. It decides in which steps the term is computed:
            "discriminator": in those after `losses.adversarial.start_images`; "features": in those that
            `losses.features` names, with its weight multiplied by `losses.features.every`; None: in every step.
        ramped: Whether the weight grows over `losses.adversarial.ramp_images`.
    """

    name: str
    weight: Callable[[LossesConfig], float]
    function: Callable[[StepTensors], Tensor]
    needs: Literal["discriminator", "features"] | None = None
    ramped: bool = False


def _adversarial(tensors: StepTensors) -> Tensor:
    kind = tensors.config.adversarial.kind
    fake_logits = [scale[-1] for scale in tensors.output_scales]
    # The other kinds have no use for the target's logits, and then the discriminator need not run on the target.
    real_logits = (
        [scale[-1] for scale in tensors.target_scales] if kind == "relativistic" else [None] * len(fake_logits)
    )
    by_scale = [
        losses.adversarial_generator(kind, fake, real) for fake, real in zip(fake_logits, real_logits, strict=True)
    ]
    return torch.stack(by_scale).mean()


def _perceptual(tensors: StepTensors) -> Tensor:
    layers = tensors.config.perceptual.layers
    return losses.perceptual(tensors.output_features, tensors.target_features, layers)


def _style(tensors: StepTensors) -> Tensor:
    return _distance_to_painting(tensors) if tensors.config.style.to == "painting" else _distance_to_target(tensors)


def _distance_to_target(tensors: StepTensors) -> Tensor:
    return _gram_distance(tensors.config)(tensors.output_grams, tensors.target_grams, tensors.config.style.layers)


def _distance_to_painting(tensors: StepTensors) -> Tensor:
    return _gram_distance(tensors.config)(tensors.output_grams, tensors.painting_grams, tensors.config.style.layers)


def _gram_distance(config: LossesConfig) -> Callable[..., Tensor]:
    return losses.relative_gram_distance if config.style.distance == "relative" else losses.gram_distance


def _content(tensors: StepTensors) -> Tensor:
    return losses.content(tensors.output_features, tensors.content_features, tensors.config.content.layers)


# The terms are summed in this order, which decides the last digits of the total.
TERMS: tuple[LossTerm, ...] = (
    LossTerm("l1", lambda config: config.l1, lambda step: losses.l1(step.output, step.target)),
    LossTerm(
        "charbonnier", lambda config: config.charbonnier, lambda step: losses.charbonnier(step.output, step.target)
    ),
    LossTerm("mse", lambda config: config.mse, lambda step: losses.mse(step.output, step.target)),
    LossTerm("ms_ssim", lambda config: config.ms_ssim, lambda step: losses.ms_ssim(step.output, step.target)),
    LossTerm("color", lambda config: config.color, lambda step: losses.color(step.output, step.target)),
    LossTerm(
        "total_variation", lambda config: config.total_variation, lambda step: losses.total_variation(step.output)
    ),
    LossTerm("adversarial", lambda config: config.adversarial.weight, _adversarial, needs="discriminator", ramped=True),
    LossTerm(
        "feature_matching",
        lambda config: config.feature_matching,
        lambda step: losses.feature_matching(step.output_scales, step.target_scales),
        needs="discriminator",
    ),
    LossTerm("perceptual", lambda config: config.perceptual.weight, _perceptual, needs="features"),
    LossTerm("style", lambda config: config.style.weight, _style, needs="features"),
    LossTerm("painting_style", lambda config: config.style.painting_weight, _distance_to_painting, needs="features"),
    LossTerm("content", lambda config: config.content.weight, _content, needs="features"),
)
