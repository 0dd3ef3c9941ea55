"""Compare the recipes: train all of them at the same time for the same number of minutes, then measure them together.

    python benchmarks/quality.py --pairs PAIRS08 PAIRS19 --style PAINTING08 PAINTING19 --vgg VGG19.safetensors
        --minutes 10 --out FOLDER

`--pairs` are sets made by `pix2style make-pairs` with `pairs.fit=keep pairs.val_share=0.05 pairs.test_share=0.15`. All
recipes and styles train at once with one thread each, so that other work on the machine slows down all of them alike.
Their images per second are measured in the same way first, and each recipe gets as many images as fit the minutes; the
table has the minutes that it really took. Figures are those of `pix2style eval` on the test split. A finished recipe is
not trained again, so you can repeat the command after it was stopped.

On a CPU the recipes are made smaller by overrides, which the page lists, except for the published pix2pix: its 54 M
parameters cannot learn much in minutes on two cores, so its row says nothing about that recipe with a GPU.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pix2style.evaluation.machine import describe_machine, library_versions

CONFIGS = Path(__file__).parent.parent / "configs"
RESULT = Path(__file__).parent / "quality.md"
# All recipes use the same layers of VGG19, up to conv3_1, so that a small weights file is enough.
_SHALLOW_PERCEPTUAL = "losses.perceptual.layers={relu1_1: 0.25, relu2_1: 0.5, relu3_1: 1.0}"
_SHALLOW_STYLE = "losses.style.layers={relu1_1: 1, relu2_1: 1, relu3_1: 1}"


@dataclass(frozen=True)
class Recipe:
    """A recipe to train.

    Attributes:
        config: Name of the file in configs/.
        always: Overrides on any machine.
        on_cpu: Overrides on a CPU.
        shares: Keys that are set to a share of the training images.
    """

    config: str
    always: tuple[str, ...] = ()
    on_cpu: tuple[str, ...] = ()
    shares: tuple[tuple[str, float], ...] = ()


# The discriminator starts when pixel losses have brought the outputs close to the targets.
_GAME = (("losses.adversarial.start_images", 0.05), ("losses.adversarial.ramp_images", 0.025))
# As configs/distill.yaml: pixel losses first and in most steps, and no discriminator, which minutes are too short for.
_MINUTES = (
    "losses.l1=3",
    "losses.mse=15",
    "losses.adversarial.weight=0",
    "losses.feature_matching=0",
    "losses.perceptual.weight=0",
    "losses.features.every=4",
    "train.augment.crop=192",
    "train.batch=4",
    "train.generator={lr: 1e-3, beta1: 0.9, beta2: 0.99, clip_norm: 10}",
    "train.warmup_images=200",
    "losses.style.weight=5",
    "train.decay_from=0.6",
)
_LITE_IN_MINUTES = ("model.generator=lite", *_MINUTES)
# The 2017 network halves the resolution eight times; learning rate and batch stay as published.
_AS_PUBLISHED = ("train.augment.crop=256", "train.batch=1", "train.generator.lr=2e-4")
_AVERAGED = (("train.ema_halflife_images", 0.02),)
_PIXELS_FIRST = (("losses.features.start_images", 0.4), *_AVERAGED)
RECIPES = {
    "watercolor": Recipe(
        "watercolor.yaml",
        (_SHALLOW_PERCEPTUAL, _SHALLOW_STYLE),
        _LITE_IN_MINUTES,
        (*_GAME, *_PIXELS_FIRST),
    ),
    "watercolor, autoencoder features": Recipe(
        "watercolor.yaml",
        (
            "losses.features.network=autoencoder",
            "losses.features.weights=FEATURES",
            "losses.perceptual.layers={enc1: 1, enc2: 1, enc3: 1}",
            "losses.style.layers={enc1: 1, enc2: 1, enc3: 1}",
        ),
        _LITE_IN_MINUTES,
        (*_GAME, *_PIXELS_FIRST),
    ),
    "watercolor, small U-Net": Recipe(
        "watercolor.yaml",
        (_SHALLOW_PERCEPTUAL, _SHALLOW_STYLE),
        ("model.unet={channels: 16, levels: 3}", *_MINUTES, "train.generator.lr=5e-4"),
        (*_GAME, *_PIXELS_FIRST),
    ),
    "watercolor, 54 M U-Net": Recipe(
        "watercolor.yaml",
        (_SHALLOW_PERCEPTUAL, _SHALLOW_STYLE),
        ("model.generator=unet-2017", *_MINUTES, *_AS_PUBLISHED),
        (*_GAME, *_PIXELS_FIRST),
    ),
    # Resized images would have strokes of another size than the images of the test split.
    "pix2pix-2017": Recipe("pix2pix-2017.yaml", ("train.augment.resize=null",)),
    "johnson": Recipe(
        "johnson.yaml",
        ("losses.features.network=vgg19", "losses.content.layers={relu2_1: 1}", _SHALLOW_STYLE),
        ("model.resnet.channels=16", "train.augment.crop=192", "train.batch=4"),
        _AVERAGED,
    ),
}


def main() -> None:
    """Train what is missing, measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, nargs="+", required=True)
    parser.add_argument("--style", type=Path, nargs="+", required=True, help="one painting for each pair set")
    parser.add_argument("--vgg", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=10.0, help="of training, each recipe and style")
    parser.add_argument("--recipes", nargs="+", default=list(RECIPES), choices=list(RECIPES))
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--set", nargs="*", default=[], help="more overrides, for trials")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--result", type=Path, default=RESULT, help="the page; what was written by hand there is lost")
    options = parser.parse_args()
    if len(options.pairs) != len(options.style):
        parser.error("give one --style for each of --pairs")
    _learn_features(options)
    sets = list(zip(options.pairs, options.style, strict=True))
    learners = [_Learner(name, pairs, style) for pairs, style in sets for name in options.recipes]
    with ThreadPoolExecutor(len(learners)) as pool:
        list(pool.map(lambda learner: _plan(learner, options), learners))
        list(pool.map(lambda learner: _train(learner, options), learners))
    sections = []
    for pairs, style in sets:
        runs = {one.recipe: one.run(options) for one in learners if one.pairs == pairs}
        sections += _measure(runs, pairs, style, options)
    options.result.write_text("\n".join([*_head(options), *sections]) + "\n", encoding="utf-8")
    print("\n".join(sections))


