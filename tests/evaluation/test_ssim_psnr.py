"""PSNR and SSIM against straightforward implementations with loops."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from pix2style.fidelity import pad_to_side, ssim
from pix2style.images import Image8
from pix2style.images.difference import PSNR_CAP_DB, psnr_db


def _noisy(photo: Image8, spread: float, seed: int = 0) -> Image8:
    noise = np.random.default_rng(seed).normal(0, spread, photo.shape)
    return np.clip(np.rint(photo + noise), 0, 255).astype(np.uint8)


def _naive_ssim(first: Image8, second: Image8) -> float:
    """Compute the formula of Wang et al. 2004 window by window."""
    offsets = np.arange(11) - 5
    line = np.exp(-(offsets**2) / (2 * 1.5**2))
    window = np.outer(line, line) / line.sum() ** 2
    c1, c2 = 0.01**2, 0.03**2
    height, width, _ = first.shape
    values = []
    for channel in range(3):
        a, b = first[..., channel] / 255, second[..., channel] / 255
        for y in range(height - 10):
            for x in range(width - 10):
                p, q = a[y : y + 11, x : x + 11], b[y : y + 11, x : x + 11]
                mean_p, mean_q = (window * p).sum(), (window * q).sum()
                var_p = (window * (p - mean_p) ** 2).sum()
                var_q = (window * (q - mean_q) ** 2).sum()
                both = (window * (p - mean_p) * (q - mean_q)).sum()
                top = (2 * mean_p * mean_q + c1) * (2 * both + c2)
                values.append(top / ((mean_p**2 + mean_q**2 + c1) * (var_p + var_q + c2)))
    return float(np.mean(values))


@pytest.mark.parametrize("spread", [2, 20, 80])
def test_ssim_equals_the_formula(photos: Callable[..., list[Image8]], spread: float) -> None:
    [photo] = photos(1, 23, 31)
    assert ssim(photo, _noisy(photo, spread)) == pytest.approx(_naive_ssim(photo, _noisy(photo, spread)), abs=1e-9)


def test_psnr_equals_the_formula_for_values_up_to_255(photos: Callable[..., list[Image8]]) -> None:
    [photo] = photos(1)
    noisy = _noisy(photo, 10)
    total = sum((int(a) - int(b)) ** 2 for a, b in zip(photo.flat, noisy.flat, strict=True))
    assert psnr_db(photo, noisy) == pytest.approx(10 * math.log10(255**2 * photo.size / total), abs=1e-9)
    assert psnr_db(np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 255, np.uint8)) == 0


def test_equal_images_have_the_highest_values(photos: Callable[..., list[Image8]]) -> None:
    for photo in (*photos(1), np.zeros((16, 16, 3), np.uint8), np.full((16, 16, 3), 255, np.uint8)):
        assert psnr_db(photo, photo) == PSNR_CAP_DB
        assert ssim(photo, photo) == pytest.approx(1, abs=1e-12)


def test_a_difference_of_one_level_in_one_value_is_below_the_cap() -> None:
    photo = np.full((512, 512, 3), 100, np.uint8)
    other = photo.copy()
    other[0, 0, 0] += 1
    assert psnr_db(photo, other) == pytest.approx(107.09, abs=0.01)
    assert psnr_db(photo, other) < PSNR_CAP_DB


def test_more_noise_gives_lower_values(photos: Callable[..., list[Image8]]) -> None:
    [photo] = photos(1)
    figures = [(psnr_db(photo, _noisy(photo, s)), ssim(photo, _noisy(photo, s))) for s in (2, 8, 32)]
    assert figures == sorted(figures, reverse=True)


@pytest.mark.parametrize("size", [(1, 1), (10, 40), (5, 3)])
def test_images_smaller_than_the_window(photos: Callable[..., list[Image8]], size: tuple[int, int]) -> None:
    [photo] = photos(1, *size)
    assert ssim(photo, photo) == pytest.approx(1)
    assert ssim(photo, 255 - photo) < 0.9
    assert pad_to_side(photo, 11).shape[:2] == (max(11, size[0]), max(11, size[1]))


def test_images_of_different_shapes_are_refused(photos: Callable[..., list[Image8]]) -> None:
    [photo] = photos(1)
    for measure in (psnr_db, ssim):
        with pytest.raises(ValueError, match="equal shape"):
            measure(photo, photo[1:])
