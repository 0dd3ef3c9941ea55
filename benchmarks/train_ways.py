"""The two ways that benchmarks/train_step.py measures: the plain loop and `pix2style train`."""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
from plain_pix2pix import PlainPix2Pix, plain_loader
from torch import Tensor

from pix2style.config import Config, load_config
from pix2style.nets.features import FeatureNetwork, load_vgg19
from pix2style.training.data.crop_stream import CropStream
from pix2style.training.data.decoded_cache import DecodedPairs, decode_to_file
from pix2style.training.data.loader import load_batches
from pix2style.training.data.sources import TrainingData, open_training_data
from pix2style.training.step.build import build_state
from pix2style.training.step.train_step import train_step

_RECIPE = Path(__file__).parents[1] / "configs" / "pix2pix-2017.yaml"
VGG_LAYERS = {"relu1_1": 0.03125, "relu2_1": 0.0625, "relu3_1": 0.125, "relu4_1": 0.25}
VGG_WEIGHT = 10.0
PAIRS = 64  # enough, because decoding or opening an image takes the same time each time


@dataclass(frozen=True, slots=True)
class Way:
    """One way to train, which is one row of the table.

    Attributes:
        name: Name of the row.
        fast: Whether it is the way of `pix2style train` and not the plain loop.
        batch: Number of pairs in a step.
        vgg: Whether there is a perceptual loss.
        device: "cpu" or "cuda".
        threads: Number of threads of torch.
        pairs: Folder of the pair set.
        pngs: Folder of the same pairs as side-by-side PNG files.
        weights: Weights file of VGG19.
        overrides: of the recipe, for the fast path.
    """

    name: str
    fast: bool
    batch: int
    vgg: bool
    device: str
    threads: int
    pairs: Path
    pngs: Path
    weights: Path
    overrides: tuple[str, ...] = ()

    def config(self, *more: str) -> Config:
        """Configuration of the recipe with the overrides of this way."""
        changes = [f"pairs.path={self.pairs}", f"train.batch={self.batch}", f"train.device={self.device}"]
        changes += ["train.images=1000000000", *self.overrides, *more]
        if self.vgg:
            layers = ", ".join(f"{name}: {weight}" for name, weight in VGG_LAYERS.items())
            changes += [f"losses.perceptual.weight={VGG_WEIGHT}", f"losses.perceptual.layers={{{layers}}}"]
            changes += [f"losses.features.weights={self.weights}"]
        return load_config(_RECIPE, changes)

    def features(self) -> FeatureNetwork | None:
        """Feature network of the plain loop."""
        return load_vgg19(VGG_LAYERS, self.weights).to(self.device) if self.vgg else None


def serve(way: Way, orders: Connection) -> None:
    """Answer requests until the connection is closed: ("losses" | "steps" | "loader", how many)."""
    torch.set_num_threads(way.threads)
    with tempfile.TemporaryDirectory() as cache:
        pairs = _decoded(way.config(), Path(cache))
        orders.send(_first_losses(way, pairs))
        step, load = (_fast if way.fast else _plain)(way, pairs)
        while True:
            try:
                what, count = orders.recv()
            except (EOFError, ConnectionResetError):
                return
            orders.send(_seconds(step if what == "steps" else load, count, way.device))


def _seconds(act: Callable[[], Any], count: int, device: str) -> float:
    _wait(device)
    begun = time.perf_counter()
    for _ in range(count):
        act()
    _wait(device)
    return time.perf_counter() - begun


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


_Pairs = tuple[TrainingData, DecodedPairs | None]
Acts = tuple[Callable[[], Any], Callable[[], Any]]


def _plain(way: Way, pairs: _Pairs) -> Acts:
    """Return a function that takes a step with its batch, and one that loads a batch."""
    del pairs
    files = sorted(way.pngs.glob("*.png"))
    learner = _plain_learner(way)
    steps, alone = plain_loader(files, way.batch), plain_loader(files, way.batch)

    def step() -> None:
        content, target = next(steps)
        learner.step(content.to(way.device), target.to(way.device))

    return step, lambda: next(alone)


def _plain_learner(way: Way, *changes: str) -> PlainPix2Pix:
    return PlainPix2Pix(way.config(*changes), torch.device(way.device), way.features(), VGG_LAYERS, VGG_WEIGHT)


def _fast(way: Way, pairs: _Pairs) -> Acts:
    config = way.config()
    state = build_state(config)
    steps, alone = (_stream(config, pairs, state.device) for _ in range(2))
    return lambda: train_step(state, next(steps), config.train), lambda: next(alone)


def _decoded(config: Config, cache: Path) -> _Pairs:
    material, train = open_training_data(config), config.train
    entries = material.entries[:PAIRS]
    return material, decode_to_file(material, entries, train.augment, cache, train.decoded_cache_gb)


def _stream(config: Config, pairs: _Pairs, device: torch.device) -> Iterator[Any]:
    material, decoded = pairs
    stream = CropStream(material, config.train.augment, config.seed, decoded, material.entries[:PAIRS])
    return load_batches(stream, config.train, start=0, device=device)


def _first_losses(way: Way, pairs: _Pairs) -> tuple[float, ...]:
    """Return the losses of the first two steps, without dropout, whose masks depend on the memory layout."""
    changes = ("model.unet_2017.dropout=false", "train.compile=false")
    config = way.config(*changes)
    parts = itertools.islice(_stream(config, pairs, torch.device(way.device)), 2)
    found: list[Tensor] = []
    if way.fast:
        state = build_state(config)
        for step in parts:
            report = train_step(state, step, config.train)
            if report.discriminator_losses is not None:
                found += [report.discriminator_losses.total, report.generator_losses.total]
    else:
        learner = _plain_learner(way, *changes)
        for (part,) in parts:
            if part.target is not None:
                found += learner.step(part.content.contiguous(), part.target.contiguous())
    return tuple(float(loss) for loss in found)
