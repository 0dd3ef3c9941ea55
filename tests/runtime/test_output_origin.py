"""Outputs know which filter and settings made them: the same call goes on, another one asks for --overwrite."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pix2style.effects.max_side import MaxSide
from pix2style.errors import DataError
from pix2style.images import Image8, Picture, encode_png, read_origin, read_picture, write_picture
from pix2style.runtime.file_settings import FileSettings
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.runtime.stylize_files import stylize_files
from pix2style.stylizer import Stylizer, StylizerIdentity

WITH_NOTE = [".png", ".jpg", ".webp", ".tif", ".avif", ".bmp", ".ppm"]


@pytest.fixture
def folder(photos: Callable[..., list[Image8]], tmp_path: Path) -> Path:
    for i, photo in enumerate(photos(len(WITH_NOTE), 16, 20)):
        write_picture(tmp_path / "in" / f"{i}{WITH_NOTE[i]}", Picture(photo))
    return tmp_path / "in"


def test_the_same_filter_goes_on(stylizer: OnnxStylizer, folder: Path, tmp_path: Path) -> None:
    stylize_files(stylizer, [folder], tmp_path / "out")
    (tmp_path / "out" / "0.png").unlink()
    again = stylize_files(stylizer, [folder], tmp_path / "out")
    assert ([path.name for path in again.written], len(again.skipped)) == (["0.png"], len(WITH_NOTE) - 1)
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


class Replacing(Stylizer):
    """Returns photos as they are, and replaces the file of each photo as soon as it is asked for its stylizer."""

    def __init__(self, replacement: bytes) -> None:
        self._replacement = replacement

    @property
    def identity(self) -> StylizerIdentity:
        return StylizerIdentity("replacing", "0" * 64)

    def for_source(self, path: Path) -> Stylizer:
        path.write_bytes(self._replacement)
        return self

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        return list(images)


def test_a_photo_that_is_replaced_while_it_is_read(photos: Callable[..., list[Image8]], tmp_path: Path) -> None:
    """Its output must not pass for one of the new photo, which would then never be stylized."""
    old, new = photos(2, 16, 20)
    write_picture(tmp_path / "in" / "a.png", Picture(old))
    stylizer = Replacing(encode_png(new))
    stylize_files(stylizer, [tmp_path / "in"], tmp_path / "out")
    assert np.array_equal(read_picture(tmp_path / "out" / "a.png").rgb, old)
    with pytest.raises(DataError, match="was made of another photo, or of this one before it was changed"):
        stylize_files(stylizer, [tmp_path / "in"], tmp_path / "out")


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
    write_picture(tmp_path / "out" / "9.bmp", Picture(photo))
    report = stylize_files(stylizer, [folder], tmp_path / "out")
    assert (len(report.written), len(report.skipped), report.of_unknown_origin) == (5, 3, 3)


@pytest.mark.parametrize("suffix", [*WITH_NOTE, ".jpe", ".apng", ".pnm"])
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


@pytest.mark.parametrize("suffix", [".bmp", ".ppm"])
def test_formats_without_a_field_for_a_note_stay_sound(
    photos: Callable[..., list[Image8]], tmp_path: Path, suffix: str
) -> None:
    [photo] = photos(1, 16, 21)
    path = tmp_path / f"a{suffix}"
    write_picture(path, Picture(photo), origin="0123abcd-4567")
    assert read_origin(path) == "0123abcd-4567"
    data = path.read_bytes()
    if suffix == ".bmp":
        assert int.from_bytes(data[2:6], "little") == len(data)  # the header names the size of the file
    else:
        assert data.startswith(b"P6\n# pix2style 0123abcd-4567\n21 16\n255\n")
    path.write_bytes(data[:-10])
    assert suffix == ".ppm" or read_origin(path) is None


def test_what_has_no_note(photos: Callable[..., list[Image8]], tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG")
    (tmp_path / "b.png").write_bytes(b"\0\0\0\x18ftypheic" + bytes(12))
    (tmp_path / "c.arw").write_bytes(b"raw")
    exif = b"Exif\0\0II*\0\x08\0\0\0\x02\0\x31\x01\x02\0"  # ends in the middle of an entry
    Image.fromarray(photos(1, 16, 20)[0]).save(tmp_path / "d.jpg", exif=exif)
    Image.fromarray(photos(1, 16, 20)[0]).save(tmp_path / "e.webp", exif=exif)
    Image.fromarray(photos(1, 16, 20)[0]).save(tmp_path / "f.jpg", exif=b"Exif\0\0II*\0")
    for path in (*tmp_path.iterdir(), tmp_path / "none.png", tmp_path):
        assert read_origin(path) is None


def test_existing_outputs_with_damaged_notes_are_of_unknown_origin(
    stylizer: OnnxStylizer, photos: Callable[..., list[Image8]], tmp_path: Path
) -> None:
    write_picture(tmp_path / "in" / "a.jpg", Picture(photos(1, 16, 20)[0]))
    (tmp_path / "out").mkdir()
    exif = b"Exif\0\0II*\0\x08\0\0\0\x02\0\x31\x01\x02\0"
    Image.fromarray(photos(1, 16, 20)[0]).save(tmp_path / "out" / "a.jpg", exif=exif)
    report = stylize_files(stylizer, [tmp_path / "in"], tmp_path / "out")
    assert (len(report.skipped), report.of_unknown_origin) == (1, 1)


# --- which photo an output is of --------------------------------------------------------------------------------


def test_an_output_of_another_photo_is_not_taken_for_done(
    stylizer: OnnxStylizer, photos: Callable[..., list[Image8]], tmp_path: Path
) -> None:
    first, second = photos(2, 16, 20)
    write_picture(tmp_path / "in" / "x.bmp", Picture(first))
    stylize_files(stylizer, [tmp_path / "in"], tmp_path / "out", suffix=".png")
    write_picture(tmp_path / "in" / "x.png", Picture(second))
    with pytest.raises(DataError, match=r"x\.png: was made of another photo, .*: add --overwrite to replace it"):
        stylize_files(stylizer, [tmp_path / "in"], tmp_path / "out", suffix=".png")
    report = stylize_files(stylizer, [tmp_path / "in"], tmp_path / "out", suffix=".png", overwrite=True)
    assert sorted(path.name for path in report.written) == ["x.bmp.png", "x.png"]
    assert len(stylize_files(stylizer, [tmp_path / "in"], tmp_path / "out", suffix=".png").skipped) == 2


def test_a_photo_that_was_changed_is_not_taken_for_done(
    stylizer: OnnxStylizer, photos: Callable[..., list[Image8]], tmp_path: Path
) -> None:
    first, second = photos(2, 16, 20)
    write_picture(tmp_path / "a.png", Picture(first))
    stylize_files(stylizer, [tmp_path / "a.png"], tmp_path / "out")
    write_picture(tmp_path / "a.png", Picture(second))
    with pytest.raises(DataError, match=r"a\.png: was made of another photo, or of this one before it was changed"):
        stylize_files(stylizer, [tmp_path / "a.png"], tmp_path / "out")


@pytest.mark.parametrize("as_folders", [True, False])
def test_names_do_not_depend_on_the_order_or_on_further_inputs(
    stylizer: OnnxStylizer,
    photos: Callable[..., list[Image8]],
    red_negative: Callable[[Image8], Image8],
    tmp_path: Path,
    *,
    as_folders: bool,
) -> None:
    pictures = photos(3, 16, 20)
    for i, picture in enumerate(pictures):
        write_picture(tmp_path / str(i) / "img" / "a.png", Picture(picture))
    inputs = [tmp_path / str(i) / "img" / ("." if as_folders else "a.png") for i in range(3)]
    assert len(stylize_files(stylizer, inputs[1:], tmp_path / "out").written) == 2
    report = stylize_files(stylizer, [inputs[2], inputs[0], inputs[1]], tmp_path / "out")
    assert (len(report.written), len(report.skipped), report.renamed) == (1, 2, [])
    for i, picture in enumerate(pictures):
        assert np.array_equal(read_picture(tmp_path / "out" / str(i) / "img" / "a.png").rgb, red_negative(picture))


def test_an_output_that_cannot_be_looked_at_stops_no_other_photo(
    stylizer: OnnxStylizer, photos: Callable[..., list[Image8]], tmp_path: Path
) -> None:
    [photo] = photos(1, 16, 20)
    write_picture(tmp_path / "in" / "a.png", Picture(photo))
    long = tmp_path / "in" / ("x" * 253)  # a file name of 255 bytes at most; `.png` makes the output's name too long
    Image.fromarray(photo).save(long, "PNG")
    report = stylize_files(stylizer, [long, tmp_path / "in" / "a.png"], tmp_path / "out")
    assert ([path.name for path in report.written], [failed.path for failed in report.failures]) == (["a.png"], [long])
    assert "name too long" in report.failures[0].reason
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.png"]


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp", ".webp"])
def test_lossless_is_a_setting_only_where_it_changes_the_file(
    stylizer: OnnxStylizer, photos: Callable[..., list[Image8]], tmp_path: Path, suffix: str
) -> None:
    write_picture(tmp_path / "in" / f"a{suffix}", Picture(photos(1, 16, 20)[0]))
    stylize_files(stylizer, [tmp_path / "in"], tmp_path / "out")
    lossless = FileSettings(lossless=True)
    if suffix == ".webp":
        with pytest.raises(DataError, match="other settings"):
            stylize_files(stylizer, [tmp_path / "in"], tmp_path / "out", files=lossless)
        stylize_files(stylizer, [tmp_path / "in"], tmp_path / "out", files=lossless, overwrite=True)
    assert len(stylize_files(stylizer, [tmp_path / "in"], tmp_path / "out", files=lossless).skipped) == 1


def test_the_longest_side_is_a_setting_only_for_larger_photos(
    stylizer: OnnxStylizer, photos: Callable[..., list[Image8]], tmp_path: Path
) -> None:
    for name, side in (("small", 16), ("large", 40)):
        write_picture(tmp_path / "in" / f"{name}.png", Picture(photos(1, side, side)[0]))
    for name in ("small", "large"):
        stylize_files(stylizer, [tmp_path / "in" / f"{name}.png"], tmp_path / "out")
    shrinking = MaxSide(stylizer, 20)
    assert len(stylize_files(shrinking, [tmp_path / "in" / "small.png"], tmp_path / "out").skipped) == 1
    with pytest.raises(DataError, match=r"large\.png: was made by another filter or with other settings"):
        stylize_files(shrinking, [tmp_path / "in"], tmp_path / "out")
    stylize_files(shrinking, [tmp_path / "in"], tmp_path / "out", overwrite=True)
    assert len(stylize_files(shrinking, [tmp_path / "in"], tmp_path / "out").skipped) == 2
