"""The commands `gallery` and `sheet`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pix2style.cli import main
from pix2style.cli.common_options import complete_filter
from pix2style.errors import ArtifactError, ConfigError, DataError
from pix2style.images import Image8, Picture, read_picture, write_picture
from pix2style.images.captions import captioned_grid
from pix2style.recipes.sheet import make_sheet, parse_strengths
from pix2style.runtime.onnx_stylizer import OnnxStylizer

from plain_filters import write_filter  # isort: skip

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """`run("gallery", ...)` runs a command here, and returns exit code, stdout and stderr."""

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["pix2style", *arguments])
        capfd.readouterr()
        with pytest.raises(SystemExit) as left:
            main()
        printed = capfd.readouterr()
        return int(left.value.code or 0), printed.out, printed.err

    return call


@pytest.fixture
def photo(small_gallery: Path, photos: Callable[..., list[Image8]]) -> Path:
    """A photo in the working folder."""
    write_picture(Path("photo.png"), Picture(photos(1, 60, 90)[0]))
    return Path("photo.png")


def test_the_list(small_gallery: Path, run: Run) -> None:
    code, out, _ = run("gallery")
    assert code == 0
    assert "negative  Dark Negative, Anna Ancher\n          Light turns into darkness." in out
    _, out, _ = run("gallery", "--json")
    cards = json.loads(out)
    assert [(card["name"], card["painting"]["artist"]) for card in cards] == [
        ("negative", "Anna Ancher"),
        ("second", "Anna Ancher"),
    ]


def test_a_card(small_gallery: Path, run: Run) -> None:
    code, out, _ = run("gallery", "second")
    assert (code, out.splitlines()[0]) == (0, "# Dark Negative")
    _, out, _ = run("gallery", "second", "--json")
    assert json.loads(out)["file"] == str(small_gallery / "second.onnx")
    code, _, err = run("gallery", "secnd")
    assert (code, "did you mean second?" in err) == (4, True)


def test_copies(small_gallery: Path, run: Run) -> None:
    assert run("gallery", "second", "--copy", "mine.onnx")[0] == 0
    assert Path("mine.onnx").read_bytes() == (small_gallery / "second.onnx").read_bytes()
    assert run("gallery", "second", "--copy", ".")[1] == "second.onnx: the filter second\n"
    copied = json.loads(run("gallery", "second", "--copy", "mine-2.onnx", "--json")[1])
    assert (copied["name"], copied["copy"], Path("mine-2.onnx").is_file()) == ("second", "mine-2.onnx", True)
    code, _, err = run("gallery", "second", "--copy", ".")
    assert (code, err) == (3, "pix2style: second.onnx: exists: name another file, or remove it\n")
    code, _, err = run("gallery", "--copy", "x.onnx")
    assert (code, "name the filter, too" in err) == (2, True)


def test_a_sheet_of_the_gallery(photo: Path, run: Run) -> None:
    code, out, _ = run("sheet", "photo.png", "-o", "out/sheet.png", "--cell", "45", "--json")
    report = json.loads(out)
    assert (code, report["filters"], report["columns"]) == (0, ["negative", "second"], 3)
    sheet = read_picture(Path("out/sheet.png")).rgb
    assert sheet.shape[:2] == (report["height_px"], report["width_px"])
    cells = [sheet[8:38, left : left + 45] for left in (8, 61, 114)]
    assert np.array_equal(cells[1], 255 - cells[0])
    assert np.array_equal(cells[1], cells[2])
    assert all((sheet[38:-8, left : left + 45] < 100).any() for left in (8, 61, 114)), "a caption is missing"


def test_strengths_and_folders(photo: Path, small_gallery: Path) -> None:
    report = make_sheet(photo, Path("s.png"), [str(small_gallery)], strengths=[0, 1], columns=2, cell_px=60)
    assert report.filters == ("negative", "second")
    sheet = read_picture(Path("s.png")).rgb
    assert np.array_equal(sheet[8:48, 8:68], sheet[8:48, 76:136]), "strength 0 is the photo"


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"out": Path("sheet.onnx")}, DataError, "sheet.onnx: images of this kind cannot be written"),
        ({"out": Path("photo.png")}, ConfigError, "--out photo.png: is the photo itself"),
        ({"photo": Path("gone.png")}, DataError, "gone.png"),
        ({"photo": Path()}, DataError, "is a folder: name one photo"),
        ({"filters": ["."]}, ArtifactError, r"\.: is a folder without filter files"),
        ({"filters": ["negativ"]}, ArtifactError, "negativ: no such stylizer: did you mean negative"),
        ({"strengths": [2]}, ConfigError, "strength is 2"),
    ],
)
def test_nonsense(photo: Path, arguments: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make_sheet(**{"photo": photo, "out": Path("sheet.png"), **arguments})  # type: ignore[arg-type]
    assert not Path("sheet.png").exists()


def test_filters_are_completed(small_gallery: Path) -> None:
    Path("nets").mkdir()
    write_filter(Path("nets/a.onnx"))
    assert complete_filter("ne") == ["negative", "nets/"]
    assert complete_filter("nets/") == ["nets/a.onnx"]


def test_strengths_are_read() -> None:
    assert parse_strengths("0.5,1") == [0.5, 1]
    for text in ("", "a", "0.5,", "2", "nan"):
        with pytest.raises(ConfigError, match=f"--strengths {text}: give numbers from 0 to 1"):
            parse_strengths(text)


def test_long_captions_are_shortened(photos: Callable[..., list[Image8]]) -> None:
    [image] = photos(1, 40, 60)
    grid = captioned_grid([image, image[:20]], ["a-very-long-name-of-a-filter-file", "b"], 2)
    assert (grid[:, :7] == 255).all()
    assert (grid[50:, 69:75] == 255).all(), "a caption runs into the next cell"


def test_files_of_several_styles_have_a_cell_for_each(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = []
    monkeypatch.setattr(OnnxStylizer, "adjust", lambda _self, style: chosen.append(style))
    original = OnnxStylizer.__init__

    def with_styles(self: OnnxStylizer, *args: object, **options: object) -> None:
        original(self, *args, **options)  # type: ignore[arg-type]
        self.styles = 2

    monkeypatch.setattr(OnnxStylizer, "__init__", with_styles)
    write_filter(Path("two.onnx"), styles=("warm",))
    assert make_sheet(photo, Path("s.png"), ["two.onnx"], cell_px=40).filters == ("two: warm", "two: 1")
    assert chosen == [[1, 0], [0, 1]]
