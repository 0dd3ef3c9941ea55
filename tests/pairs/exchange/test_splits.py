"""Held-out photos are never trained on: splits by names, in every usual layout and spelling."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pix2style.errors import DataError
from pix2style.images import encode_png
from pix2style.pairs.exchange.importing import ImportSettings, import_pairs
from pix2style.pairs.exchange.layouts import open_pair_source
from pix2style.pairs.exchange.plain_folders import PlainFolderReader, open_pairs
from pix2style.pairs.exchange.split_choice import choose_splits
from pix2style.pairs.format.name_meaning import name_meaning
from pix2style.pairs.format.reader import PairReader
from pix2style.pairs.format.records import SPLITS

from sets import Negative, detailed_photo  # isort: skip

SIDE_PX = 64
_PHOTOS = [detailed_photo(i, SIDE_PX, SIDE_PX) for i in range(12)]
_TARGETS = Negative().stylize(_PHOTOS)
_TRAIN, _HELD_OUT = range(8), range(8, 12)


def write(path: Path, index: int, role: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_png((_PHOTOS if role == "content" else _TARGETS)[index]))


def write_layout(folder: Path, layout: str, train: str = "train", held_out: str = "validation") -> None:
    """Write eight training pairs and four held-out ones.

    Args:
        folder: Folder of the pairs.
        layout: Path of a file, in which SPLIT, ROLE, AB and * stand for its split, role and number.
        train: Name of the training folder.
        held_out: Name of the folder of the held-out pairs.
    """
    for split, indices in ((train, _TRAIN), (held_out, _HELD_OUT)):
        for index in indices:
            for role, letter in (("content", "A"), ("target", "B")):
                name = layout.replace("SPLIT", split).replace("ROLE", role).replace("AB", letter)
                write(folder / name.replace("*", str(index)), index, role)


def trained_on(reader: PairReader) -> set[int]:
    return {int(Path(entry.source).stem) for entry in reader.entries("train")}


def assert_held_out(folder: Path, tmp_path: Path, split: str = "val") -> None:
    """Check that training and an import of the folder take the same eight pairs for training."""
    reader = PlainFolderReader(folder)
    import_pairs(open_pair_source(folder), tmp_path / "set")
    for opened in (reader, PairReader(tmp_path / "set")):
        assert trained_on(opened) == set(_TRAIN)
        held_out = [len(opened.entries(name)) for name in SPLITS if name == split]
        assert held_out == [len(_HELD_OUT)]


@pytest.mark.parametrize(
    ("name", "split"),
    [
        *[(name, "val") for name in ("validation", "valid", "val", "dev", "Val", "VALIDATION", "val_set", "valset")],
        *[(name, "val") for name in ("02_val", "val2017", "validation-images", "eval", "evaluation", "holdout")],
        *[(name, "val") for name in ("held_out", "hold-out", "HeldOut", "dev-set", "validation pictures")],
        *[(name, "test") for name in ("test", "Test", "TEST", "testing", "test_set", "TestSet", "3-test", "testdev")],
    ],
)
def test_a_folder_of_held_out_photos_is_not_trained_on(tmp_path: Path, name: str, split: str) -> None:
    write_layout(tmp_path / "own", "ROLE/SPLIT/*.png", held_out=name)
    assert_held_out(tmp_path / "own", tmp_path, split)


@pytest.mark.parametrize(
    "layout",
    [
        "ROLE/SPLIT/*.png",
        "SPLIT/ROLE/*.png",
        "SPLIT/AB/*.png",
        "SPLITAB/*.png",
        "SPLIT_AB/*.png",
        "AB_SPLIT/*.png",
        "SPLIT-ROLE/*.png",
        "AB/SPLIT/*.png",
        "data/SPLIT/ROLE/beach/*.png",
        "ROLE/beach/SPLIT/*.png",
        "ROLE/pictures/SPLIT/2019/*.png",
    ],
)
@pytest.mark.parametrize(("train", "held_out"), [("train", "validation"), ("Training", "valid")])
def test_every_usual_layout(tmp_path: Path, layout: str, train: str, held_out: str) -> None:
    write_layout(tmp_path / "own", layout, train, held_out)
    assert_held_out(tmp_path / "own", tmp_path)


@pytest.mark.parametrize("roles", [("photos", "paintings"), ("input", "output"), ("source", "target"), ("A", "B")])
def test_other_names_of_the_two_folders(tmp_path: Path, roles: tuple[str, str]) -> None:
    write_layout(tmp_path / "own", "ROLE/SPLIT/*.png")
    for old, new in zip(("content", "target"), roles, strict=True):
        (tmp_path / "own" / old).rename(tmp_path / "own" / new)
    assert_held_out(tmp_path / "own", tmp_path)


def test_the_two_folders_may_spell_a_split_differently(tmp_path: Path) -> None:
    write_layout(tmp_path / "own", "ROLE/SPLIT/*.png", "train", "validation")
    (tmp_path / "own" / "target" / "validation").rename(tmp_path / "own" / "target" / "Val")
    assert_held_out(tmp_path / "own", tmp_path)


def test_stray_files_do_not_matter(tmp_path: Path) -> None:
    own = tmp_path / "own"
    write_layout(own, "ROLE/SPLIT/*.png")
    for role in ("content", "target"):
        for stray in (".DS_Store", "Thumbs.db", "README.md", "train/.DS_Store", "desktop.ini", "train/._3.png"):
            (own / role / stray).write_bytes(b"stray")
        for stray_folder in ("__MACOSX", "@eaDir", ".ipynb_checkpoints"):
            write(own / role / stray_folder / "3.png", 3, "content")
    write(own / "__MACOSX" / "content" / "x.png", 3, "content")
    write(own / "__MACOSX" / "target" / "x.png", 3, "target")
    write(own / "sheet.png", 3, "content")
    assert_held_out(own, tmp_path)


def test_a_picture_without_a_partner_does_not_change_the_splits_of_an_import(tmp_path: Path) -> None:
    write_layout(tmp_path / "own", "ROLE/SPLIT/*.png")
    write(tmp_path / "own" / "content" / "preview.png", 2, "content")
    report = import_pairs(open_pair_source(tmp_path / "own"), tmp_path / "set")
    assert trained_on(PairReader(tmp_path / "set")) == set(_TRAIN)
    assert [failure.source for failure in report.manifest.failures] == ["content/preview.png"]
    with pytest.raises(DataError, match=r"preview\.png"):
        PlainFolderReader(tmp_path / "own")


@pytest.mark.parametrize(
    ("folders", "said"),
    [
        (("train", "unclear val"), "are in no folder that names a split"),
        (("train", "beach"), "are in no folder that names a split"),
        (("beach", "test shots"), "'?test shots/ may be a split"),
        (("beach", "trainval"), "trainval/ may be a split"),
        (("train", "train/val"), "name more than one split"),
        (("fold0", "fold1"), "are parts of a cross-validation"),
        (("", "val"), "are in no folder that names a split"),
    ],
)
def test_what_is_not_understood_is_refused(tmp_path: Path, folders: tuple[str, str], said: str) -> None:
    write_layout(tmp_path / "own", "ROLE/SPLIT/*.png", *folders)
    for read in (PlainFolderReader, open_pair_source):
        with pytest.raises(DataError, match=said):
            read(tmp_path / "own")  # type: ignore[operator]


@pytest.mark.parametrize("folders", [("beach", "2019"), ("train station", "beach"), ("1", "2"), ("", "contest")])
def test_albums_are_split_by_content(tmp_path: Path, folders: tuple[str, str]) -> None:
    write_layout(tmp_path / "own", "ROLE/SPLIT/*.png", *folders)
    reader = PlainFolderReader(tmp_path / "own", val_share=0.3, test_share=0.3)
    assert reader.manifest.teacher.settings["splits"] == "by content"
    said = "which was not taken for a split" if "train station" in folders else "as no folder or file name says a split"
    assert "by content" in reader.describe_splits()
    assert said in reader.describe_splits()


def test_a_second_held_out_folder_is_the_test_split() -> None:
    names = ["train/a", "eval/b", "dev/c"]
    assert choose_splits(Path("x"), names).splits == ("train", "test", "val")
    assert choose_splits(Path("x"), ["train/a", "holdout/b", "test/c"]).splits == ("train", "val", "test")
    assert choose_splits(Path("x"), ["training shots/a", "test shots/b"]).splits == ("train", "test")


def test_file_names_may_say_the_split() -> None:
    marked = [*(f"train_{i}" for i in range(3)), "val_1", "test-7"]
    choice = choose_splits(Path("x"), marked)
    assert choice.splits == ("train", "train", "train", "val", "test")
    assert "file names" in choice.reason
    assert choose_splits(Path("x"), ["1_train", "2_test"]).splits == ("train", "test")
    assert choose_splits(Path("x"), ["beach", "test", "test of my camera"]).splits is None
    with pytest.raises(DataError, match="the names of 2 files say a split"):
        choose_splits(Path("x"), ["beach", "val_1", "val_2"])


def test_words_that_only_look_like_splits() -> None:
    for name in ("contest", "valley", "trainers", "testament", "devon", "evaluations of 2019", "Valentin"):
        assert name_meaning(name).clear_split is None, name


def test_the_splits_are_printed_with_their_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_layout(tmp_path / "own", "ROLE/SPLIT/*.png")
    open_pairs(tmp_path / "own")
    assert "splits: train 8, val 4, test 0, by the folders train/ and validation/ (val)" in capsys.readouterr().err
    report = import_pairs(open_pair_source(tmp_path / "own"), tmp_path / "set")
    assert report.to_json()["splits"] == "by the folders train/ and validation/ (val)"


# -- pictures side by side --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("held_out", ["val", "validation", "Test", "holdout"])
def test_side_by_side_pictures_keep_their_splits(tmp_path: Path, held_out: str) -> None:
    import numpy as np

    for split, indices in (("train", _TRAIN), (held_out, _HELD_OUT)):
        for index in indices:
            path = tmp_path / "ab" / split / f"{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode_png(np.hstack([_PHOTOS[index], _TARGETS[index]])))
    (tmp_path / "ab" / "__MACOSX" / "train").mkdir(parents=True)
    (tmp_path / "ab" / "__MACOSX" / "train" / "0.png").write_bytes(b"copy")
    import_pairs(open_pair_source(tmp_path / "ab"), tmp_path / "set")
    assert trained_on(PairReader(tmp_path / "set")) == set(_TRAIN)
    (tmp_path / "ab" / "cover.png").write_bytes((tmp_path / "ab" / "train" / "0.png").read_bytes())
    with pytest.raises(DataError, match=r"1 of 13 pairs is in no folder that names a split \(for example cover\)"):
        open_pair_source(tmp_path / "ab")


# -- parquet ----------------------------------------------------------------------------------------------------------


def write_rows(path: Path, indices: range, splits: list[str | int | None] | None = None) -> None:
    columns: dict[str, list[object]] = {
        "input_image": [encode_png(_PHOTOS[index]) for index in indices],
        "edited_image": [encode_png(_TARGETS[index]) for index in indices],
        "source": [f"{index}.png" for index in indices],
    }
    if splits is not None:
        columns["split"] = list(splits)
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)


@pytest.mark.parametrize(
    ("train", "held_out"),
    [
        ("train-00000-of-00001.parquet", "validation-00000-of-00001.parquet"),
        ("Train.parquet", "Test.parquet"),
        ("data/default/train/0000.parquet", "data/default/valid/0000.parquet"),
        ("mine_train.parquet", "mine_eval.parquet"),
        ("training.parquet", "holdout.PARQUET"),
    ],
)
def test_parquet_files_keep_their_splits(tmp_path: Path, train: str, held_out: str) -> None:
    write_rows(tmp_path / "data" / train, _TRAIN)
    write_rows(tmp_path / "data" / held_out, _HELD_OUT)
    (tmp_path / "data" / "._train.parquet").write_bytes(b"of macOS")
    import_pairs(open_pair_source(tmp_path / "data"), tmp_path / "set")
    assert trained_on(PairReader(tmp_path / "set")) == set(_TRAIN)


@pytest.mark.parametrize("value", ["validation", "Test", "dev", "held-out"])
def test_a_parquet_column_keeps_its_splits(tmp_path: Path, value: str) -> None:
    write_rows(tmp_path / "data.parquet", range(12), [*["Train"] * 8, *[value] * 4])
    report = import_pairs(open_pair_source(tmp_path / "data.parquet"), tmp_path / "set")
    assert trained_on(PairReader(tmp_path / "set")) == set(_TRAIN)
    assert report.split_reason == "by the column split"


@pytest.mark.parametrize("value", ["part two", 1, None])
def test_a_parquet_column_that_is_not_understood_is_refused(tmp_path: Path, value: str | int | None) -> None:
    train = 0 if value == 1 else "train"
    write_rows(tmp_path / "data.parquet", range(12), [*[train] * 8, *[value] * 4])
    with pytest.raises(DataError, match="its column split holds"):
        open_pair_source(tmp_path / "data.parquet")


def test_parquet_files_of_which_only_some_name_a_split_are_refused(tmp_path: Path) -> None:
    write_rows(tmp_path / "data" / "train.parquet", _TRAIN)
    write_rows(tmp_path / "data" / "more.parquet", _HELD_OUT)
    with pytest.raises(DataError, match=r"more\.parquet says no split"):
        open_pair_source(tmp_path / "data")


def test_an_import_by_content_says_so(tmp_path: Path) -> None:
    write_rows(tmp_path / "data.parquet", range(12))
    source = open_pair_source(tmp_path / "data.parquet")
    report = import_pairs(source, tmp_path / "set", ImportSettings(val_share=0.3, test_share=0.3))
    assert "by content" in report.split_reason
