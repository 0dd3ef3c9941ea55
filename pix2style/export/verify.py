"""Does the file paint what the network paints? Asked of every filter before it gets its name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import nn

from pix2style.errors import ArtifactError
from pix2style.export.graph import Precision
from pix2style.export.graph_session import GraphSession
from pix2style.export.reference import paint
from pix2style.images import Image8
from pix2style.images.glimpse import glimpse
from pix2style.nets.generator import Generator
from pix2style.nets.lite import Lite
from pix2style.spec import GLIMPSE_NAME

# Height and width: a power of two, even and odd sides that are multiples of nothing, and the smallest there can be.
CHECKED_SIZES = ((256, 256), (300, 201), (127, 253), (5, 3), (1, 1))
_BATCH_SIZE = (61, 47)
_LEVEL_MAX = 255
# torch and ONNX Runtime add the same numbers in other orders; where a value lies between two levels, the last bit
# decides which one it becomes. So 1 level, and only for a small share of bytes: measured were 0 to 1.2e-5 of them
# with every kind of generator, trained a little (tests/export). The limit leaves room for other processors' arithmetic
# and larger networks; half precision by mistake, or a wrong way to resize, lies far beyond it.
MAX_DIFFERENCE_LEVELS = 1
MAX_DIFFERING_SHARE = 0.005
# Weights rounded to float16: measured was 1 level, in 1 % of bytes (lite, 48 channels).
_HALF_LEVELS, _HALF_SHARE = 2, 0.1
# Features of 8 bits, on made-up pictures, which are not what the ranges were measured on: a rough bound, against
# mistakes; that the file paints well is asked of photos (`quality`).
_INT8_LEAST_DB = 20.0
_LIMITS: dict[str, tuple[int, float]] = {
    "fp32": (MAX_DIFFERENCE_LEVELS, MAX_DIFFERING_SHARE),
    "fp16": (_HALF_LEVELS, _HALF_SHARE),
    "int8": (_LEVEL_MAX, 1.0),
}


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


def verify(generator: Generator, session: GraphSession, precision: Precision = "fp32") -> Parity:
    """Compare a filter with the network that it was made from, on photo-like pictures of several sizes.

    Of the lightweight generator also: every style, a glimpse that was given, and that strength 0 gives the photo back.

    Args:
        generator: in evaluation mode, on the CPU, in float32, not folded: so that folding is checked as well.
        session: the file.
        precision: of the file, which decides how far it may be.

    Raises:
        ArtifactError: they differ by more than rounding, or the network does not give numbers.
    """
    sizes = _comparable_sizes(generator)
    differences = [_difference(generator, session, [photo_like(*size)]) for size in sizes]
    differences.append(_difference(generator, session, [photo_like(*_BATCH_SIZE, seed=seed) for seed in (1, 2)]))
    if isinstance(generator, Lite):
        differences += _of_optional_inputs(generator, session)
    every = np.concatenate(differences)
    parity = Parity((*sizes, _BATCH_SIZE), int(every.max()), float((every > 0).mean()))
    levels, share = _LIMITS[precision]
    psnr = 10 * np.log10(_LEVEL_MAX**2 / max(float(np.square(every.astype(np.float64)).mean()), 1e-9))
    if parity.max_difference_levels > levels or parity.differing_share > share or psnr < _INT8_LEAST_DB:
        raise ArtifactError(
            "the exported filter does not paint what the network paints, so it was not kept: up to"
            f" {parity.max_difference_levels} levels of difference (allowed: {levels}) and"
            f" {parity.differing_share:.2%} of bytes differing (allowed: {share:.2%}), {psnr:.1f} dB; per size (height"
            f" x width: levels): {_by_size(sizes, differences)}"
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


def _difference(
    generator: Generator, session: GraphSession, photos: list[Image8], *, style: int = 0, seen: Image8 | None = None
) -> Image8:
    """Absolute differences in levels: uint8 [bytes]."""
    wanted = paint(photos, generator, style=style, seen=seen)
    inputs = {} if seen is None else {GLIMPSE_NAME: seen[None]}
    # The first style is the default, which should be seen to be so.
    given = session.paint(photos, style=style or None, **inputs)
    if given.shape != (len(photos), *photos[0].shape):
        raise ArtifactError(f"the exported filter turns photos of {photos[0].shape} into {given.shape}: not kept")
    return np.abs(given.astype(np.int16) - np.stack(wanted)).astype(np.uint8).ravel()


def _of_optional_inputs(generator: Lite, session: GraphSession) -> list[Image8]:
    photo, other = photo_like(*_BATCH_SIZE, seed=3), glimpse(photo_like(90, 120, seed=4))
    differences = [_difference(generator, session, [photo], style=style) for style in range(1, generator.styles)]
    differences.append(_difference(generator, session, [photo], seen=other))
    if not np.array_equal(session.paint([photo], strength=np.zeros(1, np.float32))[0], photo):
        raise ArtifactError("the exported filter changes the photo at strength 0: this is a bug of pix2style")
    return differences


def _comparable_sizes(generator: Generator) -> tuple[tuple[int, int], ...]:
    """All sizes, but no single pixel for InstanceNorm: of what is flat it leaves rounding errors alone, blown up."""
    normalises = any(isinstance(module, nn.InstanceNorm2d) for module in generator.modules())
    return tuple(size for size in CHECKED_SIZES if not (normalises and size == (1, 1)))


def _by_size(sizes: tuple[tuple[int, int], ...], differences: list[Image8]) -> str:
    names = [*(f"{h}x{w}" for h, w in sizes), f"2 of {_BATCH_SIZE[0]}x{_BATCH_SIZE[1]}"]
    return ", ".join(f"{name}: {int(one.max())}" for name, one in zip(names, differences, strict=False))
