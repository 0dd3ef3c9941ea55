"""What each stage of quickstart does, apart from training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pix2style.config import Config
from pix2style.config.load import with_values
from pix2style.errors import ArtifactError, DataError
from pix2style.images import find_images
from pix2style.processes import python_command
from pix2style.progress import ProgressBar
from pix2style.recipes.quickstart.report import QuickstartReport
from pix2style.system.programs import run_until_interrupted
from pix2style.teachers.style import style_blends

if TYPE_CHECKING:
    from pix2style.evaluation.style import StyleMetric
    from pix2style.pairs.format.records import Split

_FEATURES_SHARE = 0.08
_FEATURES_STEPS = 400
_FEATURES_PAIRS = 256
_SHEET_ROWS = 4
_EVALUATED_PHOTOS = 6
_STYLIZED_PHOTOS = 12
_INTERRUPTED_EXIT_CODE = 130
_8_BIT_SUFFIX = ".int8.onnx"


def check_feature_network(config: Config) -> None:
    """Load the feature network of the losses, so that missing weights are reported before the long work.

    Raises:
        ArtifactError: There are no weights; the message says how to get them.
    """
    from pix2style.runs.networks import load_feature_network

    load_feature_network(config.losses)


def make_pair_set(config_file: Path, config: Config) -> None:
    """Run make-pairs in its own process, because TensorFlow and torch in one process compete for a GPU's memory.

    Raises:
        DataError: make-pairs failed; its message is on stderr already.
        KeyboardInterrupt: It was interrupted.
    """
    command = python_command("-m", "pix2style", "make-pairs", "--json", "--config", str(config_file))
    code = run_until_interrupted(command)
    if code == _INTERRUPTED_EXIT_CODE:
        raise KeyboardInterrupt
    if code not in (0, 1):  # 1: some photos could not be read, the set is complete without them
        failure = DataError(f"{config.pairs.path}: the pair set could not be made; the message of make-pairs is above")
        failure.exit_code = code  # type: ignore[misc]
        raise failure


def train_feature_network(config: Config, minutes: float) -> None:
    """Train the small network whose features the losses compare, unless it was trained before."""
    from pix2style.pairs.format.reader import PairReader
    from pix2style.training.autoencoder import train_autoencoder

    file = config.losses.features.weights
    if file is None or config.pairs.path is None or file.is_file():
        return
    reader = PairReader(config.pairs.path)
    # Photos and targets: the encoder has to tell brush strokes from the texture of photos.
    images = [image for entry in reader.entries("train")[:_FEATURES_PAIRS] for image in reader.read(entry)]
    seconds = minutes * 60 * _FEATURES_SHARE
    with ProgressBar("steps", _FEATURES_STEPS) as bar:
        train_autoencoder(
            images, file, steps=_FEATURES_STEPS, seconds=seconds, seed=config.seed, on_step=lambda _: bar.advance()
        )


def write_first_filter(config: Config, out: Path) -> None:
    """Export a filter before any training: for a painting the base weights, which know many styles."""
    from pix2style.export.export_filter import export_filter
    from pix2style.export.run import build_spec
    from pix2style.runs.folder import CheckpointMeta
    from pix2style.training.data.sources import open_training_data
    from pix2style.training.run.checkpoints.start_weights import start_generator

    if style_blends(config.pairs):
        config = with_values(config, {"model.start_from": "base"})
    data = open_training_data(config)
    generator, [teacher] = start_generator(config, data), data.teachers
    meta = CheckpointMeta(0, 0, data.digest, teacher.name, teacher.sha256, tuple(teacher.style_sha256))
    export_filter(generator, build_spec(generator, config, meta, name=config.name, licence=config.export.licence), out)


def export_filter_file(run: Path, report: QuickstartReport) -> None:
    """Export the trained generator."""
    from pix2style.export.run import export_run

    exported = export_run(run, report.filter)
    report.filter_bytes, report.parameters = exported.bytes, exported.parameters


def export_8_bits(run: Path, report: QuickstartReport, log: Callable[[str], None]) -> None:
    """Export the trained generator in 8 bits as well, beside the first file; a reason not to is logged."""
    from pix2style.export.run import export_run

    try:
        exported = export_run(run, report.filter.with_suffix(_8_BIT_SUFFIX), precision="int8")
    except (ArtifactError, DataError) as error:  # too inexact, or too few photos to tell
        log(f"  no file in 8 bits: {error}")
        report.filter.with_suffix(_8_BIT_SUFFIX).unlink(missing_ok=True)  # of an earlier call, with other weights
        return
    report.filter_8_bit, report.filter_8_bit_bytes = exported.path, exported.bytes


def stylize_some_photos(config: Config, report: QuickstartReport) -> None:
    """Run the filter on the first photos."""
    from pix2style.runtime.onnx_stylizer import OnnxStylizer
    from pix2style.runtime.stylize_files import stylize_files

    photos = [image.path for image in find_images(config.pairs.content)][:_STYLIZED_PHOTOS]
    stylize_files(OnnxStylizer(report.filter), photos, report.pictures, overwrite=True)


def evaluate_filter(config: Config, report: QuickstartReport) -> None:
    """Compare the filter with the teacher on held-out photos, and write the sheet."""
    from pix2style.evaluation.contact_sheet import ContactSheet
    from pix2style.evaluation.dataset import PairDataset
    from pix2style.evaluation.evaluate import evaluate
    from pix2style.pairs.format.reader import PairReader
    from pix2style.runtime.onnx_stylizer import OnnxStylizer

    if config.pairs.path is None:
        raise TypeError("quickstart sets pairs.path")
    reader = PairReader(config.pairs.path)
    # With few photos a split may be empty. The sheet then shows photos of another one, but only photos that training
    # and validation have not used give figures.
    splits: tuple[Split, ...] = ("test", "val", "train")
    split = next(name for name in splits if reader.entries(name))
    contact_sheet = ContactSheet(_SHEET_ROWS, ["photo", "teacher", "filter"])
    evaluation = evaluate(
        {config.name: OnnxStylizer(report.filter)},
        PairDataset(reader, split=split, limit=_EVALUATED_PHOTOS),
        style_metric=_style_metric(config),
        on_photo=contact_sheet,
    )
    contact_sheet.write(report.before_after, teacher="teacher")
    report.add_evaluation(evaluation, held_out=split == "test")


def _style_metric(config: Config) -> StyleMetric | None:
    """Return the metric that compares Gram matrices of VGG19; None if the losses use a network of their own.

    It has the shallow layers only: those to relu5_1 would take several times as long, and time is short.
    """
    from pix2style.evaluation.style import VGG19_LAYERS, StyleMetric
    from pix2style.nets.features import load_vgg19

    if config.losses.features.network == "autoencoder":
        return None
    return StyleMetric(load_vgg19(VGG19_LAYERS, config.losses.features.weights), "vgg19")
