"""The command `pix2style infer`, for people and for scripts."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from pix2style.cli import main
from pix2style.errors import ArtifactError, DataError
from pix2style.images import Image8, encode_png, read_picture


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


@pytest.fixture
def infer(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    def call(*arguments: object) -> Done:
        monkeypatch.setattr("sys.argv", ["pix2style", "infer", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        printed = capfd.readouterr()
        return Done(int(left.value.code or 0), printed.out, printed.err)

    return call


@pytest.fixture
def folder(tmp_path: Path, photos: Callable[..., list[Image8]]) -> Path:
    for i, photo in enumerate(photos(3, 25, 33)):
        (tmp_path / "photos" / "sub").mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / "sub" / f"{i}.png").write_bytes(encode_png(photo))
    return tmp_path / "photos"


def test_folder(
    infer: Callable[..., Done],
    red_filter: Path,
    red_negative: Callable[[Image8], Image8],
    folder: Path,
    tmp_path: Path,
) -> None:
    done = infer(red_filter, folder, "-o", tmp_path / "out")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"{tmp_path / 'out'}: 3 photos stylized; ")
    assert "ms each" in done.out
    for name in ("0.png", "1.png", "2.png"):
        before, after = (read_picture(root / "sub" / name).rgb for root in (folder, tmp_path / "out"))
        assert np.array_equal(after, red_negative(before))


def test_some_fail(infer: Callable[..., Done], red_filter: Path, folder: Path, tmp_path: Path) -> None:
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    done = infer(red_filter, folder, "-o", tmp_path / "out")
    assert done.code == 1
    assert "3 photos stylized" in done.out
    assert "1 failed" in done.out
    assert done.err.startswith(f"failed: {folder / 'broken.jpg'}: ")
    assert len(done.err.splitlines()) == 1


def test_a_photo_larger_than_the_memory_fails_alone(
    infer: Callable[..., Done], red_filter: Path, folder: Path, tmp_path: Path
) -> None:
    (folder / "pano.tif").touch()
    os.truncate(folder / "pano.tif", 1 << 40)
    done = infer(red_filter, folder, "-o", tmp_path / "out")
    assert done.code == 1
    assert "3 photos stylized" in done.out
    assert done.err.startswith(f"failed: {folder / 'pano.tif'}: has 1099.5 GB, more than")


def test_only_the_first_20_failures_are_listed(
    infer: Callable[..., Done], red_filter: Path, folder: Path, tmp_path: Path
) -> None:
    for i in range(30):
        (folder / f"broken{i:02d}.jpg").write_bytes(b"")
    done = infer(red_filter, folder, "-o", tmp_path / "out", "--json")
    assert len(done.err.splitlines()) == 21
    assert "failed: 10 more files: see the report of --json" in done.err
    assert len(json.loads(done.out)["failures"]) == 30


def test_stdout_holds_only_json(infer: Callable[..., Done], red_filter: Path, folder: Path, tmp_path: Path) -> None:
    (folder / "broken.jpg").write_bytes(b"")
    infer(red_filter, folder / "sub" / "0.png", "-o", tmp_path / "out" / "sub")
    done = infer(red_filter, folder, "-o", tmp_path / "out", "--json")
    report = json.loads(done.out)
    assert done.code == 1
    assert report["skipped"] == [str(tmp_path / "out" / "sub" / "0.png")]
    assert report["written"] == [str(tmp_path / "out" / "sub" / f"{i}.png") for i in (1, 2)]
    assert report["failures"] == [{"path": str(folder / "broken.jpg"), "reason": "the file is empty"}]
    assert report["ms_per_picture"] > 0


def test_a_second_call_skips_existing_images(
    infer: Callable[..., Done], red_filter: Path, folder: Path, tmp_path: Path
) -> None:
    infer(red_filter, folder, "-o", tmp_path / "out")
    again = infer(red_filter, folder, "-o", tmp_path / "out")
    assert "0 photos stylized; 3 existed already (--overwrite replaces them)" in again.out
    assert "3 photos stylized" in infer(red_filter, folder, "-o", tmp_path / "out", "--overwrite").out


def test_format_and_quality(infer: Callable[..., Done], red_filter: Path, folder: Path, tmp_path: Path) -> None:
    infer(red_filter, folder, "-o", tmp_path / "fine", "--format", "jpg")
    infer(red_filter, folder, "-o", tmp_path / "coarse", "--format", "jpg", "--quality", "20")
    fine, coarse = (sorted((tmp_path / name).rglob("*.*")) for name in ("fine", "coarse"))
    assert [path.name for path in fine] == ["0.jpg", "1.jpg", "2.jpg"]
    assert all(a.stat().st_size < b.stat().st_size for a, b in zip(coarse, fine, strict=True))


@pytest.mark.parametrize("wrong", [["--quality", "0"], ["--quality", "101"], ["--format", "gif"]])
def test_wrong_options(
    infer: Callable[..., Done], red_filter: Path, folder: Path, tmp_path: Path, wrong: list[str]
) -> None:
    assert infer(red_filter, folder, "-o", tmp_path / "out", *wrong).code == 2
    assert not (tmp_path / "out").exists()


def test_errors_are_one_line_and_a_code(
    infer: Callable[..., Done], red_filter: Path, folder: Path, tmp_path: Path
) -> None:
    missing = infer(tmp_path / "none.onnx", folder, "-o", tmp_path / "out")
    assert missing.code == ArtifactError.exit_code
    assert missing.err.startswith(f"pix2style: {tmp_path / 'none.onnx'}: no such stylizer")
    photo = infer(folder / "sub" / "0.png", folder, "-o", tmp_path / "out")
    assert photo.code == ArtifactError.exit_code
    assert "not an ONNX file" in photo.err
    nothing = infer(red_filter, tmp_path / "nowhere", "-o", tmp_path / "out")
    assert nothing.code == DataError.exit_code
    assert "no such file or folder" in nothing.err
    for done in (missing, photo, nothing):
        assert done.out == ""
        assert len(done.err.splitlines()) == 1


def test_help_answers(infer: Callable[..., Done]) -> None:
    done = infer("--help")
    assert done.code == 0
    for word in ("FILTER", "INPUTS", "--overwrite", "--format", "--quality", "--json"):
        assert word in done.out


def test_strength_style_and_tiles(
    infer: Callable[..., Done], lite_file: Callable[..., Path], folder: Path, tmp_path: Path
) -> None:
    several = lite_file(styles=3)
    plain = infer(several, folder, "-o", tmp_path / "plain")
    assert "in tiles" not in plain.out
    infer(several, folder, "-o", tmp_path / "gone", "--strength", "0")
    infer(several, folder, "-o", tmp_path / "other", "--style", "0.2,0.8,0")
    infer(f"{several}@0.2,0.8,0", folder, "-o", tmp_path / "at")
    [photo, first, gone, other, at] = [
        read_picture(root / "sub" / "0.png").rgb
        for root in (folder, *(tmp_path / name for name in ("plain", "gone", "other", "at")))
    ]
    assert np.array_equal(gone, photo)
    assert not np.array_equal(first, other)
    assert np.array_equal(other, at)


def test_tiles_are_reported_only_if_they_are_used(
    infer: Callable[..., Done],
    red_filter: Path,
    red_negative: Callable[[Image8], Image8],
    folder: Path,
    tmp_path: Path,
) -> None:
    tiled = infer(red_filter, folder, "-o", tmp_path / "tiled", "--tile", "8")
    assert "3 photos stylized; " in tiled.out
    assert "; 3 of them in tiles" in tiled.out
    photo, output = (read_picture(root / "sub" / "1.png").rgb for root in (folder, tmp_path / "tiled"))
    assert np.array_equal(output, red_negative(photo))
    assert "in tiles" not in infer(red_filter, folder, "-o", tmp_path / "large", "--tile", "500").out
    assert json.loads(infer(red_filter, folder, "-o", tmp_path / "json", "--tile", "8", "--json").out)["tiled"] == 3


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["--strength", "1.5"], "strength is 1.5: give a number from 0"),
        (["--style", "1"], "red-negative.onnx@1: the file holds one style, so do not name a style"),
        (["--style", "waves"], "'waves' names no style"),
        (["--tile", "-5"], "tile is -5"),
    ],
)
def test_wrong_strengths_styles_and_tiles(
    infer: Callable[..., Done], red_filter: Path, folder: Path, tmp_path: Path, *, wrong: list[str], message: str
) -> None:
    done = infer(red_filter, folder, "-o", tmp_path / "out", *wrong)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert not (tmp_path / "out").exists()


def test_home_in_the_output_folder(
    infer: Callable[..., Done], red_filter: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (work := tmp_path / "work").mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("HOME", str(tmp_path))
    for number, option in enumerate((["--out=~/p0"], ["-o~/p1"], ["-o", "~/p2"])):
        assert infer(red_filter, "~/photos", *option).code == 0
        assert (tmp_path / f"p{number}" / "sub" / "0.png").is_file()
    done = infer(red_filter, folder, "--out=~nobody-here/x")
    assert done.code == 2
    assert done.err.startswith(
        "pix2style: --out ~nobody-here/x: there is no user 'nobody-here': write ./~nobody-here/x"
    )
    assert list(work.iterdir()) == []
