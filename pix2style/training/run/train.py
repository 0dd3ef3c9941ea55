"""Training: one readable page. Resolve, build, learn, look, keep."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pix2style.config import Config
from pix2style.progress import ProgressBar
from pix2style.training.data.crop_stream import CropStream
from pix2style.training.data.decoded_cache import decode_to_file
from pix2style.training.data.loader import load_batches
from pix2style.training.data.sampler import check_batch_divides
from pix2style.training.data.sources import TrainingData, open_training_data
from pix2style.training.distributed import process_group
from pix2style.training.run.checkpoint import load_checkpoint
from pix2style.training.run.memory import explain_out_of_memory
from pix2style.training.run.prepare import (
    check_run_folder,
    check_same_training_data,
    create_run,
    git_revision,
    lock_run_folder,
)
from pix2style.training.run.resume import (
    IntactCheckpoint,
    find_newest_intact_checkpoint,
    has_checkpoints,
    load_pretrained_weights,
)
from pix2style.training.run.session import Session, summary
from pix2style.training.run.signals import stop_signals
from pix2style.training.step.build import build_state
from pix2style.training.step.device import pick_device
from pix2style.training.step.state import TrainingState
from pix2style.training.step.train_step import train_step
from pix2style.training.tracking import PairSetReference, Trackers, check_trackers, start_trackers
from pix2style.version import __version__

_CACHE_FOLDER = "cache"
_SHOWN_PHOTOS = 64


@dataclass(frozen=True, slots=True)
class TrainReport:
    """A finished run, in figures.

    Attributes:
        run: its folder.
        step: optimiser steps in all.
        images_seen: training pictures seen in all.
        seconds: of this session, everything included.
        images_per_s: of learning alone, in this session.
        val_l1: mean absolute difference on held-out photos in levels of 0..255; None without held-out photos.
        val_psnr: in dB, likewise.
        val_ssim: -1 to 1, likewise.
        best: the best figure so far, of those that `train.best_by` names; likewise.
        skipped_steps: that were left out because a loss or gradient was not finite, in all.
        stopped_early: held-out photos no longer got closer to the teacher's pictures (`train.early_stop`).
    """

    run: Path
    step: int
    images_seen: int
    seconds: float
    images_per_s: float
    val_l1: float | None
    val_psnr: float | None
    val_ssim: float | None
    best: float | None
    skipped_steps: int
    stopped_early: bool


def train(
    config: Config, run: Path, *, resume: bool = False, documents: Mapping[str, Any] | None = None
) -> TrainReport:
    """Learn a pair set; in each of the processes that torchrun started, or alone.

    Args:
        config: the experiment; `pairs.path` is the pair set.
        run: the folder to write; a new one, or with `resume` one that an earlier call began.
        resume: go on from the newest whole checkpoint; on the CPU the outcome is, bit for bit, that of an uninterrupted
            run on the same machine with as many threads and processes.
        documents: JSON files to be written beside the configuration, by their names.

    Raises:
        ConfigError: the configuration does not fit the pairs, the processes or the run that is to go on.
        DataError: the pair set cannot be used.
        ArtifactError: weights or checkpoints cannot be used.
        TrainingError: it cannot go on.
        KeyboardInterrupt: SIGINT or SIGTERM came; everything up to there is in a checkpoint.
    """
    began_s = time.perf_counter()
    with process_group(pick_device(config.train).type) as world, explain_out_of_memory(config):
        # the first process may have begun the run by the time that another one looks
        resume = world.broadcast_object(resume)
        check_batch_divides(config.train, world)
        check_trackers(config.tracking)
        material = open_training_data(config)
        if world.is_main:
            check_run_folder(run, config, resume=resume)
        state = build_state(config)
        if config.train.start_from is not None and not (resume and has_checkpoints(run)):
            load_pretrained_weights(state, config.train.start_from)
        world.barrier()
        # the folder is made after everything that a wrong configuration could break
        with lock_run_folder(run) if world.is_main else contextlib.nullcontext():
            if world.is_main:
                create_run(run, config, documents)
            world.barrier()
            found: IntactCheckpoint | None = world.broadcast_object(
                find_newest_intact_checkpoint(run) if resume and world.is_main else None
            )
            report = _learn(config, run, state, material, found)
    return dataclasses.replace(report, seconds=time.perf_counter() - began_s)


def _learn(
    config: Config, run: Path, state: TrainingState, material: TrainingData, found: IntactCheckpoint | None
) -> TrainReport:
    """The page itself: load, learn, look, keep."""
    world, stopped_early = state.world, False
    if found is not None:
        check_same_training_data(run, found.meta, material.digest)
        load_checkpoint(found.folder, state, found.meta)
    trackers = _trackers(config, run, state, material, found)
    first, learning_s = state.images_seen, 0.0
    try:
        with stop_signals() as stop, ProgressBar("images", config.train.images, state.images_seen) as bar:
            augment, limit_gb = config.train.augment, config.train.decoded_cache_gb
            decoded = decode_to_file(material, material.entries, augment, run / _CACHE_FOLDER, limit_gb, world=world)
            stream = CropStream(material, augment, config.seed, decoded, glimpses=state.uses_glimpse)
            session = Session(
                config,
                run,
                material,
                state,
                trackers,
                stop_asked=lambda: stop.asked,
                sources_of=partial(_sources, stream),
                has_checkpoint=found is not None,
            )
            session.catch_up()
            tick = time.perf_counter()
            for parts in load_batches(stream, config.train, start=first, device=state.device, world=world):
                stopped_early = session.is_over
                if stopped_early:
                    break
                loss = session.after_step(train_step(state, parts, config.train))
                bar.advance(config.train.batch, status=None if loss is None else f"loss {loss:.3f}")
                learning_s += time.perf_counter() - tick
                checkpoint_due = session.due(config.train.checkpoint_every_images)
                if checkpoint_due or session.due(config.train.validate_every_images):
                    session.look()  # before keeping, so that the best is known among those that are kept
                stopping = world.any(stop.asked)
                if checkpoint_due or stopping:
                    session.keep(needed=stopping)
                if stopping:
                    raise KeyboardInterrupt
                tick = time.perf_counter()
            session.finish()
    finally:
        if world.is_main:
            shutil.rmtree(run / _CACHE_FOLDER, ignore_errors=True)
        trackers.close(summary(state, config))
    rate = (state.images_seen - first) / max(learning_s, 1e-9)
    return _report(run, state, rate, stopped_early=stopped_early)


def _sources(stream: CropStream, positions: range) -> list[str]:
    """Names of the photos at the first few positions."""
    return [stream.entries[index].source for index in stream.plan.crops_at(positions[:_SHOWN_PHOTOS]).index]


def _trackers(
    config: Config, run: Path, state: TrainingState, material: TrainingData, found: IntactCheckpoint | None
) -> Trackers:
    """Those that the configuration asks for, in the main process."""
    if not state.world.is_main:
        return Trackers([])
    trackers = start_trackers(
        run,
        config.tracking,
        _description(config, material, state.world.size),
        name=config.name,
        resume_step=state.step,
        run_id=found.meta.wandb_id if found else None,
        pairs=_link(config, material),
    )
    if found is not None and found.damaged:
        trackers.log(state.step, {"checkpoint/damaged": float(len(found.damaged))})
    return trackers


def _link(config: Config, material: TrainingData) -> PairSetReference:
    manifest = config.pairs.path / "manifest.json" if config.pairs.path is not None else None
    facts = {
        "training": len(material.entries),
        "held_out": len(material.held_out),
        "teachers": {teacher.name: teacher.sha256 for teacher in material.teachers},
    }
    return PairSetReference(material.digest, facts, manifest)


def _description(config: Config, material: TrainingData, processes: int) -> dict[str, Any]:
    return {
        **config.model_dump(mode="json"),
        "pairs_sha256": material.digest,
        "processes": processes,
        "git_revision": git_revision(),
        "pix2style_version": __version__,
    }


def _report(run: Path, state: TrainingState, images_per_s: float, *, stopped_early: bool) -> TrainReport:
    figures = state.validation_metrics
    return TrainReport(
        run=run,
        step=state.step,
        images_seen=state.images_seen,
        seconds=0.0,
        images_per_s=images_per_s,
        val_l1=figures.get("l1"),
        val_psnr=figures.get("psnr"),
        val_ssim=figures.get("ssim"),
        best=state.best_metric,
        skipped_steps=state.nonfinite.read_skipped().total,
        stopped_early=stopped_early,
    )
