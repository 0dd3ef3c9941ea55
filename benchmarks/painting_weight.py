"""Measure what `losses.style.painting_weight` buys: filters beside their teacher, and beside Johnson's network.

    python benchmarks/painting_weight.py --tuned A.jpg B.jpg --unseen C.jpg D.jpg --photos PHOTOS --module MAGENTA
        --vgg VGG19.safetensors --images 10000 --more 2000 --weights 10 30 --out FOLDER

For each painting the arbitrary network makes pairs of the photos. Then these are trained, one after the other, each for
the same minutes, or for the same `--images`: the lightweight generator on the pairs alone (configs/finetune.yaml), the
same with each of the weights, and configs/johnson.yaml, which knows the painting only. With `--more` the trainings with
weights are shorter: each begins with the finished run on the pairs alone, and trains on so many more images.
`pix2style eval` compares all of them on the test split, with VGG19 to relu5_1. `--tuned` are the paintings that a
default was chosen by, `--unseen` those that were never looked at before; the page has a table for each group.

What is finished is kept, so the command goes on after it was stopped; it can also be repeated with more paintings or
weights, but is refused if other settings differ. OUT/PAINTING/sheet.png shows eight photos, their targets and what each
network makes of them. Leave the machine alone meanwhile: with `--minutes` the number of training images depends on its
speed. A run that was stopped goes on within its minutes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kept_settings import check_settings

from pix2style.evaluation.machine import describe_machine, library_versions

CONFIGS = Path(__file__).parent.parent / "configs"
RESULT = Path(__file__).parent / "results" / "painting_weight.md"
_DEEP_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
# A run that goes on from a finished one has all losses from the start, and a short warm-up.
_GO_ON = ("losses.features.start_share=0", "train.warmup_images=100", "train.decay_from=0.2")
# Validations and checkpoints would take part of the minutes.
_RARELY = ("train.validate_every_images=10_000_000", "train.checkpoint_every_images=10_000_000")
# Smaller than published, so that minutes on a CPU are enough to see something.
_JOHNSON_ON_CPU = ("losses.features.network=vgg19", "model.resnet.channels=16", "train.augment.crop=192")
_COLUMNS = ("painting", "recipe", "images", "style/painting", "style/teacher", "structure/photo", "SSIM to teacher")
_SSIM_PRICE = 0.03  # how much SSIM to the teacher the painting may cost


@dataclass(frozen=True)
class Recipe:
    """One training.

    Attributes:
        name: Name of the run folder, and of the row.
        command: Command and configuration.
        overrides: Overrides of the configuration.
        images: Number of training images, instead of what the options say.
    """

    name: str
    command: tuple[str, ...]
    overrides: tuple[str, ...]
    images: int | None = None


def main() -> None:
    """Train and measure what is missing, and write the page."""
    options = _parser().parse_args()
    if options.minutes is None and options.images is None:
        sys.exit("say how long to train: --minutes M or --images N")
    reports = {}
    for painting in (*options.tuned, *options.unseen):
        folder = options.out / painting.stem
        check_settings(folder, settings_of(painting, options))
        _make_pairs(painting, folder, options)
        recipes = _recipes(painting, folder, options)
        for recipe in recipes:
            _train(recipe, folder, options)
        reports[painting] = _measure(recipes, painting, folder, options)
    options.result.parent.mkdir(parents=True, exist_ok=True)
    options.result.write_text("\n".join(_page(reports, options)) + "\n", encoding="utf-8")
    print(options.result.read_text(encoding="utf-8"))


def settings_of(painting: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Return what the figures of a painting depend on; further weights and paintings can be added later."""
    names = ("photos", "module", "vgg", "layers", "minutes", "images", "more", "variants", "limit", "device", "set")
    return {"painting": painting, **{name: getattr(options, name) for name in names}}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tuned", type=Path, nargs="+", default=[], help="paintings by which settings are chosen")
    parser.add_argument("--unseen", type=Path, nargs="+", default=[], help="paintings that are only measured")
    parser.add_argument("--photos", type=Path, required=True, help="folder of photos")
    parser.add_argument("--module", required=True, help="network of the teacher magenta")
    parser.add_argument("--vgg", type=Path, required=True, help="weights of VGG19 to relu5_1")
    parser.add_argument("--weights", type=float, nargs="+", default=[1.0, 3.0, 10.0], help="painting weights to try")
    parser.add_argument("--layers", nargs="+", default=list(_DEEP_LAYERS), help="layers compared with the painting")
    parser.add_argument("--minutes", type=float, help="of training, each recipe")
    parser.add_argument("--images", type=int, help="training images of each recipe, instead of --minutes")
    parser.add_argument(
        "--more", type=int, help="images of a training with a weight, which begins with the finished run"
    )
    parser.add_argument("--variants", type=int, default=4, help="varied copies of each training photo")
    parser.add_argument("--limit", type=int, help="evaluate on so many photos of the test split only")
    parser.add_argument("--without-johnson", action="store_true")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--set", nargs="*", default=[], help="more overrides of the lightweight generator, for trials")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--result", type=Path, default=RESULT)
    return parser


