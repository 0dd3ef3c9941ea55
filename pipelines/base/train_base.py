"""Train the base: the weights that come with pix2style, from which the training of a new style starts.

    python pipelines/base/train_base.py PAIRS... --out first.safetensors --images 60000
    python pipelines/base/train_base.py PAIRS... --out base.safetensors --images 40000 --start-from first.safetensors

Each of PAIRS is a pair set of many styles, as `pipelines/base/make_pairs.py` makes them: photos stylized by Magenta's
mobile network or by Magenta's 26-style network. Every pair's style is given to the generator as the style vector of
its painting, so that afterwards a painting that was not among them has a style code, too.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pix2style import losses
from pix2style.files import sha256_file
from pix2style.images import Image8
from pix2style.images.glimpse import glimpse
from pix2style.nets.base import BaseGenerator, load_base, save_base
from pix2style.nets.features import FeatureNetwork, load_vgg19
from pix2style.pairs.format.reader import PairReader
from pix2style.system.allocator import keep_freed_memory
from pix2style.training.step.muon import Muon

_STYLE_LAYERS = {"relu1_1": 1.0, "relu2_1": 1.0, "relu3_1": 1.0}
_VECTORS_FILE = "style_vectors.json"  # beside each pair set: style name -> style vector
_BATCH, _CROP_PX = 4, 192
_LEARNING_RATE, _MOMENTUM, _WARMUP_IMAGES, _DECAY_FROM = 2e-3, 0.95, 400, 0.5  # of Muon
_L1, _MSE, _STYLE = 3.0, 15.0, 5.0
_STYLE_EVERY, _STYLE_FROM = 4, 0.5
_CONTINUED_LEARNING_RATE = 1e-3  # of a training that goes on from a base; it falls to 0 from the start
_EMA_HALFLIFE_IMAGES = 5_000
_SAVE_EVERY = 20_000
_DIGEST_DIGITS = 32  # of the pair sets: the file has to be small


@dataclass(frozen=True, slots=True)
class Pair:
    """A photo and what a teacher made of it.

    Attributes:
        content, target: uint8 [height, width, 3].
        glimpse: The photo's glimpse.
        style: Index of the style's vector.
    """

    content: Image8
    target: Image8
    glimpse: Image8
    style: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """How the learning rate and the losses change during a training.

    Attributes:
        learning_rate: Highest learning rate.
        decay_from: Share of the training after which the learning rate falls linearly to 0.
        style_from: Share of the training after which the style loss is used.
    """

    learning_rate: float = _LEARNING_RATE
    decay_from: float = _DECAY_FROM
    style_from: float = _STYLE_FROM

    def rate_factor(self, seen: int, images: int) -> float:
        """Return the share of the learning rate that the next batch takes after `seen` of `images` crops."""
        decay = min(1.0, (1 - seen / images) / (1 - self.decay_from))
        return decay * min(1.0, (seen + _BATCH) / _WARMUP_IMAGES)


def read_pairs(folders: list[Path]) -> tuple[list[Pair], NDArray[np.float32]]:
    """Decode all training pairs of some pair sets; return them and the style vectors [styles, vector_length]."""
    pairs: list[Pair] = []
    vectors: list[list[float]] = []
    for folder in folders:
        reader = PairReader(folder)
        by_name = json.loads((folder.parent / f"{folder.name}.{_VECTORS_FILE}").read_text())
        first = len(vectors)
        vectors += [by_name[teacher.name.removeprefix("magenta:")] for teacher in reader.manifest.teachers]
        contents: dict[str, tuple[Image8, Image8]] = {}
        for entry in reader.entries("train"):
            if min(entry.height_px, entry.width_px) < _CROP_PX:
                continue
            content, target = reader.read(entry)
            shared = contents.setdefault(entry.content.sha256, (content, glimpse(content)))
            pairs.append(Pair(shared[0], target, shared[1], first + entry.style))
    return pairs, np.array(vectors, np.float32)


def draw_batch(pairs: list[Pair], rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return random crops: content, target and glimpse as tensors in [-1, 1], and the indices of the styles."""
    contents, targets, glimpses, styles = [], [], [], []
    for index in rng.integers(len(pairs), size=_BATCH):
        pair = pairs[index]
        height, width = pair.content.shape[:2]
        # On the grid of 4 pixels that the generator works on, as it is in whole photos.
        top, left = (4 * int(rng.integers((side - _CROP_PX) // 4 + 1)) for side in (height, width))
        window = np.s_[top : top + _CROP_PX, left : left + _CROP_PX]
        contents.append(pair.content[window])
        targets.append(pair.target[window])
        glimpses.append(pair.glimpse)
        styles.append(pair.style)
    return _tensor(contents), _tensor(targets), _tensor(glimpses), torch.tensor(styles)


def train(
    generator: BaseGenerator,
    pairs: list[Pair],
    vectors: Tensor,
    network: FeatureNetwork,
    *,
    images: int,
    schedule: Schedule,
    save: Callable[[BaseGenerator, int], None],
) -> None:
    """Train the generator.

    Args:
        generator: Base; changed in place.
        pairs: Training pairs.
        vectors: Normalised style vectors, [styles, vector_length].
        network: Feature network of the style loss.
        images: Number of training crops.
        schedule: Learning rate, and when the style loss begins.
        save: Called every `_SAVE_EVERY` crops, and at the end, with a copy that has the moving average of the weights.
    """
    rng, parameters = np.random.default_rng(0), list(generator.parameters())
    optimizer = Muon(parameters, momentum=_MOMENTUM, lr=schedule.learning_rate, betas=(0.9, 0.99))
    average = [parameter.detach().clone() for parameter in parameters]
    started_s, recent = time.perf_counter(), []
    for seen in range(0, images, _BATCH):
        for group in optimizer.param_groups:
            group["lr"] = schedule.learning_rate * schedule.rate_factor(seen, images)
        content, target, glimpses, styles = draw_batch(pairs, rng)
        with torch.autocast("cpu", torch.bfloat16):
            code = generator.style_encoder(vectors[styles])
            output = generator(content, generator.context_from_glimpse(glimpses, code), code)
            loss = _L1 * losses.l1(output, target) + _MSE * losses.mse(output, target)
            if seen >= schedule.style_from * images and (seen // _BATCH) % _STYLE_EVERY == 0:
                loss = loss + _STYLE * _STYLE_EVERY * _style_loss(network, output, target)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 10)
        optimizer.step()
        halflife = min(_EMA_HALFLIFE_IMAGES, 0.05 * max(seen, 1))
        torch._foreach_lerp_(average, [p.detach() for p in parameters], 1 - 0.5 ** (_BATCH / halflife))
        recent.append(loss.item())
        if len(recent) == 500:
            print(f"{seen + _BATCH} images, {time.perf_counter() - started_s:.0f} s, {np.mean(recent):.3f}", flush=True)
            recent.clear()
        if (seen + _BATCH) % _SAVE_EVERY == 0 or seen + _BATCH >= images:
            save(_with_weights(generator, average), seen + _BATCH)


@torch.no_grad()
def _with_weights(generator: BaseGenerator, weights: list[Tensor]) -> BaseGenerator:
    twin = copy.deepcopy(generator).eval()
    for parameter, weight in zip(twin.parameters(), weights, strict=True):
        parameter.copy_(weight)
    return twin


def fold_normalisation(generator: BaseGenerator, mean: Tensor, deviation: Tensor) -> None:
    """Let the style encoder take vectors as they are, and store the code of the mean vector."""
    encoder = generator.style_encoder
    with torch.no_grad():
        generator.mean_code.copy_(encoder.bias)
        encoder.weight.div_(deviation)
        encoder.bias.sub_(encoder.weight @ mean)


def unfold_normalisation(generator: BaseGenerator, mean: Tensor, deviation: Tensor) -> BaseGenerator:
    """Let the style encoder of a saved base take normalised vectors again; the reverse of `fold_normalisation`."""
    encoder = generator.style_encoder
    with torch.no_grad():
        encoder.bias.add_(encoder.weight @ mean)
        encoder.weight.mul_(deviation)
    return generator


def _style_loss(network: FeatureNetwork, output: Tensor, target: Tensor) -> Tensor:
    with torch.no_grad():
        target_grams = losses.grams(network(target), _STYLE_LAYERS)
    return losses.relative_gram_distance(losses.grams(network(output), _STYLE_LAYERS), target_grams, _STYLE_LAYERS)


def _tensor(images: list[Image8]) -> Tensor:
    batch = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)
    return batch.to(memory_format=torch.channels_last).float().div_(127.5).sub_(1)


def main() -> None:
    """Read the arguments, train, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pairs", nargs="+", type=Path, help="pair sets of many styles")
    parser.add_argument("--out", type=Path, required=True, help="safetensors file to write")
    parser.add_argument("--images", type=int, default=60_000, help="number of training crops")
    parser.add_argument("--start-from", type=Path, help="base file to go on from, with the same pair sets")
    parser.add_argument("--codes", type=int, default=32, help="length of a style code")
    parser.add_argument("--vgg19", type=Path, help="weights of VGG19; default: those that pix2style finds")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    keep_freed_memory()
    torch.manual_seed(0)
    pairs, vectors = read_pairs(arguments.pairs)
    print(f"{len(pairs)} pairs, {len(vectors)} styles", flush=True)
    mean, deviation = torch.from_numpy(vectors.mean(0)), torch.from_numpy(vectors.std(0) + 1e-3)
    if arguments.start_from is None:
        generator, schedule = BaseGenerator(codes=arguments.codes, vector_length=vectors.shape[1]), Schedule()
    else:
        generator = unfold_normalisation(load_base(arguments.start_from), mean, deviation)
        schedule = Schedule(_CONTINUED_LEARNING_RATE, decay_from=0.0, style_from=0.0)
    generator = generator.to(memory_format=torch.channels_last).train()
    network = load_vgg19(_STYLE_LAYERS, arguments.vgg19).to(memory_format=torch.channels_last)
    sets = {folder.name: PairReader(folder).digest[:_DIGEST_DIGITS] for folder in arguments.pairs}
    notes = {"pair_sets": sets, "styles": len(vectors), "licence": "Apache-2.0"}

    def save(trained: BaseGenerator, images: int) -> None:
        fold_normalisation(trained, mean, deviation)
        save_base(trained, arguments.out, {**notes, "images": images})
        print(f"{arguments.out}: {arguments.out.stat().st_size} bytes, {sha256_file(arguments.out)}", flush=True)

    normalised = (torch.from_numpy(vectors) - mean) / deviation
    train(generator, pairs, normalised, network, images=arguments.images, schedule=schedule, save=save)


if __name__ == "__main__":
    main()
