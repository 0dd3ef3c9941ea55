"""Measure the properties of trained filters: flat areas, borders, mean colours, tiles, strength, and 8 bits.

    python benchmarks/lite_properties.py FILTER.onnx FILTER.int8.onnx --pairs PAIRS

The photos are the test split of the pair set. Writes benchmarks/results/lite_properties.md.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from pix2style import load_stylizer
from pix2style.fidelity import ssim
from pix2style.images import Image8
from pix2style.images.difference import psnr_db
from pix2style.pairs.exchange.plain_folders import open_pairs
from pix2style.runtime.onnx_stylizer import OnnxStylizer

RESULT = Path(__file__).parent / "results" / "lite_properties.md"
_GREYS = range(0, 256, 15)
_FLAT_PX, _BORDER_PX = 256, 32
_TILES = (64, 100, 256)


def main() -> None:
    """Measure, print the table, and write it into benchmarks/results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("filters", type=Path, nargs="+")
    parser.add_argument("--pairs", type=Path, required=True)
    options = parser.parse_args()
    reader = open_pairs(options.pairs, val_share=0.1, test_share=0.1)
    pairs = [reader.read(entry) for entry in reader.entries("test")]
    names = " ".join(path.name for path in options.filters)
    lines = ["# Properties of trained filters", ""]
    lines += [f"`python benchmarks/lite_properties.py {names} --pairs {options.pairs.name}`", ""]
    lines += [f"{len(pairs)} held-out photos.", "", "| | " + " | ".join(p.name for p in options.filters) + " |"]
    lines += ["|---" * (1 + len(options.filters)) + "|"]
    measured = [_figures(path, options.filters[0], pairs) for path in options.filters]
    lines += [f"| {name} | " + " | ".join(str(one[name]) for one in measured) + " |" for name in measured[0]]
    RESULT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


def _figures(path: Path, first: Path, pairs: list[tuple[Image8, Image8]]) -> dict[str, str]:
    stylizer, whole = OnnxStylizer(path), OnnxStylizer(first)
    painted, firsts = ([one(photo) for photo, _ in pairs] for one in (stylizer, whole))
    peaks, flat = zip(*(_flatness(stylizer, grey) for grey in _GREYS), strict=True)
    border, centre = _border_and_centre(painted, pairs)
    return {
        "flat greys: largest part at the patch's frequencies, levels": f"{max(peaks):.2f}",
        "flat greys: largest deviation inside, levels": f"{max(flat):.2f}",
        f"mean error in the outer {_BORDER_PX} px, levels": f"{border:.1f}",
        "mean error elsewhere, levels": f"{centre:.1f}",
        "mean colour against the teacher's (R, G, B), levels": _colour_shift(painted, pairs),
        "tiles against the whole, largest difference, levels": str(_tiles(path, pairs, painted)),
        "strength 0 against the photo, largest difference, levels": str(_strength_zero(path, pairs)),
        f"PSNR against {first.name}, dB": _mean(psnr_db(a, b) for a, b in zip(painted, firsts, strict=True)),
        "SSIM to the teacher": _mean((ssim(a, target) for a, (_, target) in zip(painted, pairs, strict=True)), 3),
        "PSNR to the teacher, dB": _mean(psnr_db(a, target) for a, (_, target) in zip(painted, pairs, strict=True)),
    }  # fmt: skip


def _flatness(stylizer: OnnxStylizer, grey: int) -> tuple[float, float]:
    """Return the largest wave of 2 or 4 pixels and the largest deviation on a flat grey, away from borders."""
    margin = _FLAT_PX // 4
    inside = stylizer(np.full((_FLAT_PX, _FLAT_PX, 3), grey, np.uint8))[margin:-margin, margin:-margin].astype(float)
    side = len(inside)
    waves = np.abs(np.fft.fft2(inside, axes=(0, 1))) / side**2
    at = [0, side // 4, side // 2, 3 * side // 4]
    patch = waves[np.ix_(at, at)].reshape(-1, 3)[1:]
    return float(2 * patch.max()), float(np.abs(inside - inside.mean(axis=(0, 1))).max())


def _border_and_centre(painted: list[Image8], pairs: list[tuple[Image8, Image8]]) -> tuple[float, float]:
    inner = (slice(_BORDER_PX, -_BORDER_PX), slice(_BORDER_PX, -_BORDER_PX))
    border, centre = [], []
    for picture, (_, target) in zip(painted, pairs, strict=True):
        error = np.abs(picture.astype(int) - target)
        total, inside = error.sum(), error[inner]
        border.append((total - inside.sum()) / (error.size - inside.size))
        centre.append(inside.mean())
    return statistics.fmean(border), statistics.fmean(centre)


def _colour_shift(painted: list[Image8], pairs: list[tuple[Image8, Image8]]) -> str:
    shifts = [p.mean(axis=(0, 1)) - t.mean(axis=(0, 1)) for p, (_, t) in zip(painted, pairs, strict=True)]
    return ", ".join(f"{value:+.1f}" for value in np.mean(shifts, axis=0))


def _tiles(path: Path, pairs: list[tuple[Image8, Image8]], painted: list[Image8]) -> int:
    worst = 0
    for side in _TILES:
        tiled: Any = load_stylizer(path, tile=side)
        for (photo, _), expected in zip(pairs[:8], painted, strict=False):
            worst = max(worst, int(np.abs(tiled(photo).astype(int) - expected).max()))
    return worst


def _strength_zero(path: Path, pairs: list[tuple[Image8, Image8]]) -> int:
    unchanged: Any = load_stylizer(path, strength=0.0)
    return max(int(np.abs(unchanged(photo).astype(int) - photo).max()) for photo, _ in pairs[:8])


def _mean(values: Iterable[float], digits: int = 2) -> str:
    return f"{statistics.fmean(values):.{digits}f}"


if __name__ == "__main__":
    main()
