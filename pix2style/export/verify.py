"""Does the file paint what the network paints? Asked of every filter before it gets its name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from pix2style.errors import ArtifactError
from pix2style.images import Image8, from_batch, to_batch
from pix2style.nets.generator import Generator
from pix2style.runtime.onnx import OnnxStylizer

# Height and width: a power of two, even and odd sides that are multiples of nothing, and the smallest there can be.
CHECKED_SIZES = ((256, 256), (300, 201), (127, 253), (5, 3), (1, 1))
_BATCH_SIZE = (61, 47)
# torch and ONNX Runtime add the same numbers in other orders; where a value lies between two levels, the last bit
# decides which one it becomes. So 1 level, and only for a small share of bytes: measured were 0 to 1.2e-5 of them
# with every kind of generator, trained a little (tests/export). The limit leaves room for other processors' arithmetic
# and larger networks; half precision by mistake, or a wrong way to resize, lies far beyond it.
MAX_DIFFERENCE_LEVELS = 1
MAX_DIFFERING_SHARE = 0.005


@dataclass(frozen=True, slots=True)
class Parity:
    """How far a file's pictures are from the network's.

    Attributes:
        sizes: (height, width) of the photos compared.
        max_difference_levels: of any byte, in levels of 0..255.
        differing_share: of all bytes, 0 to 1.
    """

    sizes: tuple[tuple[int, int], ...]
    max_difference_levels: int
    differing_share: float


def verify(generator: Generator, filter_file: OnnxStylizer) -> Parity:
    """Compare a filter with the network that it was made from, on photo-like pictures of several sizes.

    Args:
        generator: in evaluation mode, on the CPU, in float32, not folded: so that folding is checked as well.
        filter_file: as people will run it.

    Raises:
        ArtifactError: they differ by more than rounding, or the network does not give numbers.
    """
    sizes = _comparable_sizes(generator)
    differences = [_difference(generator, filter_file, [photo_like(*size)]) for size in sizes]
    differences.append(_difference(generator, filter_file, [photo_like(*_BATCH_SIZE, seed=seed) for seed in (1, 2)]))
    every = np.concatenate(differences)
    parity = Parity((*sizes, _BATCH_SIZE), int(every.max()), float((every > 0).mean()))
    if parity.max_difference_levels > MAX_DIFFERENCE_LEVELS or parity.differing_share > MAX_DIFFERING_SHARE:
        raise ArtifactError(
            "the exported filter does not paint what the network paints, so it was not kept: up to"
            f" {parity.max_difference_levels} levels of difference (allowed: {MAX_DIFFERENCE_LEVELS}) and"
            f" {parity.differing_share:.2%} of bytes differing (allowed: {MAX_DIFFERING_SHARE:.2%}); per size (height x"
            f" width: levels): {_by_size(sizes, differences)}"
        )
    return parity


def photo_like(height: int, width: int, seed: int = 0) -> Image8:
    """A picture with smooth ground, hard edges and a little grain: uint8 [height, width, 3].

    White noise would not do: networks answer it with flat grey, on which everything agrees.
    """
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / 256
    waves = [np.sin(9 * (a * x + b * y) + c) for a, b, c in rng.uniform(-1, 1, (3, 3))]
    picture = 127.5 + 80 * np.stack(waves, axis=-1)
    for top, left, level in rng.uniform(0, 1, (6, 3)):
        picture[(y > top) & (x > left) & (y + x < 2 * top + left + 0.3)] = 255 * level
    return np.clip(picture + rng.normal(0, 4, picture.shape), 0, 255).astype(np.uint8)


@torch.inference_mode()
def _difference(generator: Generator, filter_file: OnnxStylizer, photos: list[Image8]) -> Image8:
    """Absolute differences in levels: uint8 [bytes]."""
    first = torch.eye(generator.styles)[:1].expand(len(photos), -1) if generator.styles > 1 else None
    wanted = generator(torch.from_numpy(to_batch(photos)), style=first)
    if not torch.isfinite(wanted).all():
        raise ArtifactError("the network paints values that are not numbers: the training diverged; use an earlier one")
    given = filter_file.run(np.stack(photos))
    if given.shape != (len(photos), *photos[0].shape):
        raise ArtifactError(f"the exported filter turns photos of {photos[0].shape} into {given.shape}: not kept")
    signed = given.astype(np.int16) - np.stack(from_batch(wanted.numpy()))
    return np.abs(signed).astype(np.uint8).ravel()


def _comparable_sizes(generator: Generator) -> tuple[tuple[int, int], ...]:
    """All sizes, but no single pixel for InstanceNorm: of what is flat it leaves rounding errors alone, blown up."""
    normalises = any(isinstance(module, nn.InstanceNorm2d) for module in generator.modules())
    return tuple(size for size in CHECKED_SIZES if not (normalises and size == (1, 1)))


def _by_size(sizes: tuple[tuple[int, int], ...], differences: list[Image8]) -> str:
    names = [*(f"{h}x{w}" for h, w in sizes), f"2 of {_BATCH_SIZE[0]}x{_BATCH_SIZE[1]}"]
    return ", ".join(f"{name}: {int(one.max())}" for name, one in zip(names, differences, strict=True))
