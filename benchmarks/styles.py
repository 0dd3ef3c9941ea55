"""Make a small filter for each of many paintings, with the same small budget for each, and show which come out worst.

    python benchmarks/styles.py --photos PHOTOS --minutes 1 --out FOLDER
        --teacher MAGENTA26 STYLE00.jpg STYLE01.jpg ... --teacher MOBILE PAINTING.jpg ...
        --features VGG19 --shown PHOTO.jpg

For each painting: the teacher stylizes the photos, configs/finetune.yaml trains the lightweight generator from the base
weights for `--minutes`, the filter is exported with 8 bits, and `pix2style eval` measures it on photos that
were set aside. The page has a row for each painting, the worst first, and the processor time of the whole. The sheet
shows one photo as each teacher and its filter stylize it.

What is finished is kept, so the command goes on after it was stopped; with other settings it is refused. Leave the
machine alone meanwhile: the number of training images depends on its speed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from kept_settings import check_settings
from PIL import Image, ImageDraw

from pix2style.evaluation.machine import describe_machine, library_versions
from pix2style.loading import load_stylizer

ROOT = Path(__file__).parent
CONFIG = ROOT.parent / "configs" / "finetune.yaml"
# A validation during the training would take part of the minutes.
_RARELY = ("train.validate_every_images=10_000_000", "train.checkpoint_every_images=10_000_000", "tracking.wandb=off")
_PAIRS = ("pairs.fit=keep", "pairs.format=jpeg", "pairs.val_share=0.03", "pairs.test_share=0.15")
_COLUMNS = (
    "painting",
    "teacher",
    "PSNR, dB",
    "SSIM",
    "Gram distance",
    "photo: PSNR",
    "photo: SSIM",
    "photo: Gram",
    "training images",
    "core minutes",
)
_TILE_PX, _TILES_IN_ROW, _LABEL_PX = 240, 4, 16


def main() -> None:
    """Train and measure what is missing, then write the page and the sheet."""
    options = _parser().parse_args()
    jobs = [(module, Path(style)) for module, *styles in options.teacher for style in styles]
    for module, style in jobs:
        folder = options.out / style.stem
        check_settings(folder, settings_of(module, style, options))
        if not (folder / "done.json").is_file():
            (folder / "done.json").write_text(json.dumps(make_filter(module, style, folder, options)), encoding="utf-8")
    reports = [json.loads((options.out / style.stem / "done.json").read_text(encoding="utf-8")) for _, style in jobs]
    options.result.write_text("\n".join(page(reports, options)) + "\n", encoding="utf-8")
    sheet(jobs, options).save(options.sheet, quality=80)
    print(options.result.read_text(encoding="utf-8"))


def settings_of(module: str, style: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Return the settings that the figures of a painting depend on."""
    names = ("photos", "minutes", "variants", "limit", "features")
    return {"module": module, "painting": style, **{name: getattr(options, name) for name in names}}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--teacher", nargs="+", action="append", required=True, metavar="MODULE_AND_PAINTINGS",
        help="a network of the teacher magenta (`mobile`, `full` or a folder), and its paintings; repeatable",
    )  # fmt: skip
    parser.add_argument("--photos", type=Path, required=True, help="folder of photos")
    parser.add_argument("--minutes", type=float, default=1.0, help="of training, each painting")
    parser.add_argument("--variants", type=int, default=1, help="varied copies of each training photo")
    parser.add_argument("--limit", type=int, default=20, help="evaluate on so many photos")
    parser.add_argument("--features", required=True, help="weights of VGG19")
    parser.add_argument("--shown", type=Path, required=True, help="photo on the sheet")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--result", type=Path, default=ROOT / "styles.md", help="page; text by hand there is lost")
    parser.add_argument("--sheet", type=Path, default=ROOT / "styles.jpg")
    return parser


