"""Measure how reliably misaligned pairs are found, and how often correct pairs are suspected, with real teachers.

    python benchmarks/pair_alignment.py --photos shared/data/content --module shared/assets/teacher/magenta26 \
        --teacher watercolor --teacher magenta:shared/data/styles/style08.jpg --count 100

stylizes the photos, spoils the targets in known ways, calls `pix2style.pairs.check.alignment.measure_alignment` and
`pix2style.pairs.check.inspector.PairInspector`, and writes benchmarks/results/pair_alignment.md.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from pix2style.files import sha256_bytes, write_bytes
from pix2style.images import Image8, crop_to_square, find_images, read_picture
from pix2style.loading import load_stylizer
from pix2style.pairs.check.alignment import measure_alignment
from pix2style.pairs.check.inspector import PairInspector
from pix2style.pairs.check.suspicion import PairIdentity, Suspicion
from pix2style.stylizer import Stylizer

_BATCH = 4
_BORDER_PX = 32
RESULTS = Path(__file__).parent / "results" / "pair_alignment.md"


@dataclass(frozen=True, slots=True)
class Spoiling:
    """A known error: its name, the change that it makes to a target, and the problem that should be reported."""

    name: str
    change: Callable[[Image8], Image8]
    problem: str


def shift(dx: int, dy: int) -> Callable[[Image8], Image8]:
    """Shift to the right and down; the free border is filled by reflection."""

    def change(rgb: Image8) -> Image8:
        height, width = rgb.shape[:2]
        wide = np.pad(rgb, ((_BORDER_PX, _BORDER_PX), (_BORDER_PX, _BORDER_PX), (0, 0)), "reflect")
        return wide[_BORDER_PX - dy : _BORDER_PX - dy + height, _BORDER_PX - dx : _BORDER_PX - dx + width]

    return change


def enlarge(by: float) -> Callable[[Image8], Image8]:
    """Enlarge around the middle and crop to the same size, with another interpolation than the check uses."""

    def change(rgb: Image8) -> Image8:
        height, width = rgb.shape[:2]
        rows, columns = round(height / by), round(width / by)
        top, left = (height - rows) // 2, (width - columns) // 2
        part = np.ascontiguousarray(rgb[top : top + rows, left : left + columns])
        return np.asarray(cv2.resize(part, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)

    return change


SPOILINGS = (
    Spoiling("shifted by 2 px", shift(2, 0), "shifted"),
    Spoiling("shifted by 4 px", shift(0, -4), "shifted"),
    Spoiling("shifted by 8 px", shift(-8, 3), "shifted"),
    Spoiling("shifted by 16 px", shift(0, 16), "shifted"),
    Spoiling("mirrored", lambda rgb: rgb[:, ::-1], "mirrored"),
    Spoiling("rotated by 180", lambda rgb: rgb[::-1, ::-1], "rotated"),
    Spoiling("rotated by 90", np.rot90, "rotated"),
    Spoiling("enlarged by 1.04", enlarge(1.04), "scaled"),
    Spoiling("enlarged by 1.1", enlarge(1.1), "scaled"),
    Spoiling("enlarged by 1.2", enlarge(1.2), "scaled"),
)


def stylize_in_batches(teacher: Stylizer, photos: Sequence[Image8]) -> list[Image8]:
    """Stylize in batches."""
    return [one for i in range(0, len(photos), _BATCH) for one in teacher.stylize(list(photos[i : i + _BATCH]))]


def suspicions(pairs: Sequence[tuple[Image8, Image8]]) -> list[Suspicion]:
    """Return the suspicious pairs of a whole set; sources are positions in the list."""
    judging = PairInspector()
    for i, (content, target) in enumerate(pairs):
        digests = sha256_bytes(content.tobytes()), sha256_bytes(target.tobytes())
        judging.add(PairIdentity(f"{i:08x}", str(i), "train", 0, *digests), content, target)
    return [one for one in judging.finish() if one.is_serious]


def rows(name: str, photos: list[Image8], targets: list[Image8]) -> list[str]:
    """Return the rows of one teacher."""
    pairs = list(zip(photos, targets, strict=True))
    begun = time.perf_counter()
    scores = [measure_alignment(*pair).score for pair in pairs]
    per_pair_ms = (time.perf_counter() - begun) / len(pairs) * 1e3
    suspected = suspicions(pairs)
    low, middle = np.percentile(scores, [0, 50])
    said = f"lowest score {low:.1f}, median {middle:.1f}; {per_pair_ms:.0f} ms a pair"
    found = [f"| {name} | correct | {len(suspected)} of {len(pairs)} suspected | {said} |"]
    for spoiling in SPOILINGS:
        findings = [
            measure_alignment(photo, np.ascontiguousarray(spoiling.change(target))).misalignment
            for photo, target in pairs
        ]
        seen = sum(finding is not None for finding in findings)
        right = sum(finding is not None and finding.problem == spoiling.problem for finding in findings)
        found.append(f"| {name} | {spoiling.name} | {seen} of {len(pairs)} found | {right} named right |")
    return [*found, *swapped_rows(name, pairs, {int(one.source) for one in suspected})]


def swapped_rows(name: str, pairs: list[tuple[Image8, Image8]], suspected: set[int]) -> list[str]:
    """Swap a tenth of the targets in pairs, and return the rows for a set whose other pairs are correct."""
    chosen = np.random.default_rng(0).permutation(len(pairs))[: len(pairs) // 10 // 2 * 2]
    spoiled, partner = list(pairs), dict[int, int]()
    for one, other in zip(chosen[::2].tolist(), chosen[1::2].tolist(), strict=True):
        spoiled[one], spoiled[other] = (pairs[one][0], pairs[other][1]), (pairs[other][0], pairs[one][1])
        partner |= {one: other, other: one}
    found = {int(one.source): one.text for one in suspicions(spoiled)}
    seen = sum(place in found for place in partner)
    right = sum(f"the content of {other} (" in found.get(place, "") for place, other in partner.items())
    wrong = len(found.keys() - partner.keys() - suspected)
    result = f"{seen} of {len(partner)} found | {right} with the right content; {wrong} correct pairs suspected"
    return [f"| {name} | swapped (a tenth of the set) | {result} |"]


def main() -> None:
    """Stylize, spoil, check, and write the table into benchmarks/results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True, help="folder of photos")
    parser.add_argument("--teacher", action="append", required=True, help="watercolor or magenta:PAINTING; repeatable")
    parser.add_argument("--module", help="Magenta's network")
    parser.add_argument("--count", type=int, default=100, help="photos, evenly spaced")
    parser.add_argument("--skip", type=int, default=0, help="begin with this photo: others than those calibrated on")
    parser.add_argument("--size", type=int, default=256, help="side in pixels")
    options = parser.parse_args()
    files = find_images([options.photos])
    step = max(1, len(files) // options.count)
    files = files[options.skip :: step][: options.count]
    photos = [crop_to_square(read_picture(found.path, to_srgb=True).on_white(), options.size) for found in files]
    lines = ["| teacher | pairs are | result | |", "|---|---|---|---|"]
    for source in options.teacher:
        lines += rows(
            Path(source).name, photos, stylize_in_batches(load_stylizer(source, teacher_module=options.module), photos)
        )
    heading = "# Misaligned pairs: how many are found, and how many correct pairs are suspected"
    material = f"{len(photos)} photos at {options.size} px, one in {step} from number {options.skip} on, by"
    command = f"`python benchmarks/pair_alignment.py --count {options.count} --skip {options.skip} ...`"
    what = "A score is the height of the correlation's peak in standard deviations (`pix2style.pairs.check.alignment`)."
    text = "\n".join([heading, "", f"{material} {command}.", what, "", *lines, ""])
    write_bytes(RESULTS, text.encode())
    print(text)


if __name__ == "__main__":
    main()
