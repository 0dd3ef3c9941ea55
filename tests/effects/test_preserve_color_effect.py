"""Tests of the effect that preserves a photo's colours, against the one of make-pairs and known colours."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from pix2style.effects.preserve_color import PreserveColor, preserve_color
from pix2style.images import Image8, Picture
from pix2style.stylizer import Stylizer, StylizerIdentity


class Upside(Stylizer):
    @property
    def identity(self) -> StylizerIdentity:
        return StylizerIdentity("upside", "1" * 64, ("2" * 64,), "CC0-1.0", {"speed": 3})

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        return [np.array(image[::-1]) for image in images]


def test_agrees_with_make_pairs_within_a_level() -> None:
    color = pytest.importorskip("pix2style.teachers.color", reason="OpenCV is not installed")
    photo, stylized = np.random.default_rng(5).integers(0, 256, (2, 300, 400, 3), dtype=np.uint8)
    photo[:20] //= 20  # the straight part of the formulas
    ours, theirs = preserve_color(photo, stylized).astype(int), color.preserve_color(photo, stylized).astype(int)
    assert np.abs(ours - theirs).max() <= 1
    assert (ours != theirs).mean() < 0.02


def test_an_image_with_its_own_colours_is_unchanged() -> None:
    levels = np.arange(0, 256, 5, dtype=np.uint8)
    cube = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(-1, levels.size, 3)
    assert np.array_equal(preserve_color(cube, cube), cube)


def test_grey_photos_get_the_lightness_and_no_colour() -> None:
    grey = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    assert np.array_equal(preserve_color(grey, np.array(grey[:, ::-1])), grey[:, ::-1])
    noise = np.random.default_rng(0).integers(0, 256, grey.shape, dtype=np.uint8)
    assert np.ptp(preserve_color(grey, noise).astype(int), axis=2).max() <= 1


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match=r"\[4, 4, 3\].*\[4, 5, 3\]"):
        preserve_color(np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5, 3), np.uint8))


def test_wraps_a_stylizer(photos: Callable[..., list[Image8]]) -> None:
    effect, [photo] = PreserveColor(Upside()), photos(1)
    expected = preserve_color(photo, np.array(photo[::-1]))
    assert np.array_equal(effect(photo), expected)
    assert np.array_equal(effect.stylize_with_glimpse(photo, None), expected)
    assert np.array_equal(effect.stylize_picture(Picture(photo)).rgb, expected)
    assert effect.identity.settings == {"speed": 3, "preserve_color": True}
    assert effect.identity.sha256 == "1" * 64
