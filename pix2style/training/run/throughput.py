"""How fast an experiment learns on this machine, measured before it begins."""

from __future__ import annotations

import itertools
import statistics
import time

import torch

from pix2style.config import Config, apply_overrides
from pix2style.training.data.decoded_cache import decode
from pix2style.training.data.loader import PairStream, batches
from pix2style.training.data.sources import open_material
from pix2style.training.step.state import build_state
from pix2style.training.step.train_step import advance

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
    material = open_material(playing)
    state = build_state(playing)
    entries = material.entries[: playing.train.batch]
    augment = playing.train.augment
    decoded, glimpses = decode(material, entries, augment), state.uses_glimpse
    stream = PairStream(material, augment, playing.seed, decoded, entries, glimpses=glimpses)
    seconds = []
    tick = time.perf_counter()
    for parts in itertools.islice(batches(stream, playing.train, start=0, device=state.device), warm_up + steps):
        advance(state, parts, playing)
        if state.device.type == "cuda":
            torch.cuda.synchronize()  # else only the time to ask for the step is taken
        seconds.append(time.perf_counter() - tick)
        tick = time.perf_counter()
    timed = seconds[warm_up:] or seconds
    groups = [sum(timed[first : first + group]) for first in range(0, len(timed) - group + 1, group)]
    return playing.train.batch * group / statistics.median(groups or [sum(timed)])
