"""Names that are alike get outputs of their own, what is no finished output is made anew, and loops stop nothing."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pix2style.errors import ConfigError, DataError
from pix2style.images import Image8, Picture, read_picture, write_picture
from pix2style.runtime import alike_names, output_names
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.runtime.output_paths import plan_outputs
from pix2style.runtime.stylize_files import stylize_files

ALIKE = [
    ("IMG_1.PNG", "img_1.png"),
    ("Straße.png", "Strasse.png"),
    ("ﬁn.png", "fin.png"),
    (unicodedata.normalize("NFC", "é.png"), unicodedata.normalize("NFD", "é.png")),
    ("Sub/x.png", "sub/x.png"),
    ("ΟΔΟΣ.png", "οδος.png"),
    ("İ.png", "i̇.png"),
    ("\u212a.png", "K.png"),  # the sign of Kelvin
]


def save_all(folder: Path, names: tuple[str, ...] | list[str], pictures: list[Image8]) -> None:
    for name, picture in zip(names, pictures, strict=False):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_picture(folder / name, Picture(picture))


def tells_apart(folder: Path, first: str, second: str) -> bool:
    (folder / first).parent.mkdir(parents=True, exist_ok=True)
    (folder / first).touch()
    exists = (folder / second).exists()
    (folder / first).unlink()
    return not exists


@pytest.fixture
def ignores_case_and_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand-in for a file system that takes all names of one loosest form for the same file."""

    def ask(group: list[int], texts: dict[int, str], out: Path) -> list[list[int]]:
        return [group]

    monkeypatch.setattr(alike_names, "_ask", ask)


@pytest.mark.parametrize("names", ALIKE)
def test_names_that_the_file_system_tells_apart_stay(
    stylizer: OnnxStylizer,
    photos: Callable[..., list[Image8]],
    red_negative: Callable[[Image8], Image8],
    tmp_path: Path,
    names: tuple[str, str],
) -> None:
    if not tells_apart(tmp_path / "probe", *names):
        pytest.skip("this file system takes them for one")
    pictures = photos(3, 16, 20)
    save_all(tmp_path / "in", [*names, "other.png"], pictures)
    report = stylize_files(stylizer, [tmp_path / "in"], tmp_path / "out")
    assert (len(report.written), report.renamed, report.failures) == (3, [], [])
    for name, picture in zip([*names, "other.png"], pictures, strict=True):
        assert np.array_equal(read_picture(tmp_path / "out" / name).rgb, red_negative(picture))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out", "probe"]


@pytest.mark.usefixtures("ignores_case_and_form")
@pytest.mark.parametrize("names", ALIKE)
def test_where_it_does_not_one_gets_another_name(
    stylizer: OnnxStylizer, photos: Callable[..., list[Image8]], tmp_path: Path, names: tuple[str, str]
) -> None:
    if not tells_apart(tmp_path / "probe", *names):
        pytest.skip("this file system takes them for one")
    save_all(tmp_path / "in", [*names, "other.png"], photos(3, 16, 20))
    report = stylize_files(stylizer, [tmp_path / "in"], tmp_path / "out")
    assert len(report.written) == 3
    [renamed] = report.renamed
    assert renamed.stem.endswith("-2")
    assert [note.text for note in report.notes] == [
        f"its output is called {renamed.name}, because another output has its name"
    ]
    forms = {alike_names.loosest_form(path.relative_to(tmp_path / "out").as_posix()) for path in report.written}
    assert len(forms) == 3
    again = stylize_files(stylizer, [tmp_path / "in"], tmp_path / "out")
    assert (again.written, len(again.skipped)) == ([], 3)


