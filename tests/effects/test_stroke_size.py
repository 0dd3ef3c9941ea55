"""Tests of the size of strokes: which size is stylized, and that the photo's detail comes back without halos."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from pix2style.effects.stroke import StrokeSize
from pix2style.effects.stroke_detail import enlarge_with_detail
from pix2style.errors import ConfigError, DataError
from pix2style.images import Image8, Picture, resize
from pix2style.images.enlarge import Enlarger, enlarge
from pix2style.stylizer import Stylizer, StylizerIdentity


class Levels(Stylizer):
    """Stylizes by a table of levels, mixed with the image by its strength, and notes the sizes that it gets."""

    def __init__(self, slope: float = 0.5, strength: float = 1.0) -> None:
        self.slope, self.share = slope, strength
        self.sizes: list[tuple[int, ...]] = []

    @property
    def identity(self) -> StylizerIdentity:
        return StylizerIdentity("levels", "1" * 64, settings={"slope": self.slope})

    @property
    def strength(self) -> float:
        return self.share

    @property
    def grid_px(self) -> int:
        return 4

    @property
    def takes_glimpse(self) -> bool:
        return True

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        self.sizes += [image.shape[:2] for image in images]
        full = [127.5 + self.slope * (image.astype(np.float32) - 127.5) for image in images]
        mixed = [image + self.share * (style - image) for image, style in zip(images, full, strict=True)]
        return [np.rint(image).astype(np.uint8) for image in mixed]


def edge(height: int = 200, width: int = 320, *, noise: float = 0.0) -> Image8:
    """A dark roof with a slanted edge against a bright sky."""
    y, x = np.mgrid[0:height, 0:width]
    levels = np.where(y > 40 + 0.45 * x, 40.0, 200.0)[..., None].repeat(3, axis=2)
    levels += np.random.default_rng(3).normal(0, noise, levels.shape)
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("stroke", "look_px", "expected"),
    [
        (None, 100, (62, 100)),
        (2.0, None, (100, 160)),
        (0.5, None, (400, 640)),
        (2.0, 100, (31, 50)),
        (0.5, 100, (125, 200)),
        (None, 1024, (200, 320)),  # smaller photos are not enlarged
        (1.0, 320, (200, 320)),
    ],
)
def test_the_size_that_is_stylized(stroke: float | None, look_px: int | None, expected: tuple[int, int]) -> None:
    inner = Levels()
    [stylized] = StrokeSize(inner, stroke=stroke, look_px=look_px).stylize([edge()])
    assert inner.sizes == [expected]
    assert stylized.shape == (200, 320, 3)
    assert stylized.dtype == np.uint8


def test_a_photo_in_its_own_size_is_stylized_as_without() -> None:
    photo = edge(noise=20)
    assert np.array_equal(StrokeSize(Levels(), stroke=1, look_px=4000)(photo), Levels()(photo))


@pytest.mark.parametrize("slope", [0.5, -0.5, 1.0])
def test_edges_are_as_sharp_as_in_the_photo_and_have_no_halo(slope: float) -> None:
    photo = edge()
    stylized = StrokeSize(Levels(slope), look_px=80)(photo).astype(int)
    plain = Levels(slope)(photo).astype(int)
    off = np.abs(stylized - plain)[8:-8, 8:-8]
    assert off.mean() < 0.5
    assert np.percentile(off, 99) <= 8
    excess = np.maximum(stylized - plain.max(), plain.min() - stylized)
    assert excess.max() <= 8  # of 80 or 160 levels between roof and sky
    soft = np.abs(enlarge(resize(plain.astype(np.uint8), 50, 80), 200, 320).astype(int) - plain)[8:-8, 8:-8]
    assert soft.mean() > 3 * off.mean()


def test_noise_in_even_areas_stays_out() -> None:
    photo = np.random.default_rng(0).normal(120, 4, (240, 240, 3)).round().astype(np.uint8)
    assert photo.std() > 3.5
    assert StrokeSize(Levels(1.0), look_px=64)(photo).std() < 1.5


def test_strokes_come_back_when_the_result_is_shrunk() -> None:
    rng = np.random.default_rng(1)
    version = resize(edge(400, 640), 100, 160)
    strokes = np.clip(version.astype(int) // 2 + 60 + 25 * rng.standard_normal(version.shape), 0, 255).astype(np.uint8)
    result = enlarge_with_detail(edge(400, 640), version, strokes)
    off = np.abs(resize(result, 100, 160).astype(int) - strokes)
    uncompensated = np.abs(resize(enlarge(strokes, 400, 640), 100, 160).astype(int) - strokes)
    assert off.mean() < 0.5 * uncompensated.mean()


@pytest.mark.parametrize("settings", [{"look_px": 80}, {"stroke": 0.7}, {"stroke": 1.01}])
def test_strength(settings: dict[str, float]) -> None:
    photo = edge(noise=12)
    nothing = StrokeSize(Levels(strength=0.0), **settings)  # type: ignore[arg-type]
    assert np.array_equal(nothing(photo), photo)
    half, full = (StrokeSize(Levels(strength=share), **settings)(photo).astype(int) for share in (0.5, 1.0))  # type: ignore[arg-type]
    assert np.abs(half - (photo.astype(int) + full) / 2).mean() < 1.0


def test_very_long_and_tiny_photos() -> None:
    for shape in ((1, 900, 3), (900, 1, 3), (3, 2, 3), (1, 1, 3)):
        photo = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        for settings in ({"look_px": 64}, {"stroke": 4.0}, {"stroke": 0.5}):
            assert StrokeSize(Levels(), **settings)(photo).shape == shape


def test_strips_fit_together(monkeypatch: pytest.MonkeyPatch) -> None:
    image = edge(60, 90, noise=30)
    whole = enlarge(image, 231, 340)
    monkeypatch.setattr("pix2style.images.enlarge._PIXELS_PER_STRIP", 340 * 7)
    enlarger = Enlarger([image], 231, 340)
    parts = [part for rows in enlarger.strips for part in enlarger.rows(rows)]
    assert len(parts) == 33
    assert np.abs(np.concatenate(parts).astype(int) - whole).max() <= 1


def test_alpha_and_profile_are_those_of_the_picture() -> None:
    photo, alpha = edge(noise=5), np.arange(200 * 320, dtype=np.uint32).reshape(200, 320).astype(np.uint8)
    picture = StrokeSize(Levels(), look_px=80).stylize_picture(Picture(photo, alpha))
    assert picture.alpha is alpha
    assert picture.rgb.shape == photo.shape


def test_identity_names_what_changes_the_pixels() -> None:
    assert StrokeSize(Levels(), stroke=1.0).identity.settings == {"slope": 0.5}
    settings = StrokeSize(Levels(), stroke=2, look_px=1024).identity.settings
    assert settings == {"slope": 0.5, "stroke": 2.0, "look": 1024}


def test_no_grid_and_no_glimpse_are_promised() -> None:
    effect = StrokeSize(Levels(), look_px=80)
    assert (effect.grid_px, effect.takes_glimpse) == (1, False)
    assert np.array_equal(effect.stylize_with_glimpse(edge(), np.zeros((96, 96, 3), np.uint8)), effect(edge()))


@pytest.mark.parametrize("stroke", [0, 0.49, 4.1, float("nan"), -1, "2", True])
def test_wrong_stroke(stroke: float) -> None:
    with pytest.raises(ConfigError, match=r"stroke is .*give a number from 0\.5 .* to 4"):
        StrokeSize(Levels(), stroke=stroke)


@pytest.mark.parametrize("look_px", [0, 63, -1024, 100.5, float("inf"), float("nan"), "1024"])
def test_wrong_look(look_px: int) -> None:
    with pytest.raises(ConfigError, match=r"look is .*at least 64, for example 1024"):
        StrokeSize(Levels(), look_px=look_px)


def test_too_many_pixels_to_enlarge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pix2style.effects.stroke.MAX_PIXELS", 100_000)
    with pytest.raises(DataError, match=r"at stroke 0\.5 .* 640x400 pixels.*100,000: give a larger stroke"):
        StrokeSize(Levels(), stroke=0.5)(edge())


def test_one_thread_enlarges_in_the_caller_and_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    photo = edge(400, 640)
    plain = StrokeSize(Levels(), look_px=80)(photo)

    def refuse(count: int) -> None:
        raise AssertionError(count)

    monkeypatch.setattr("pix2style.effects.stroke_detail.thread_pool", refuse)
    assert np.array_equal(StrokeSize(Levels(), look_px=80, threads=1)(photo), plain)
    with pytest.raises(AssertionError, match="2"):
        StrokeSize(Levels(), look_px=80, threads=2)(photo)
