"""The training stage of quickstart: as long as the time allows, with a picture of the present state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pix2style.config import Config, apply_overrides
from pix2style.config.load import with_values
from pix2style.recipes.quickstart.expectation import expectation
from pix2style.teachers.style import style_blends

# A training of fewer images starts from the base weights. With more, random weights end as well or better
# (docs/results.md).
_IMAGES_FROM_BASE = 10_000


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """What training achieved.

    Attributes:
        images_seen: Number of training images, earlier calls included.
        interrupted: Whether Ctrl-C ended it.
    """

    images_seen: int
    interrupted: bool


def train_within(
    config: Config, out: Path, limit_s: float, minutes: float, log: Callable[[str], None]
) -> TrainingResult:
    """Train until the run's clock shows `limit_s`; a run that is in OUT/run already goes on.

    Args:
        config: Configuration of all stages.
        out: Folder of quickstart; the run is OUT/run, the picture of the present state OUT/preview.png.
        limit_s: Limit of the training time in seconds, earlier calls included.
        minutes: What the user gave as `--minutes`, for messages.
        log: Called with lines of text.

    Raises:
        Pix2StyleError: Training failed.
    """
    from pix2style.training.run.clock import now_s
    from pix2style.training.run.throughput import measure_images_per_s
    from pix2style.training.run.train import TrainOptions, train

    began_s = now_s()
    run = out / "run"
    resume = (run / "config.json").is_file()
    config = apply_overrides(config, [f"train.minutes={limit_s / 60:.4f}", "train.images=null"])
    if not resume:
        images_per_s = measure_images_per_s(config)
        if style_blends(config.pairs) and images_per_s * limit_s < _IMAGES_FROM_BASE:
            config = with_values(config, {"model.start_from": "base"})
        for line in expectation(config, images_per_s, limit_s, minutes):
            log(line)
    log(f"  as it is now: {out / 'preview.png'}; stop whenever you like it with Ctrl-C: the filter is written then")
    options = TrainOptions(began_s=began_s, return_if_stopped=True, preview=out / "preview.png")
    report = train(config, run, resume=resume, options=options)
    return TrainingResult(report.images_seen, report.ended_by == "interrupted")