@pytest.mark.usefixtures("ignores_case_and_form")
def test_a_number_that_is_taken_is_not_used(
    stylizer: OnnxStylizer, photos: Callable[..., list[Image8]], tmp_path: Path
) -> None:
    save_all(tmp_path / "in", ["A.png", "A-2.png", "a.png"], photos(3, 16, 20))
    stylize_files(stylizer, [tmp_path / "in"], tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["A-2.png", "A.png", "a-3.png"]


def test_the_time_for_numbers_grows_with_their_number(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls, loosest_form = [], alike_names.loosest_form

    def count(name: str) -> str:
        calls.append(name)
        return loosest_form(name)

    monkeypatch.setattr(output_names, "loosest_form", count)
    monkeypatch.setattr(alike_names, "loosest_form", count)
    names = 500 * ["a.png"]
    assert len(output_names.add_numbers(names, tmp_path)) == 499
    assert names[499] == "a-500.png"
    assert len(calls) < 5 * len(names)


def test_a_file_system_that_gives_no_answer_counts_as_one_that_ignores_case(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryDirectory", refuse)
    names = ["a.png", "b.png", "A.png"]
    assert alike_names.same_files(names, tmp_path) == [[0, 2]]


def test_photos_are_not_overwritten_under_another_case(
    monkeypatch: pytest.MonkeyPatch, photos: Callable[..., list[Image8]], tmp_path: Path
) -> None:
    """Stand-in: a hard link is the same entry under a second name, as on a file system that ignores case."""
    save_all(tmp_path / "in", ["a.png"], photos(1, 16, 20))
    (tmp_path / "IN").mkdir(exist_ok=True)
    if not (tmp_path / "IN" / "a.png").exists():
        os.link(tmp_path / "in" / "a.png", tmp_path / "IN" / "a.png")
    with pytest.raises(DataError, match="is one of the photos and would be overwritten"):
        plan_outputs([tmp_path / "in"], tmp_path / "IN")


# --- outputs that are none --------------------------------------------------------------------------------------


def test_an_empty_file_is_no_output(
    stylizer: OnnxStylizer, photos: Callable[..., list[Image8]], tmp_path: Path
) -> None:
    save_all(tmp_path / "in", ["a.png", "b.png"], photos(2, 16, 20))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.png").touch()
    (tmp_path / "out" / "b.png").symlink_to(tmp_path / "nowhere")
    report = stylize_files(stylizer, [tmp_path / "in"], tmp_path / "out")
    assert (len(report.written), report.skipped, report.failures) == (2, [], [])
    assert read_picture(tmp_path / "out" / "a.png").rgb.shape == (16, 20, 3)
    assert not (tmp_path / "out" / "b.png").is_symlink()


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_in_the_place_of_an_output_is_a_failure(
    stylizer: OnnxStylizer, photos: Callable[..., list[Image8]], tmp_path: Path, *, overwrite: bool
) -> None:
    save_all(tmp_path / "in", ["a.png", "b.png"], photos(2, 16, 20))
    (tmp_path / "out" / "a.png").mkdir(parents=True)
    report = stylize_files(stylizer, [tmp_path / "in"], tmp_path / "out", overwrite=overwrite)
    assert [path.name for path in report.written] == ["b.png"]
    [failure] = report.failures
    assert failure.path == tmp_path / "in" / "a.png"
    assert failure.reason.endswith("a.png is a folder: remove it, or choose another OUT")


def test_standard_streams_are_refused(
    stylizer: OnnxStylizer, photos: Callable[..., list[Image8]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save_all(tmp_path, ["a.png"], photos(1, 16, 20))
    with pytest.raises(ConfigError, match="standard output is not possible: name a folder"):
        stylize_files(stylizer, [Path("a.png")], Path("-"))
    with pytest.raises(ConfigError, match="standard input is not possible"):
        stylize_files(stylizer, [Path("-")], Path("out"))
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


# --- links that lead to themselves ------------------------------------------------------------------------------


def test_looping_links_are_listed_and_the_rest_is_done(
    stylizer: OnnxStylizer, photos: Callable[..., list[Image8]], tmp_path: Path
) -> None:
    save_all(tmp_path / "in", ["photo.png"], photos(1, 16, 20))
    (tmp_path / "in" / "loop.jpg").symlink_to("loop.jpg")
    (tmp_path / "in" / "a.png").symlink_to("b.png")
    (tmp_path / "in" / "b.png").symlink_to("a.png")
    (tmp_path / "in" / "up").symlink_to("..")
    report = stylize_files(stylizer, [tmp_path / "in"], tmp_path / "out")
    assert [path.name for path in report.written] == ["photo.png"]
    assert {failed.path.name for failed in report.failures} == {"loop.jpg", "a.png", "b.png"}
    assert all("symbolic links" in failed.reason for failed in report.failures)
    assert [(item.path.name, item.reason) for item in report.left_out] == [("up", "linked folder")]


def test_a_looping_link_as_output(stylizer: OnnxStylizer, photos: Callable[..., list[Image8]], tmp_path: Path) -> None:
    save_all(tmp_path / "in", ["photo.png"], photos(1, 16, 20))
    (tmp_path / "out").symlink_to("out")
    with pytest.raises(DataError, match="out: is a file, but must be a folder"):
        stylize_files(stylizer, [tmp_path / "in"], tmp_path / "out")
