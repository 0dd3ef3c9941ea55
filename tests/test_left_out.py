"""Whatever lies in a folder and is not used is counted by every command that takes folders, also in `--json`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pix2style.cli import main
from pix2style.images import Image8, Picture, write_picture

EXPECTED = {"linked folder": 1, "video": 1, "other file": 2, "hidden file": 1}
TEXT = "1 linked folder (more: to include it, name it as an input), 1 video (.mov), 2 files of other kinds (.txt)"


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["pix2style", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        printed = capfd.readouterr()
        return int(left.value.code or 0), printed.out, printed.err

    return run


def clutter(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("a.mov", "b.txt", "c.TXT", ".hidden.png"):
        (folder / name).write_bytes(b"")
    (folder.parent / "elsewhere").mkdir(exist_ok=True)
    (folder / "more").symlink_to(folder.parent / "elsewhere")


@pytest.fixture
def folder(photos: Callable[..., list[Image8]], tmp_path: Path) -> Path:
    for i, photo in enumerate(photos(4, 64, 64)):
        write_picture(tmp_path / "in" / f"{i}.png", Picture(photo))
    clutter(tmp_path / "in")
    return tmp_path / "in"


def test_infer(call: Callable[..., Any], red_filter: Path, folder: Path, tmp_path: Path) -> None:
    code, out, err = call("infer", red_filter, folder, "-o", tmp_path / "out")
    assert (code, err) == (1, f"failed: {folder / 'a.mov'}: the file is empty\n")  # a clip, which infer takes
    without_video = TEXT.replace("1 video (.mov), ", "")
    assert f"; left out: {without_video}, 1 hidden file\n" in out
    _, out, _ = call("infer", red_filter, folder, "-o", tmp_path / "out", "--json")
    report = json.loads(out)
    assert report["left_out_counts"] == {kind: count for kind, count in EXPECTED.items() if kind != "video"}
    assert {Path(item["path"]).name for item in report["left_out"]} == {
        "b.txt",
        "c.TXT",
        ".hidden.png",
        "more",
    }


def test_results_inside_the_folder_are_counted(
    call: Callable[..., Any], red_filter: Path, folder: Path, tmp_path: Path
) -> None:
    call("infer", red_filter, folder, "-o", folder / "out")
    _, out, _ = call("infer", red_filter, folder, "-o", folder / "out")
    assert "4 results of earlier calls" in out


def test_a_folder_without_photos_is_a_failure_if_it_was_named(
    call: Callable[..., Any], red_filter: Path, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    code, out, err = call("infer", red_filter, folder, tmp_path / "empty", "-o", tmp_path / "out")
    assert code == 1
    assert "4 photos stylized" in out
    assert f"failed: {tmp_path / 'empty'}: there are no photos or clips in it" in err


@pytest.mark.parametrize("name", ["notes.txt", "clip.mov", "photo", "raw.dng", "drawing.svg"])
def test_what_is_named_and_cannot_be_stylized_is_a_failure(
    call: Callable[..., Any], red_filter: Path, folder: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text("no picture")
    code, _, err = call("infer", red_filter, folder, tmp_path / name, "-o", tmp_path / "out")
    assert code == 1
    assert f"failed: {tmp_path / name}: " in err


def test_one_is_not_plural(call: Callable[..., Any], red_filter: Path, folder: Path, tmp_path: Path) -> None:
    _, out, _ = call("infer", red_filter, folder / "0.png", "-o", tmp_path / "out")
    assert ": 1 photo stylized; " in out


def test_make_pairs(call: Callable[..., Any], folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    options = ("--teacher", "watercolor", "--out", tmp_path / "pairs", "--size", "64")
    inputs = ("--content", folder, "--content", tmp_path / "empty")
    code, out, err = call("make-pairs", *inputs, *options, "--dry-run", "--json")
    assert json.loads(out)["left_out"] == EXPECTED
    code, out, err = call("make-pairs", *inputs, *options)
    assert code == 1
    assert f"note: left out in the folders of photos: {TEXT}, 1 hidden file" in err
    assert "failed: empty: there are no images in this folder" in err
    code, out, _ = call("make-pairs", *inputs, *options, "--json")
    report = json.loads(out)
    assert report["already_finished"]
    assert report["left_out"] == EXPECTED


def test_eval(call: Callable[..., Any], red_filter: Path, folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("kornia")
    (tmp_path / "empty").mkdir()
    options = ("--photos", folder, "--photos", tmp_path / "empty", "--features", "none")
    code, out, _ = call("eval", red_filter, "--teacher", "watercolor", *options, "--json")
    report = json.loads(out)
    assert code == 1
    assert report["material"]["left_out"] == EXPECTED
    assert f"left out: {TEXT}, 1 hidden file" in report["notes"]
    assert [failure["reason"] for failure in report["failures"]] == ["there are no images in this folder"]


def test_pairs_import_and_training_on_folders(
    call: Callable[..., Any], photos: Callable[..., list[Image8]], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from pix2style.pairs.exchange.plain_folders import open_pairs

    for i, photo in enumerate(photos(4, 64, 64)):
        write_picture(tmp_path / "own" / "content" / f"{i}.png", Picture(photo))
        write_picture(tmp_path / "own" / "target" / f"{i}.png", Picture(255 - photo))
    clutter(tmp_path / "own" / "target")
    code, out, _ = call("pairs", "import", tmp_path / "own", "--out", tmp_path / "set")
    assert code == 0
    assert f"  left out    {TEXT}, 1 hidden file" in out
    _, out, _ = call("pairs", "import", tmp_path / "own", "--out", tmp_path / "set2", "--json")
    assert json.loads(out)["left_out"] == EXPECTED
    capfd.readouterr()
    open_pairs(tmp_path / "own")
    assert f"note: {tmp_path / 'own'}: left out: {TEXT}, 1 hidden file" in capfd.readouterr().err


@pytest.mark.parametrize("out", [("-o", "-"), ("--out", "-"), ("--out=-",), ("-o-",)])
@pytest.mark.parametrize(
    "command",
    [
        ("make-pairs",),
        ("export", "run"),
        ("stylize",),
        ("quickstart",),
        ("train-features",),
    ],
)
def test_standard_output_is_refused(
    call: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
    out: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    code, printed, err = call(*command, *out)
    assert (code, printed) == (2, "")
    assert err == "pix2style: --out -: writing to standard output is not possible: name a file or a folder\n"
    assert list(tmp_path.iterdir()) == []
