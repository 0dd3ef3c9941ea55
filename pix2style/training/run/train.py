"""Train an experiment: resolve the inputs, build the networks, train, validate, save checkpoints."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from pix2style.config import Config
from pix2style.config.train import TrainConfig
from pix2style.progress import ProgressBar
from pix2style.runs.folder import FEATURES_FILE
from pix2style.training.data.crop_stream import CropStream
from pix2style.training.data.decoded_cache import decode_to_file
from pix2style.training.data.loader import load_batches
from pix2style.training.data.sampler import check_batch_divides
from pix2style.training.data.sources import TrainingData, open_training_data
from pix2style.training.distributed import process_group
from pix2style.training.run.checkpoints.checkpoint import load_checkpoint
from pix2style.training.run.checkpoints.checkpointer import Checkpointer
from pix2style.training.run.checkpoints.pretrained import load_pretrained_weights
from pix2style.training.run.checkpoints.resume import IntactCheckpoint, find_newest_intact_checkpoint, has_checkpoints
from pix2style.training.run.feature_weights import check_same_feature_weights, describe_feature_weights
from pix2style.training.run.memory import explain_out_of_memory
from pix2style.training.run.prepare import check_run_folder, check_same_training_data, create_run, lock_run_folder
from pix2style.training.run.report import TrainReport
from pix2style.training.run.run_trackers import start_run_trackers, summarize_run
from pix2style.training.run.signals import StopRequest, stop_signals
from pix2style.training.run.skipped_steps import SkippedStepReporter
from pix2style.training.run.step_monitor import MetricsLogger, StepMonitor
from pix2style.training.run.validation.validator import Validator
from pix2style.training.step.build import build_state
from pix2style.training.step.device import pick_device
from pix2style.training.step.state import TrainingState
from pix2style.training.step.train_step import train_step
from pix2style.training.tracking import check_trackers

_CACHE_FOLDER = "cache"
_MAX_PHOTO_NAMES = 64


def train(
    config: Config, run: Path, *, resume: bool = False, documents: Mapping[str, Any] | None = None
) -> TrainReport:
    """Train a generator; in each of the processes that torchrun started, or in this one.

    Args:
        config: Configuration of the experiment; `pairs.path` is the pair set.
        run: Run folder to write; a new one, or with `resume` one that an earlier call made.
        resume: Continue from the newest intact checkpoint. On the CPU the result equals, bit for bit, that of an
            uninterrupted run on the same machine with as many threads and processes.
        documents: File name -> JSON value of further files to write into the run folder.

    Raises:
        ConfigError: The configuration does not fit the pairs, the processes or the run that is to be resumed.
        DataError: The pair set cannot be used.
        ArtifactError: Weights or checkpoints cannot be used.
        TrainingError: Training cannot continue.
        KeyboardInterrupt: SIGINT or SIGTERM arrived; a checkpoint of the last step has been written.
    """
    started_s = time.perf_counter()
    with process_group(pick_device(config.train).type) as world, explain_out_of_memory(config):
        # With --resume-if-begun the answer depends on the folder, which the main process may have made meanwhile.
        resume = world.broadcast_object(resume)
        check_batch_divides(config.train, world)
        check_trackers(config.tracking)
        data = open_training_data(config)
        if world.is_main:
            check_run_folder(run, config, resume=resume)
        state = build_state(config)
        if resume and world.is_main:
            check_same_feature_weights(run, state)
        if config.train.start_from is not None and not (resume and has_checkpoints(run)):
            load_pretrained_weights(state, config.train.start_from)
        world.barrier()
        # Everything that a wrong configuration could break is behind us: only now make the folder.
        with lock_run_folder(run) if world.is_main else contextlib.nullcontext():
            if world.is_main:
                create_run(run, config, {**(documents or {}), **_feature_document(state)})
            world.barrier()
            checkpoint: IntactCheckpoint | None = world.broadcast_object(
                find_newest_intact_checkpoint(run) if resume and world.is_main else None
            )
            report = _train_from(checkpoint, config, run, state, data)
    return dataclasses.replace(report, seconds=time.perf_counter() - started_s)


def _train_from(
    checkpoint: IntactCheckpoint | None, config: Config, run: Path, state: TrainingState, data: TrainingData
) -> TrainReport:
    """Load the checkpoint, if there is one, and train to the end of the run."""
    if checkpoint is not None:
        check_same_training_data(run, checkpoint.meta, data.digest)
        load_checkpoint(checkpoint.folder, state, checkpoint.meta)
    first_image, train, world = state.images_seen, config.train, state.world
    trackers = start_run_trackers(config, run, state, data, checkpoint)
    cache = run / _CACHE_FOLDER
    try:
        with stop_signals() as stop, ProgressBar("images", train.images, first_image) as bar:
            decoded = decode_to_file(data, data.entries, train.augment, cache, train.decoded_cache_gb, world=world)
            stream = CropStream(data, train.augment, config.seed, decoded, glimpses=state.uses_glimpse)
            logger = MetricsLogger(state, train, trackers)
            reporter = SkippedStepReporter(run, state, train, config.losses, partial(_photo_names, stream))
            monitor = StepMonitor(state, train, logger, reporter)
            validator = Validator(run, state, data, train, trackers)
            checkpointer = Checkpointer(run, state, data, train, trackers)
            _catch_up(state, train, validator, checkpointer, stop)
            stopped_early, training_s, start_s = False, 0.0, time.perf_counter()
            for micro_batches in load_batches(stream, train, start=first_image, device=state.device, world=world):
                stopped_early = validator.should_stop
                if stopped_early:
                    break
                loss = monitor.after_step(train_step(state, micro_batches, train))
                bar.advance(train.batch, status=None if loss is None else f"loss {loss:.3f}")
                training_s += time.perf_counter() - start_s
                checkpoint_due = _is_due(train.checkpoint_every_images, state, train)
                if checkpoint_due or _is_due(train.validate_every_images, state, train):
                    validator.validate(stop)  # before saving, because the checkpoint holds the metrics
                stopping = world.any(stop.requested)
                if checkpoint_due or stopping:
                    checkpointer.save(validator.current_metrics(), required=stopping)
                if stopping:
                    raise KeyboardInterrupt
                start_s = time.perf_counter()
            _finish(validator, checkpointer, stop)
    finally:
        if world.is_main:
            shutil.rmtree(cache, ignore_errors=True)
        trackers.close(summarize_run(state, train))
    speed = (state.images_seen - first_image) / max(training_s, 1e-9)
    return TrainReport.from_state(run, state, speed, stopped_early=stopped_early)


def _feature_document(state: TrainingState) -> dict[str, Any]:
    """Return the file that records the feature network's weights, with its content; empty without that network."""
    description = describe_feature_weights(state)
    return {} if description is None else {FEATURES_FILE: description}


