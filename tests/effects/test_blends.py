"""Blends: their text, their mean, and what they tell about themselves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from pix2style import load_stylizer
from pix2style.effects.blend import Blend
from pix2style.effects.blend_text import parse_blend
from pix2style.effects.inside import filters_inside
from pix2style.effects.preserve_color import PreserveColor
from pix2style.errors import ArtifactError, ConfigError
from pix2style.images import Image8
from pix2style.stylizer import Stylizer, StylizerIdentity


class Level(Stylizer):
    """Makes everything one level; with a glimpse, the glimpse's."""

    def __init__(self, level: int, grid: int = 1, *, takes_glimpse: bool = False) -> None:
        self.level, self._grid, self._takes_glimpse = level, grid, takes_glimpse

    @property
    def identity(self) -> StylizerIdentity:
        return StylizerIdentity(f"level{self.level}", f"{self.level:064}", ("2" * 64,), "CC0-1.0", {"grid": self._grid})

    @property
    def grid_px(self) -> int:
        return self._grid

    @property
    def takes_glimpse(self) -> bool:
        return self._takes_glimpse

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        return [np.full_like(image, self.level) for image in images]

    def stylize_with_glimpse(self, image: Image8, glimpse: Image8 | None) -> Image8:
        return np.full_like(image, self.level if glimpse is None or not self._takes_glimpse else glimpse[0, 0, 0])


def test_the_weighted_mean_and_then_the_strength(photo: Image8) -> None:
    parts = [(Level(10), 6), (Level(200), 3), (Level(100), 1)]
    assert set(Blend(parts)(photo).ravel()) == {76}
    half = Blend(parts, strength=0.5)
    assert np.array_equal(half(photo), np.rint(photo + np.float32(0.5) * (np.float32(76) - photo)))
    assert half.strength == half.identity.settings["strength"] == 0.5
    assert np.array_equal(Blend(parts, strength=0)(photo), photo)
    assert set(Blend([(Level(10), 0), (Level(33), 2)])(photo).ravel()) == {33}


def test_grid_and_glimpse(photo: Image8) -> None:
    both = Blend([(Level(10, 4), 1), (Level(20, 6, takes_glimpse=True), 1)])
    assert (both.grid_px, both.takes_glimpse) == (12, True)
    assert set(both.stylize_with_glimpse(photo, np.full((4, 4, 3), 90, np.uint8)).ravel()) == {50}
    assert not Blend([(Level(1), 1), (Level(2), 1)]).takes_glimpse


def test_what_a_blend_tells_about_itself() -> None:
    one = Blend([(Level(10), 3), (Level(20), 1)], names=["a.onnx", "b"])
    assert one.description == "a blend: 75 % a.onnx, 25 % b"
    assert (one.identity.name, one.identity.licence) == ("level10:0.75,level20:0.25", "CC0-1.0")
    others = [
        Blend([(Level(10), 1), (Level(20), 3)]),
        Blend([(Level(10), 3), (Level(21), 1)]),
        Blend([(Level(10, 2), 3), (Level(20), 1)]),
        Blend([(Level(10), 3), (Level(20), 1)], strength=0.5),
    ]
    keys = {(blend.identity.sha256, str(blend.identity.settings)) for blend in (one, *others)}
    assert len(keys) == 5
    assert Blend([(Level(10), 0.75), (Level(20), 0.25)]).identity == one.identity


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("great-wave:0.6,starry-night:0.4", [("great-wave", 0.6), ("starry-night", 0.4)]),
        ("a:3, b:1e0 ,c:.5", [("a", 3), ("b", 1), ("c", 0.5)]),
        ("a,b.onnx", [("a", 1), ("b.onnx", 1)]),
        ("x.onnx@0.5,0.5:2,y@1:1", [("x.onnx@0.5,0.5", 2), ("y@1", 1)]),
        ("x.onnx@0.5,0.5,y@1", [("x.onnx@0.5,0.5", 1), ("y@1", 1)]),
        (r"C:\f\x.onnx:0.5,D:/y.onnx:0.5", [(r"C:\f\x.onnx", 0.5), ("D:/y.onnx", 0.5)]),
        (r"C:\f\x.onnx,D:\y.onnx", [(r"C:\f\x.onnx", 1), (r"D:\y.onnx", 1)]),
        ("magenta:p.jpg:1,watercolor:1", [("magenta:p.jpg", 1), ("watercolor", 1)]),
        ("odd:0.5,name:1,b:2", [("odd:0.5,name", 1), ("b", 2)]),
        ("odd:0.5,name,b", [("odd:0.5,name", 1), ("b", 1)]),
        ("odd:0.5,name", None),
        ("great-wave", None),
        ("x.onnx@0.5,0.5", None),
        (r"C:\f\x.onnx", None),
        ("magenta:a,b.jpg", None),
        ("gatys:a:0.5", None),
        ("watercolor", None),
    ],
)
def test_texts(text: str, parts: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "odd:0.5,name").touch()
    assert parse_blend(text) == parts


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "great-wave:0.6",
            r"^great-wave:0.6: a blend needs two parts or more: .* give great-wave alone and a strength",
        ),
        ("a:0.6,b", r"a:0.6,b: give every part of the blend a weight, or none"),
        ("a:-1,b:2", r"a weight is -1: give numbers from 0 on"),
        ("a:nan,b:2", r"a weight is nan"),
        ("a:inf,b:2", r"a weight is inf"),
        ("a:0,b:0", r"all weights are 0"),
        ("a:1e308,b:1e308", r"the weights are too large"),
        ("a,", r"a part of the blend is empty"),
        ("a:1,:2", r"give every part of the blend a weight"),
    ],
)
def test_wrong_texts(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_stylizer(text)


def test_load(red_filter: Path, photo: Image8, tmp_path: Path) -> None:
    odd = tmp_path / "odd:0.5,name.onnx"
    odd.write_bytes(red_filter.read_bytes())
    red, text = load_stylizer(red_filter), f"{red_filter}:0.6,{odd}:0.2,{red_filter}:0.2"
    assert np.array_equal(load_stylizer(str(odd))(photo), red(photo))
    assert np.array_equal(load_stylizer(text)(photo), red(photo))
    effect = load_stylizer(text, preserve_color=True, strength=0.3)
    weaker = load_stylizer(red_filter, strength=0.3)
    assert np.abs(effect(photo).astype(int) - PreserveColor(weaker)(photo)).max() <= 1
    assert len(filters_inside(effect)) == 3
    for wrong, message in (("tile", "tile is -1"), ("style", "write styles behind the parts")):
        with pytest.raises(ConfigError, match=message):
            load_stylizer(text, **{wrong: -1})
    with pytest.raises(ArtifactError, match=r"none\.onnx: no such stylizer: .* \(a part of the blend .*none\.onnx:2\)"):
        load_stylizer(f"{red_filter}:1,none.onnx:2")
