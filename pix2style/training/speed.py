"""How fast an experiment learns on this machine, measured before it begins."""

from __future__ import annotations

import itertools
import statistics
import time

import torch

from pix2style.config import Config, apply_overrides
from pix2style.training.advance import advance
from pix2style.training.data import PairStream, batches
from pix2style.training.decoded import decode
from pix2style.training.material import open_material
from pix2style.training.state import build_state

_WARM_UP_STEPS = 8


def images_per_s(config: Config, *, steps: int = 12) -> float:
    """Run a few steps of the experiment on networks that are thrown away, adversary included.

    The loader cuts from decoded pairs, as it does in a run whose pairs fit `train.decoded_cache_gb`.

    Args:
        config: the experiment; nothing is written.
        steps: timed, after eight that are not; the median counts.
    """
    changes = ["losses.adversarial.start_images=0", f"train.images={config.train.batch * (_WARM_UP_STEPS + steps)}"]
    playing = apply_overrides(config, changes)
    material = open_material(playing)
    state = build_state(playing)
    entries = material.entries[: playing.train.batch]
    augment = playing.train.augment
    decoded, glimpses = decode(material, entries, augment), state.generator.sees_glimpse
    stream = PairStream(material, augment, playing.seed, decoded, entries, glimpses=glimpses)
    seconds = []
    tick = time.perf_counter()
    for parts in itertools.islice(batches(stream, playing.train, start=0, device=state.device), _WARM_UP_STEPS + steps):
        advance(state, parts, playing)
        if state.device.type == "cuda":
            torch.cuda.synchronize()  # else only the time to ask for the step is taken
        seconds.append(time.perf_counter() - tick)
        tick = time.perf_counter()
    return playing.train.batch / statistics.median(seconds[_WARM_UP_STEPS:] or seconds)
