"""The consistency loss: a mean squared difference without the border."""

from __future__ import annotations

import pytest
import torch

from pix2style import losses


def _images(seed: int) -> torch.Tensor:
    return torch.rand(2, 3, 12, 16, generator=torch.Generator().manual_seed(seed))


def test_it_is_the_mean_squared_difference_inside_the_margin() -> None:
    output, expected = _images(0), _images(1)
    inside = [
        float((output[b, c, y, x] - expected[b, c, y, x]) ** 2)
        for b in range(2)
        for c in range(3)
        for y in range(2, 10)
        for x in range(2, 14)
    ]
    assert float(losses.consistency(output, expected, 2)) == pytest.approx(sum(inside) / len(inside), rel=1e-5)
    torch.testing.assert_close(losses.consistency(output, expected), losses.mse(output, expected))


def test_the_border_does_not_count() -> None:
    output = _images(0)
    expected = output.clone()
    expected[..., 0, :] += 1
    expected[..., -2:] += 1
    assert float(losses.consistency(output, expected, 2)) == 0
    assert float(losses.consistency(output, expected, 1)) > 0


def test_a_quarter_of_each_side_is_left_out_at_most() -> None:
    output, expected = _images(0), _images(1)
    torch.testing.assert_close(
        losses.consistency(output, expected, 99), losses.mse(output[..., 3:9, 4:12], expected[..., 3:9, 4:12])
    )


def test_different_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="same shape"):
        losses.consistency(_images(0), _images(1)[..., :8, :])