def _make_pairs(painting: Path, folder: Path, options: argparse.Namespace) -> None:
    if (folder / "pairs" / "manifest.json").is_file():
        return
    settings = [f"pairs.variants={options.variants}", "pairs.fit=keep", "pairs.val_share=0.05", "pairs.test_share=0.15"]
    command = ["make-pairs", "--content", options.photos, "--style", painting, "--out", folder / "pairs"]
    _program([*command, "--json", "pairs.teacher=magenta", f"pairs.module={options.module}", *settings])


def _recipes(painting: Path, folder: Path, options: argparse.Namespace) -> list[Recipe]:
    common = (
        f"pairs.path={folder / 'pairs'}",
        f"pairs.style={painting}",
        f"losses.features.weights={options.vgg}",
        f"train.device={options.device}",
        "tracking.wandb=off",
    )
    lite = ("train", "--config", str(CONFIGS / "finetune.yaml"))
    own = (*common, *options.set)
    begin = (f"model.start_from={folder / 'pairs-alone'}", *_GO_ON) if options.more else ()
    layers = f"losses.style.painting_layers={{{', '.join(f'{layer}: 1' for layer in options.layers)}}}"
    recipes = [Recipe("pairs-alone", lite, own)]
    for weight in options.weights:
        changes = (f"losses.style.painting_weight={weight:g}", layers)
        recipes.append(Recipe(f"painting-{weight:g}", lite, (*own, *begin, *changes), options.more))
    if not options.without_johnson:
        johnson = ("train", "--config", str(CONFIGS / "johnson.yaml"))
        on_cpu = _JOHNSON_ON_CPU if options.device == "cpu" else _JOHNSON_ON_CPU[:1]
        recipes.append(Recipe("johnson", johnson, (*common, *on_cpu)))
    return recipes


def _train(recipe: Recipe, folder: Path, options: argparse.Namespace) -> None:
    """Train a recipe, or what is left of it after a stop."""
    run, report = folder / recipe.name, _report_file(folder, recipe.name)
    if not report.is_file():
        length = ["train.images=null", f"train.minutes={options.minutes}"]
        images = recipe.images or options.images
        if images is not None:
            length = [f"train.images={images}", "train.minutes=null"]
        command = [*recipe.command, "--out", run, "--resume-if-begun", "--json"]
        report.write_text(json.dumps(_program([*command, *recipe.overrides, *_RARELY, *length])), encoding="utf-8")


def _report_file(folder: Path, recipe: str) -> Path:
    return folder / f"{recipe}.json"


