"""The table of loss terms: the named summands of the generator's loss.

To add a loss, add its weight to `config/losses.py` and a row to `TERMS`. Write its function in this file, or in
`pix2style.losses` if it is used outside of training as well.
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
        name: Name in metrics.jsonl, after the prefix `generator/`.
        weight: Function that reads the weight from the section `losses`. A term of weight 0 is not computed.
        function: Function that computes the term, a scalar in float32, from the tensors of a step.
        needs: Network that `function` uses, which decides in which steps the term is computed. "discriminator": after
            `losses.adversarial.start_images`. "features": after `losses.features.start_images`, in every n-th step and
            with n times its weight, where n is `losses.features.every`. "motion": likewise with
            `losses.consistency`; it is the generator itself, which runs on moved photos. None: in every step.
        ramped: Whether the weight grows linearly over `losses.adversarial.ramp_images`.
    """

    name: str
    weight: Callable[[LossesConfig], float]
    function: Callable[[StepTensors], Tensor]
    needs: Literal["discriminator", "features", "motion"] | None = None
    ramped: bool = False


def _adversarial(step: StepTensors) -> Tensor:
    kind = step.config.adversarial.kind
    fake_logits = [scale[-1] for scale in step.output_scales]
    # The other kinds do not use the logits of the target. Not reading them saves a pass of the discriminator.
    real_logits = [scale[-1] for scale in step.target_scales] if kind == "relativistic" else [None] * len(fake_logits)
    by_scale = [
        losses.adversarial_generator(kind, fake, real) for fake, real in zip(fake_logits, real_logits, strict=True)
    ]
    return torch.stack(by_scale).mean()


def _perceptual(step: StepTensors) -> Tensor:
    layers = step.config.perceptual.layers
    return losses.perceptual(step.output_features, step.target_features, layers)


def _style(step: StepTensors) -> Tensor:
    return _style_to_painting(step) if step.config.style.to == "painting" else _style_to_target(step)


def _style_to_target(step: StepTensors) -> Tensor:
    return _gram_distance(step.config)(step.output_grams, step.target_grams, step.config.style.layers)


def _style_to_painting(step: StepTensors) -> Tensor:
    return _gram_distance(step.config)(step.output_grams, step.painting_grams, step.config.style.compared_with_painting)


def _gram_distance(config: LossesConfig) -> Callable[..., Tensor]:
    return losses.relative_gram_distance if config.style.distance == "relative" else losses.gram_distance


def _content(step: StepTensors) -> Tensor:
    return losses.content(step.output_features, step.content_features, step.config.content.layers)


def _consistency(step: StepTensors) -> Tensor:
    # The gradient of a resampling by a flow is summed in any order on a GPU, and a resumed run would differ. Gradients
    # through the other output alone have the same mean, with more noise.
    output = step.output.detach() if step.config.consistency.flow_px else step.output
    return losses.consistency(step.output_after_motion, step.motion.move(output), step.motion.margin_px)


# The terms are summed in this order; another order would change the last digits of the total.
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
    LossTerm("painting_style", lambda config: config.style.painting_weight, _style_to_painting, needs="features"),
    LossTerm("content", lambda config: config.content.weight, _content, needs="features"),
    LossTerm("consistency", lambda config: config.consistency.weight, _consistency, needs="motion"),
)
