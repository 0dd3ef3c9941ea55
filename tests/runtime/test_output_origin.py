"""Outputs know which filter and settings made them: the same call goes on, another one asks for --overwrite."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pix2style.errors import DataError
from pix2style.images import Image8, Picture, read_origin, read_picture, write_picture
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.runtime.stylize_files import stylize_files

WITH_NOTE = [".png", ".jpg", ".webp", ".tif", ".avif"]


@pytest.fixture
def folder(photos: Callable[..., list[Image8]], tmp_path: Path) -> Path:
    for i, photo in enumerate(photos(len(WITH_NOTE), 16, 20)):
        write_picture(tmp_path / "in" / f"{i}{WITH_NOTE[i]}", Picture(photo))
    return tmp_path / "in"


def test_the_same_filter_goes_on(stylizer: OnnxStylizer, folder: Path, tmp_path: Path) -> None:
    stylize_files(stylizer, [folder], tmp_path / "out")
    (tmp_path / "out" / "0.png").unlink()
    again = stylize_files(stylizer, [folder], tmp_path / "out")
    assert ([path.name for path in again.written], len(again.skipped)) == (["0.png"], 4)
    assert again.of_unknown_origin == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(
        path.name for path in folder.iterdir()
    )  # nothing but pictures, for programs that read all of a folder


@pytest.mark.parametrize("suffix", WITH_NOTE)
@pytest.mark.parametrize("settings", [{"strength": 0.5}, {"style": 1}])
def test_another_filter_asks(
    lite_file: Callable[..., Path], photos: Callable[..., list[Image8]], tmp_path: Path, suffix: str, settings: Any
) -> None:
    write_picture(tmp_path / "in" / f"a{suffix}", Picture(photos(1, 16, 20)[0]))
    path = lite_file(styles=3)
    stylize_files(OnnxStylizer(path), [tmp_path / "in"], tmp_path / "out")
    output = tmp_path / "out" / f"a{suffix}"
    before = output.read_bytes()
    for other in (OnnxStylizer(path, **settings), OnnxStylizer(lite_file())):
        with pytest.raises(
            DataError, match=rf"a\{suffix}: was made by another filter .*: add --overwrite to replace it"
        ):
            stylize_files(other, [tmp_path / "in"], tmp_path / "out")
        assert output.read_bytes() == before
    report = stylize_files(OnnxStylizer(path, **settings), [tmp_path / "in"], tmp_path / "out", overwrite=True)
    assert report.written == [output]
    assert output.read_bytes() != before
    assert stylize_files(OnnxStylizer(path, **settings), [tmp_path / "in"], tmp_path / "out").skipped == [output]


def test_nothing_is_stylized_if_one_output_is_of_another_filter(
    stylizer: OnnxStylizer, lite_file: Callable[..., Path], folder: Path, tmp_path: Path
) -> None:
    stylize_files(OnnxStylizer(lite_file()), [folder / "2.webp", folder / "3.tif"], tmp_path / "out")
    with pytest.raises(DataError, match=r"2\.webp: was made .*, as 1 more image was: add --overwrite to replace them"):
        stylize_files(stylizer, [folder], tmp_path / "out")
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_one_file(stylizer: OnnxStylizer, lite_file: Callable[..., Path], folder: Path, tmp_path: Path) -> None:
    stylize_files(stylizer, [folder / "0.png"], tmp_path / "b.png")
    with pytest.raises(DataError, match="add --overwrite"):
        stylize_files(OnnxStylizer(lite_file()), [folder / "0.png"], tmp_path / "b.png")


def test_quality_counts_where_it_matters_and_tiles_never(
    red_filter: Path, stylizer: OnnxStylizer, folder: Path, tmp_path: Path
) -> None:
    stylize_files(stylizer, [folder], tmp_path / "out")
    stylize_files(OnnxStylizer(red_filter, tile=8), [folder], tmp_path / "out")
    stylize_files(stylizer, [folder / "0.png", folder / "3.tif"], tmp_path / "out", jpeg_quality=50)
    with pytest.raises(DataError, match=r"1\.jpg: was made by another filter or with other settings"):
        stylize_files(stylizer, [folder / "1.jpg"], tmp_path / "out", jpeg_quality=50)


def test_outputs_that_do_not_say_what_made_them_are_kept_and_counted(
    stylizer: OnnxStylizer, photos: Callable[..., list[Image8]], folder: Path, tmp_path: Path
) -> None:
    [photo] = photos(1, 16, 20)
    write_picture(tmp_path / "out" / "0.png", Picture(photo))
    (tmp_path / "out" / "1.jpg").write_text("no picture")
    write_picture(folder / "9.bmp", Picture(photo))
    report = stylize_files(stylizer, [folder], tmp_path / "out")
    assert (len(report.written), len(report.skipped), report.of_unknown_origin) == (4, 2, 2)
    assert stylize_files(stylizer, [folder], tmp_path / "out").of_unknown_origin == 3  # BMP has no place for it


@pytest.mark.parametrize("suffix", [*WITH_NOTE, ".jpe", ".apng"])
def test_notes_change_no_pixel_and_tell_nothing(
    photos: Callable[..., list[Image8]], tmp_path: Path, suffix: str
) -> None:
    [photo] = photos(1, 16, 20)
    write_picture(tmp_path / f"a{suffix}", Picture(photo), origin="0123abcd")
    write_picture(tmp_path / f"b{suffix}", Picture(photo))
    assert read_origin(tmp_path / f"a{suffix}") == "0123abcd"
    assert read_origin(tmp_path / f"b{suffix}") is None
    first, second = (read_picture(tmp_path / f"{name}{suffix}") for name in "ab")
    assert np.array_equal(first.rgb, second.rgb)
    assert first.notes == second.notes == ()


def test_what_has_no_note(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG")
    for path in (tmp_path / "a.png", tmp_path / "none.png", tmp_path):
        assert read_origin(path) is None
