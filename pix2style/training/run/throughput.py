"""How fast an experiment learns on this machine, measured before it begins."""

from __future__ import annotations

import itertools
import statistics
import time

import torch

from pix2style.config import Config, apply_overrides
from pix2style.training.data.crop_stream import CropStream
from pix2style.training.data.decoded_cache import decode_to_memory
from pix2style.training.data.loader import load_batches
from pix2style.training.data.sources import open_training_data
from pix2style.training.step.build import build_state
from pix2style.training.step.train_step import train_step

_WARM_UP_STEPS = 8


def measure_images_per_s(config: Config, *, steps: int = 12) -> float:
    """Run a few steps of the experiment on networks that are thrown away, adversary included.

    The loader cuts from decoded pairs, as it does in a run whose pairs fit `train.decoded_cache_gb`.

    Args:
        config: the experiment; nothing is written.
        steps: timed, at least, after eight that are not; the median counts.
    """
    # Steps with and without the feature network (`losses.features.every`) take turns: each group has one with it.
    group = config.losses.features.every if config.losses.needs_features else 1
    warm_up, steps = max(_WARM_UP_STEPS, group), -(-steps // group) * group
    changes = [
        "losses.adversarial.start_images=0",
        "losses.features.start_images=0",
        f"train.images={config.train.batch * (warm_up + steps)}",
    ]
    playing = apply_overrides(config, changes)
    material = open_training_data(playing)
    state = build_state(playing)
    entries = material.entries[: playing.train.batch]
    augment = playing.train.augment
    decoded, glimpses = decode_to_memory(material, entries, augment), state.uses_glimpse
    stream = CropStream(material, augment, playing.seed, decoded, entries, glimpses=glimpses)
    seconds = []
    tick = time.perf_counter()
    for parts in itertools.islice(load_batches(stream, playing.train, start=0, device=state.device), warm_up + steps):
        train_step(state, parts, playing.train)
        if state.device.type == "cuda":
            torch.cuda.synchronize()  # else only the time to ask for the step is taken
        seconds.append(time.perf_counter() - tick)
        tick = time.perf_counter()
    timed = seconds[warm_up:] or seconds
    groups = [sum(timed[first : first + group]) for first in range(0, len(timed) - group + 1, group)]
    return playing.train.batch * group / statistics.median(groups or [sum(timed)])
