"""Quickstart: run every stage once, from photos to a filter file, within a given number of minutes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pix2style.config import Config, apply_overrides, load_config
from pix2style.errors import ConfigError, DataError, Pix2StyleError
from pix2style.files import write_json
from pix2style.images import find_images
from pix2style.progress import ProgressBar
from pix2style.teacher_table import DEFAULT_PAINTING_TEACHER, DEFAULT_TEACHER, TEACHERS

if TYPE_CHECKING:
    from pix2style.evaluation.report import EvalReport
    from pix2style.pairs.format.records import Split

_PACKAGE = Path(__file__).parents[1]
# Time to keep for the stages after training: about three times what they take on two cores.
_FINAL_STAGES_S = 30
_MIN_TRAINING_S = 10
_FEATURES_SHARE = 0.08
_FEATURES_STEPS = 400
_FEATURES_PAIRS = 256
_SHEET_ROWS = 4
_STYLIZED_PHOTOS = 12
_INTERRUPTED_EXIT_CODE = 130

Log = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class QuickstartOptions:
    """Options of quickstart.

    Attributes:
        out: Folder for all results.
        content: Folder of photos; None takes the sample photos of pix2style.
        style: The painting, for the teacher `magenta`.
        teacher: `watercolor` or `magenta`; None takes `magenta` if there is a painting, else `watercolor`.
        module: Folder or address of Magenta's network; None takes the default address.
        minutes: Time for all stages together.
    """

    out: Path
    content: Path | None = None
    style: Path | None = None
    teacher: str | None = None
    module: str | None = None
    minutes: float = 5.0


@dataclass(slots=True)
class QuickstartReport:
    """Results of quickstart, and how good the filter is.

    Attributes:
        filter: The ONNX file.
        before_after: Contact sheet with columns for photo, teacher and filter.
        pictures: Folder of stylized photos.
        seconds: Time of each stage by its name, and of all stages as `all`.
        filter_bytes: Size of the ONNX file.
        parameters: Number of weights of the generator.
        ms_per_picture: Median milliseconds for one photo in ONNX Runtime on this machine.
        megapixels: Mean size of the photos that were timed.
        held_out: Number of photos that neither training nor validation used.
        psnr_db: PSNR of the filter against the teacher on those photos, in dB; None if there are none.
        ssim: SSIM of the filter against the teacher on those photos; None if there are none.
        photo_psnr_db: PSNR of the unchanged photos against the teacher, as a baseline; None if there are none.
        photo_ssim: SSIM of the unchanged photos against the teacher, as a baseline; None if there are none.
        images_seen: Number of training images.
    """

    filter: Path
    before_after: Path
    pictures: Path
    seconds: dict[str, float] = field(default_factory=dict)
    filter_bytes: int = 0
    parameters: int = 0
    ms_per_picture: float | None = None
    megapixels: float | None = None
    held_out: int = 0
    psnr_db: float | None = None
    ssim: float | None = None
    photo_psnr_db: float | None = None
    photo_ssim: float | None = None
    images_seen: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain values that JSON can hold."""
        paths = {name: str(getattr(self, name)) for name in ("filter", "before_after", "pictures")}
        return {**asdict(self), **paths}


def quickstart(options: QuickstartOptions, log: Log = lambda _line: None) -> QuickstartReport:
    """Make pairs, train a feature network and a filter, export it, and measure it on held-out photos.

    A second call with the same options resumes in the same folder where the first one stopped.

    Args:
        options: What to make, and in how many minutes.
        log: Called with a line of text when a stage starts.

    Raises:
        Pix2StyleError: A stage failed; the error is the stage's own.
    """
    start = time.perf_counter()
    config = _configure(options)
    out = options.out
    report = QuickstartReport(out / f"{config.name}.onnx", out / "before-after.png", out / "pictures")
    with _stage("pairs", report, log):
        _make_pairs(config, options)
    with _stage("feature network", report, log):
        _train_features(config, options)
    with _stage("training", report, log):
        remaining_s = options.minutes * 60 - (time.perf_counter() - start) - _FINAL_STAGES_S
        report.images_seen = _train(config, out / "run", max(remaining_s, _MIN_TRAINING_S), log)
    with _stage("export", report, log):
        _export(out / "run", report)
    with _stage("pictures", report, log):
        _stylize_photos(config, report)
    with _stage("figures", report, log):
        _evaluate(config, out / "pairs", report)
    report.seconds["all"] = time.perf_counter() - start
    write_json(out / "report.json", report.to_json())
    return report


