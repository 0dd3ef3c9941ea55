"""What is learned: from pictures to losses, as the section `losses` says. Each network is run once per picture."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn

from pix2style import losses
from pix2style.config import Config
from pix2style.config.losses import LossesConfig
from pix2style.nets.features import FeatureNetwork
from pix2style.runs.networks import load_feature_network
from pix2style.teachers.style import StyleBlend
from pix2style.training.batch import PairBatch
from pix2style.training.objective.balance import Balance
from pix2style.training.objective.diff_augment import Look, draw_augmentation
from pix2style.training.objective.distillation import Distiller
from pix2style.training.objective.style_targets import StyleGrams, training_styles
from pix2style.training.objective.terms import DiscriminatorLosses, GeneratorLosses

__all__ = ["DiscriminatorLosses", "GeneratorLosses", "Objective", "build_objective"]

Scales = Sequence[Sequence[Tensor]]


class Objective(nn.Module):
    """The losses of generator and discriminator, and what they need besides: frozen, but for a distiller's maps.

    Args:
        config: the section `losses`.
        features: the network of perceptual, style and content; None if none of them is computed.
        paintings: None unless the style's part compares with them.
        look: how the discriminator's view is varied (`train.augment.discriminator`).
        batch: pictures in a step (`train.batch`), by which `features.every` counts steps.
        distiller: a trained generator that teaches as well; None: there is none.

    Attributes:
        features, distiller: as given.
    """

    def __init__(
        self,
        config: LossesConfig,
        features: FeatureNetwork | None = None,
        paintings: StyleGrams | None = None,
        look: Sequence[str] = (),
        batch: int = 1,
        *,
        distiller: Distiller | None = None,
    ) -> None:
        super().__init__()
        self._batch = batch
        self.distiller = distiller
        self._config, self._look = config, tuple(look)
        self.features, self._paintings = features, paintings
        ratio = config.balance.style_to_content
        self._balance = Balance(ratio, config.balance.halflife_images) if ratio is not None else None

    def adversarial_active(self, images_seen: int) -> bool:
        """Whether the discriminator learns, and the generator against it, in the step after so many pictures."""
        adversarial = self._config.adversarial
        return adversarial.weight > 0 and images_seen >= adversarial.start_images

    def generator_losses(
        self, output: Tensor, batch: PairBatch, discriminator: nn.Module | None, *, images_seen: int
    ) -> GeneratorLosses:
        """What the generator is to lower.

        Args:
            output: its pictures [batch, 3, height, width] in [-1, 1].
            batch: the photos that they were painted from, and the teacher's pictures of them.
            discriminator: judges them; None: the parts that need it are left out, as before the game begins.
            images_seen: training pictures before this step.

        Raises:
            ValueError: a loss compares with the teacher's pictures, and the batch has none.
        """
        parts = self._compared(output, batch)
        if discriminator is not None and self.adversarial_active(images_seen):
            parts |= self._judged(output, batch, discriminator, images_seen)
        if self.features is not None and self._feels(images_seen):
            parts |= self._felt(output, batch, self.features)
        if self.distiller is not None:
            parts |= self.distiller(output, batch)
        weights = self._weights(images_seen)
        total = output.new_zeros((), dtype=torch.float32)
        for name, part in parts.items():
            if name != "style" or self._balance is None:
                total = total + weights[name] * part
        if self._balance is None:
            return GeneratorLosses(total=total, **parts)
        factor = self._balance.factor(images_seen)
        style, content = weights["style"] * parts["style"], weights["content"] * parts["content"]
        self._balance.observe(content, style, len(output))
        return GeneratorLosses(total=total + factor * style, style_balance=factor, **parts)

    def discriminator_losses(self, discriminator: nn.Module, output: Tensor, batch: PairBatch) -> DiscriminatorLosses:
        """What the discriminator is to lower.

        Args:
            discriminator: see `pix2style.nets.discriminator.Discriminator`; with r1 or r2 its eager forward is run,
                also if it is compiled (in place): compiled ones cannot be differentiated twice.
            output: the generator's pictures, without gradient.
            batch: photos and the teacher's pictures.

        Raises:
            ValueError: the batch has no teacher's pictures.
        """
        game, target = self._config.adversarial, _target(batch)
        look = draw_augmentation(self._look, batch.content)
        photo = look(batch.content)
        real, r1 = _judgement(discriminator, photo, target, look, penalised=game.r1 > 0)
        fake, r2 = _judgement(discriminator, photo, output, look, penalised=game.r2 > 0)
        each = [losses.adversarial_discriminator(game.kind, a, b) for a, b in zip(real, fake, strict=True)]
        total = torch.stack(each).mean()
        if r1 is not None:
            total = total + game.r1 * r1
        if r2 is not None:
            total = total + game.r2 * r2
        real_right, fake_right = _shares_right(game.kind, real, fake)
        return DiscriminatorLosses(total=total, real_share_right=real_right, fake_share_right=fake_right, r1=r1, r2=r2)

    def resume_state(self) -> dict[str, Tensor]:
        """What a checkpoint needs to hold, so that going on is exact; on the CPU, and empty for most objectives."""
        known = (self._balance, self.distiller)
        return {key: value for one in known if one is not None for key, value in one.resume_state().items()}

    def load_resume_state(self, state: dict[str, Tensor]) -> None:
        """Go on where `state` was taken.

        Raises:
            ArtifactError: another run teaches.
            KeyError: it is another objective's.
        """
        for one in (self._balance, self.distiller):
            if one is not None:
                one.load_resume_state(state)

    def watching(self) -> AbstractContextManager[None]:
        """Around the generator's pass over a batch whose losses will be asked for."""
        return contextlib.nullcontext() if self.distiller is None else self.distiller.watching()

    def trainable_parameters(self) -> Iterator[nn.Parameter]:
        """Weights that learn with the generator's."""
        return iter(()) if self.distiller is None else self.distiller.maps.parameters()

    def _feels(self, images_seen: int) -> bool:
        """Whether the feature network's losses are part of the step after so many pictures."""
        features = self._config.features
        return images_seen >= features.start_images and (images_seen // self._batch + 1) % features.every == 0

    def _weights(self, images_seen: int) -> dict[str, float]:
        config = self._config
        often = config.features.every  # seldom, and so many times as strong
        return {
            "l1": config.l1,
            "charbonnier": config.charbonnier,
            "mse": config.mse,
            "ms_ssim": config.ms_ssim,
            "color": config.color,
            "total_variation": config.total_variation,
            "adversarial": config.adversarial.weight * self._adversarial_share(images_seen),
            "feature_matching": config.feature_matching,
            "perceptual": config.perceptual.weight * often,
            "style": config.style.weight * often,
            "painting_style": config.style.painting_weight * often,
            "content": config.content.weight * often,
            **(self.distiller.weights() if self.distiller is not None else {}),
        }

    def _adversarial_share(self, images_seen: int) -> float:
        """How much of its weight the adversarial part has by now."""
        game = self._config.adversarial
        since = images_seen - game.start_images
        if since < 0:
            return 0.0
        return min(1.0, since / game.ramp_images) if game.ramp_images > 0 else 1.0

    def _compared(self, output: Tensor, batch: PairBatch) -> dict[str, Tensor]:
        """The parts that compare pixels."""
        config, parts = self._config, dict[str, Tensor]()
        if config.l1 > 0:
            parts["l1"] = losses.l1(output, _target(batch))
        if config.charbonnier > 0:
            parts["charbonnier"] = losses.charbonnier(output, _target(batch))
        if config.mse > 0:
            parts["mse"] = losses.mse(output, _target(batch))
        if config.ms_ssim > 0:
            parts["ms_ssim"] = losses.ms_ssim(output, _target(batch))
        if config.color > 0:
            parts["color"] = losses.color(output, _target(batch))
        if config.total_variation > 0:
            parts["total_variation"] = losses.total_variation(output)
        return parts

    def _judged(
        self, output: Tensor, batch: PairBatch, discriminator: nn.Module, images_seen: int
    ) -> dict[str, Tensor]:
        """The parts that ask the discriminator."""
        kind, parts = self._config.adversarial.kind, dict[str, Tensor]()
        fools, matches = self._adversarial_share(images_seen) > 0, self._config.feature_matching > 0
        if not (fools or matches):
            return parts  # the first step of a ramp
        look = draw_augmentation(self._look, batch.content)
        photo = look(batch.content)
        fake: Scales = discriminator(photo, look(output))
        real: Scales | None = None
        if matches or kind == "relativistic":
            with torch.no_grad():
                real = discriminator(photo, look(_target(batch)))
        if fools:
            reals = [scale[-1] for scale in real] if real is not None else [None] * len(fake)
            each = [losses.adversarial_generator(kind, scale[-1], one) for scale, one in zip(fake, reals, strict=True)]
            parts["adversarial"] = torch.stack(each).mean()
        if matches and real is not None:
            parts["feature_matching"] = losses.feature_matching(fake, real)
        return parts

    def _felt(self, output: Tensor, batch: PairBatch, features: FeatureNetwork) -> dict[str, Tensor]:
        """The parts that compare the feature network's activations."""
        config, parts = self._config, dict[str, Tensor]()
        found = features(output)
        with torch.no_grad():
            target = features(_target(batch)) if config.perceptual.weight > 0 or config.style.compares_targets else {}
            photo = features(batch.content) if config.content.weight > 0 else {}
        if config.perceptual.weight > 0:
            parts["perceptual"] = losses.perceptual(found, target, config.perceptual.layers)
        if config.style.is_active:
            parts |= self._styled(found, target, batch.style)
        if config.content.weight > 0:
            parts["content"] = losses.content(found, photo, config.content.layers)
        return parts

    def _styled(
        self, found: Mapping[str, Tensor], target: Mapping[str, Tensor], style: Tensor | None
    ) -> dict[str, Tensor]:
        """The parts that compare Gram matrices: with the target's, the paintings', or both."""
        config, parts = self._config.style, dict[str, Tensor]()
        distance = losses.relative_gram_distance if config.distance == "relative" else losses.gram_distance
        known = losses.grams(found, config.layers)
        paintings = None if self._paintings is None else self._paintings(style)
        if config.compares_targets:
            parts["style"] = distance(known, losses.grams(target, config.layers), config.layers)
        if paintings is not None:
            name = "painting_style" if config.painting_weight > 0 else "style"
            parts[name] = distance(known, paintings, config.layers)
        return parts


def build_objective(
    config: Config,
    paintings: Sequence[StyleBlend] | None = None,
    device: torch.device | None = None,
    *,
    distiller: Distiller | None = None,
) -> Objective:
    """The objective of an experiment, on the CPU or on `device`.

    Args:
        config: the experiment.
        paintings: of each style that is learned; nothing: those of `pairs.style` or `pairs.styles`. Only
            `losses.style.to: painting` and `painting_weight` look at them.
        device: where it is to be; looking at many paintings takes long on a CPU.
        distiller: that teaches as well.

    Raises:
        ConfigError: a layer that the feature network does not have, or a painting that is missing or cannot be read.
        ArtifactError: the feature network's weights cannot be had.
    """
    section, grams = config.losses, None
    to_painting = section.style.compares_paintings
    styles = training_styles(config) if to_painting and paintings is None else paintings
    features = load_feature_network(section)
    if features is not None and device is not None:
        features.to(device)
    if features is not None and to_painting and styles is not None:
        grams = StyleGrams(features, tuple(section.style.layers), styles, section.style.painting_side_px)
    look, batch = config.train.augment.discriminator, config.train.batch
    objective = Objective(section, features, grams, look, batch, distiller=distiller)
    return objective if device is None else objective.to(device)


def _target(batch: PairBatch) -> Tensor:
    if batch.target is None:
        raise ValueError("a loss compares with the teacher's pictures, and this batch has none")
    return batch.target


def _judgement(
    discriminator: nn.Module, photo: Tensor, picture: Tensor, look: Look, *, penalised: bool
) -> tuple[list[Tensor], Tensor | None]:
    """Logits of each scale, and the squared gradient at the picture as it was before `look`."""
    if not penalised:
        return [scale[-1] for scale in discriminator(photo, look(picture))], None
    picture = picture.detach().float().requires_grad_()  # float32: a squared gradient is small
    # `module.compile()` replaces __call__ alone: this is the eager forward
    logits = [scale[-1] for scale in discriminator.forward(photo, look(picture))]
    return logits, losses.squared_gradient(logits, picture)


@torch.no_grad()
def _shares_right(kind: str, real: Sequence[Tensor], fake: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Share of patches that are judged rightly, of the teacher's and of the generator's; means over scales."""
    # least squares aims at 1 for real and 0 for fake, the others at the logit's sign
    border = 0.5 if kind == "lsgan" else 0.0
    each = []
    for a, b in zip(real, fake, strict=True):
        right = (a > b, a > b) if kind == "relativistic" else (a > border, b < border)
        each.append(torch.stack([one.float().mean() for one in right]))
    real_right, fake_right = torch.stack(each).mean(dim=0)
    return real_right, fake_right
