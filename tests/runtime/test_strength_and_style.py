"""Strength and style of a filter, with files that have such inputs and with files that do not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pix2style import load_stylizer
from pix2style.errors import ArtifactError, ConfigError
from pix2style.images import Image8
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.runtime.strength import blend

Photos = Callable[..., list[Image8]]
LiteFile = Callable[..., Path]


def expected(photo: Image8, stylized: Image8, strength: float) -> Image8:
    original = photo.astype(np.float32)
    return np.rint(original + np.float32(strength) * (stylized.astype(np.float32) - original)).astype(np.uint8)


@pytest.mark.parametrize("strength", [0, 0.001, 0.25, 0.5, 0.6, 0.999, 1])
def test_strength(lite_file: LiteFile, red_filter: Path, photos: Photos, strength: float) -> None:
    """Blending in the graph of the file and outside of it gives the same bytes."""
    [photo] = photos(1, 75, 61)
    for path in (lite_file(), red_filter):
        full = load_stylizer(path)(photo)
        assert not np.array_equal(full, photo)
        assert np.array_equal(load_stylizer(path, strength=strength)(photo), expected(photo, full, strength))
    assert np.array_equal(load_stylizer(lite_file(), strength=0)(photo), photo)


def test_blend_rounds_every_pair_of_levels_as_filter_files_do() -> None:
    photo, stylized = np.meshgrid(np.arange(256, dtype=np.uint8), np.arange(256, dtype=np.uint8))
    pair = [np.dstack([levels] * 3)[None] for levels in (photo, stylized)]
    for strength in (0, 0.1, 0.5, 0.7, 1):
        assert np.array_equal(blend(pair[0], pair[1], strength), expected(pair[0], pair[1], strength))
    assert np.array_equal(blend(*pair, 0), pair[0])
    assert np.array_equal(blend(*pair, 1), pair[1])


@pytest.mark.parametrize("strength", [-0.1, 1.01, float("nan"), float("inf")])
def test_strength_outside_its_range(red_filter: Path, lite_file: LiteFile, strength: float) -> None:
    for path in (red_filter, lite_file()):
        with pytest.raises(ConfigError, match=r"strength is .*: give a number from 0 .* to 1"):
            load_stylizer(path, strength=strength)


def test_styles(lite_file: LiteFile, photos: Photos) -> None:
    path, [photo] = lite_file(styles=3), photos(1, 50, 70)
    outputs = [load_stylizer(path, style=style)(photo) for style in range(3)]
    assert not np.array_equal(outputs[0], outputs[1])
    assert not np.array_equal(outputs[1], outputs[2])
    assert np.array_equal(load_stylizer(path)(photo), outputs[0])  # the first style is the default
    for second_style in ("1", [0, 1, 0], (0.0, 1.0, 0.0)):
        assert np.array_equal(load_stylizer(path, style=second_style)(photo), outputs[1])
    assert np.array_equal(load_stylizer(f"{path}@1")(photo), outputs[1])
    mixed = load_stylizer(f"{path}@0.5,0.25,0.25")(photo)
    assert np.array_equal(mixed, load_stylizer(path, style=[0.5, 0.25, 0.25])(photo))
    assert not any(np.array_equal(mixed, output) for output in outputs)


def test_identity_contains_the_settings(lite_file: LiteFile) -> None:
    plain = load_stylizer(lite_file(styles=3)).identity
    assert (plain.name, dict(plain.settings)) == ("lite", {})
    chosen = load_stylizer(f"{lite_file(styles=3)}@0.5,0.5,0", strength=0.3).identity
    assert (chosen.name, dict(chosen.settings)) == ("lite@0.5,0.5,0", {"strength": 0.3, "style": "0.5,0.5,0"})
    assert OnnxStylizer(lite_file(styles=3)).styles == 3


@pytest.mark.parametrize(
    ("style", "message"),
    [
        (3, r"@3: there is no style 3: choose one from 0 to 2"),
        (-1, r"there is no style -1"),
        ("0.5,0.5", r"got 2 weights for 3 styles: give one for each"),
        ([0.5, 0.5, 0.5], r"must not be negative, and their sum must be 1, got 0\.5,0\.5,0\.5"),
        ([1.5, -0.5, 0], r"must not be negative"),
        ([float("nan"), 1, 0], r"must not be negative"),
        ("waves", r"'waves' names no style: give its id"),
    ],
)
def test_impossible_styles(lite_file: LiteFile, style: int | str | list[float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_stylizer(lite_file(styles=3), style=style)


def test_settings_that_a_stylizer_does_not_have(lite_file: LiteFile, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\.onnx@1: the file holds one style, so do not name a style"):
        load_stylizer(lite_file(), style=1)
    with pytest.raises(ConfigError, match=r"already names a style: leave out style=1"):
        load_stylizer(f"{lite_file(styles=3)}@2", style=1)
    with pytest.raises(ConfigError, match="watercolor: strength and tile are for filter files"):
        load_stylizer("watercolor", strength=0.5)
    with pytest.raises(ConfigError, match="watercolor: only runs and filter files can hold several styles"):
        load_stylizer("watercolor", style=1)
    with pytest.raises(ArtifactError, match=r"none\.onnx@1: no such stylizer"):
        load_stylizer(f"{tmp_path / 'none.onnx'}@1", strength=0.5)
