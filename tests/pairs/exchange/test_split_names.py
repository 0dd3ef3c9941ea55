"""Splits that file names, lists and contradicting names say: taken where all say one, or else refused or counted."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pix2style.errors import DataError
from pix2style.images import encode_png
from pix2style.pairs.exchange.layouts import open_pair_source
from pix2style.pairs.exchange.plain_folders import PlainFolderReader
from pix2style.pairs.exchange.split_choice import BY_CONTENT, choose_splits

from sets import detailed_photo  # isort: skip

PHOTO = detailed_photo(0, 32, 32)
ALBUM = [f"IMG_{i:04d}" for i in range(300)]


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (["train_cat", "train_dog", "val_beach", "test_hill"], ("train", "train", "val", "test")),
        (["cat_train", "beach_val"], ("train", "val")),
        (["train_a3f", "val_c5", "test_ee"], ("train", "val", "test")),
        (["COCO_train2014_000000000009", "COCO_val2014_000000000042"], ("train", "val")),
        (["img-train-c5", "img-validation-c5"], ("train", "val")),
        (["trainCat", "holdoutDog"], ("train", "val")),
        (["val_cat", "val_dog"], ("val", "val")),
    ],
)
def test_words_of_splits_in_all_file_names_are_taken(names: list[str], splits: tuple[str, ...]) -> None:
    choice = choose_splits(Path("x"), names)
    assert choice.splits == splits
    assert choice.reason.startswith("by the file names")


@pytest.mark.parametrize(
    "names",
    [
        ["cat", "dog", "val_beach", "test_hill"],
        [*ALBUM, "ILSVRC2012_val_00000001", "ILSVRC2012_val_00000002"],
        ["train_1", "train_2", "val_1", "beach"],
        ["cat", "dog", "cow", "val_beach", "val_hill", "lake_val"],
        ["trainval_1", "trainval_2"],
        ["train_cat", "val_dog", "trainval_hill", "val_cow"],
    ],
)
def test_words_of_splits_in_some_file_names_are_refused(names: list[str]) -> None:
    with pytest.raises(DataError, match="say a split"):
        choose_splits(Path("x"), names)


@pytest.mark.parametrize(
    ("names", "count"),
    [
        ([*ALBUM, "test"], "1 name holds"),
        ([*ALBUM, "test", "train_station"], "2 names hold"),
        ([*ALBUM, "val_1"], "1 name holds"),
        ([*ALBUM, "at the test track", "my last train", "a_val_di_fassa"], "3 names hold"),
        (["train_1", "train_2"], "2 names hold"),
    ],
)
def test_an_album_may_hold_such_words(names: list[str], count: str) -> None:
    choice = choose_splits(Path("x"), names)
    assert choice.splits is None
    assert f"by content: {count} the word of a split" in choice.reason
    assert BY_CONTENT not in choice.reason


@pytest.mark.parametrize(
    "name", ["train/validation_cats/a", "validation_cats/train/a", "train/val_1", "train/holdout cats/a", "val/test_3"]
)
def test_held_out_words_in_another_split_are_refused(name: str) -> None:
    with pytest.raises(DataError, match="says a different split"):
        choose_splits(Path("x"), ["train/0", "test/0", name])


@pytest.mark.parametrize("name", ["val/train_station/a", "val/train_7", "train/test", "eval/val_3", "val/eval_3"])
def test_words_that_hide_nothing_do_not_matter(name: str) -> None:
    assert choose_splits(Path("x"), ["train/0", name]).splits is not None


@pytest.mark.parametrize(
    "folders",
    [("fold_a", "fold_b"), ("foldA", "foldB"), ("split1", "split2"), ("split_a", "split_b"), ("kfold-1", "kfold-2")],
)
def test_parts_of_a_cross_validation_are_refused(folders: tuple[str, str]) -> None:
    for inner in ("", "train/"):
        with pytest.raises(DataError, match="parts of a cross-validation"):
            choose_splits(Path("x"), [f"{folder}/{inner}1" for folder in folders])


def test_parts_inside_a_split_are_no_cross_validation() -> None:
    assert choose_splits(Path("x"), ["train/split1/a", "train/split2/a", "val/a"]).splits == ("train", "train", "val")
    assert choose_splits(Path("x"), ["split1/train/a", "split1/val/a"]).splits == ("train", "val")


def test_short_names_of_splits_count_together() -> None:
    assert choose_splits(Path("x"), ["tr/a", "Va/a", "te/a"]).splits == ("train", "val", "test")
    assert choose_splits(Path("x"), ["tr/a", "beach/a"]).splits is None
    with pytest.raises(DataError, match="in no folder that names a split"):
        choose_splits(Path("x"), ["train/a", "te/a"])


def write_pairs(folder: Path, names: list[str]) -> None:
    for role in ("content", "target"):
        for name in names:
            path = folder / role / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode_png(PHOTO))


@pytest.mark.parametrize(
    "name",
    [
        *("train.txt", "val.txt", "splits.json", "split.csv", "data_split.json", "Test.TXT", "val_list.txt"),
        *("trainlist01.txt", "lists/train.txt", "ImageSets/Main/trainval.txt", "content/val.txt", "validation.jsonl"),
    ],
)
@pytest.mark.parametrize("pairs", [["a", "b"], ["train/a", "train/b"]])
def test_lists_of_splits_are_refused(tmp_path: Path, name: str, pairs: list[str]) -> None:
    write_pairs(tmp_path, pairs)
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("a\n")
    for read in (PlainFolderReader, open_pair_source):
        with pytest.raises(DataError, match=r"seems to list the files of a split, but lists are not read"):
            read(tmp_path)  # type: ignore[operator]


def test_lists_beside_folders_of_splits_and_other_texts_do_not_matter(tmp_path: Path) -> None:
    write_pairs(tmp_path / "folders", ["train/a", "val/b"])
    (tmp_path / "folders" / "val.txt").write_text("b\n")
    assert len(PlainFolderReader(tmp_path / "folders").entries("val")) == 1
    write_pairs(tmp_path / "album", ["a", "b", "test"])
    for name in ("content/test.txt", "README.txt", "test results.txt", "licences.json", "contest.txt"):
        (tmp_path / "album" / name).write_text("a caption")
    assert "by content" in PlainFolderReader(tmp_path / "album").split_reason


def test_a_parquet_file_whose_name_and_column_differ_is_refused(tmp_path: Path) -> None:
    def write(name: str, split: str) -> None:
        image = encode_png(PHOTO)
        pq.write_table(pa.table({"input_image": [image], "edited_image": [image], "split": [split]}), tmp_path / name)

    write("train-00000-of-00001.parquet", "train")
    write("holdout-00000-of-00001.parquet", "validation")
    assert open_pair_source(tmp_path).splits_given
    write("holdout-00000-of-00001.parquet", "train")
    with pytest.raises(
        DataError, match=r"holdout-00000-of-00001\.parquet says held-out, but its column split holds 'tr"
    ):
        open_pair_source(tmp_path)
