"""DiffAugment: the same for content, target and output of a row, different from row to row, and differentiable."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pix2style.training.objective.diff_augment import draw_augmentation

_KINDS = ("color", "translation", "cutout")


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def _images(batch: int = 6, height: int = 16, width: int = 24, seed: int = 0) -> Tensor:
    return torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_without_kinds_no_random_numbers_are_drawn() -> None:
    images = _images()
    before = torch.get_rng_state()
    assert draw_augmentation((), images)(images) is images
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("kind", _KINDS)
def test_an_augmentation_is_deterministic_once_drawn(kind: str) -> None:
    images = _images()
    augment = draw_augmentation((kind,), images)
    assert torch.equal(augment(images), augment(images.clone()))
    assert not torch.equal(augment(images), images)
    assert not torch.equal(draw_augmentation((kind,), images)(images), augment(images))


@pytest.mark.parametrize("kind", _KINDS)
def test_draws_come_from_the_global_random_state(kind: str) -> None:
    images = _images()
    state = torch.get_rng_state()
    first = draw_augmentation((kind,), images)(images)
    torch.set_rng_state(state)
    assert torch.equal(draw_augmentation((kind,), images)(images), first)


@pytest.mark.parametrize("kind", _KINDS)
def test_rows_differ(kind: str) -> None:
    equal_rows = _images(1).repeat(8, 1, 1, 1)
    augmented = draw_augmentation((kind,), equal_rows)(equal_rows)
    assert len({row.numpy().tobytes() for row in augmented}) > 4


def test_translation_shifts_by_whole_pixels_up_to_an_eighth() -> None:
    images = _images(40)
    augmented = draw_augmentation(("translation",), images)(images)
    shifts = set()
    for before, after in zip(images, augmented, strict=True):
        matches = [(y, x) for y in range(-2, 3) for x in range(-3, 4) if torch.equal(_shift(before, y, x), after)]
        assert len(matches) == 1
        shifts.add(matches[0])
    assert {y for y, _ in shifts} == set(range(-2, 3))
    assert {x for _, x in shifts} == set(range(-3, 4))


def _shift(image: Tensor, y: int, x: int) -> Tensor:
    """Move the pixel at (row + y, column + x) to (row, column); pixels from outside are 0."""
    height, width = image.shape[-2:]
    out = torch.zeros_like(image)
    part = image[:, max(y, 0) : height + min(y, 0), max(x, 0) : width + min(x, 0)]
    out[:, max(-y, 0) : height - max(y, 0), max(-x, 0) : width - max(x, 0)] = part
    return out


def test_cutout_removes_a_rectangle_of_half_the_sides() -> None:
    ones = torch.ones(200, 3, 16, 24)
    holes = draw_augmentation(("cutout",), ones)(ones) == 0
    assert torch.equal(holes[:, 0], holes[:, 1])
    for hole in holes[:, 0]:
        rows, columns = hole.any(dim=1), hole.any(dim=0)
        assert torch.equal(hole, rows[:, None] & columns)  # one rectangle
        assert 0 < rows.sum() <= 8
        assert 0 < columns.sum() <= 12
    areas = holes[:, 0].sum(dim=(1, 2))
    assert areas.max() == 8 * 12
    assert areas.min() < 8 * 12  # some of it lies outside
    assert holes.any(dim=0).all()  # every pixel may be removed


def test_color_equals_a_loop() -> None:
    images = _images(3)
    state = torch.get_rng_state()
    augmented = draw_augmentation(("color",), images)(images)
    torch.set_rng_state(state)
    brightness, saturation, contrast = torch.rand(3, 3).tolist()
    for row in range(3):
        image = images[row] + brightness[row] - 0.5
        grey = image.mean(dim=0)
        image = torch.stack([grey + (channel - grey) * 2 * saturation[row] for channel in image])
        image = image.mean() + (image - image.mean()) * (contrast[row] + 0.5)
        torch.testing.assert_close(augmented[row], image)


def test_gradients_flow_to_the_image() -> None:
    images = _images(2, 8, 8).double().requires_grad_()
    augment = draw_augmentation(_KINDS, images.float())
    assert torch.autograd.gradcheck(augment, images, fast_mode=True)
    [gradient] = torch.autograd.grad(augment(images).sum(), images)
    assert gradient.abs().sum() > 0


def test_an_unknown_kind_is_an_error() -> None:
    with pytest.raises(ValueError, match="color, translation, cutout, got 'rotation'"):
        draw_augmentation(("rotation",), _images())
