"""DiffAugment: the same for all pictures of a row, different from row to row, and gradients flow."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pix2style.training.objective.diff_augment import draw_augmentation

_KINDS = ("color", "translation", "cutout")


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def _pictures(batch: int = 6, height: int = 16, width: int = 24, seed: int = 0) -> Tensor:
    return torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_no_kinds_draw_nothing() -> None:
    pictures = _pictures()
    before = torch.get_rng_state()
    assert draw_augmentation((), pictures)(pictures) is pictures
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("kind", _KINDS)
def test_one_look_is_one_function(kind: str) -> None:
    pictures = _pictures()
    look = draw_augmentation((kind,), pictures)
    assert torch.equal(look(pictures), look(pictures.clone()))
    assert not torch.equal(look(pictures), pictures)
    assert not torch.equal(draw_augmentation((kind,), pictures)(pictures), look(pictures))


@pytest.mark.parametrize("kind", _KINDS)
def test_draws_come_from_the_global_random_state(kind: str) -> None:
    pictures = _pictures()
    state = torch.get_rng_state()
    first = draw_augmentation((kind,), pictures)(pictures)
    torch.set_rng_state(state)
    assert torch.equal(draw_augmentation((kind,), pictures)(pictures), first)


@pytest.mark.parametrize("kind", _KINDS)
def test_rows_differ(kind: str) -> None:
    one = _pictures(1).repeat(8, 1, 1, 1)
    seen = draw_augmentation((kind,), one)(one)
    assert len({row.numpy().tobytes() for row in seen}) > 4


def test_translation_shifts_by_whole_pixels_up_to_an_eighth() -> None:
    pictures = _pictures(40)
    seen = draw_augmentation(("translation",), pictures)(pictures)
    shifts = set()
    for before, after in zip(pictures, seen, strict=True):
        found = [(y, x) for y in range(-2, 3) for x in range(-3, 4) if torch.equal(_shift(before, y, x), after)]
        assert len(found) == 1
        shifts.add(found[0])
    assert {y for y, _ in shifts} == set(range(-2, 3))
    assert {x for _, x in shifts} == set(range(-3, 4))


def _shift(picture: Tensor, y: int, x: int) -> Tensor:
    """What is at (row + y, column + x) comes to (row, column); 0 where nothing is."""
    height, width = picture.shape[-2:]
    out = torch.zeros_like(picture)
    part = picture[:, max(y, 0) : height + min(y, 0), max(x, 0) : width + min(x, 0)]
    out[:, max(-y, 0) : height - max(y, 0), max(-x, 0) : width - max(x, 0)] = part
    return out


def test_cutout_takes_a_rectangle_of_half_the_sides() -> None:
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
    assert holes.any(dim=0).all()  # no place is spared for ever


def test_color_equals_a_loop() -> None:
    pictures = _pictures(3)
    state = torch.get_rng_state()
    seen = draw_augmentation(("color",), pictures)(pictures)
    torch.set_rng_state(state)
    brightness, saturation, contrast = torch.rand(3, 3).tolist()
    for row in range(3):
        picture = pictures[row] + brightness[row] - 0.5
        grey = picture.mean(dim=0)
        picture = torch.stack([grey + (channel - grey) * 2 * saturation[row] for channel in picture])
        picture = picture.mean() + (picture - picture.mean()) * (contrast[row] + 0.5)
        torch.testing.assert_close(seen[row], picture)


def test_gradients_flow_to_the_picture() -> None:
    picture = _pictures(2, 8, 8).double().requires_grad_()
    look = draw_augmentation(_KINDS, picture.float())
    assert torch.autograd.gradcheck(look, picture, fast_mode=True)
    [gradient] = torch.autograd.grad(look(picture).sum(), picture)
    assert gradient.abs().sum() > 0


def test_unknown_kind() -> None:
    with pytest.raises(ValueError, match="color, translation, cutout, got 'rotation'"):
        draw_augmentation(("rotation",), _pictures())
