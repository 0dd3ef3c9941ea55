"""Say when a generator would learn with other statistics than it has in use."""

from __future__ import annotations

from pix2style.config import Config
from pix2style.training.data.crops import pair_sizes
from pix2style.training.data.sources import TrainingData


def crop_statistics(config: Config, data: TrainingData) -> list[str]:
    """Return a sentence if a U-Net that is normalised by statistics of the whole photo is trained on crops of pairs.

    Args:
        config: Configuration of the experiment.
        data: Its training pairs.
    """
    crop, norm = config.train.augment.crop, config.model.unet.norm
    if config.model.generator != "unet" or norm not in ("instance", "group") or crop is None:
        return []
    if all(max(size) <= crop for size in pair_sizes(data.entries, config.train.augment)):
        return []
    note = (
        f"model.unet.norm={norm}: statistics are those of crops of {crop} pixels in training, and those of the whole"
        " photo in use: set train.augment.crop=null train.batch=1 to train on whole pairs"
    )
    return [note]
