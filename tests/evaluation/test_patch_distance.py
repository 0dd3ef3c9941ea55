"""The sliced Wasserstein distance of patches against formulas, and in known cases."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from pix2style.evaluation.patch_distance import SCALES, TargetPatches
from pix2style.images import Image8


@pytest.fixture(scope="module")
def texture() -> Image8:
    """Strokes of 3 x 3 pixels on a slow gradient."""
    random = np.random.default_rng(0)
    strokes = np.kron(random.integers(-40, 41, (48, 64, 3)), np.ones((3, 3, 1)))
    return np.clip(strokes + np.linspace(60, 190, strokes.shape[1])[:, None], 0, 255).astype(np.uint8)


def _shares_of_flat(image: Image8, target: Image8) -> list[float]:
    """Return the distances at each scale as shares of that of a plain area."""
    patches = TargetPatches(target)
    flat = np.full_like(target, round(target.mean()))
    return [patches.distances(image)[scale] / patches.distances(flat)[scale] for scale in SCALES]


def test_equal_images_have_the_distance_0(texture: Image8, photos: Callable[..., list[Image8]]) -> None:
    for image in (texture, *photos(1), *photos(1, 1, 1)):
        assert TargetPatches(image).distances(image) == dict.fromkeys(SCALES, 0.0)


def test_a_shift_of_all_levels_is_the_mean_product_with_the_directions() -> None:
    dark, bright = (np.full((60, 60, 3), level, np.uint8) for level in (100, 110))
    distances = TargetPatches(dark).distances(bright)
    # A direction has 147 components: a change of 10 levels everywhere moves its projection by 10 times their sum, whose
    # mean size is sqrt(2 / pi) for random directions of length 1; 64 directions give it to about 10 %.
    assert distances["quarter_size"] == pytest.approx(10 * np.sqrt(2 / np.pi), rel=0.3)
    assert distances["full_size"] == pytest.approx(0, abs=1e-3)


def test_the_same_strokes_elsewhere_are_near_and_blurred_ones_far(texture: Image8) -> None:
    moved = np.roll(texture, 6, axis=0)
    blurred = ((texture.astype(int) + np.roll(texture, 1, axis=1)) // 2).astype(np.uint8)
    (moved_fine, moved_half, _), (blurred_fine, blurred_half, _) = (
        _shares_of_flat(image, texture) for image in (moved, blurred)
    )
    assert moved_fine < 0.4 * blurred_fine
    assert 0.15 < blurred_fine < 1
    assert moved_half < 0.3
    assert 0.05 < blurred_half < 1


def test_the_figure_hardly_depends_on_the_seed_and_is_the_same_twice(texture: Image8) -> None:
    blurred = ((texture.astype(int) + np.roll(texture, 1, axis=1)) // 2).astype(np.uint8)
    values = [TargetPatches(texture, 0, seed).distances(blurred)["full_size"] for seed in range(6)]
    assert np.std(values) < 0.1 * np.mean(values)
    assert TargetPatches(texture, 3).distances(blurred) == TargetPatches(texture, 3).distances(blurred)
    assert TargetPatches(texture, 3).distances(blurred) != TargetPatches(texture, 4).distances(blurred)
