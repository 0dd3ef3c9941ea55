"""Result of a training run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pix2style.nets.weights import WeightsRecord
from pix2style.training.run.feature_weights import feature_weights
from pix2style.training.step.state import TrainingState

EndReason = Literal["images", "minutes", "validation", "interrupted"]
"""What ended a training: `train.images`, `train.minutes`, `train.early_stop`, or Ctrl-C and SIGTERM."""


def held_out_text(metrics: Mapping[str, float]) -> str:
    """Return figures on held-out photos in words, such as `held-out PSNR 24.1 dB`.

    Args:
        metrics: Values of `l1` (levels of 0 to 255), `psnr` (dB) and `ssim`; empty if there are none.
    """
    texts = {"l1": "L1 {:.2f} of 255", "psnr": "PSNR {:.1f} dB", "ssim": "SSIM {:.3f}"}
    figures = [text.format(metrics[name]) for name, text in texts.items() if name in metrics]
    return f"held-out {', '.join(figures)}" if figures else ""


@dataclass(frozen=True, slots=True)
class TrainReport:
    """Numbers of a finished run.

    Attributes:
        run: Run folder.
        step: Number of optimiser steps, over all sessions of the run.
        images_seen: Number of training images, over all sessions of the run.
        seconds: Duration of this session, from the call of `train` to its end.
        images_per_s: Training speed in this session; validations and checkpoints are not counted.
        val_l1: Mean absolute difference to the targets on held-out photos, in levels of 0 to 255; None without
            held-out photos.
        val_psnr: PSNR on held-out photos in dB; None without held-out photos.
        val_ssim: SSIM on held-out photos, -1 to 1; None without held-out photos.
        best: Best value of the metric that `train.best_by` names; None without held-out photos.
        skipped_steps: Number of steps that were skipped because a loss or gradient was not finite.
        stopped_early: Whether the run ended before the limit that `train.images` or `train.minutes` sets.
        ended_by: What ended the run: "images" or "minutes" (the limits of the section `train`), "validation"
            (`train.early_stop`) or "interrupted" (Ctrl-C or SIGTERM).
        elapsed_s: Training time over all sessions of the run, as `train.minutes` counts it.
        features: Which weights the feature network had; None if no loss needed one.
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
    ended_by: EndReason
    elapsed_s: float
    features: WeightsRecord | None = None

    @classmethod
    def from_state(cls, run: Path, state: TrainingState, images_per_s: float, ended_by: EndReason) -> TrainReport:
        """Read the numbers from the final training state; `seconds` is left at 0."""
        metrics = state.validation_metrics
        return cls(
            run=run,
            step=state.step,
            images_seen=state.images_seen,
            seconds=0.0,
            images_per_s=images_per_s,
            val_l1=metrics.get("l1"),
            val_psnr=metrics.get("psnr"),
            val_ssim=metrics.get("ssim"),
            best=state.best_metric,
            skipped_steps=state.nonfinite.read_skipped().total,
            stopped_early=ended_by in ("validation", "interrupted"),
            ended_by=ended_by,
            elapsed_s=state.elapsed_s,
            features=feature_weights(state),
        )
