"""Load stylizers by name, and measure how steady they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pix2style.config import Config
from pix2style.errors import ConfigError
from pix2style.progress import ProgressBar, recorded_notes
from pix2style.recipes.evaluate import EvaluationOptions, check_named_once, load_stylizers, open_dataset
from pix2style.steady import SteadyMode

if TYPE_CHECKING:
    from pix2style.evaluation.steadiness_report import SteadinessReport


def evaluate_steadiness_of(config: Config, options: EvaluationOptions, modes: Sequence[SteadyMode]) -> SteadinessReport:
    """Measure how steady stylizers are on `eval.photos`, or else on the photos of the test split of `pairs.path`.

    Args:
        config: Configuration that names the photos.
        options: Stylizers and limit; the others concern fidelity and style.
        modes: How much is done for steadiness, each once.

    Raises:
        ConfigError: Options contradict each other or are missing.
        DataError: Photos or the pair set cannot be used.
        ArtifactError: A stylizer cannot be loaded.
    """
    _check(config, options, modes)
    from pix2style.evaluation.steadiness import evaluate_steadiness
    from pix2style.runtime.devices import CPU

    dataset = open_dataset(config, options)
    with recorded_notes() as notes:
        stylizers = load_stylizers(options.stylizers, config.pairs.module, options.device)
    with ProgressBar("measurements", len(stylizers) * len(modes)) as bar:
        report = evaluate_steadiness(stylizers, dataset, modes, on_progress=bar.set_counts)
    settings = {**report.settings, "device": options.device or CPU}
    return report.model_copy(update={"notes": (*notes, *report.notes), "settings": settings})


def _check(config: Config, options: EvaluationOptions, modes: Sequence[SteadyMode]) -> None:
    """Check that the options fit together, without loading anything.

    Raises:
        ConfigError: They do not.
    """
    check_named_once(options.stylizers)
    given = {
        "--teacher": options.teacher is not None,
        "--style": bool(options.paintings),
        "--features": options.features is not None,
        "--perceptual": options.perceptual is not None,
        "--tell-apart": options.tell_apart,
        "--sheet": options.sheet is not None,
        "--html": options.html is not None,
    }
    for name, is_given in given.items():
        if is_given:
            raise ConfigError(f"{name}: --steady compares nothing with targets or paintings: leave it out")
    if len(set(modes)) < len(modes):
        raise ConfigError("--mode: a mode is named twice: name each one once")
    if not config.eval.photos and config.pairs.path is None:
        raise ConfigError("there are no photos to measure on: add --photos DIR or --pairs DIR")
