"""`infer` with --preserve-color, --mask and blends, and nonsense in these options."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from pix2style.cli.app import app
from pix2style.cli.commands import import_commands
from pix2style.effects.preserve_color import preserve_color
from pix2style.errors import ConfigError, DataError
from pix2style.images import Image8, Picture, read_picture, write_picture


@pytest.fixture
def folder(photos: Callable[..., list[Image8]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a photo and a mask whose left half is white."""
    mask = np.zeros((48, 64, 3), np.uint8)
    mask[:, :32] = 255
    write_picture(tmp_path / "photo.png", Picture(photos(1)[0]))
    write_picture(tmp_path / "mask.png", Picture(mask))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _infer(*arguments: object) -> None:
    import_commands()
    result = CliRunner().invoke(app, ["infer", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output


def test_infer(red_filter: Path, red_negative: Callable[[Image8], Image8], folder: Path) -> None:
    photo = read_picture(folder / "photo.png").rgb
    blend = f"{red_filter}:1,{red_filter}:3"
    _infer(blend, "photo.png", "-o", "out.png", "--preserve-color", "--mask", "mask.png", "--feather", "6")
    output = read_picture(folder / "out.png").rgb
    expected = preserve_color(photo, red_negative(photo))
    assert np.array_equal(output[:, :20], expected[:, :20])
    assert np.array_equal(output[:, 44:], photo[:, 44:])
    with pytest.raises(DataError, match=r"out\.png: was made by another filter or with other settings"):
        _infer(blend, "photo.png", "-o", "out.png", "--mask", "mask.png", "--feather", "6")
    _infer(red_filter, "photo.png", "-o", "rest.png", "--mask", "mask.png", "--mask-invert", "--feather", "0")
    assert np.array_equal(read_picture(folder / "rest.png").rgb[:, 32:], red_negative(photo)[:, 32:])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (["--feather", "3"], ConfigError, r"--feather: is for a mask, and there is none: add --mask"),
        (["--mask-invert"], ConfigError, r"--mask-invert: is for a mask"),
        (["--mask", "none.png"], DataError, r"--mask none\.png: no such file or folder"),
        (["--mask", "photo.png"], ConfigError, r"--mask photo\.png: lies among the inputs"),
        (["--mask", "mask.png", "--feather", "-2"], ConfigError, r"feather is -2\.0: give a width in pixels"),
        (["--mask", "text.png"], DataError, r"the mask text\.png: "),
        (["--mask", "empty"], DataError, r"empty: there are no images in it, which could be masks"),
    ],
)
def test_nonsense(red_filter: Path, folder: Path, options: list[str], error: type[Exception], message: str) -> None:
    (folder / "text.png").write_text("a mask")
    (folder / "empty").mkdir()
    with pytest.raises(error, match=message):
        _infer(red_filter, "photo.png", "-o", "out", *options)
    assert not (folder / "out").exists()
