"""Measure how fast an experiment trains on this machine."""

from __future__ import annotations

import itertools
import statistics
import time

import torch

from pix2style.config import Config, apply_overrides
from pix2style.training.data.crop_stream import CropStream
from pix2style.training.data.decoded_cache import decode_to_memory
from pix2style.training.data.loader import load_batches
from pix2style.training.data.sources import TrainingData, open_training_data
from pix2style.training.step.build import build_state
from pix2style.training.step.train_step import train_step

_WARM_UP_STEPS = 8


def measure_images_per_s(config: Config, data: TrainingData | None = None, *, steps: int = 12) -> float:
    """Measure the training speed with networks that are thrown away; nothing is written.

    All losses are active from the first step, the adversarial loss included. Crops are cut from decoded pairs, as in a
    run whose pairs fit into `train.decoded_cache_gb`.

    Args:
        config: Configuration of the experiment.
        data: What to train on; None opens what the configuration names.
        steps: Smallest number of steps to measure, after at least eight steps of warm-up.

    Returns:
        Images per second in the median step.
    """
    # With `losses.features.every` = N, only every Nth step runs the feature network. Steps are therefore measured in
    # groups of N, so that each group costs the same. `losses.consistency` has such a key, too.
    group = config.losses.period_steps
    warm_up, steps = max(_WARM_UP_STEPS, group), -(-steps // group) * group
    config = _with_all_losses(config, images=config.train.batch * (warm_up + steps))
    seconds = _measure_steps(config, data or open_training_data(config), warm_up + steps)
    measured = seconds[warm_up:] or seconds
    groups = [sum(measured[first : first + group]) for first in range(0, len(measured) - group + 1, group)]
    return config.train.batch * group / statistics.median(groups or [sum(measured)])


def _with_all_losses(config: Config, images: int) -> Config:
    overrides = [
        "losses.adversarial.start_images=0",
        "losses.adversarial.start_share=null",
        "losses.features.start_images=0",
        "losses.features.start_share=null",
        "losses.consistency.start_images=0",
        "losses.consistency.start_share=null",
        f"train.images={images}",
        "train.minutes=null",
    ]
    return apply_overrides(config, overrides)


def _measure_steps(config: Config, data: TrainingData, steps: int) -> list[float]:
    """Return the seconds of each step, loading its batch included."""
    state = build_state(config)
    entries = data.entries[: config.train.batch]
    augment = config.train.augment
    decoded, glimpses = decode_to_memory(data, entries, augment), state.uses_glimpse
    stream = CropStream(data, augment, config.seed, decoded, entries, glimpses=glimpses)
    seconds = []
    start_s = time.perf_counter()
    for micro_batches in itertools.islice(load_batches(stream, config.train, start=0, device=state.device), steps):
        train_step(state, micro_batches, config.train)
        if state.device.type == "cuda":
            torch.cuda.synchronize()  # otherwise only the time to queue the step's kernels is measured
        seconds.append(time.perf_counter() - start_s)
        start_s = time.perf_counter()
    return seconds