def _measure(recipes: Sequence[Recipe], painting: Path, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Return the report of `pix2style eval`, from the file if it has all runs."""
    file, names = folder / "eval.json", [recipe.name for recipe in recipes]
    if file.is_file():
        report: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if [row["name"] for row in report["stylizers"]][:-1] == names:
            return report
    runs = [folder / name for name in names]
    limit = ["--limit", options.limit] if options.limit else []
    command = ["eval", *runs, "--pairs", folder / "pairs", "--style", painting, "--features", options.vgg, *limit]
    report = _program([*command, "--sheet", folder / "sheet.png", "--json"])
    file.write_text(json.dumps(report), encoding="utf-8")
    return report


def _page(reports: dict[Path, dict[str, Any]], options: argparse.Namespace) -> list[str]:
    machine, versions = describe_machine(), library_versions()
    length = f"--images {options.images}" if options.images else f"--minutes {options.minutes:g}"
    if options.more:
        length += f" --more {options.more}"
    weights = " ".join(f"{weight:g}" for weight in options.weights)
    lines = ["# Style loss to the painting besides the targets", ""]
    lines += [f"`python benchmarks/painting_weight.py {length} --weights {weights} ...`", ""]
    lines += [f"{machine['processor']}, {machine['cores']} cores; {_listed(versions)}", ""]
    lines += ["style: Gram distance over relu1_1 to relu5_1; structure: see docs/guides/measure.md"]
    for title, paintings in (("Paintings that settings were chosen by", options.tuned), ("Others", options.unseen)):
        if paintings:
            chosen = {painting.stem: reports[painting] for painting in paintings}
            lines += ["", f"## {title}", "", *_table(chosen, options), "", *_summary(chosen)]
    return lines


def _table(reports: dict[str, dict[str, Any]], options: argparse.Namespace) -> list[str]:
    lines = [f"| {' | '.join(_COLUMNS)} |", "|---" * len(_COLUMNS) + "|"]
    for name, report in reports.items():
        own = [_mean(report[key]) for key in ("deep_target_to_painting", "target_structure_distance")]
        lines.append(f"| {name} | teacher |  | {own[0]:.3f} | 0 | {own[1]:.3f} | 1 |")
        for row in report["stylizers"]:
            report_file = _report_file(options.out / name, row["name"])
            seen = json.loads(report_file.read_text(encoding="utf-8"))["images_seen"] if report_file.is_file() else None
            images = "" if seen is None else f"{seen:,}"
            cells = (f"{value:.3f}" for value in _figures(row))
            lines.append(f"| {name} | {row['name']} | {images} | {' | '.join(cells)} |")
    return lines


def _summary(reports: dict[str, dict[str, Any]]) -> list[str]:
    """Say for each recipe how often it is nearer to its painting than the teacher, and what that costs."""
    names = [row["name"] for row in next(iter(reports.values()))["stylizers"][:-1]]  # the last row is the photo
    lines = []
    for name in names:
        figures = [_figures(_row(report, name)) for report in reports.values()]
        alone = [_figures(_row(report, names[0])) for report in reports.values()]
        teachers = [_mean(report["deep_target_to_painting"]) for report in reports.values()]
        nearer = sum(own[0] < teacher for own, teacher in zip(figures, teachers, strict=True))
        cheap = sum(pairs[3] - own[3] <= _SSIM_PRICE for own, pairs in zip(figures, alone, strict=True))
        means = [statistics.fmean(column) for column in zip(*figures, strict=True)]
        lines.append(
            f"- {name}: nearer to the painting than the teacher on {nearer} of {len(figures)}, SSIM within"
            f" {_SSIM_PRICE:g} of pairs alone on {cheap}; means: style/painting {means[0]:.3f} (teacher"
            f" {statistics.fmean(teachers):.3f}), style/teacher {means[1]:.3f}, structure {means[2]:.3f}, SSIM"
            f" {means[3]:.3f}"
        )
    return lines


def _row(report: dict[str, Any], name: str) -> dict[str, Any]:
    row: dict[str, Any] = next(row for row in report["stylizers"] if row["name"] == name)
    return row


def _figures(row: dict[str, Any]) -> tuple[float, float, float, float]:
    """Return distance to the painting, to the teacher, structure distance and SSIM of one row."""
    keys = ("deep_style_to_painting", "deep_style_to_target", "structure_distance", "ssim")
    first, second, third, fourth = (_mean(row[key]) for key in keys)
    return first, second, third, fourth


def _mean(estimate: dict[str, float] | None) -> float:
    if estimate is None:
        sys.exit("the weights of VGG19 do not reach as deep as relu5_1: name others with --vgg")
    return estimate["mean"]


def _listed(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _program(arguments: Sequence[Any]) -> Any:
    command = [sys.executable, "-m", "pix2style", *map(str, arguments)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