def make_filter(module: str, style: Path, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Go from photos and a painting to a measured filter, and return its figures."""
    pairs, run, filter_file = folder / "pairs", folder / "run", folder / f"{style.stem}.onnx"
    begun, busy = time.monotonic(), _processor_s()
    _program(
        ["make-pairs", "--content", options.photos, "--style", style, "--out", pairs, "--json"],
        ["pairs.teacher=magenta", f"pairs.module={module}", f"pairs.variants={options.variants}", *_PAIRS],
    )
    trained = _program(
        ["train", "--config", CONFIG, "--out", run, "--json", "--resume-if-begun", f"pairs.path={pairs}"],
        [
            *("model.start_from=base", f"pairs.style={style}", f"train.minutes={options.minutes}"),
            *(f"losses.features.weights={options.features}", *_RARELY),
        ],
    )
    _program(["export", run, "-o", filter_file, "--precision", "int8", "--json"], [])
    wall_s, processor_s = time.monotonic() - begun, _processor_s() - busy
    report = _program(
        ["eval", filter_file, "--pairs", pairs, "--features", options.features, "--limit", options.limit, "--json"], []
    )
    rows = {row["name"]: row for row in report["stylizers"]}
    own, photo = rows[filter_file.name], rows["photo"]
    figures = {
        key: {"filter": own[key]["mean"], "photo": photo[key]["mean"]} for key in ("psnr_db", "ssim", "style_to_target")
    }
    return {
        "painting": style.stem,
        "module": Path(module).name,
        "images": trained["images_seen"],
        "wall_s": wall_s,
        "processor_s": processor_s,
        "photos": own["psnr_db"]["n"],
        **figures,
    }


def page(reports: Sequence[dict[str, Any]], options: argparse.Namespace) -> list[str]:
    """Return the lines of the page: a table with the worst SSIM first, and the means."""
    machine, versions = describe_machine(), library_versions()
    lines = ["# Many styles, the same small budget", ""]
    settings = f"--minutes {options.minutes:g} --variants {options.variants} --limit {options.limit}"
    lines += [f"`python benchmarks/styles.py {settings} ...`", ""]
    listed = ", ".join(f"{name} {version}" for name, version in versions.items())
    lines += [f"{machine['processor']}, {machine['cores']} cores; {listed}", ""]
    lines += [f"| {' | '.join(_COLUMNS)} |", "|---" * len(_COLUMNS) + "|"]
    for report in sorted(reports, key=lambda report: float(report["ssim"]["filter"])):
        cells = [report["painting"], report["module"]]
        for column in ("filter", "photo"):
            cells.append(f"{report['psnr_db'][column]:.1f}")
            cells += [f"{report[key][column]:.3f}" for key in ("ssim", "style_to_target")]
        cells += [f"{report['images']:,}", f"{report['processor_s'] / 60:.1f}"]
        lines.append(f"| {' | '.join(cells)} |")
    lines.append("")
    for key, name in (("psnr_db", "PSNR"), ("ssim", "SSIM"), ("style_to_target", "Gram distance")):
        values = [report[key]["filter"] for report in reports]
        low, middle, high = min(values), statistics.median(values), max(values)
        lines.append(f"- {name}: {low:.3g} to {high:.3g}, median {middle:.3g}, mean {statistics.fmean(values):.3g}")
    wall = statistics.median(report["wall_s"] for report in reports)
    lines.append(f"- from photos and painting to the filter: median {wall:.0f} s")
    return lines


def sheet(jobs: Sequence[tuple[str, Path]], options: argparse.Namespace) -> Image.Image:
    """Return tiles with the teacher's image on the left and the filter's on the right, painting by painting."""
    with Image.open(options.shown) as opened:
        photo = opened.convert("RGB")
    photo.thumbnail((512, 512))
    small = (_TILE_PX, round(_TILE_PX * photo.height / photo.width))
    width, height = 2 * small[0] + 8, small[1] + _LABEL_PX + 8
    rows = -(-len(jobs) // _TILES_IN_ROW)
    canvas = Image.new("RGB", (width * _TILES_IN_ROW, height * rows), "white")
    draw = ImageDraw.Draw(canvas)
    pixels = np.asarray(photo)
    for index, (module, style) in enumerate(jobs):
        left, top = width * (index % _TILES_IN_ROW), height * (index // _TILES_IN_ROW)
        teacher = load_stylizer(f"magenta:{style}", teacher_module=module)
        filter_file = load_stylizer(options.out / style.stem / f"{style.stem}.onnx")
        for place, stylizer in enumerate((teacher, filter_file)):
            image = Image.fromarray(stylizer.stylize([pixels])[0]).resize(small, Image.Resampling.LANCZOS)
            canvas.paste(image, (left + place * small[0], top + _LABEL_PX))
        draw.text((left + 2, top + 2), f"{style.stem}: teacher, filter", fill="black")
    return canvas


def _processor_s() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _program(arguments: Sequence[Any], overrides: Sequence[str]) -> Any:
    command = [sys.executable, "-m", "pix2style", *map(str, arguments), *overrides]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