def sample_photos() -> Path:
    """Return the folder of free photos that comes with pix2style."""
    return _PACKAGE / "samples" / "photos"


def bundled_config(name: str) -> Path:
    """Return the path of a file in `configs/`, which lies beside the package in a checkout and inside a wheel."""
    candidates = (_PACKAGE.parent / "configs" / name, _PACKAGE / "configs" / name)
    return next((path for path in candidates if path.is_file()), _PACKAGE / name)


def _configure(options: QuickstartOptions) -> Config:
    teacher = _choose_teacher(options)
    name = "watercolor" if options.style is None else re.sub(r"[^A-Za-z0-9-]+", "-", options.style.stem).strip("-")
    changes = {
        "name": name[:60].strip("-") or "filter",
        "pairs.path": str(options.out / "pairs"),
        "pairs.content": [str(options.content or sample_photos())],
        "pairs.teacher": teacher,
        "pairs.style": str(options.style) if options.style else None,
        "pairs.module": options.module,
        "losses.features.weights": str(options.out / "features.safetensors"),
    }
    config = load_config(bundled_config("quickstart.yaml"))
    return apply_overrides(config, [f"{key}={json.dumps(value)}" for key, value in changes.items()])


def _choose_teacher(options: QuickstartOptions) -> str:
    name = options.teacher or (DEFAULT_TEACHER if options.style is None else DEFAULT_PAINTING_TEACHER)
    teachers = {teacher.name: teacher for teacher in TEACHERS if teacher.fast}  # a slow one takes longer than minutes
    if name not in teachers:
        raise ConfigError(f"--teacher {name}: expected {' or '.join(teachers)}")
    if teachers[name].needs_painting and options.style is None:
        raise ConfigError(f"--teacher {name} needs a painting: add --style FILE")
    if not teachers[name].needs_painting and options.style is not None:
        raise ConfigError(
            f"--teacher {name} takes no painting: leave out --style, or use --teacher {DEFAULT_PAINTING_TEACHER}"
        )
    return name


def _make_pairs(config: Config, options: QuickstartOptions) -> None:
    """Run make-pairs in its own process, because TensorFlow and torch in one process compete for a GPU's memory."""
    try:
        options.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--out {options.out}: cannot create the folder ({error.strerror}): name another") from error
    config_file = options.out / "config.yaml"
    write_json(config_file, config.model_dump(mode="json"))  # JSON is YAML
    command = [sys.executable, "-m", "pix2style", "make-pairs", "--json", "--config", str(config_file)]
    process = subprocess.run(command, stdout=subprocess.PIPE, check=False)  # noqa: S603
    if process.returncode == _INTERRUPTED_EXIT_CODE:
        raise KeyboardInterrupt
    if process.returncode not in (0, 1):  # 1: some photos could not be read, the set is complete without them
        failure = DataError(f"{config.pairs.path}: the pair set could not be made; the message of make-pairs is above")
        failure.exit_code = process.returncode  # type: ignore[misc]
        raise failure