def _is_due(every_images: int, state: TrainingState, train: TrainConfig) -> bool:
    """Whether the latest batch passed a multiple of `every_images`, and was not the last batch of the run."""
    images, before = state.images_seen, max(state.images_seen - train.batch, 0)
    return images // every_images > before // every_images and images < train.images


def _catch_up(
    state: TrainingState, train: TrainConfig, validator: Validator, checkpointer: Checkpointer, stop: StopRequest
) -> None:
    """Do what was due at the step that the run was stopped at, and was skipped in order to stop quickly."""
    if state.images_seen == 0 or validator.is_current:
        return
    if _is_due(train.checkpoint_every_images, state, train):
        validator.validate(stop)
        checkpointer.save(validator.current_metrics())
    elif _is_due(train.validate_every_images, state, train):
        validator.validate(stop)


def _finish(validator: Validator, checkpointer: Checkpointer, stop: StopRequest) -> None:
    """Validate and save the last step, unless a resumed run finds that done."""
    was_validated = validator.is_current
    validator.validate(stop)
    if not was_validated or not checkpointer.is_current:
        checkpointer.save(validator.current_metrics(), required=True)


def _photo_names(stream: CropStream, positions: range) -> list[str]:
    """Return the names of the photos at the first positions."""
    return [stream.entries[index].source for index in stream.plan.crops_at(positions[:_MAX_PHOTO_NAMES]).index]