@dataclass(frozen=True)
class _Learner:
    """One recipe on one pair set, in the style of a painting."""

    recipe: str
    pairs: Path
    style: Path

    def run(self, options: argparse.Namespace) -> Path:
        """Run folder, whose name appears in the table of `pix2style eval`."""
        folder: Path = options.out / self.pairs.name / self.recipe.replace(", ", "-").replace(" ", "-")
        return folder

    def plan(self, options: argparse.Namespace) -> Path:
        """File with the number of images and the time that it took."""
        return self.run(options).with_suffix(".json")


def _plan(learner: _Learner, options: argparse.Namespace) -> None:
    """Measure how many images fit the minutes, unless that is done, while all other recipes measure, too."""
    plan = learner.plan(options)
    if plan.is_file():
        return
    recipe = RECIPES[learner.recipe]
    overrides = _overrides(recipe, learner.pairs, learner.style, options)
    dry = _program(["train", "--config", CONFIGS / recipe.config, "--dry-run", "--json", *overrides])
    images = max(16, round(dry["images_per_s"] * options.minutes * 60))
    overrides += [f"train.images={images}", f"train.validate_every_images={max(1, images // 4)}"]
    overrides += [f"train.checkpoint_every_images={max(1, images // 4)}"]
    overrides += [f"{key}={round(share * images)}" for key, share in recipe.shares]
    described = {"images": images, "images_per_s": dry["images_per_s"], "overrides": overrides}
    plan.parent.mkdir(parents=True, exist_ok=True)
    plan.write_text(json.dumps(described), encoding="utf-8")


def _train(learner: _Learner, options: argparse.Namespace) -> None:
    """Train the recipe, or what is left of it after a stop."""
    plan = learner.plan(options)
    described = json.loads(plan.read_text(encoding="utf-8"))
    if "report" in described:
        return
    command = ["train", "--config", CONFIGS / RECIPES[learner.recipe].config, "--out", learner.run(options)]
    described["report"] = _program([*command, "--resume-if-begun", "--json", *described["overrides"]])
    plan.write_text(json.dumps(described), encoding="utf-8")