def _train_features(config: Config, options: QuickstartOptions) -> None:
    from pix2style.pairs.format.reader import PairReader
    from pix2style.training.autoencoder import train_autoencoder

    file = config.losses.features.weights
    if file is None or config.pairs.path is None or file.is_file():
        return
    reader = PairReader(config.pairs.path)
    # Photos and targets: the encoder has to tell brush strokes from the texture of photos.
    images = [image for entry in reader.entries("train")[:_FEATURES_PAIRS] for image in reader.read(entry)]
    seconds = options.minutes * 60 * _FEATURES_SHARE
    with ProgressBar("steps", _FEATURES_STEPS) as bar:
        train_autoencoder(
            images, file, steps=_FEATURES_STEPS, seconds=seconds, seed=config.seed, on_step=lambda _: bar.advance()
        )


def _train(config: Config, run: Path, seconds: float, log: Log) -> int:
    """Train for about so many seconds, or resume the run; return the number of training images."""
    from pix2style.runs.folder import RunFolder
    from pix2style.training.run.throughput import measure_images_per_s
    from pix2style.training.run.train import train

    if (run / "config.json").is_file():
        log(f"  resuming the run in {run} (for a longer training name another --out)")
        return train(RunFolder(run).config, run, resume=True).images_seen
    rate = measure_images_per_s(config)
    images = max(config.train.batch, int(rate * seconds) // config.train.batch * config.train.batch)
    log(f"  {images} images in {seconds:.0f} s, at {rate:.0f} images/s")
    changes = [f"train.images={images}", f"losses.adversarial.start_images={images // 6}"]
    return train(apply_overrides(config, changes), run).images_seen


def _export(run: Path, report: QuickstartReport) -> None:
    from pix2style.export.run import export_run

    exported = export_run(run, report.filter)
    report.filter_bytes, report.parameters = exported.bytes, exported.parameters


def _stylize_photos(config: Config, report: QuickstartReport) -> None:
    from pix2style.runtime.onnx_stylizer import OnnxStylizer
    from pix2style.runtime.stylize_files import stylize_files

    photos = [image.path for image in find_images(config.pairs.content)][:_STYLIZED_PHOTOS]
    stylize_files(OnnxStylizer(report.filter), photos, report.pictures, overwrite=True)


def _evaluate(config: Config, pairs: Path, report: QuickstartReport) -> None:
    from pix2style.evaluation.contact_sheet import ContactSheet
    from pix2style.evaluation.dataset import PairDataset
    from pix2style.evaluation.evaluate import evaluate
    from pix2style.pairs.format.reader import PairReader
    from pix2style.runtime.onnx_stylizer import OnnxStylizer

    reader = PairReader(pairs)
    # With few photos a split may be empty. The sheet then shows photos of another one, but only photos that training
    # and validation have not used give figures.
    splits: tuple[Split, ...] = ("test", "val", "train")
    split = next(name for name in splits if reader.entries(name))
    contact_sheet = ContactSheet(_SHEET_ROWS, ["photo", "teacher", "filter"])
    stylizers = {config.name: OnnxStylizer(report.filter)}
    evaluation = evaluate(stylizers, PairDataset(reader, split=split), on_photo=contact_sheet)
    contact_sheet.write(report.before_after)
    report.ms_per_picture, report.megapixels = evaluation.stylizers[0].ms_per_picture, evaluation.mean_megapixels
    if split == "test":
        _add_held_out_metrics(evaluation, report)


def _add_held_out_metrics(evaluation: EvalReport, report: QuickstartReport) -> None:
    filter_metrics, photo_metrics = evaluation.stylizers
    report.held_out = evaluation.material.photos
    report.psnr_db, report.ssim = filter_metrics.psnr_db.mean, filter_metrics.ssim.mean
    report.photo_psnr_db, report.photo_ssim = photo_metrics.psnr_db.mean, photo_metrics.ssim.mean


@contextmanager
def _stage(name: str, report: QuickstartReport, log: Log) -> Iterator[None]:
    log(f"{name} ...")
    start = time.perf_counter()
    try:
        yield
    except Pix2StyleError:
        log(f"{name}: stopped")
        raise
    report.seconds[name] = time.perf_counter() - start
