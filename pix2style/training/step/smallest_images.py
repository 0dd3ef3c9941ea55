"""Check before a training that its images are large enough for all of its networks."""

from __future__ import annotations

from pix2style.config.train import TrainConfig
from pix2style.errors import ConfigError
from pix2style.training.data.crops import SMALLEST_PX
from pix2style.training.step.state import TrainingState


def check_smallest_images(state: TrainingState, train: TrainConfig) -> None:
    """Check the crop, or the smallest pair without one, against what discriminator and feature network need.

    Some losses begin late, so a training could fail after hours.

    Args:
        state: Networks of the training.
        train: Section `train` of the configuration.

    Raises:
        ConfigError: A network needs larger images.
    """
    augment = train.augment
    side_px = augment.crop or augment.resize or SMALLEST_PX
    needed_px = {"the discriminator": 0 if state.discriminator is None else state.discriminator.smallest_px}
    if state.objective.feature_network is not None:
        needed_px["the feature network"] = state.objective.feature_network.smallest_px
    for network, needed in needed_px.items():
        if side_px < needed:
            shown = "null" if augment.crop is None else augment.crop
            advice = " or lower model.discriminator.layers or scales" if network == "the discriminator" else ""
            raise ConfigError(
                f"[train -> augment -> crop] {shown}: images may have {side_px} pixels a side, and {network} needs at"
                f" least {needed}: set a larger crop{advice}"
            )
