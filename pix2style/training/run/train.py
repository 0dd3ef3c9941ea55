"""Train an experiment: resolve the inputs, build the networks, train, validate, save checkpoints."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from pix2style.config import Config
from pix2style.errors import ConfigError
from pix2style.progress import print_note
from pix2style.runs.folder import FEATURES_FILE, PREVIEW_FILE
from pix2style.training.data.crop_stream import CropStream
from pix2style.training.data.crops import pair_sizes
from pix2style.training.data.decoded_cache import DECODED_FILE, decode_to_file
from pix2style.training.data.loader import load_batches
from pix2style.training.data.sampler import check_batch_divides, check_whole_pairs
from pix2style.training.data.sources import TrainingData, open_training_data
from pix2style.training.distributed import process_group
from pix2style.training.run.checkpoints.checkpoint import load_checkpoint
from pix2style.training.run.checkpoints.checkpointer import Checkpointer
from pix2style.training.run.checkpoints.resume import IntactCheckpoint, find_newest_intact_checkpoint, has_checkpoints
from pix2style.training.run.checkpoints.start_weights import START_FILE, load_start_weights
from pix2style.training.run.clock import RunClock, now_s
from pix2style.training.run.crop_statistics import crop_statistics
from pix2style.training.run.feature_weights import check_same_feature_weights, describe_feature_weights
from pix2style.training.run.idle_settings import idle_settings, idle_split_shares
from pix2style.training.run.memory import explain_out_of_memory
from pix2style.training.run.prepare import (
    check_run_folder,
    check_same_training_data,
    create_run,
    lock_run_folder,
    with_precision_of_run,
)
from pix2style.training.run.report import TrainReport
from pix2style.training.run.run_trackers import start_run_trackers, summarize_run
from pix2style.training.run.signals import stop_signals
from pix2style.training.run.skipped_steps import SkippedStepReporter
from pix2style.training.run.step_monitor import MetricsLogger, SmoothedLoss, StepMonitor
from pix2style.training.run.training_loop import TrainingLoop
from pix2style.training.run.validation.preview import Preview
from pix2style.training.run.validation.validator import Validator
from pix2style.training.step.build import build_state
from pix2style.training.step.device import pick_device
from pix2style.training.step.smallest_images import check_smallest_images
from pix2style.training.step.state import TrainingState
from pix2style.training.tracking import check_trackers
from pix2style.writable import check_can_write_folder

_CACHE_FOLDER = "cache"
_MAX_PHOTO_NAMES = 64


@dataclasses.dataclass(frozen=True, slots=True)
class TrainOptions:
    """How a caller wants a training to be run, besides what the configuration says.

    Attributes:
        began_s: Moment, on the scale of `time.monotonic()`, from which on `train.minutes` counts, for example that of
            the program's start; None takes that of the call.
        return_if_stopped: Return the report at Ctrl-C, SIGTERM or SIGHUP, with `ended_by` "interrupted", instead of
            raising KeyboardInterrupt, if there is a checkpoint. The last step, if there was one, has a checkpoint in
            any case.
        preview: PNG file to renew while training goes on, if `train.preview` is true, with an HTML page of the same
            name beside it; None takes `preview.png` in the run folder.
    """

    began_s: float | None = None
    return_if_stopped: bool = False
    preview: Path | None = None


def train(
    config: Config,
    run: Path,
    *,
    resume: bool = False,
    documents: Mapping[str, Any] | None = None,
    options: TrainOptions = TrainOptions(),
) -> TrainReport:
    """Train a generator; in each of the processes that torchrun started, or in this one.

    Args:
        config: Configuration of the experiment; `pairs.path` is the pair set.
        run: Run folder to write; a new one, or with `resume` one that an earlier call made.
        resume: Continue from the newest intact checkpoint. Without `train.minutes`, the result on the CPU equals, bit
            for bit, that of an uninterrupted run on the same machine with as many threads and processes. A run that
            has ended goes on if `train.images` or `train.minutes` is now larger.
        documents: File name -> JSON value of further files to write into the run folder.
        options: How the caller wants the training to be run.

    Raises:
        ConfigError: The configuration does not fit the pairs, the processes or the run that is to be resumed.
        DataError: The pair set cannot be used.
        ArtifactError: Weights or checkpoints cannot be used.
        TrainingError: Training cannot continue.
        KeyboardInterrupt: SIGINT, SIGTERM or SIGHUP arrived; the last step, if there was one, has a checkpoint.
    """
    began_s = now_s()
    if options.began_s is None:
        options = dataclasses.replace(options, began_s=began_s)
    with process_group(pick_device(config.train).type) as world, explain_out_of_memory(config):
        # With --resume-if-begun the answer depends on the folder, which the main process may have made meanwhile.
        resume = world.broadcast_object(resume)
        if world.is_main:
            check_can_write_folder(run, ConfigError)
        check_batch_divides(config.train, world)
        check_trackers(config.tracking)
        data = open_training_data(config)
        sizes = pair_sizes(data.entries, config.train.augment)
        check_whole_pairs(config.train, sizes, world)
        if world.is_main:
            check_run_folder(run, config, resume=resume)
            notes = idle_settings(config, config.train.images, len(data.held_out))
            notes += [*idle_split_shares(config, data), *crop_statistics(config, data), *data.notes]
            for note in notes:
                print_note(note)
        config = with_precision_of_run(run, config) if resume else config
        state = build_state(config)
        check_smallest_images(state, config.train.augment, sizes)
        if resume and world.is_main:
            check_same_feature_weights(run, state)
        start: dict[str, Any] = {}
        if not (resume and has_checkpoints(run)):
            start = load_start_weights(state, config, data)
        world.barrier()
        # Everything that a wrong configuration could break is behind us: only now make the folder.
        with lock_run_folder(run) if world.is_main else contextlib.nullcontext():
            if world.is_main:
                check_run_folder(run, config, resume=resume)  # another process may have begun one meanwhile
                start_document = {START_FILE: start} if start else {}
                create_run(run, config, {**(documents or {}), **start_document, **_feature_document(state)})
            world.barrier()
            checkpoint: IntactCheckpoint | None = world.broadcast_object(
                find_newest_intact_checkpoint(run) if resume and world.is_main else None
            )
            try:
                report = _train_from(checkpoint, config, run, state, data, options=options)
            finally:
                # Not inside the function: Windows does not delete a file while its frame still maps it.
                if world.is_main:
                    shutil.rmtree(run / _CACHE_FOLDER, ignore_errors=True)
    return dataclasses.replace(report, seconds=now_s() - began_s)


def _train_from(
    checkpoint: IntactCheckpoint | None,
    config: Config,
    run: Path,
    state: TrainingState,
    data: TrainingData,
    *,
    options: TrainOptions,
) -> TrainReport:
    """Load the checkpoint, if there is one, and train to the end of the run."""
    if checkpoint is not None:
        check_same_training_data(run, checkpoint.meta, data.digest)
        load_checkpoint(checkpoint.folder, state, checkpoint.meta)
    first_image, train, world = state.images_seen, config.train, state.world
    run_clock = RunClock(state.elapsed_s, options.began_s or now_s())
    trackers = start_run_trackers(config, run, state, data, checkpoint)
    try:
        with stop_signals() as stop:
            cache = run / _CACHE_FOLDER
            size_gb = train.decoded_cache_gb
            stop.temporary_file = cache / DECODED_FILE if world.is_main else None
            try:
                decoded = decode_to_file(
                    data, data.entries, train.augment, cache, size_gb, world=world, stop=lambda: stop.requested
                )
            except KeyboardInterrupt:
                if checkpoint is None or not options.return_if_stopped:
                    raise
                return TrainReport.from_state(run, state, 0.0, "interrupted")
            stream = CropStream(data, train.augment, config.seed, decoded, glimpses=state.uses_glimpse)
            logger = MetricsLogger(state, train, trackers)
            reporter = SkippedStepReporter(run, state, train, config.losses, partial(_photo_names, stream))
            loss = SmoothedLoss(state.device, config.losses.period_steps)
            loop = TrainingLoop(
                state,
                train,
                run_clock=run_clock,
                monitor=StepMonitor(state, train, logger, reporter, loss),
                validator=Validator(run, state, data, train, trackers),
                checkpointer=Checkpointer(run, state, data, train, trackers),
                preview=Preview(options.preview or run / PREVIEW_FILE, config.name, state, data)
                if train.preview and world.is_main
                else None,
                stop=stop,
            )
            load = partial(load_batches, stream, train, start=first_image, device=state.device, world=world)
            ended_by = loop.run(load)
            if ended_by == "interrupted" and not options.return_if_stopped:
                raise KeyboardInterrupt
    finally:
        trackers.close(summarize_run(state, train))
    speed = (state.images_seen - first_image) / max(loop.training_s, 1e-9)
    return TrainReport.from_state(run, state, speed, ended_by)


def _feature_document(state: TrainingState) -> dict[str, Any]:
    """Return the file that records the feature network's weights, with its content; empty without that network."""
    description = describe_feature_weights(state)
    return {} if description is None else {FEATURES_FILE: description}


def _photo_names(stream: CropStream, positions: range) -> list[str]:
    """Return the names of the photos at the first positions."""
    return [stream.entries[index].source for index in stream.plan.crops_at(positions[:_MAX_PHOTO_NAMES]).index]
