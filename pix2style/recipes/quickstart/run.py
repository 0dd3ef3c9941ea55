"""The stages of quickstart, one after the other, within the time limit."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pix2style.config import Config
from pix2style.errors import ConfigError, Pix2StyleError
from pix2style.files import read_json, write_json
from pix2style.pairs.format.manifest import MANIFEST_NAME
from pix2style.plural import counted
from pix2style.recipes.quickstart.options import (
    CONFIG_FILE,
    Experiment,
    QuickstartOptions,
    fit_crop,
    plan_experiment,
    what_limits_photos,
)
from pix2style.recipes.quickstart.report import REPORT_FILE, QuickstartReport
from pix2style.recipes.quickstart.stages import (
    check_feature_network,
    evaluate_filter,
    export_8_bits,
    export_filter_file,
    make_pair_set,
    stylize_some_photos,
    train_feature_network,
    write_first_filter,
)
from pix2style.recipes.quickstart.training import train_within

Log = Callable[[str], None]
_TIMES_FILE = "times.json"
_MIN_TRAINING_S = 10.0
# The stages after training take about as long as this many exports. The first export was timed on the same machine.
_FINAL_STAGES_IN_EXPORTS = 12.0
_MIN_FINAL_STAGES_S = 12.0
# Decoded, the two images of a pair of 512 pixels take 1.2 MB, for which each training makes a temporary file.
_DISK_MB, _STORED_MB_PER_PAIR, _DECODED_MB_PER_PAIR = 30, 0.3, 1.2
# Peak of the training and of the figures, measured on a CPU.
_MEMORY_GB = 2.0


@dataclass(slots=True)
class _Session:
    """One call of quickstart.

    Attributes:
        options: Its options.
        experiment: What it does.
        report: Its results so far.
        log: Called with a line of text when a stage starts.
        began_s: Moment at which the call began, on the scale of `time.monotonic()`.
    """

    options: QuickstartOptions
    experiment: Experiment
    report: QuickstartReport
    log: Log
    began_s: float = field(default_factory=time.monotonic)

    @property
    def config(self) -> Config:
        return self.experiment.config

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self.log(f"{name} ...")
        start_s = time.monotonic()
        try:
            yield
        except Pix2StyleError:
            self.log(f"{name}: stopped")
            raise
        self.report.seconds[name] = time.monotonic() - start_s

    def elapsed_s(self) -> float:
        return time.monotonic() - self.began_s


def quickstart(
    options: QuickstartOptions, log: Log = lambda _line: None, *, began_s: float | None = None
) -> QuickstartReport:
    """Make pairs, train a filter, export it, and measure it on held-out photos.

    A second call with the same `out` resumes where the first one stopped; with more minutes it trains on.

    Args:
        options: What to make, and in how many minutes.
        log: Called with a line of text when a stage starts.
        began_s: Moment, on the scale of `time.monotonic()`, from which on the minutes count; None takes that of the
            call.

    Raises:
        ConfigError: Options contradict each other, or `out` cannot be used.
        Pix2StyleError: A stage failed; the error is the stage's own.
    """
    began_s = time.monotonic() if began_s is None else began_s
    experiment = plan_experiment(options)
    out = options.out
    name = experiment.config.name
    report = QuickstartReport(out / f"{name}.onnx", out / "before-after.png", out / "pictures")
    session = _Session(options, experiment, report, log, began_s)
    _say_what_is_chosen(session)
    _say_what_is_needed(session)
    _write_config(session)
    if experiment.config.losses.features.network != "autoencoder":
        check_feature_network(experiment.config)
    with session.stage("pairs"):
        make_pair_set(out / CONFIG_FILE, session.config)
    if session.config.losses.features.network == "autoencoder":
        with session.stage("feature network"):
            train_feature_network(session.config, options.minutes)
    session.experiment = fit_crop(experiment, log)
    if not report.filter.exists():
        with session.stage("first filter"):
            write_first_filter(session.config, report.filter)
    with session.stage("training"):
        _train(session)
    with session.stage("export"):
        export_filter_file(out / "run", report)
    with session.stage("8 bits"):
        export_8_bits(out / "run", report, log)
    with session.stage("pictures"):
        stylize_some_photos(session.config, report)
    with session.stage("metrics"):
        evaluate_filter(session.config, report)
    report.seconds["all"] = session.elapsed_s()
    write_json(out / REPORT_FILE, report.to_json())
    return report


def _say_what_is_chosen(session: _Session) -> None:
    experiment, options = session.experiment, session.options
    if experiment.chosen < experiment.photos:
        session.log(
            f"{counted(experiment.photos, 'photo')}: {experiment.chosen:,} of them, evenly chosen, are used:"
            f" {what_limits_photos(options)}"
        )
    elif experiment.photos < 10:
        session.log(
            f"{counted(experiment.photos, 'photo')}: few; the filter will be better with 20 or more, of any subjects"
        )


def _say_what_is_needed(session: _Session) -> None:
    """Say how much disk and memory the work takes, and stop if there is not enough disk."""
    is_made = (session.options.out / "pairs" / MANIFEST_NAME).is_file()
    per_pair_mb = _DECODED_MB_PER_PAIR + (0 if is_made else _STORED_MB_PER_PAIR)
    disk_mb = round(_DISK_MB + per_pair_mb * session.experiment.pairs)
    free_mb = shutil.disk_usage(_existing_parent(session.options.out)).free / 1e6
    session.log(f"needs up to {disk_mb} MB of disk in {session.options.out} and {_MEMORY_GB:.1f} GB of memory")
    if free_mb < disk_mb:
        raise ConfigError(
            f"--out {session.options.out}: {free_mb:.0f} MB are free there, and {disk_mb} MB are needed: free some,"
            " name another folder, or use fewer photos"
        )


def _existing_parent(path: Path) -> Path:
    return next(folder for folder in (path, *path.absolute().parents) if folder.is_dir())


def _write_config(session: _Session) -> None:
    out = session.options.out
    try:
        out.mkdir(parents=True, exist_ok=True)
        write_json(out / CONFIG_FILE, session.config.model_dump(mode="json"))  # JSON is YAML
    except OSError as error:
        raise ConfigError(f"--out {out}: cannot be written ({error.strerror or error}): name another") from error


def _train(session: _Session) -> None:
    """Train until the limit, less what the stages after it need. The run's own clock counts earlier calls too."""
    out, limit_s = session.options.out, 60 * session.options.minutes
    times = _times_before_training(session)
    final_s = max(_MIN_FINAL_STAGES_S, _FINAL_STAGES_IN_EXPORTS * times["first_filter_s"])
    training_s = max(_MIN_TRAINING_S, limit_s - final_s - times["before_training_s"])
    trained = train_within(session.config, out, training_s, session.options.minutes, session.log)
    session.report.images_seen, session.report.interrupted = trained.images_seen, trained.interrupted


def _times_before_training(session: _Session) -> dict[str, float]:
    """Return how long the stages before training took in the first call with this folder."""
    file = session.options.out / _TIMES_FILE
    if not file.is_file():
        first_filter_s = session.report.seconds.get("first filter", 0.0)
        write_json(file, {"before_training_s": session.elapsed_s(), "first_filter_s": first_filter_s})
    return {name: float(seconds) for name, seconds in read_json(file).items()}
