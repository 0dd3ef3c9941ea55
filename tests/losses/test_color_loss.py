"""The colour loss: compared with a loop, and what it ignores."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from pix2style import losses

Draw = Callable[..., Tensor]


def test_color_equals_a_loop_over_blocks(images: Draw) -> None:
    output, target = images(2, 20, 13), images(2, 20, 13, seed=1)
    differences = []
    for b in range(2):
        for y in range(0, 20, 8):
            for x in range(0, 13, 8):
                means = [p[b, :, y : y + 8, x : x + 8].numpy().mean(axis=(1, 2)) for p in (output, target)]
                (r1, g1, b1), (r2, g2, b2) = means
                differences.append(abs(-0.147 * (r1 - r2) - 0.289 * (g1 - g2) + 0.436 * (b1 - b2)))
                differences.append(abs(0.615 * (r1 - r2) - 0.515 * (g1 - g2) - 0.100 * (b1 - b2)))
    assert float(losses.color(output, target)) == pytest.approx(np.mean(differences), rel=1e-4)


def test_brightness_is_ignored(images: Draw) -> None:
    target = images(2, 32, 24)
    grey = 0.3 * images(2, 32, 24, seed=5)[:, :1]
    assert float(losses.color(target + grey, target)) == pytest.approx(0, abs=1e-6)
    tinted = target + torch.tensor([0.1, 0.0, 0.0])[:, None, None]
    assert float(losses.color(tinted, target)) == pytest.approx(0.1 * (0.147 + 0.615) / 2, rel=1e-4)


def test_texture_is_ignored() -> None:
    checkerboard = (torch.arange(16)[:, None] + torch.arange(16)) % 2 * 2.0 - 1
    textured = torch.stack([checkerboard, -checkerboard, torch.zeros(16, 16)])[None]
    assert float(losses.color(textured, torch.zeros_like(textured))) == pytest.approx(0, abs=1e-6)


def test_other_images_than_rgb_are_errors() -> None:
    with pytest.raises(ValueError, match=r"\[batch, 3, height, width\], got \[1, 1, 8, 8\]"):
        losses.color(torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 8, 8))
