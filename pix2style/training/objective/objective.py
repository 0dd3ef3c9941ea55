"""The objective of an experiment: the losses of generator and discriminator, as the configuration weighs them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn

from pix2style.config import Config
from pix2style.config.consistency import ConsistencyConfig
from pix2style.config.late_start import has_begun
from pix2style.config.losses import FeaturesConfig, LossesConfig
from pix2style.nets.features import FeatureNetwork
from pix2style.runs.networks import load_feature_network
from pix2style.teachers.style import StyleBlend
from pix2style.training.batch import PairBatch
from pix2style.training.objective import discriminator_loss
from pix2style.training.objective.balance import Balance
from pix2style.training.objective.distillation import Distiller
from pix2style.training.objective.step_losses import DiscriminatorLosses, GeneratorLosses
from pix2style.training.objective.step_tensors import StepTensors
from pix2style.training.objective.style_targets import StyleGrams
from pix2style.training.objective.terms import TERMS, LossTerm
from pix2style.training.objective.training_styles import training_styles


class Objective(nn.Module):
    """The losses of generator and discriminator, with the networks and running means that they need.

    Everything in it is frozen, except for the feature maps of a distiller (`trainable_parameters`).

    Args:
        config: Section `losses`.
        feature_network: Network of the perceptual, style and content losses; None if none of them is active.
        style_grams: Gram matrices of the paintings; None if no loss compares with paintings.
        augmentations: Kinds of augmentation of what the discriminator sees (`train.augment.discriminator`).
        batch_size: Images in a step (`train.batch`), by which `losses.features.every` counts steps.
        seed: Seed of the random motion of the consistency loss.
        distiller: Trained generator that the generator is compared with as well; None without distillation.

    Attributes:
        feature_network, distiller: As given.
    """

    def __init__(
        self,
        config: LossesConfig,
        feature_network: FeatureNetwork | None = None,
        style_grams: StyleGrams | None = None,
        augmentations: Sequence[str] = (),
        batch_size: int = 1,
        *,
        seed: int = 0,
        distiller: Distiller | None = None,
    ) -> None:
        super().__init__()
        self._config, self._augmentations, self._batch_size = config, tuple(augmentations), batch_size
        self.feature_network, self._style_grams, self._seed = feature_network, style_grams, seed
        self.distiller = distiller
        ratio = config.balance.style_to_content
        self._balance = Balance(ratio, config.balance.halflife_images) if ratio is not None else None

    def adversarial_active(self, images_seen: int, share: float = 0.0) -> bool:
        """Whether discriminator and adversarial terms are trained in a step.

        Args:
            images_seen: Training images before the step.
            share: Share of the training, 0 to 1, that was reached before the step.
        """
        adversarial = self._config.adversarial
        return adversarial.weight > 0 and has_begun(adversarial, images_seen, share)

    @property
    def feature_stages(self) -> tuple[int, ...]:
        """Stages of the generator whose features `generator_losses` needs (see `Generator.forward`)."""
        return () if self.distiller is None else self.distiller.student_stages

    def generator_losses(
        self,
        output: Tensor,
        batch: PairBatch,
        discriminator: nn.Module | None,
        *,
        images_seen: int,
        share: float = 0.0,
        features: Mapping[int, Tensor] | None = None,
        regenerate: Callable[[PairBatch], Tensor] | None = None,
    ) -> GeneratorLosses:
        """Compute the loss of the generator.

        Args:
            output: Images of the generator, [batch, 3, height, width] in [-1, 1].
            batch: Photos that they were generated from, and their targets.
            discriminator: None leaves out the terms that need it, as before `losses.adversarial.start_images`.
            images_seen: Training images before this step.
            share: Share of the training, 0 to 1, that was reached before this step.
            features: Features of the generator at `feature_stages`, from the same forward pass.
            regenerate: Function that runs the generator on another batch; needed for `losses.consistency`.

        Raises:
            ValueError: A term compares with targets, and the batch has none.
        """
        tensors = StepTensors(
            self._config,
            output,
            batch,
            feature_network=self.feature_network,
            style_grams=self._style_grams,
            discriminator=discriminator,
            augmentations=self._augmentations,
            seed=self._seed,
            regenerate=regenerate,
        )
        weights = self._active_weights(images_seen, share, has_discriminator=discriminator is not None)
        terms = {term.name: term.function(tensors) for term in TERMS if term.name in weights}
        if self.distiller is not None:
            terms |= self.distiller(output, features or {}, batch)
            weights |= self.distiller.weights()
        return self._weighted_sum(terms, weights, images_seen, output)

    def discriminator_losses(self, discriminator: nn.Module, output: Tensor, batch: PairBatch) -> DiscriminatorLosses:
        """Compute the loss of the discriminator; see `discriminator_loss.discriminator_losses`."""
        return discriminator_loss.discriminator_losses(
            self._config.adversarial, discriminator, output, batch, self._augmentations
        )

    def resume_state(self) -> dict[str, Tensor]:
        """Return what a checkpoint must hold to resume exactly; on the CPU, and empty for most objectives."""
        state: dict[str, Tensor] = {}
        for part in (self._balance, self.distiller, self._style_grams):
            if part is not None:
                state |= part.resume_state()
        return state

    def load_resume_state(self, state: dict[str, Tensor]) -> None:
        """Continue from what `resume_state` returned.

        Raises:
            ArtifactError: The weights of the teacher run or a painting have changed since.
            KeyError: The state belongs to another objective.
        """
        for part in (self._balance, self.distiller, self._style_grams):
            if part is not None:
                part.load_resume_state(state)

    def trainable_parameters(self) -> Iterator[nn.Parameter]:
        """Return the parameters that the generator's optimiser trains together with the generator."""
        return iter(()) if self.distiller is None else self.distiller.maps.parameters()

    def _active_weights(self, images_seen: int, share: float, *, has_discriminator: bool) -> dict[str, float]:
        """Return the weights of the terms to compute in a step, by name; none of them is 0."""
        active = {
            None: True,
            "discriminator": has_discriminator and self.adversarial_active(images_seen, share),
            "features": self._is_turn(self._config.features, images_seen, share),
            "motion": self._is_turn(self._config.consistency, images_seen, share),
        }
        weights = {term.name: self._weight(term, images_seen, share) for term in TERMS if active[term.needs]}
        return {name: weight for name, weight in weights.items() if weight > 0}

    def _weight(self, term: LossTerm, images_seen: int, share: float) -> float:
        weight = term.weight(self._config)
        # Computed in one of `every` steps only: the larger weight keeps the mean gradient as it is.
        if term.needs == "features":
            weight *= self._config.features.every
        elif term.needs == "motion":
            weight *= self._config.consistency.every
        return weight * self._ramp(images_seen, share) if term.ramped else weight

    def _is_turn(self, section: FeaturesConfig | ConsistencyConfig, images_seen: int, share: float) -> bool:
        """Whether the terms of a section with the key `every` are part of the step after `images_seen` images."""
        is_turn = (images_seen // self._batch_size + 1) % section.every == 0
        return is_turn and has_begun(section, images_seen, share)

    def _ramp(self, images_seen: int, share: float) -> float:
        """Return the share (0 to 1) of its full weight that the adversarial term has in a step."""
        adversarial = self._config.adversarial
        if adversarial.ramp_share > 0:
            return min(1.0, (share - (adversarial.start_share or 0.0)) / adversarial.ramp_share)
        since_start = images_seen - adversarial.start_images
        return min(1.0, since_start / adversarial.ramp_images) if adversarial.ramp_images > 0 else 1.0

    def _weighted_sum(
        self, terms: Mapping[str, Tensor], weights: Mapping[str, float], images_seen: int, output: Tensor
    ) -> GeneratorLosses:
        total = output.new_zeros((), dtype=torch.float32)
        for name, term in terms.items():
            if name != "style" or self._balance is None:
                total = total + weights[name] * term
        if self._balance is None:
            return GeneratorLosses(total=total, terms=terms)
        factor = self._balance.factor(images_seen)
        style, content = weights["style"] * terms["style"], weights["content"] * terms["content"]
        self._balance.observe(content, style, len(output))
        return GeneratorLosses(total=total + factor * style, terms=terms, style_balance=factor)


def build_objective(
    config: Config,
    styles: Sequence[StyleBlend] | None = None,
    device: torch.device | None = None,
    *,
    distiller: Distiller | None = None,
) -> Objective:
    """Build the objective of an experiment.

    Args:
        config: Experiment.
        styles: Paintings of each style to learn, for losses that compare with paintings; None takes those of
            `pairs.style` or `pairs.styles`, else those that the pair set holds.
        device: Device to build it on; None means the CPU. Many paintings take long on a CPU.
        distiller: Trained generator to compare with as well; None without distillation.

    Raises:
        ConfigError: The feature network has no such layer, or a painting is missing or cannot be read.
        ArtifactError: The weights of the feature network cannot be loaded.
    """
    section, grams = config.losses, None
    with_paintings = section.style.compares_paintings
    if with_paintings and styles is None:
        styles = training_styles(config)
    feature_network = load_feature_network(section)
    if feature_network is not None and device is not None:
        feature_network.to(device)
    if feature_network is not None and with_paintings and styles is not None:
        layers = tuple(section.style.compared_with_painting)
        grams = StyleGrams(feature_network, layers, styles, section.style.painting_side_px)
    augmentations, batch_size = config.train.augment.discriminator, config.train.batch
    objective = Objective(
        section, feature_network, grams, augmentations, batch_size, seed=config.seed, distiller=distiller
    )
    return objective if device is None else objective.to(device)
