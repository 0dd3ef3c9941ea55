"""Measure how near filters come to their teacher by distances of patches and by a network that tells them apart.

    pix2style eval FILTER.onnx... --pairs PAIRS --features none --tell-apart --json > NAME.json
    python benchmarks/evidence.py table NAME.json...
    python benchmarks/evidence.py known PAIRS FILTER.onnx

`table` prints the figures of reports as a table. `known` prints the sliced Wasserstein distance of cases whose order is
known, each relative to the unchanged photo, and how much it changes with the seed: the teacher's image of another
photo, moved and blurred teacher's images, a filter, and the filter blurred.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np

from pix2style.evaluation.dataset import PairDataset
from pix2style.evaluation.patch_distance import PROJECTION_SEED, SCALES, TargetPatches
from pix2style.images import Image8
from pix2style.loading import load_stylizer
from pix2style.pairs.format.reader import PairReader

_SEEDS = 6


def main() -> None:
    """Print the table of reports, or the known cases."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("table", "known"))
    parser.add_argument("paths", nargs="+", type=Path)
    options = parser.parse_args()
    if options.what == "table":
        print(table(options.paths))
    else:
        print(known_cases(*options.paths))


def table(reports: Sequence[Path]) -> str:
    """Return the rows of all reports as a Markdown table."""
    scales = "full size, levels | half size, levels | quarter size, levels"
    head = f"| pairs | filter | PSNR, dB | SSIM | SWD | {scales} | told apart at full size | at half size |"
    lines = [head, "|---" * 10 + "|"]
    for path in reports:
        report = json.loads(path.read_text(encoding="utf-8"))
        lines += [_row(report["material"]["name"], row) for row in report["stylizers"]]
    return "\n".join(lines)


def _row(pairs: str, row: dict[str, Any]) -> str:
    patches, told = row["patch_distance"], row["told_apart"]
    levels = [f"{patches['levels'][scale]['mean']:.2f}" for scale in SCALES]
    tests = [_test(told[size]) for size in ("full_size", "half_size")] if told else ["", ""]
    figures = [f"{row['psnr_db']['mean']:.2f}", f"{row['ssim']['mean']:.3f}", _estimate(patches["relative"])]
    return f"| {' | '.join([pairs, str(row['name']), *figures, *levels, *tests])} |"


def _estimate(estimate: dict[str, Any] | None) -> str:
    """Return mean and error; a report has none if the photos are the targets, and no error of a single photo."""
    if estimate is None:
        return ""
    error = estimate["standard_error"]
    return f"{estimate['mean']:.3f}" + ("" if error is None else f" ±{error:.3f}")


def _test(test: dict[str, float]) -> str:
    return f"{test['accuracy']:.1%} ({test['low']:.1%} to {test['high']:.1%})".replace("%", " %")


def known_cases(pairs: Path, filter_file: Path) -> str:
    """Return the distances of cases whose order is known as a Markdown table."""
    dataset = PairDataset(PairReader(pairs))
    samples = [dataset.load(index) for index in range(len(dataset))]
    targets = [sample.target for sample in samples if sample.target is not None]
    photos = [sample.photo for sample in samples]
    outputs = [load_stylizer(str(filter_file)).stylize([photo])[0] for photo in photos]
    cases = {
        "the teacher's image, 5 px to the right": _each(targets, lambda image: np.roll(image, 5, axis=1)),
        "the teacher's image, blurred by 0.2 px": _each(targets, lambda image: blurred(image, 0.2)),
        "the teacher's image, blurred by 0.5 px": _each(targets, lambda image: blurred(image, 0.5)),
        filter_file.name: outputs,
        f"{filter_file.name}, blurred by 0.5 px": _each(outputs, lambda image: blurred(image, 0.5)),
    }
    units = distances(photos, targets)
    shares = {name: distances(images, targets) / units for name, images in cases.items()}
    others = _of_other_photos(targets)
    if others:
        own, own_photos = ([images[index] for index in others] for images in (targets, photos))
        part = "" if len(own) == len(targets) else f" ({len(own)} of {len(targets)} photos)"
        name = f"the teacher's image of another photo{part}"
        shares[name] = distances(list(others.values()), own) / distances(own_photos, own)
    lines = ["| case | SWD | full size | half size | quarter size |", "|---" * 5 + "|"]
    for name, by_scale in shares.items():
        lines.append(f"| {name} | {' | '.join(f'{share:.3f}' for share in (by_scale.mean(), *by_scale))} |")
    repeats = [(distances(outputs, targets, PROJECTION_SEED + seed) / units).mean() for seed in range(_SEEDS)]
    error = stdev(map(float, repeats)) / fmean(map(float, repeats))
    return "\n".join(
        [*lines, "", f"Standard deviation over {_SEEDS} seeds, as a share of the filter's SWD: {error:.2%}"]
    )


def distances(
    images: Sequence[Image8], targets: Sequence[Image8], seed: int = PROJECTION_SEED
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the mean distance over the photos at each scale, in levels."""
    pairs = enumerate(zip(images, targets, strict=True))
    rows = [list(TargetPatches(target, index, seed).distances(image).values()) for index, (image, target) in pairs]
    return np.array(rows).mean(axis=0)


def blurred(image: Image8, shift_px: float) -> Image8:
    """Return an image that is moved down and to the right by a part of a pixel, by linear interpolation."""
    values = image.astype(np.float32)
    for axis in (0, 1):
        values = (1 - shift_px) * values + shift_px * np.roll(values, 1, axis=axis)
    return np.rint(values).astype(np.uint8)


def _each(images: Sequence[Image8], change: Callable[[Image8], Image8]) -> list[Image8]:
    return [change(image) for image in images]


def _of_other_photos(targets: Sequence[Image8]) -> dict[int, Image8]:
    """Return the target of the next photo of the same shape, by the index of the photo, where there is one."""
    others = {}
    for index, target in enumerate(targets):
        later = [*targets[index + 1 :], *targets[:index]]
        same = [image for image in later if image.shape == target.shape]
        if same:
            others[index] = same[0]
    return others


if __name__ == "__main__":
    main()
