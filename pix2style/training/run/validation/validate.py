"""Validate a generator on held-out photos, with the same function that applies trained networks (`stylize_with`)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from pix2style.fidelity import ssim
from pix2style.images import Image8
from pix2style.images.difference import psnr_db
from pix2style.nets.generator import Generator
from pix2style.pairs.format.records import PairRecord
from pix2style.runs.stylizer import stylize_with
from pix2style.training.run.validation.early_stop import METRIC_NAMES, BestBy
from pix2style.training.run.validation.validation_grid import GridCell, ValidationGrid
from pix2style.training.step.state import TrainingState

ReadPair = Callable[[PairRecord], tuple[Image8, Image8 | None]]


@dataclass(frozen=True, slots=True)
class ValidationMetrics:
    """Differences between stylized images and targets, both rounded to 8 bits.

    Attributes:
        l1_levels: Mean absolute difference, in levels of 0 to 255.
        psnr_db: Mean PSNR over the images, in dB.
        ssim: Mean SSIM over the images, -1 to 1.
        images: Number of images that were compared (photos times styles).
    """

    l1_levels: float
    psnr_db: float
    ssim: float
    images: int

    def by_logged_name(self) -> dict[str, float]:
        """Return the metrics under their names in metrics.jsonl."""
        return {METRIC_NAMES[name]: value for name, value in self.by_name().items()}

    def by_name(self) -> dict[BestBy, float]:
        """Return the metrics under the names that `train.best_by` allows."""
        return {"l1": self.l1_levels, "psnr": self.psnr_db, "ssim": self.ssim}


def first_photos(entries: Iterable[PairRecord], photos: int) -> list[PairRecord]:
    """Select the first `photos` photos, and return their entries in all styles that they have, grouped by photo."""
    entries_by_photo: dict[str, list[PairRecord]] = {}
    for entry in entries:
        if entry.sha256 in entries_by_photo or len(entries_by_photo) < photos:
            entries_by_photo.setdefault(entry.sha256, []).append(entry)
    return [entry for group in entries_by_photo.values() for entry in group]


@contextmanager
def preserve_rng(device: torch.device) -> Iterator[None]:
    """Restore torch's random state, and the setting of cuDNN's benchmark mode, after the block.

    Validation must not change what is trained afterwards, but folding a network may draw fresh weights, which are then
    overwritten. Benchmark mode is off in the block, because cuDNN would measure its kernels anew for each photo's size.
    """
    gpus = [torch.cuda.current_device()] if device.type == "cuda" else []
    benchmark = torch.backends.cudnn.benchmark
    with torch.random.fork_rng(devices=gpus):
        torch.backends.cudnn.benchmark = False
        try:
            yield
        finally:
            torch.backends.cudnn.benchmark = benchmark


@contextmanager
def averaged_generator(state: TrainingState) -> Iterator[Generator]:
    """Return the generator with averaged weights as it would be exported, in evaluation mode, for the block.

    A generator of one style is folded; a multi-style generator has to be folded for each style. Neither the random
    state nor the mode of the trained network is changed.
    """
    with preserve_rng(state.device):
        exported = state.ema.folded() if state.ema.styles == 1 else state.ema
        was_training = exported.training  # where nothing is averaged or folded, it is the trained network itself
        try:
            yield exported.eval()
        finally:
            exported.train(was_training)


def time_photo_s(network: Generator, content: Image8, target: Image8 | None) -> float:
    """Return the seconds that validating one photo takes."""
    start_s, metrics = time.perf_counter(), _ImageMetrics()
    [stylized] = stylize_with(network, [content])
    if target is not None:
        metrics.add(stylized, target)
    return time.perf_counter() - start_s


def validate_generator(
    generator: Generator,
    read_pair: ReadPair,
    entries: Sequence[PairRecord],
    *,
    grid: Path,
    grid_photos: int,
    style_names: Sequence[str] = (),
) -> ValidationMetrics | None:
    """Stylize held-out photos, compare them with their targets, and write a grid of content, output and target.

    Args:
        generator: Generator of one style or of several, in evaluation mode.
        read_pair: Function that reads content and target of an entry; the target is None in unpaired training.
        entries: Photos, each with the style that its target has; at least one. See `first_photos`.
        grid: PNG file to write.
        grid_photos: Number of photos in the grid.
        style_names: Names of the styles of a multi-style generator, in its order.

    Returns:
        The metrics; None if no entry has a target.

    Raises:
        ValueError: The generator is in training mode.
    """
    images, multi_style = _ImageMetrics(), generator.styles > 1
    drawn = ValidationGrid(entries, grid_photos, style_names if multi_style else ("",))
    for style in range(generator.styles):  # styles outside: a copy of the network is made for each, one at a time
        network = generator.with_fixed_style(style).folded() if multi_style else generator
        for entry in entries:
            has_this_style = not multi_style or entry.style == style
            if not has_this_style and not drawn.needs(entry, style):
                continue
            content, target = read_pair(entry)
            [stylized] = stylize_with(network, [content])
            if has_this_style and target is not None:
                images.add(stylized, target)
            drawn.add(entry, style, GridCell(content, stylized, target if has_this_style else None))
    drawn.write(grid)
    return images.mean()


class _ImageMetrics:
    """Metrics of single images."""

    def __init__(self) -> None:
        self._l1: list[float] = []
        self._psnr: list[float] = []
        self._ssim: list[float] = []

    def add(self, stylized: Image8, target: Image8) -> None:
        self._l1.append(float(np.abs(stylized.astype(np.float64) - target).mean()))
        self._psnr.append(psnr_db(stylized, target))
        self._ssim.append(ssim(stylized, target))

    def mean(self) -> ValidationMetrics | None:
        if not self._l1:
            return None
        l1, psnr, similarity = (float(np.mean(values)) for values in (self._l1, self._psnr, self._ssim))
        return ValidationMetrics(l1, psnr, similarity, len(self._l1))
