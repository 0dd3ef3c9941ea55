"""From photos to a shipped filter in minutes: every stage once, in order, each the real one."""

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
from pix2style.images import Image8, Picture, find_images, sheet, write_picture
from pix2style.progress import ProgressBar

if TYPE_CHECKING:
    from pix2style.evaluation.report import EvalReport
    from pix2style.pairs.format.records import Split

_PACKAGE = Path(__file__).parents[1]
# Export, figures and pictures after the training took 11 s on two cores; thrice that for a slower machine.
_FINISH_S = 30
_LEAST_TRAINING_S = 10
_FEATURES_SHARE = 0.08
_FEATURES_STEPS = 400
_SHEET_ROWS = 4
_PICTURES = 12


@dataclass(frozen=True, slots=True)
class QuickstartOptions:
    """What a person asks of quickstart.

    Attributes:
        out: the folder for everything.
        content: photos; None: the samples that come with pix2style.
        style: a painting, for the magenta teacher.
        teacher: `watercolor` or `magenta`; None: magenta if there is a painting.
        module: where Magenta's network is; None: the default address.
        minutes: for everything together.
    """

    out: Path
    content: Path | None = None
    style: Path | None = None
    teacher: str | None = None
    module: str | None = None
    minutes: float = 5.0


@dataclass(slots=True)
class QuickstartReport:
    """Where things are and how good they are.

    Attributes:
        filter: the ONNX file.
        before_after: the sheet: photo, teacher, filter.
        pictures: folder of stylized photos.
        seconds: by stage.
        filter_bytes: size of the file.
        parameters: of the generator.
        ms_per_picture: median, one at a time, ONNX Runtime on this machine.
        megapixels: of those pictures.
        held_out: photos that neither training nor validation saw.
        psnr_db, ssim: of the filter against the teacher on them; None if there are none.
        photo_psnr_db, photo_ssim: of the unchanged photos, the floor.
        images_seen: training pictures.
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
        """Plain values."""
        paths = {name: str(getattr(self, name)) for name in ("filter", "before_after", "pictures")}
        return {**asdict(self), **paths}


def quickstart(wishes: QuickstartOptions, say: Callable[[str], None] = lambda _: None) -> QuickstartReport:
    """Photos -> pairs -> feature network -> training -> filter -> pictures, figures, sheet.

    Run again on the same folder it goes on where it stopped.

    Args:
        wishes: what is asked for.
        say: hears a line before each stage.

    Raises:
        Pix2StyleError: of the stage that cannot be done.
    """
    began = time.perf_counter()
    config = _configure(wishes)
    out = wishes.out
    report = QuickstartReport(out / f"{config.name}.onnx", out / "before-after.png", out / "pictures")
    seconds = report.seconds
    with _stage("pairs", say, seconds):
        _paint(config, wishes)
    with _stage("feature network", say, seconds):
        _learn_features(config, wishes)
    with _stage("training", say, seconds):
        left = wishes.minutes * 60 - (time.perf_counter() - began) - _FINISH_S
        report.images_seen = _train(config, out / "run", max(left, _LEAST_TRAINING_S), say)
    with _stage("export", say, seconds):
        from pix2style.export.run import export_run

        exported = export_run(out / "run", report.filter)
        report.filter_bytes, report.parameters = exported.bytes, exported.parameters
    with _stage("pictures", say, seconds):
        _stylize(config, report)
    with _stage("figures", say, seconds):
        _measure(config, out, report)
    seconds["all"] = time.perf_counter() - began
    write_json(out / "report.json", report.to_json())
    return report


def _configure(wishes: QuickstartOptions) -> Config:
    teacher = wishes.teacher or ("magenta" if wishes.style is not None else "watercolor")
    if teacher not in ("watercolor", "magenta"):
        raise ConfigError(f"--teacher {teacher}: expected watercolor or magenta")
    if teacher == "magenta" and wishes.style is None:
        raise ConfigError("--teacher magenta paints like a painting: name one with --style")
    if teacher == "watercolor" and wishes.style is not None:
        raise ConfigError("--teacher watercolor takes no --style: leave one of them out, or use --teacher magenta")
    name = "watercolor" if wishes.style is None else re.sub(r"[^A-Za-z0-9-]+", "-", wishes.style.stem).strip("-")
    changes = {
        "name": name[:60].strip("-") or "filter",
        "pairs.path": str(wishes.out / "pairs"),
        "pairs.content": [str(wishes.content or sample_photos())],
        "pairs.teacher": teacher,
        "pairs.style": str(wishes.style) if wishes.style else None,
        "pairs.module": wishes.module,
        "losses.features.weights": str(wishes.out / "features.safetensors"),
    }
    config = load_config(bundled_config("quickstart.yaml"))
    return apply_overrides(config, [f"{key}={json.dumps(value)}" for key, value in changes.items()])


def sample_photos() -> Path:
    """The folder of free photos that comes with pix2style."""
    return _PACKAGE / "samples" / "photos"


def bundled_config(name: str) -> Path:
    """A file of `configs/`: beside the package in a checkout, inside it when installed."""
    candidates = (_PACKAGE.parent / "configs" / name, _PACKAGE / "configs" / name)
    return next((path for path in candidates if path.is_file()), _PACKAGE / name)


def _paint(config: Config, wishes: QuickstartOptions) -> None:
    """Run make-pairs in a process of its own: TensorFlow and torch would fight over a GPU in one."""
    command = [sys.executable, "-m", "pix2style", "make-pairs", "--json", "--config"]
    try:
        wishes.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--out {wishes.out}: cannot be made a folder ({error.strerror}): name another") from error
    resolved = wishes.out / "config.yaml"
    # JSON is YAML
    write_json(resolved, config.model_dump(mode="json"))
    done = subprocess.run([*command, str(resolved)], stdout=subprocess.PIPE, check=False)  # noqa: S603
    if done.returncode == 130:
        raise KeyboardInterrupt
    if done.returncode not in (0, 1):
        failure = DataError(f"{config.pairs.path}: the pairs could not be made (make-pairs says why above)")
        failure.exit_code = done.returncode  # type: ignore[misc]
        raise failure


def _learn_features(config: Config, wishes: QuickstartOptions) -> None:
    from pix2style.pairs.format.reader import PairReader
    from pix2style.training.autoencoder import train_autoencoder

    file = config.losses.features.weights
    if file is None or config.pairs.path is None or file.is_file():
        return
    reader = PairReader(config.pairs.path)
    # photos and paintings both: the encoder has to tell brushwork from photographic texture
    pictures = [picture for entry in reader.entries("train")[:256] for picture in reader.read(entry)]
    seconds = wishes.minutes * 60 * _FEATURES_SHARE
    with ProgressBar("steps", _FEATURES_STEPS) as bar:
        train_autoencoder(
            pictures, file, steps=_FEATURES_STEPS, seconds=seconds, seed=config.seed, on_step=lambda _: bar.advance()
        )


def _train(config: Config, run: Path, seconds: float, say: Callable[[str], None]) -> int:
    from pix2style.runs.folder import RunFolder
    from pix2style.training.run.throughput import measure_images_per_s
    from pix2style.training.run.train import train

    if (run / "config.json").is_file():
        say("  going on with the run that is there (for a longer one, name another --out)")
        return train(RunFolder(run).config, run, resume=True).images_seen
    rate = measure_images_per_s(config)
    images = max(config.train.batch, int(rate * seconds) // config.train.batch * config.train.batch)
    say(f"  {rate:.0f} pictures/s: {images} pictures in {seconds:.0f} s")
    changes = [f"train.images={images}", f"losses.adversarial.start_images={images // 6}"]
    return train(apply_overrides(config, changes), run).images_seen


def _stylize(config: Config, report: QuickstartReport) -> None:
    from pix2style.runtime.onnx_stylizer import OnnxStylizer
    from pix2style.runtime.stylize_files import stylize_files

    photos = [found.path for found in find_images(config.pairs.content)][:_PICTURES]
    stylize_files(OnnxStylizer(report.filter), photos, report.pictures, overwrite=True)


def _measure(config: Config, out: Path, report: QuickstartReport) -> None:
    from pix2style.evaluation.dataset import PairDataset
    from pix2style.evaluation.evaluate import EvaluatedPhoto, evaluate
    from pix2style.pairs.format.reader import PairReader
    from pix2style.runtime.onnx_stylizer import OnnxStylizer

    reader = PairReader(out / "pairs")
    # a handful of photos may leave a split empty: show then what there is, and give no figures
    splits: tuple[Split, ...] = ("test", "val", "train")
    split = next(name for name in splits if reader.entries(name))
    rows: list[list[Image8]] = []

    def collect(shown: EvaluatedPhoto) -> None:
        if len(rows) < _SHEET_ROWS:
            rows.append([shown.photo, shown.target, *shown.painted.values()])

    figures = evaluate(
        {config.name: OnnxStylizer(report.filter)}, PairDataset(reader, split=split), on_pictures=collect
    )
    write_picture(report.before_after, Picture(sheet(rows, ["photo", "teacher", "filter"])))
    report.ms_per_picture, report.megapixels = figures.stylizers[0].ms_per_picture, figures.mean_megapixels
    if split == "test":
        _take_figures(figures, report)


def _take_figures(figures: EvalReport, report: QuickstartReport) -> None:
    filtered, unchanged = figures.stylizers
    report.held_out = figures.material.photos
    report.psnr_db, report.ssim = filtered.psnr_db.mean, filtered.ssim.mean
    report.photo_psnr_db, report.photo_ssim = unchanged.psnr_db.mean, unchanged.ssim.mean


@contextmanager
def _stage(name: str, say: Callable[[str], None], seconds: dict[str, float]) -> Iterator[None]:
    say(f"{name} ...")
    began = time.perf_counter()
    try:
        yield
    except Pix2StyleError:
        say(f"{name}: stopped")
        raise
    seconds[name] = time.perf_counter() - began
