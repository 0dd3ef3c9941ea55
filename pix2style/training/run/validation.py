"""Held-out photos: figures and the grid, by the very function that runs filters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from pix2style.fidelity import ssim
from pix2style.images import Image8, Picture, sheet, write_picture
from pix2style.images.difference import psnr_db
from pix2style.nets.generator import Generator
from pix2style.pairs.format.records import PairRecord
from pix2style.runs.stylizer import stylize_with
from pix2style.training.run.early_stop import METRIC_NAMES, BestBy

# A grid of more styles is too wide to look at; every style is in the figures all the same.
_MOST_STYLES_SHOWN = 4

Read = Callable[[PairRecord], tuple[Image8, Image8 | None]]


@dataclass(frozen=True, slots=True)
class ValidationReport:
    """Figures against the teacher's pictures, on rounded bytes as they ship.

    Attributes:
        l1_levels: mean absolute difference, in levels of 0..255.
        psnr_db: mean over pictures, in dB.
        ssim: mean over pictures, -1 to 1.
        pictures: how many were compared (photos times styles).
    """

    l1_levels: float
    psnr_db: float
    ssim: float
    pictures: int

    def figures(self) -> dict[str, float]:
        """What trackers hear."""
        return {METRIC_NAMES[name]: value for name, value in self.by_name().items()}

    def by_name(self) -> dict[BestBy, float]:
        """The figures by the names that `train.best_by` knows."""
        return {"l1": self.l1_levels, "psnr": self.psnr_db, "ssim": self.ssim}


def first_photos(entries: Iterable[PairRecord], photos: int) -> list[PairRecord]:
    """The entries of the first `photos` photos, in all the styles that these have, in their order."""
    chosen: dict[str, list[PairRecord]] = {}
    for entry in entries:
        if entry.sha256 in chosen or len(chosen) < photos:
            chosen.setdefault(entry.sha256, []).append(entry)
    return [entry for of_one in chosen.values() for entry in of_one]


@contextmanager
def preserve_rng(device: torch.device) -> Iterator[None]:
    """Around a look at photos: training's random streams and its choice of kernels stay as they are.

    Folding may draw fresh weights and throw them away; and cuDNN would try its kernels anew for each photo's size.
    """
    gpus = [torch.cuda.current_device()] if device.type == "cuda" else []
    tries_kernels = torch.backends.cudnn.benchmark
    with torch.random.fork_rng(devices=gpus):
        torch.backends.cudnn.benchmark = False
        try:
            yield
        finally:
            torch.backends.cudnn.benchmark = tries_kernels


def validate(
    generator: Generator,
    read: Read,
    entries: Sequence[PairRecord],
    *,
    grid: Path,
    grid_photos: int,
    styles: Sequence[str] = (),
) -> ValidationReport | None:
    """Stylize held-out photos, measure, and write the grid: content | stylized | target, for each style.

    Args:
        generator: in evaluation mode; of one style or of many.
        read: gives content and target of an entry; the target is None for unpaired material.
        entries: the photos, each with the style it is to be painted in; at least one. See `first_photos`.
        grid: the PNG to write.
        grid_photos: how many photos it shows.
        styles: names of a multi-style generator's styles, in its order; at most the first four are shown.

    Returns:
        The figures; None where no entry has a target.
    """
    tally, many = _Tally(), generator.styles > 1
    drawn = _Grid(entries, grid_photos, styles if many else ("",))
    for style in range(generator.styles):  # one copy of the network at a time: there may be many styles
        network = generator.with_fixed_style(style).folded() if many else generator
        for entry in entries:
            own = not many or entry.style == style
            if not own and not drawn.wants(entry, style):
                continue
            content, target = read(entry)
            [stylized] = stylize_with(network, [content])
            if own and target is not None:
                tally.add(stylized, target)
            drawn.add(entry, style, _Cell(content, stylized, target if own else None))
    drawn.write(grid)
    return tally.report()


@dataclass(frozen=True, slots=True)
class _Cell:
    content: Image8
    stylized: Image8
    target: Image8 | None


class _Tally:
    def __init__(self) -> None:
        self._l1: list[float] = []
        self._psnr: list[float] = []
        self._ssim: list[float] = []

    def add(self, stylized: Image8, target: Image8) -> None:
        self._l1.append(float(np.abs(stylized.astype(np.float64) - target).mean()))
        self._psnr.append(psnr_db(stylized, target))
        self._ssim.append(ssim(stylized, target))

    def report(self) -> ValidationReport | None:
        if not self._l1:
            return None
        l1, psnr, similarity = (float(np.mean(each)) for each in (self._l1, self._psnr, self._ssim))
        return ValidationReport(l1, psnr, similarity, len(self._l1))


class _Grid:
    """A row for each photo; for each style what came out, beside the target where a photo has one."""

    def __init__(self, entries: Sequence[PairRecord], photos: int, styles: Sequence[str]) -> None:
        self._styles = tuple(styles)[:_MOST_STYLES_SHOWN]
        shown = list(dict.fromkeys(entry.sha256 for entry in entries))[:photos]
        self._rows: dict[str, dict[int, _Cell]] = {sha256: {} for sha256 in shown}
        self._own = {(entry.sha256, entry.style) for entry in entries}

    def wants(self, entry: PairRecord, style: int) -> bool:
        """Whether a photo is still to be painted in a style that it has no pair of."""
        row = self._rows.get(entry.sha256)
        has_own = (entry.sha256, style) in self._own
        return row is not None and style < len(self._styles) and style not in row and not has_own

    def add(self, entry: PairRecord, style: int, cell: _Cell) -> None:
        row = self._rows.get(entry.sha256)
        if row is not None and style < len(self._styles):
            row[style] = cell

    def write(self, path: Path) -> None:
        rows = list(self._rows.values())
        headings, pictures = ["content"], [[next(iter(row.values())).content] for row in rows]
        for style, name in enumerate(self._styles):
            has_targets = any(row[style].target is not None for row in rows)
            headings += [name or "stylized", *(["target (teacher)"] if has_targets else [])]
            for line, row in zip(pictures, rows, strict=True):
                line.append(row[style].stylized)
                if has_targets:
                    target = row[style].target
                    line.append(target if target is not None else np.full_like(line[0], 255))
        write_picture(path, Picture(sheet(pictures, headings)))
