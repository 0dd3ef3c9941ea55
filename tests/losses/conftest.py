"""Tensors that the tests of losses share."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor


@pytest.fixture(scope="session")
def noise() -> Callable[..., Tensor]:
    """`noise(2, 3, 4, 5, seed=1)`: standard normal numbers, reproducible."""

    def draw(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
        return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)

    return draw


@pytest.fixture(scope="session")
def images() -> Callable[..., Tensor]:
    """`images(2, 64, 48, seed=1)`: smooth noise in [-1, 1], reproducible."""

    def draw(batch: int, height: int, width: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        coarse = torch.randn(batch, 3, height // 4 + 1, width // 4 + 1, generator=generator, dtype=dtype)
        fine = torch.randn(batch, 3, height, width, generator=generator, dtype=dtype)
        smooth = torch.nn.functional.interpolate(coarse, size=(height, width), mode="bilinear")
        return torch.tanh(0.7 * smooth + 0.2 * fine)

    return draw
