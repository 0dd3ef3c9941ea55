"""The options of `infer` and `load_stylizer` for the size of strokes and of outputs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pix2style import load_stylizer
from pix2style.cli import main
from pix2style.effects.max_side import MaxSide
from pix2style.effects.stroke import StrokeSize
from pix2style.errors import ConfigError
from pix2style.images import Image8, Picture, read_picture, resize, write_picture
from pix2style.runtime.onnx_stylizer import OnnxStylizer

Infer = Callable[..., tuple[int, str]]


@pytest.fixture
def infer(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Infer:
    def call(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["pix2style", "infer", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        return int(left.value.code or 0), capfd.readouterr().err

    return call


@pytest.fixture(scope="module")
def filter_file(lite_file: Callable[..., Path]) -> Path:
    return lite_file()


@pytest.fixture
def photo(photos: Callable[..., list[Image8]], tmp_path: Path) -> Path:
    [rgb] = photos(1, 150, 200)
    write_picture(
        tmp_path / "photo.png", Picture(rgb, np.arange(150 * 200, dtype=np.uint32).astype(np.uint8).reshape(150, 200))
    )
    return tmp_path / "photo.png"


def test_look_and_stroke(infer: Infer, filter_file: Path, photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    assert infer(filter_file, photo, "-o", out, "--look", 100, "--stroke", 1.5) == (0, "")
    expected = load_stylizer(filter_file, look_px=100, stroke=1.5).stylize_picture(read_picture(photo))
    written = read_picture(out)
    shows = expected.alpha != 0  # the colours of hidden pixels are not stored
    assert np.array_equal(written.rgb[shows], expected.rgb[shows])
    assert np.array_equal(written.alpha, read_picture(photo).alpha)
    plain = load_stylizer(filter_file).stylize_picture(read_picture(photo))
    assert not np.array_equal(written.rgb[shows], plain.rgb[shows])


def test_outputs_of_another_size_of_strokes_are_not_taken_for_done(
    infer: Infer, filter_file: Path, photo: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.png"
    assert infer(filter_file, photo, "-o", out, "--stroke", 2) == (0, "")
    assert infer(filter_file, photo, "-o", out, "--stroke", 2) == (0, "")
    for other in (["--stroke", 3], ["--look", 100], ["--stroke", 2, "--max-side", 50], []):
        code, message = infer(filter_file, photo, "-o", out, *other)
        assert code == 3
        assert "with other settings: add --overwrite" in message


def test_max_side_shrinks_photos(infer: Infer, filter_file: Path, photo: Path, tmp_path: Path) -> None:
    assert infer(filter_file, photo, "-o", tmp_path / "small.png", "--max-side", 100) == (0, "")
    small, whole = read_picture(tmp_path / "small.png"), read_picture(photo)
    assert small.rgb.shape == (75, 100, 3)
    assert small.alpha is not None
    assert whole.alpha is not None
    assert np.abs(small.alpha.astype(int) - resize(whole.alpha, 75, 100)).max() <= 1
    assert infer(filter_file, photo, "-o", tmp_path / "large.png", "--max-side", 5000) == (0, "")
    assert read_picture(tmp_path / "large.png").rgb.shape == whole.rgb.shape


def test_hidden_colours_do_not_show_in_shrunk_photos(filter_file: Path) -> None:
    rgb, alpha = np.full((64, 64, 3), 255, np.uint8), np.zeros((64, 64), np.uint8)
    rgb[:, 11:], alpha[:, 11:] = 20, 255
    shrunk = MaxSide(OnnxStylizer(filter_file, strength=0.0), 16).stylize_picture(Picture(rgb, alpha))
    assert shrunk.rgb.shape == (16, 16, 3)
    assert shrunk.alpha is not None
    assert np.abs(shrunk.rgb[shrunk.alpha > 8].astype(int) - 20).max() <= 4
    assert (shrunk.rgb[shrunk.alpha == 0] == 255).all()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--stroke", "9"], "stroke is 9.0: give a number from 0.5"),
        (["--stroke", "nan"], "stroke is nan: give a number from 0.5"),
        (["--look", "10"], "look is 10: give the longer side"),
        (["--max-side", "2"], "max-side is 2: give at least 16 pixels"),
    ],
)
def test_nonsense(
    infer: Infer, filter_file: Path, photo: Path, tmp_path: Path, *, option: list[str], message: str
) -> None:
    code, said = infer(filter_file, photo, "-o", tmp_path / "out.png", *option)
    assert code == 2
    assert message in said
    assert not (tmp_path / "out.png").exists()


def test_load_stylizer(filter_file: Path) -> None:
    assert isinstance(load_stylizer(filter_file), OnnxStylizer)
    loaded = load_stylizer(filter_file, stroke=2, look_px=1024)
    assert isinstance(loaded, StrokeSize)
    assert loaded.identity.settings == {"stroke": 2.0, "look": 1024}
    with pytest.raises(ConfigError, match="stroke is 0: give a number"):
        load_stylizer(filter_file, stroke=0)
