"""Sliced Wasserstein distance between the patches of an output and those of its target.

Karras et al. 2018, "Progressive Growing of GANs" (arXiv 1710.10196), compare small patches of generated and real images
at every scale: an output with the target's strokes, contrast and colours has the same distribution of patches, wherever
the strokes lie. The distance between two sets of patches is that of Rabin et al. 2011
(https://doi.org/10.1007/978-3-642-24785-9_37): patches are projected onto random directions, and along each direction
the Wasserstein distance is the mean difference of the sorted values. It needs no weights.

As there, patches have 7 x 7 pixels in three colours, and each scale holds only the details that the next smaller one
does not show; otherwise the colours of large areas would hide the strokes. Two things differ: sets are those of one
photo, so that there is a figure and an error of the mean as for other metrics, and patches of output and target are
taken at the same places, so that equal images have the distance 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pix2style.fidelity import pad_to_side
from pix2style.images import Image8

Floats = NDArray[np.float32]

PATCH_SIDE_PX = 7
# With these numbers the standard deviation of the relative mean over 46 photos from seed to seed is 0.4 % of the mean.
# A blur by half a pixel changes the mean by 80 % (benchmarks/results/evidence.md).
PATCHES = 2048
PROJECTIONS = 64
PROJECTION_SEED = 20
# Details at full size, details at half size, and what remains at a quarter of the size: contrast and colours of areas.
SCALES = ("full_size", "half_size", "quarter_size")
PATCH_SETTINGS: dict[str, int] = {
    "patch_side_px": PATCH_SIDE_PX,
    "patches_per_photo": PATCHES,
    "patch_projections": PROJECTIONS,
    "patch_seed": PROJECTION_SEED,
}
_KERNEL = np.array([1, 4, 6, 4, 1], np.float32) / 16  # Burt and Adelson 1983
_MIN_SIDE_PX = PATCH_SIDE_PX * 2 ** (len(SCALES) - 1)


class TargetPatches:
    """The projected patches of one target; several outputs can be compared with it.

    Args:
        target: uint8 [height, width, 3] of any size.
        index: Number of the photo. Places and directions depend on it, so that errors of single draws cancel out over
            the photos; they are the same for all stylizers.
        seed: Seed of the places and directions.
    """

    def __init__(self, target: Image8, index: int = 0, seed: int = PROJECTION_SEED) -> None:
        random = np.random.default_rng((seed, index))
        levels = _detail_levels(target)
        self._windows = [_random_windows(level, random) for level in levels]
        self._directions = [_random_directions(random) for _ in levels]
        self._values = self._project(levels)

    def distances(self, output: Image8) -> dict[str, float]:
        """Return the distance at each of the `SCALES`, in levels of 255.

        Args:
            output: uint8 array of the target's shape.

        Returns:
            For each scale, the mean distance along the directions; 0 for equal images.
        """
        values = self._project(_detail_levels(output))
        pairs = zip(SCALES, values, self._values, strict=True)
        return {scale: float(np.abs(reached - expected).mean()) for scale, reached, expected in pairs}

    def _project(self, levels: list[Floats]) -> list[Floats]:
        """Return for each scale the sorted projections [directions, patches]."""
        parts = zip(levels, self._windows, self._directions, strict=True)
        return [_sorted_projections(level, windows, directions) for level, windows, directions in parts]


def _sorted_projections(level: Floats, windows: NDArray[np.intp], directions: Floats) -> Floats:
    patches = level.reshape(-1, 3)[windows].reshape(len(windows), -1)
    projections: Floats = np.sort(directions @ patches.T, axis=1)
    return projections


def _random_windows(level: Floats, random: np.random.Generator) -> NDArray[np.intp]:
    """Return the indices of the pixels of random patches, [patches, pixels]."""
    height, width = level.shape[:2]
    tops = random.integers(0, height - PATCH_SIDE_PX + 1, PATCHES)
    lefts = random.integers(0, width - PATCH_SIDE_PX + 1, PATCHES)
    side = np.arange(PATCH_SIDE_PX)
    inside = (side[:, None] * width + side).ravel()
    indices: NDArray[np.intp] = (tops * width + lefts)[:, None] + inside
    return indices


def _random_directions(random: np.random.Generator) -> Floats:
    """Return random vectors of length 1, [directions, values of a patch]."""
    vectors = random.standard_normal((PROJECTIONS, PATCH_SIDE_PX**2 * 3), np.float32)
    directions: Floats = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return directions


def _detail_levels(image: Image8) -> list[Floats]:
    """Return the details at each scale, [height, width, 3] in levels, as in a Laplacian pyramid."""
    rest: Floats = pad_to_side(image, _MIN_SIDE_PX).astype(np.float32)
    levels = []
    for _ in SCALES[:-1]:
        smooth = _smooth(_smooth(rest, axis=0), axis=1)
        levels.append(rest - smooth)
        rest = np.ascontiguousarray(smooth[::2, ::2])
    return [*levels, rest]


def _smooth(values: Floats, axis: int) -> Floats:
    padding = [(2, 2) if one == axis else (0, 0) for one in range(3)]
    padded = np.moveaxis(np.pad(values, padding, mode="reflect"), axis, 0)
    size = values.shape[axis]
    smooth = sum(weight * padded[start : start + size] for start, weight in enumerate(_KERNEL))
    return np.moveaxis(np.asarray(smooth, np.float32), 0, axis)
