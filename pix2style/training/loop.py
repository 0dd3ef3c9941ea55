"""Training: one readable page. Resolve, build, learn, look, keep."""

from __future__ import annotations

import shutil
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from pix2style.config import Config
from pix2style.pairs.manifest import PairEntry
from pix2style.pairs.reader import PairReader, choose_style
from pix2style.progress import ProgressBar
from pix2style.runs.folder import CheckpointMeta, RunFolder
from pix2style.training.advance import advance
from pix2style.training.checkpoint import load_checkpoint, save_checkpoint
from pix2style.training.data import PairDataset, batches, decode_once
from pix2style.training.prepare import check_run, check_same_pairs, claimed, git_revision, open_run, training_pairs
from pix2style.training.state import TrainingState, build_state, set_learning_rates
from pix2style.training.step import DiscriminatorLosses, GeneratorLosses
from pix2style.training.tracking import Trackers, start_trackers
from pix2style.training.validation import validate
from pix2style.version import __version__

_CACHE_FOLDER = "cache"


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
        best_val_l1: the lowest seen.
    """

    run: Path
    step: int
    images_seen: int
    seconds: float
    images_per_s: float
    val_l1: float | None
    best_val_l1: float | None


def train(config: Config, run: Path, *, resume: bool = False) -> TrainReport:
    """Learn a pair set.

    Args:
        config: the experiment; `pairs.path` is the pair set.
        run: the folder to write; a new one, or with `resume` one that an earlier call began.
        resume: go on from the latest checkpoint; on the CPU the outcome is, bit for bit, that of an uninterrupted run
            on the same machine with as many threads.

    Raises:
        ConfigError: the configuration does not fit the pairs or the run that is to go on.
        DataError: the pair set cannot be used.
        ArtifactError: weights or checkpoints cannot be used.
        TrainingError: it cannot go on.
        KeyboardInterrupt: SIGINT or SIGTERM came; everything up to there is in a checkpoint.
    """
    began = time.perf_counter()
    reader, entries, held_out = training_pairs(config)
    check_run(run, config, resume=resume)
    state = build_state(config)
    # the folder is made after everything that a wrong configuration could break
    with claimed(run):
        return _learn(config, open_run(run, config), state, (reader, entries, held_out), began, resume=resume)


def _learn(
    config: Config,
    folder: RunFolder,
    state: TrainingState,
    pairs: tuple[PairReader, list[PairEntry], list[PairEntry]],
    began: float,
    *,
    resume: bool,
) -> TrainReport:
    """The page itself: load, learn, look, keep."""
    run, (reader, entries, held_out) = folder.path, pairs
    meta = None
    if resume and (run / "checkpoints" / "latest").is_file():
        meta = load_checkpoint(folder.checkpoint(), state)
        check_same_pairs(run, meta, reader)
    trackers = start_trackers(
        run,
        config.tracking,
        _description(config, reader),
        name=config.name,
        resume_step=state.step,
        run_id=meta.wandb_id if meta else None,
    )
    session = _Session(config, run, reader=reader, held_out=held_out, state=state, trackers=trackers)
    first, learning_s = state.images_seen, 0.0
    try:
        decoded = decode_once(reader, entries, run / _CACHE_FOLDER, config.train.decoded_cache_gb)
        dataset = PairDataset(reader, entries, config.train.augment, config.seed, decoded)
        with _stop_signals() as stopped, ProgressBar("images", config.train.images, state.images_seen) as bar:
            tick = time.perf_counter()
            for batch in batches(dataset, config.train, start=state.images_seen, device=state.device):
                losses = advance(state, batch, config)
                bar.advance(len(batch.content))
                if state.step % config.train.log_every == 0:
                    session.log(*losses)
                    bar.advance(0, note=f"loss {float(losses[0].total.detach()):.3f}")
                learning_s += time.perf_counter() - tick
                if session.due(config.train.validate_every_images):
                    session.look()
                if stopped.is_set():
                    session.keep()
                    raise KeyboardInterrupt
                if session.due(config.train.checkpoint_every_images):
                    session.look()  # so that the best checkpoint is known among those that are kept
                    session.keep()
                tick = time.perf_counter()
        if state.images_seen > first:  # else the run was finished before, and its last look and checkpoint are there
            session.look()
            session.keep()
    finally:
        shutil.rmtree(run / _CACHE_FOLDER, ignore_errors=True)
        trackers.close({"best_val_l1": state.best_val_l1, "images_seen": state.images_seen})
    rate = (state.images_seen - first) / max(learning_s, 1e-9)
    seconds = time.perf_counter() - began
    return TrainReport(run, state.step, state.images_seen, seconds, rate, state.val_l1, state.best_val_l1)


class _Session:
    """What the loop does besides learning: log, look at held-out photos, keep checkpoints."""

    def __init__(
        self,
        config: Config,
        run: Path,
        *,
        reader: PairReader,
        held_out: list[PairEntry],
        state: TrainingState,
        trackers: Trackers,
    ) -> None:
        self._config, self._run, self._reader, self._state, self._trackers = config, run, reader, state, trackers
        # without held-out photos the grid shows a training one, and there are no figures
        self._photos = (held_out or reader.entries("train"))[: config.train.validate_photos if held_out else 1]
        self._measures = bool(held_out)
        self._looked_at = -1
        self._logged_s, self._logged_images = time.perf_counter(), state.images_seen

    def due(self, every_images: int) -> bool:
        """Whether the last batch passed a multiple of `every_images`, and training goes on after it."""
        seen, batch = self._state.images_seen, self._config.train.batch
        return seen // every_images > (seen - batch) // every_images and seen < self._config.train.images

    def log(self, g: GeneratorLosses, d: DiscriminatorLosses | None) -> None:
        """Hand the last step's figures to the trackers."""
        now, seen = time.perf_counter(), self._state.images_seen
        figures = {"images_seen": float(seen), "lr_share": set_learning_rates(self._state, self._config.train)}
        parts: list[tuple[str, Any]] = [(f"generator/{name}", getattr(g, name)) for name in g.__slots__]
        if d is not None:
            parts += [(f"discriminator/{name}", getattr(d, name)) for name in d.__slots__]
        figures |= {name: float(value.detach()) for name, value in parts if value is not None}
        figures["images_per_s"] = (seen - self._logged_images) / max(now - self._logged_s, 1e-9)
        if self._state.device.type == "cuda":
            figures["memory_gb"] = torch.cuda.max_memory_allocated() / 1e9
        self._trackers.log(self._state.step, figures)
        self._logged_s, self._logged_images = now, seen

    def look(self) -> None:
        """Grid and figures of held-out photos, once a step."""
        state = self._state
        if self._looked_at == state.step:
            return
        self._looked_at = state.step
        grid = self._run / "samples" / f"step-{state.step:07d}.png"
        with torch.random.fork_rng(devices=[]):  # folding may draw and throw away fresh weights: leave no trace
            shipped = state.ema.folded()
        report = validate(shipped, self._reader, self._photos, grid=grid, grid_photos=self._config.train.grid_photos)
        self._trackers.picture(state.step, "validation/grid", grid)
        if self._measures:
            state.val_l1 = report.l1_levels
            figures = {"validation/l1_levels": report.l1_levels, "validation/psnr_db": report.psnr_db}
            self._trackers.log(state.step, {"images_seen": float(state.images_seen), **figures})

    def keep(self) -> None:
        """Write a checkpoint."""
        manifest = self._reader.manifest
        teacher = manifest.teachers[choose_style(manifest, self._config.pairs.learn_style)]
        looked = self._measures and self._looked_at == self._state.step
        val_l1 = self._state.val_l1 if looked else None
        if val_l1 is not None:
            self._state.best_val_l1 = min(val_l1, self._state.best_val_l1 or float("inf"))
        meta = CheckpointMeta(
            step=self._state.step,
            images_seen=self._state.images_seen,
            pairs_sha256=self._reader.digest,
            teacher=teacher.name,
            teacher_sha256=teacher.sha256,
            style_sha256=tuple(teacher.style_sha256),
            val_l1=val_l1,
            best_val_l1=self._state.best_val_l1,
            wandb_id=self._trackers.run_id,
        )
        save_checkpoint(self._run, self._state, meta, keep=self._config.train.keep_checkpoints)


def _description(config: Config, reader: PairReader) -> dict[str, Any]:
    return {
        **config.model_dump(mode="json"),
        "pairs_sha256": reader.digest,
        "git_revision": git_revision(),
        "pix2style_version": __version__,
    }


@contextmanager
def _stop_signals() -> Iterator[threading.Event]:
    """Turn SIGINT and SIGTERM into an event that the loop polls: a step is never cut in half."""
    stopped = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stopped  # only the main thread may listen to signals
        return
    before = {s: signal.signal(s, lambda *_: stopped.set()) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