def _learn_features(options: argparse.Namespace) -> None:
    """Train the autoencoder that one of the recipes uses instead of VGG19."""
    features = options.out / "features.safetensors"
    needs_features = any("FEATURES" in one for name in options.recipes for one in RECIPES[name].always)
    if needs_features and not features.is_file():
        _program(["train-features", "--pairs", options.pairs[0], "--out", features, "--minutes", "2"])


def _overrides(recipe: Recipe, pairs: Path, style: Path, options: argparse.Namespace) -> list[str]:
    overrides = [
        f"pairs.path={pairs}",
        f"pairs.style={style}",
        f"losses.features.weights={options.vgg}",
        f"train.device={options.device}",
        "tracking.wandb=off",
        *recipe.always,
    ]
    if options.device == "cpu":
        overrides += ["train.compile=false", "train.workers=0", *recipe.on_cpu]
    features = options.out / "features.safetensors"
    return [*(one.replace("FEATURES", str(features)) for one in overrides), *options.set]


def _measure(runs: dict[str, Path], pairs: Path, style: Path, options: argparse.Namespace) -> list[str]:
    sheet = options.out / f"{pairs.name}.png"
    command = ["eval", *runs.values(), "--pairs", pairs, "--style", style, "--features", options.vgg]
    report = _program([*command, "--sheet", sheet, "--json"])
    lines = ["", f"## {style.stem}, {report['material']['photos']} held-out photos", ""]
    columns = ("recipe", "minutes", "pictures seen", "PSNR dB", "SSIM", "Gram to targets", "Gram to painting", "ms")
    lines += [f"| {' | '.join(columns)} | parameters |"]
    lines += ["|---|---|---|---|---|---|---|---|---|"]
    own = report["target_to_painting"]["mean"]
    lines.append(f"| the teacher's pictures |  |  | equal | 1 | 0 | {own:.3f} |  |  |")
    seen = {run.name: _seen(run) for run in runs.values()}
    for row in report["stylizers"]:
        figures = [row[key] for key in ("psnr_db", "ssim", "style_to_target", "style_to_painting")]
        digits = (2, 3, 3, 3)
        cells = ["" if f is None else f"{f['mean']:.{d}f}" for f, d in zip(figures, digits, strict=True)]
        ms = "" if row["ms_per_picture"] is None else f"{row['ms_per_picture']:.0f}"
        count = "" if row["parameters"] is None else f"{row['parameters']:,}"
        lines.append(f"| {row['name']} | {seen.get(row['name'], ' | ')} | {' | '.join(cells)} | {ms} | {count} |")
    return lines


def _seen(run: Path) -> str:
    described: dict[str, Any] = json.loads(run.with_suffix(".json").read_text(encoding="utf-8"))
    return f"{described['report']['elapsed_s'] / 60:.1f} | {described['images']:,}"


def _head(options: argparse.Namespace) -> list[str]:
    machine, versions = describe_machine(), library_versions()
    names = " ".join(path.name for path in options.pairs)
    lines = ["# The recipes, each trained for the same minutes", ""]
    command = f"--pairs {names} --style ... --vgg {options.vgg.name} --minutes {options.minutes:g}"
    libraries = ", ".join(f"{name} {version}" for name, version in versions.items())
    lines += [f"`python benchmarks/quality.py {command} --device {options.device} --out ...`", ""]
    lines += [f"{machine['processor']}, {machine['cores']} cores; {libraries}", "", "Overrides:", ""]
    for name in options.recipes:
        recipe: Recipe = RECIPES[name]
        on_cpu = recipe.on_cpu if options.device == "cpu" else ()
        shares = [f"{key} at {share:g} of the pictures" for key, share in recipe.shares]
        lines.append(f"- {name}: `{'`, `'.join([*recipe.always, *on_cpu, *shares]) or 'none'}`")
    return lines


def _program(arguments: list[Any]) -> Any:
    command = [sys.executable, "-m", "pix2style", *map(str, arguments)]
    one_thread = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=one_thread)
    return json.loads(done.stdout) if "--json" in arguments else None


if __name__ == "__main__":
    main()
