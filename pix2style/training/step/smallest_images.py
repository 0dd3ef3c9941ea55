"""Check before a training that its images are large enough for all of its networks."""

from __future__ import annotations

from collections.abc import Iterable

from pix2style.config.augment import AugmentConfig
from pix2style.errors import ConfigError
from pix2style.training.step.state import TrainingState


def check_smallest_images(state: TrainingState, augment: AugmentConfig, sizes: Iterable[tuple[int, int]]) -> None:
    """Check the crop, or the smallest pair without one, against what discriminator and feature network need.

    Some losses begin late, so a training could fail after hours.

    Args:
        state: Networks of the training.
        augment: Section `train.augment` of the configuration.
        sizes: Height and width of each pair before cropping.

    Raises:
        ConfigError: A network needs larger images.
    """
    side_px = augment.crop or min(map(min, sizes))
    needed_px = {"the discriminator": 0 if state.discriminator is None else state.discriminator.smallest_px}
    if state.objective.feature_network is not None:
        needed_px["the feature network"] = state.objective.feature_network.smallest_px
    for network, needed in needed_px.items():
        if side_px < needed:
            what = "the smallest pair has" if augment.crop is None else "images have"
            advice = "leave out small photos" if augment.crop is None else "set a larger crop"
            if network == "the discriminator":
                advice += ", or lower model.discriminator.layers or scales"
            shown = "null" if augment.crop is None else augment.crop
            raise ConfigError(
                f"[train -> augment -> crop] {shown}: {what} {side_px} pixels a side, and {network} needs at least"
                f" {needed}: {advice}"
            )
