"""The tensors of one training step that loss terms compare."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import torch
from torch import Tensor, nn

from pix2style import losses
from pix2style.config.losses import LossesConfig
from pix2style.nets.features import FeatureNetwork
from pix2style.training.batch import PairBatch
from pix2style.training.objective.diff_augment import Augmentation, draw_augmentation
from pix2style.training.objective.motion import Motion
from pix2style.training.objective.style_targets import StyleGrams

Scales = Sequence[Sequence[Tensor]]
"""Activations of a discriminator: for each of its scales those of its layers, the last of which are the logits."""


class StepTensors:
    """Images of a step, and what networks make of them.

    A network runs when a loss term first reads what it returns, and once per image. Targets and photos run without
    gradient.

    Args:
        config: Section `losses`.
        output: Images of the generator, [batch, 3, height, width] in [-1, 1].
        batch: Photos that they were generated from, and their targets.
        feature_network: None if no active loss term reads features.
        style_grams: Gram matrices of the paintings; None if no active loss term compares with paintings.
        discriminator: None if no active loss term reads its activations.
        augmentations: Kinds of augmentation of what the discriminator sees (`train.augment.discriminator`).
        seed: Seed of the random motion of the consistency loss.
        regenerate: Function that runs the generator on another batch; None if no active loss term needs it.

    Attributes:
        config: Section `losses`.
        output: Images of the generator, [batch, 3, height, width] in [-1, 1].
    """

    def __init__(
        self,
        config: LossesConfig,
        output: Tensor,
        batch: PairBatch,
        *,
        feature_network: FeatureNetwork | None = None,
        style_grams: StyleGrams | None = None,
        discriminator: nn.Module | None = None,
        augmentations: Sequence[str] = (),
        seed: int = 0,
        regenerate: Callable[[PairBatch], Tensor] | None = None,
    ) -> None:
        self.config, self.output = config, output
        self._batch = batch
        self._feature_network, self._style_grams = feature_network, style_grams
        self._discriminator, self._augmentations = discriminator, augmentations
        self._seed, self._regenerate = seed, regenerate

    @property
    def target(self) -> Tensor:
        """Images of the teacher, in the shape of `output`.

        Raises:
            ValueError: The batch has none.
        """
        return target_of(self._batch)

    @cached_property
    def output_features(self) -> dict[str, Tensor]:
        """Activations of the feature network for the output: layer -> [batch, channels, h, w]."""
        return self._features(self.output)

    @cached_property
    def target_features(self) -> dict[str, Tensor]:
        """Activations of the feature network for the target."""
        with torch.no_grad():
            return self._features(self.target)

    @cached_property
    def content_features(self) -> dict[str, Tensor]:
        """Activations of the feature network for the photo."""
        with torch.no_grad():
            return self._features(self._batch.content)

    @cached_property
    def output_grams(self) -> dict[str, Tensor]:
        """Gram matrices of the output in the layers of both style losses: layer -> [batch, channels, channels]."""
        return losses.grams(self.output_features, self.config.style.compared_layers)

    @cached_property
    def target_grams(self) -> dict[str, Tensor]:
        """Gram matrices of the target."""
        return losses.grams(self.target_features, self.config.style.layers)

    @cached_property
    def painting_grams(self) -> dict[str, Tensor]:
        """Gram matrices of the paintings of each image's style: layer -> [batch or 1, channels, channels]."""
        if self._style_grams is None:
            raise ValueError("a loss term compares with paintings, but there are no Gram matrices of paintings")
        grams: dict[str, Tensor] = self._style_grams(self._batch.style)
        return grams

    @cached_property
    def output_scales(self) -> Scales:
        """Activations of the discriminator for the output."""
        return self._discriminate(self.output)

    @cached_property
    def target_scales(self) -> Scales:
        """Activations of the discriminator for the target."""
        with torch.no_grad():
            return self._discriminate(self.target)

    @cached_property
    def motion(self) -> Motion:
        """Random motion of the photos."""
        return Motion(self.config.consistency, self._seed, self._batch)

    @cached_property
    def output_after_motion(self) -> Tensor:
        """Images that the generator makes of the moved and noisy photos, in the shape of `output`."""
        if self._regenerate is None:
            raise ValueError("a loss term runs the generator on moved photos, but there is no generator")
        return self._regenerate(self.motion.film(self._batch))

    def _features(self, images: Tensor) -> dict[str, Tensor]:
        if self._feature_network is None:
            raise ValueError("a loss term compares features, but there is no feature network")
        features: dict[str, Tensor] = self._feature_network(images)
        return features

    @cached_property
    def _augmentation(self) -> Augmentation:
        """One augmentation for photo, output and target of a row: the discriminator compares them pixel by pixel."""
        return draw_augmentation(self._augmentations, self._batch.content)

    @cached_property
    def _augmented_content(self) -> Tensor:
        return self._augmentation(self._batch.content)

    def _discriminate(self, images: Tensor) -> Scales:
        if self._discriminator is None:
            raise ValueError("a loss term compares activations of the discriminator, but there is no discriminator")
        scales: Scales = self._discriminator(self._augmented_content, self._augmentation(images))
        return scales


def target_of(batch: PairBatch) -> Tensor:
    """Return the targets of a batch, or raise a ValueError if it has none."""
    if batch.target is None:
        raise ValueError("a loss compares the output with the target, but this batch has none")
    return batch.target
