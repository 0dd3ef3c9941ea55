"""How fast an experiment learns on this machine, measured before it begins."""

from __future__ import annotations

import itertools
import statistics
import time

from pix2style.config import Config, apply_overrides
from pix2style.training.advance import advance
from pix2style.training.data import PairDataset, batches, decode
from pix2style.training.prepare import training_pairs
from pix2style.training.state import build_state

_WARM_UP_STEPS = 8


def images_per_s(config: Config, *, steps: int = 12) -> float:
    """Run a few steps of the experiment on networks that are thrown away, adversary included.

    The loader cuts from decoded pairs, as it does in a run whose pairs fit `train.decoded_cache_gb`.

    Args:
        config: the experiment; nothing is written.
        steps: timed, after eight that are not; the median counts.
    """
    playing = apply_overrides(config, ["losses.adversarial.start_images=0"])
    reader, entries, _ = training_pairs(playing)
    state = build_state(playing)
    entries = entries[: playing.train.batch]
    dataset = PairDataset(reader, entries, playing.train.augment, playing.seed, decode(reader, entries))
    seconds = []
    tick = time.perf_counter()
    for batch in itertools.islice(
        batches(dataset, playing.train, start=0, device=state.device), _WARM_UP_STEPS + steps
    ):
        advance(state, batch, playing)
        seconds.append(time.perf_counter() - tick)
        tick = time.perf_counter()
    return playing.train.batch / statistics.median(seconds[_WARM_UP_STEPS:] or seconds)
