"""Tests of preserving a photo's colours: its colours and the stylized image's lightness."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from pix2style.images import Image8
from pix2style.stylizer import Stylizer, StylizerIdentity
from pix2style.teachers.color import PreserveColor, preserve_color


def kornia_lab(rgb: Image8) -> np.ndarray:
    """Convert to Lab [height, width, 3] by another library than the one under test."""
    import torch
    from kornia.color import rgb_to_lab

    batch = torch.from_numpy(rgb.astype(np.float64) / 255).permute(2, 0, 1)[None]
    return rgb_to_lab(batch)[0].permute(1, 2, 0).numpy()


@pytest.fixture
def muted(photos: Callable[..., list[Image8]]) -> tuple[Image8, Image8]:
    """A photo and a stylized image whose combination stays inside sRGB."""
    content, stylized = photos(2, 60, 80)
    return (content // 4 + 96).astype(np.uint8), (stylized // 3 + 80).astype(np.uint8)


def test_the_result_has_the_stylized_lightness_and_the_photos_colours(muted: tuple[Image8, Image8]) -> None:
    content, stylized = muted
    combined = kornia_lab(preserve_color(content, stylized))
    # Rounding to 8 bits changes these greys by up to 0.25 of L and 0.5 of a and b.
    assert np.abs(combined[..., 0] - kornia_lab(stylized)[..., 0]).max() < 0.3
    assert np.abs(combined[..., 1:] - kornia_lab(content)[..., 1:]).max() < 0.6
    # The two images differ by far more than the bounds above.
    assert np.abs(kornia_lab(stylized) - kornia_lab(content)).mean(axis=(0, 1)).min() > 2


def test_agrees_with_kornia(muted: tuple[Image8, Image8]) -> None:
    import torch
    from kornia.color import lab_to_rgb

    content, stylized = muted
    lab = kornia_lab(content)
    lab[..., 0] = kornia_lab(stylized)[..., 0]
    expected = lab_to_rgb(torch.from_numpy(lab).permute(2, 0, 1)[None])[0].permute(1, 2, 0).numpy() * 255
    assert np.abs(preserve_color(content, stylized) - expected).max() < 0.75


def test_an_image_with_its_own_colours_is_unchanged() -> None:
    levels = np.arange(0, 256, 5, dtype=np.uint8)
    cube = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(-1, levels.size, 3)
    assert np.array_equal(preserve_color(cube, cube), cube)


def test_grey_stays_grey() -> None:
    grey = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    stylized = np.random.default_rng(0).integers(0, 256, grey.shape, dtype=np.uint8)
    assert np.ptp(preserve_color(grey, stylized).astype(int), axis=2).max() <= 1
    lightness = preserve_color(grey, np.array(grey[:, ::-1]))
    assert np.array_equal(lightness, grey[:, ::-1])


def test_colours_outside_srgb_are_clipped_and_do_not_wrap_around() -> None:
    blue = np.full((1, 2, 3), (0, 0, 255), np.uint8)
    extremes = np.array([[[255, 255, 255], [0, 0, 0]]], np.uint8)
    light, dark = preserve_color(blue, extremes)[0].astype(int)
    assert light[2] == 255
    assert light.min() > 60  # far from a wrapped-around black
    assert dark[:2].max() <= 60


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match=r"\[4, 4, 3\].*\[4, 5, 3\]"):
        preserve_color(np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5, 3), np.uint8))


class Flip(Stylizer):
    @property
    def identity(self) -> StylizerIdentity:
        return StylizerIdentity("flip", "1" * 64, ("2" * 64,), "CC0-1.0", {"speed": 3})

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        return [np.array(image[:, ::-1]) for image in images]


def test_wraps_a_stylizer(photos: Callable[..., list[Image8]]) -> None:
    content = [*photos(2), *photos(1, 21, 34)]
    preserving = PreserveColor(Flip())
    for photo, output in zip(content, preserving.stylize(content), strict=True):
        assert np.array_equal(output, preserve_color(photo, np.array(photo[:, ::-1])))
    assert preserving.identity == StylizerIdentity(
        "flip", "1" * 64, ("2" * 64,), "CC0-1.0", {"speed": 3, "preserve_color": True}
    )
