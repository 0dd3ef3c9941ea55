"""What a run does besides learning: tell, look at held-out photos, keep checkpoints, and mind what is not finite."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

from torch import Tensor

from pix2style.config import Config
from pix2style.errors import DataError, TrainingError
from pix2style.files import sha256_json, write_json
from pix2style.images import Image8
from pix2style.pairs.format.records import PairRecord
from pix2style.progress import print_note
from pix2style.runs.folder import CheckpointMeta, StyleRecord
from pix2style.training.data.sources import TrainingData
from pix2style.training.run.checkpoint import random_states, save_checkpoint
from pix2style.training.run.early_stop import METRIC_NAMES, EarlyStopping, is_better
from pix2style.training.run.validation import first_photos, preserve_rng, validate
from pix2style.training.step.nonfinite import SkippedSteps
from pix2style.training.step.schedule import learning_rate_factor
from pix2style.training.step.state import TrainingState
from pix2style.training.step.train_step import StepReport
from pix2style.training.tracking import METRICS_FILE, Trackers, metric_history, step_metrics

_TOTALS = ("/total", "/gradient_norm")


class LookGivenUpError(Exception):
    """Somebody asked the run to stop while it looked at held-out photos."""


class Session:
    """One process's part of a run; every method is called by all processes, at the same step.

    Args:
        config: the experiment.
        run: the run folder.
        material: what is learned from.
        state: how far it has come.
        trackers: of the main process; the others' are empty.
        stop_asked: polled while looking at photos.
        sources_of: names of the photos at positions of the stream, for the dump.
        has_checkpoint: whether there is a whole one to fall back to.
    """

    def __init__(
        self,
        config: Config,
        run: Path,
        material: TrainingData,
        state: TrainingState,
        trackers: Trackers,
        *,
        stop_asked: Callable[[], bool],
        sources_of: Callable[[range], list[str]],
        has_checkpoint: bool,
    ) -> None:
        self._config, self._run, self._material, self._state = config, run, material, state
        self._trackers, self._stop_asked, self._sources_of = trackers, stop_asked, sources_of
        self._has_checkpoint, self._kept_at = has_checkpoint, state.step if has_checkpoint else -1
        self._photos = _photos_to_look_at(config, material)
        past = metric_history(run / METRICS_FILE, METRIC_NAMES[config.train.best_by], up_to_step=state.step)
        self._early_stop = EarlyStopping.from_config(config.train, past)
        self._is_over = state.world.any(self._early_stop.should_stop)
        self._looked_at = state.step if self._grid().is_file() else -1
        self._asked_s, self._asked_images = time.perf_counter(), state.images_seen
        train = config.train
        # on a GPU every question makes the host wait for it
        self._ask_every = 1 if state.device.type == "cpu" else max(1, min(train.log_every, train.skips_in_a_row))

    @property
    def is_over(self) -> bool:
        """Whether early stopping ends the run; the same in all processes."""
        return self._is_over

    def due(self, every_images: int) -> bool:
        """Whether the last batch passed a multiple of `every_images`, and training goes on after it."""
        seen, batch = self._state.images_seen, self._config.train.batch
        return seen // every_images > max(seen - batch, 0) // every_images and seen < self._config.train.images

    def after_step(self, report: StepReport) -> float | None:
        """Mind the step's figures; returns the generator's loss where it was read.

        Raises:
            TrainingError: too many steps in a row were left out; a dump says why.
        """
        train, step = self._config.train, self._state.step
        is_log = step % train.log_every == 0
        if not is_log and step % self._ask_every:
            return None
        skips = self._state.nonfinite.read_skipped()
        if skips.new:
            self._tell_skips(skips, report)
        return self._log(report, skips) if is_log else None

    def catch_up(self) -> None:
        """Look and keep where a run that was stopped had no time to."""
        due = self._state.images_seen > 0 and self._looked_at != self._state.step
        if due and self.due(self._config.train.checkpoint_every_images):
            self.look()
            self.keep()
        elif due and self.due(self._config.train.validate_every_images):
            self.look()

    def finish(self) -> None:
        """A last look and checkpoint, if they are not there."""
        looked = self._looked_at == self._state.step
        self.look()
        if not looked or self._kept_at != self._state.step:
            self.keep(needed=True)

    def look(self) -> None:
        """Grid and figures of held-out photos, once a step; not where the run was asked to stop meanwhile."""
        state = self._state
        if state.world.any(self._looked_at == state.step):
            return
        done = False
        if state.world.is_main:
            try:
                self._validate()
                done = True
            except LookGivenUpError:
                pass
            except (OSError, DataError) as error:
                if not isinstance(error.__cause__ or error, OSError) or str(self._grid().parent) not in str(error):
                    raise
                print_note(f"{error}: step {state.step} is not looked at")  # a full disk: training itself can go on
        if state.world.any(done):
            self._looked_at = state.step
            self._is_over = state.world.any(self._early_stop.should_stop)

    def keep(self, *, needed: bool = False) -> None:
        """Write a checkpoint. Where the disk is full and there is an older one, training goes on.

        Args:
            needed: it is the last one: fail if it cannot be written.

        Raises:
            TrainingError: it cannot be written, and is needed or the first one.
        """
        state, error = self._state, None
        random = random_states(state)
        if state.world.is_main:
            try:
                save_checkpoint(self._run, state, self._meta(), random, self._config.train)
            except TrainingError as failed:
                error = failed
        said: str | None = state.world.broadcast_object(None if error is None else str(error))
        if said is None:
            self._has_checkpoint, self._kept_at = True, state.step
            return
        if needed or not self._has_checkpoint:
            raise TrainingError(said) from error
        print_note(f"{said}; training goes on, and tries again at the next checkpoint")
        self._trackers.log(state.step, {"checkpoint/failed": 1.0})

    def _log(self, report: StepReport, skips: SkippedSteps) -> float:
        """Hand the step's figures, means over all processes, to the trackers."""
        state, train = self._state, self._config.train
        figures = {name: value.detach().float().reshape(1).clone() for name, value in report.metrics().items()}
        state.world.all_reduce_mean_(list(figures.values()))
        scales = {"generator/loss_scale": state.generator_scale, "discriminator/loss_scale": state.discriminator_scale}
        tensors: dict[str, Tensor] = {**figures, **{k: v.value for k, v in scales.items() if v is not None}}
        optimizers = {"generator": state.generator_optimizer, "discriminator": state.discriminator_optimizer}
        read = step_metrics(tensors, optimizers, state.device)
        now, seen = time.perf_counter(), state.images_seen
        read["images_per_s"] = (seen - self._asked_images) / max(now - self._asked_s, 1e-9)
        read |= {"images_seen": float(seen), "skipped_steps": float(skips.total)}
        read["lr_share"] = learning_rate_factor(train, seen - train.batch)
        self._trackers.log(state.step, read)
        self._asked_s, self._asked_images = now, seen
        return read["generator/total"]

    def _validate(self) -> None:
        """Of the main process."""
        state, material = self._state, self._material
        with preserve_rng(state.device):
            shipped = state.ema.folded() if state.ema.styles == 1 else state.ema
            was_training = shipped.training
            report = validate(
                shipped.eval(),
                self._read,
                self._photos,
                grid=self._grid(),
                grid_photos=self._config.train.grid_photos,
                styles=material.style_names,
            )
            shipped.train(was_training)
        self._trackers.log_image(state.step, "validation/grid", self._grid())
        if report is None or not material.held_out:
            return
        best_by = self._config.train.best_by
        state.validation_metrics = {"l1": report.l1_levels, "psnr": report.psnr_db, "ssim": report.ssim}
        if is_better(state.validation_metrics[best_by], state.best_metric, best_by):
            state.best_metric = state.validation_metrics[best_by]
        self._early_stop.observe(state.validation_metrics[best_by])
        self._trackers.log(state.step, {"images_seen": float(state.images_seen), **report.figures()})

    def _read(self, entry: PairRecord) -> tuple[Image8, Image8 | None]:
        if self._stop_asked():
            raise LookGivenUpError
        return self._material.read_pair(entry)

    def _grid(self) -> Path:
        return self._run / "samples" / f"step-{self._state.step:07d}.png"

    def _meta(self) -> CheckpointMeta:
        state, teachers = self._state, self._material.teachers
        digests = [teacher.sha256 for teacher in teachers]
        several = len(teachers) > 1
        return CheckpointMeta(
            step=state.step,
            images_seen=state.images_seen,
            pairs_sha256=self._material.digest,
            teacher=", ".join(dict.fromkeys(teacher.name for teacher in teachers)),
            teacher_sha256=sha256_json(digests) if several else digests[0],
            style_sha256=tuple(digest for teacher in teachers for digest in teacher.style_sha256),
            styles=tuple(StyleRecord(t.name, t.sha256, tuple(t.style_sha256)) for t in teachers) if several else (),
            figures=state.validation_metrics if self._looked_at == state.step else {},
            best=state.best_metric,
            wandb_id=self._trackers.run_id,
        )

    def _tell_skips(self, skips: SkippedSteps, report: StepReport) -> None:
        """Say which steps were left out, and end the run if there were too many of them in a row."""
        state, limit = self._state, self._config.train.skips_in_a_row
        names = sorted({name for names in state.world.all_gather_object(skips.nonfinite_metrics) for name in names})
        terms = [name for name in names if not name.endswith(_TOTALS)] or names
        what = f"{', '.join(terms)} {'was' if len(terms) == 1 else 'were'} not finite"
        if skips.in_a_row < limit:
            steps = "a step was" if skips.new == 1 else f"{skips.new} steps were"
            print_note(f"step {state.step}: {steps} left out ({skips.total} in all): {what}")
            return
        dump = self._run / f"not-finite-step-{state.step:07d}.json"
        figures = state.world.all_gather_object({name: float(value) for name, value in report.metrics().items()})
        if state.world.is_main:
            write_json(dump, self._dump(skips, names, figures))
        raise TrainingError(
            f"step {state.step}: {what}, and so no step was taken {skips.in_a_row} times in a row ({dump} has all"
            " figures): lower the learning rates or the weight of that loss, or set train.precision=fp32, and resume"
            " from the last checkpoint"
        )

    def _dump(self, skips: SkippedSteps, names: list[str], figures: list[dict[str, float]]) -> dict[str, object]:
        state, train = self._state, self._config.train
        positions = range(state.images_seen - train.batch, state.images_seen)
        scales = (("generator", state.generator_scale), ("discriminator", state.discriminator_scale))
        return {
            "step": state.step,
            "not_finite": names,
            "skipped_in_a_row": skips.in_a_row,
            "skipped_in_all": skips.total,
            "figures_by_process": [{name: _plain(value) for name, value in one.items()} for one in figures],
            "batch_positions": [positions.start, positions.stop],
            "batch_photos": self._sources_of(positions),
            "precision": train.precision,
            "loss_scales": {name: float(scale.value) for name, scale in scales if scale is not None},
            "learning_rate_share": learning_rate_factor(train, positions.start),
            "losses": self._config.losses.model_dump(mode="json"),
        }


def _plain(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)  # JSON has no such numbers


def _photos_to_look_at(config: Config, material: TrainingData) -> list[PairRecord]:
    """Without held-out photos the grid shows a training one, and there are no figures."""
    if material.held_out:
        return first_photos(material.held_out, config.train.validate_photos)
    return first_photos(material.entries, 1)


def summary(state: TrainingState, config: Config) -> dict[str, float | None]:
    """A run's last words for its trackers."""
    figures = {f"last_{name}": value for name, value in state.validation_metrics.items()}
    return {**figures, f"best_{config.train.best_by}": state.best_metric, "images_seen": state.images_seen}
