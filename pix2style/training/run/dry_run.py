"""`train --dry-run`: check and try everything that a run needs, without writing anything."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from pix2style.config import Config, apply_overrides
from pix2style.config.train import TrainConfig
from pix2style.errors import TrainingError
from pix2style.nets.macs import count_macs
from pix2style.pairs.format.records import PairEntry
from pix2style.progress import print_note
from pix2style.training.data.crops import pair_sizes
from pix2style.training.data.sampler import check_batch_divides, check_whole_pairs
from pix2style.training.data.sources import TrainingData, open_training_data
from pix2style.training.distributed import World
from pix2style.training.run.checkpoints.start_weights import load_start_weights
from pix2style.training.run.crop_statistics import crop_statistics
from pix2style.training.run.idle_settings import idle_settings, idle_split_shares
from pix2style.training.run.memory import available_bytes, explain_out_of_memory, memory_saving_settings
from pix2style.training.run.plan import NetworkSummaries, NetworkSummary, RunPlan
from pix2style.training.run.prepare import check_run_folder, with_precision_of_run
from pix2style.training.run.throughput import measure_images_per_s
from pix2style.training.step.build import build_state
from pix2style.training.step.device import compiles, pick_device
from pix2style.training.step.smallest_images import check_smallest_images
from pix2style.training.step.state import TrainingState
from pix2style.training.tracking import check_trackers, peak_memory_bytes

_TIMED_STEPS = 3
_REMIND_EVERY_S = 20.0


def plan_run(
    config: Config, run: Path, *, resume: bool = False, measure: bool = True, photos_to_stylize: int = 0
) -> RunPlan:
    """Check what a run needs, train a few steps on this machine, and estimate time and memory.

    Args:
        config: Configuration of the experiment.
        run: Run folder that it would write; it is only read here.
        resume: Whether the run would resume.
        measure: Whether to train a few steps at the real sizes.
        photos_to_stylize: Number of photos that `distill` would stylize before, and add to the training pairs.

    Raises:
        Pix2StyleError: The run would fail at its beginning.
        TrainingError: There is not enough memory; the message names the settings to lower.
    """
    check_batch_divides(config.train, World.current())
    check_trackers(config.tracking)
    data = open_training_data(config)
    sizes = pair_sizes(data.entries, config.train.augment)
    check_whole_pairs(config.train, sizes, World.current())
    check_run_folder(run, config, resume=resume)
    config = with_precision_of_run(run, config) if resume else config
    with explain_out_of_memory(config):
        # Uncompiled: compiling would take longer than the few steps, and the operations are counted without it.
        state = build_state(apply_overrides(config, ["train.compile=false"]))
        check_smallest_images(state, config.train.augment, sizes)
        if not resume:
            load_start_weights(state, config, data)
        device, networks = state.device, _summarize_networks(config, state)
        del state  # the measurement builds its own networks, and the peak memory must be that of one run
        speed = _measure(config, data) if measure else None
    train, images = config.train, _expected_images(config.train, speed)
    plan = RunPlan(
        run=run,
        name=config.name,
        device=device.type,
        generator=networks.generator,
        discriminator=networks.discriminator,
        features=networks.features,
        teacher=networks.teacher,
        styles=config.model.styles,
        training_pairs=len(data.entries),
        validation_pairs=len(data.held_out),
        photos_to_paint=photos_to_stylize,
        paired=data.paired,
        images=images,
        minutes=train.minutes,
        batch=train.batch,
        accumulate=train.accumulate,
        crop_px=train.augment.crop,
        picture_px=_picture_px(config),
        steps=None if images is None else math.ceil(images / train.batch),
        epochs=None if images is None else images / (len(data.entries) + photos_to_stylize),
        images_per_s=speed,
        seconds=None if speed is None or images is None else images / speed,
        memory_bytes=peak_memory_bytes(device),
        decoded_bytes=_decoded_bytes(data, train.augment.resize),
        available_bytes=available_bytes(device),
        notes=(
            *idle_settings(config, images, len(data.held_out)),
            *idle_split_shares(config, data),
            *crop_statistics(config, data),
            *data.notes,
        ),
    )
    _check_memory(config, plan)
    return plan


def _measure(config: Config, data: TrainingData) -> float:
    """Train a few steps, and return the images per second. Says from time to time that the trial goes on."""
    if compiles(config.train, pick_device(config.train)):
        print_note("the trial compiles the networks first, which takes minutes; train.compile=false tries without it")
    with _reminders("the trial goes on"):
        return measure_images_per_s(config, data, steps=_TIMED_STEPS)


@contextlib.contextmanager
def _reminders(text: str) -> Iterator[None]:
    """Print a text and the time that has passed, again and again while the block runs."""
    ended, start_s = threading.Event(), time.monotonic()

    def remind() -> None:
        while not ended.wait(_REMIND_EVERY_S):
            print_note(f"{text}: {time.monotonic() - start_s:.0f} s so far")

    thread = threading.Thread(target=remind, name="reminders", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _expected_images(train: TrainConfig, images_per_s: float | None) -> int | None:
    """Return how many images are trained on, by the limits of images and of time and the measured speed."""
    if train.limit_s is None or images_per_s is None:
        return train.images
    in_time = max(train.batch, int(images_per_s * train.limit_s))
    return in_time if train.images is None else min(train.images, in_time)


def _picture_px(config: Config) -> int:
    """Return the side of the pictures that a training step sees, taken as squares; of whole pairs, `pairs.size`."""
    augment = config.train.augment
    return augment.crop or augment.resize or config.pairs.size


def _summarize_networks(config: Config, state: TrainingState) -> NetworkSummaries:
    model, losses, side = config.model, config.losses, _picture_px(config)
    photo = torch.zeros(1, 3, side, side, device="meta")
    discriminator, features = state.discriminator, state.objective.feature_network
    teacher = None if state.objective.distiller is None else state.objective.distiller.teacher
    return NetworkSummaries(
        generator=_summarize(model.generator, state.generator, photo),
        discriminator=None
        if discriminator is None
        else _summarize(model.discriminator.kind, discriminator, photo, photo),
        features=None if features is None else _summarize(losses.features.network, features, photo),
        teacher=None if teacher is None else _summarize(teacher.architecture, teacher, photo),
    )


def _summarize(kind: str, network: nn.Module, *inputs: Tensor) -> NetworkSummary:
    parameters = sum(weight.numel() for weight in network.parameters())
    return NetworkSummary(kind, parameters, count_macs(network, *inputs))


def _decoded_bytes(data: TrainingData, resize: int | None) -> int:
    """Return the size of all decoded pairs; a photo that has several targets is stored once."""
    pixels = [resize**2 if resize else entry.height_px * entry.width_px for entry in data.entries]
    contents = {
        entry.content.sha256 if isinstance(entry, PairEntry) else entry.sha256: size
        for entry, size in zip(data.entries, pixels, strict=True)
    }
    return 3 * (sum(contents.values()) + (sum(pixels) if data.paired else 0))


def _check_memory(config: Config, plan: RunPlan) -> None:
    if plan.available_bytes is not None and plan.memory_bytes > plan.available_bytes:
        raise TrainingError(
            f"a step takes {plan.memory_bytes / 1e9:.1f} GB of memory, but there are {plan.available_bytes / 1e9:.1f}"
            f" GB: lower, in this order, {', '.join(memory_saving_settings(config))}"
        )
