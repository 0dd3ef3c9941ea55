"""Photos in folders such as `val` are split by content like all others, and a note says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pix2style.config.pairs import PairsConfig
from pix2style.images import Image8, encode_png
from pix2style.pairs.build.make_pairs import preview_pairs
from pix2style.progress import no_progress
from pix2style.training.data.photos import PhotoReader

from tint import TintTeacher  # isort: skip

Photos = Callable[..., list[Image8]]


def notes_of(content: tuple[Path, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    preview_pairs(PairsConfig(content=content, size=32), TintTeacher(), tmp_path / "out")
    return capsys.readouterr().err.splitlines()


def write(root: Path, names: list[str], photos: Photos) -> Path:
    for name, photo in zip(names, photos(len(names), 32, 32), strict=True):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(encode_png(photo))
    return root


@pytest.mark.parametrize("held_out", ["val", "Validation", "test2017", "holdout", "dev-set"])
def test_a_note_names_the_folders_and_what_to_do(
    tmp_path: Path, photos: Photos, held_out: str, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write(
        tmp_path / "photos", ["train/a.png", "train/b/c.png", f"{held_out}/d.png", f"x/{held_out}/e.png"], photos
    )
    [note] = notes_of((root,), tmp_path, capsys)
    assert f"2 of 4 photos are in folders that may be held out ({held_out}/, {held_out}/)" in note
    assert f"name only {root / 'train'} as content" in note


def test_without_a_folder_for_training_the_note_speaks_of_the_others(
    tmp_path: Path, photos: Photos, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write(tmp_path / "photos", ["a.png", "album/b.png", "test/d.png"], photos)
    [note] = notes_of((root,), tmp_path, capsys)
    assert "1 of 3 photos" in note
    assert "name only the other folders as content" in note


@pytest.mark.parametrize(
    "names",
    [
        ["a.png", "b.png"],
        ["train/a.png", "train/b.png"],
        ["val2017/a.png", "val2017/b.png"],
        ["tests of films/a.png", "b.png"],
    ],
)
def test_no_note_where_nothing_is_held_out_of_something_else(
    tmp_path: Path, photos: Photos, names: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert notes_of((write(tmp_path / "photos", names, photos),), tmp_path, capsys) == []


def test_names_of_content_folders_count_if_there_are_several(
    tmp_path: Path, photos: Photos, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write(tmp_path / "photos", ["train/a.png", "val/b.png"], photos)
    [note] = notes_of((root / "train", root / "val"), tmp_path, capsys)
    assert "1 of 2 photos" in note
    assert notes_of((root / "val",), tmp_path, capsys) == []


def test_training_without_targets_says_it_too(
    tmp_path: Path, photos: Photos, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write(tmp_path / "photos", ["train/a.png", "val/b.png"], photos)
    PhotoReader(PairsConfig(content=(root,), size=32), on_progress=no_progress)
    assert "1 of 2 photos are in folders that may be held out (val/)" in capsys.readouterr().err
