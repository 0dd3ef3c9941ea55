"""`infer --shard`: what a person of a batch system reads, and what is refused."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pix2style.images import Image8, encode_png
from pix2style.stylizer import Stylizer

Pix2Style = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(photos: Callable[..., list[Image8]], tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    for number, photo in enumerate(photos(3, 16, 20)):
        (tmp_path / "photos" / f"{number}.png").write_bytes(encode_png(photo))
    (tmp_path / "photos" / "notes.txt").touch()
    return tmp_path / "photos"


def test_parts_say_what_they_did(pix2style: Pix2Style, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, printed, notes = pix2style("infer", "watercolor", folder, "-o", out, "--shard", "1/2")
    assert (code, notes) == (0, "")
    assert printed.startswith(f"{out}: part 1/2 of 3 photos and clips; 2 photos stylized; ")
    assert "left out: 1 file of another kind (.txt)" in printed
    code, printed, _ = pix2style("infer", "watercolor", folder, "-o", out, "--shard=2/2", "--json")
    report = json.loads(printed)
    assert (code, report["shard"], report["inputs"], report["left_out"]) == (0, "2/2", 3, [])
    assert report["written"] == [str(out / "1.png")]
    assert sorted(path.name for path in out.iterdir()) == ["0.png", "1.png", "2.png"]
    code, printed, _ = pix2style("infer", "watercolor", folder, "-o", out, "--shard", "5/5")
    assert (code, printed) == (0, f"{out}: part 5/5 of 3 photos and clips: nothing to do\n")


def test_lists(pix2style: Pix2Style, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = "\n".join([*(str(folder / f"{i}.png") for i in range(3)), str(folder / "absent.png")])
    (tmp_path / "list.txt").write_text(names)
    code, _, notes = pix2style(
        "infer", "watercolor", "--files-from", tmp_path / "list.txt", "-o", tmp_path / "out", "--shard", "2/2"
    )
    assert (code, notes) == (0, "")  # the missing file is the first part's
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(names.encode())))
    code, _, notes = pix2style("infer", "watercolor", "--files-from", "-", "-o", tmp_path / "out", "--shard=1/2")
    assert (code, notes) == (1, f"failed: {folder / 'absent.png'}: no such file or folder\n")
    assert len(list((tmp_path / "out").iterdir())) == 3


@pytest.mark.parametrize("text", ["0/3", "4/3", "1/0", "2", "a/b", "1/3/5", "9" * 5000 + "/2"])
def test_no_such_part(pix2style: Pix2Style, folder: Path, tmp_path: Path, text: str) -> None:
    code, _, notes = pix2style("infer", "watercolor", folder, "-o", tmp_path / "out", "--shard", text)
    assert (code, notes.startswith(f"pix2style: --shard {text}: ")) == (2, True), notes


def test_single_images_have_no_parts(pix2style: Pix2Style, folder: Path, tmp_path: Path) -> None:
    photo = folder / "0.png"
    for arguments in (["-", "-o", tmp_path / "out"], [photo, "-o", "-"]):
        code, _, notes = pix2style("infer", "watercolor", *arguments, "--shard", "1/2")
        assert (code, notes) == (
            2,
            "pix2style: --shard 1/2: - is a single image: leave out --shard, or name files or folders\n",
        )
    code, _, notes = pix2style("infer", "watercolor", photo, "-o", tmp_path / "x.png", "--shard", "2/2")
    assert code == 2
    assert notes.startswith(f"pix2style: --shard 2/2: {tmp_path / 'x.png'} is the output of a single input: give a ")
    assert not (tmp_path / "x.png").exists()


@pytest.mark.parametrize("option", [["--format", "png"], ["--crf", "20"]])
def test_a_list_of_missing_files_says_so_whatever_the_options(
    pix2style: Pix2Style, tmp_path: Path, option: list[str]
) -> None:
    (tmp_path / "list.txt").write_text("absent.jpg\n")
    code, _, notes = pix2style(
        "infer", "watercolor", "--files-from", tmp_path / "list.txt", "-o", tmp_path / "out", *option
    )
    assert (code, notes) == (1, "failed: absent.jpg: no such file or folder\n")


def test_who_stylizes_is_said_of_photos_and_clips(
    pix2style: Pix2Style, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Stylizer, "description", "a network")
    notes = pix2style("infer", "watercolor", folder, "-o", tmp_path / "out", "--shard", "9/9")[2]
    assert notes == "note: photos and clips are stylized by a network\n"
