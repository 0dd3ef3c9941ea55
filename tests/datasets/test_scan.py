"""Scan folders of images, and write and read dataset cards."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pix2style.datasets.card import DatasetSource, card_text, kaggle_source, read_source, write_card
from pix2style.datasets.scan import DatasetScan, SideRange, scan_dataset
from pix2style.errors import DataError

WriteTree = Callable[[Path, dict[str, bytes]], Path]


@pytest.fixture
def folder(tmp_path: Path, dataset: dict[str, bytes], write_tree: WriteTree) -> Path:
    return write_tree(tmp_path / "set", dataset)


def test_what_is_found(folder: Path, dataset: dict[str, bytes]) -> None:
    (folder / "content" / "bad.JPG").write_bytes(b"no picture")
    scan = scan_dataset(folder)
    content, style = scan.folders
    assert (scan.files, scan.pictures) == (len(dataset) + 1, 18)
    assert scan.size_bytes == sum(map(len, dataset.values())) + 10
    assert (content.path, content.looks_like, content.pictures, content.folders) == ("content", "content", 13, 1)
    assert content.unreadable == (
        ("content/bad.JPG", "not a picture in a known format (JPEG, PNG, WebP, TIFF, AVIF, BMP, GIF, PPM)"),
    )
    assert (content.width_px, content.height_px) == (SideRange(24, 24, 24), SideRange(16, 16, 16))
    assert (style.path, style.looks_like, style.folders, style.pictures) == ("style", "style", 2, 5)
    assert style.height_px == SideRange(40, 42, 44)
    assert style.suffixes == {".jpg": 5}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("train/COCO_photos/a/b", ("train/COCO_photos", "content")),
        ("coco-wikiart/style", ("coco-wikiart/style", "style")),  # the first name says both
        ("images/x/y", ("images", None)),
        ("artifacts", ("artifacts", None)),
        (".", (".", None)),
    ],
)
def test_roles_are_read_from_names(
    tmp_path: Path, dataset: dict[str, bytes], write_tree: WriteTree, name: str, found: tuple[str, str | None]
) -> None:
    write_tree(tmp_path, {f"{name}/1.jpg": dataset["content/001.jpg"]})
    [one] = scan_dataset(tmp_path).folders
    assert (one.path, one.looks_like) == found


def test_only_a_sample_is_decoded_and_it_is_spread(folder: Path) -> None:
    (folder / "content" / "011.jpg").write_bytes(b"damaged")
    scan = scan_dataset(folder, sample_size=3)
    assert [one.sampled for one in scan.folders] == [3, 3]
    assert scan.folders[0].unreadable == ()
    assert [len(one.unreadable) for one in scan_dataset(folder, sample_size=12).folders] == [1, 0]


def test_the_digest_is_of_names_and_sizes(folder: Path) -> None:
    def digest() -> str:
        return scan_dataset(folder).sha256

    first = digest()
    write_card(folder, scan_dataset(folder), DatasetSource("mine"))
    (folder / ".DS_Store").write_bytes(b"1")
    assert digest() == first
    os.utime(folder / "list.csv", (1, 1))
    assert digest() == first
    (folder / "list.csv").write_bytes(b"shorter")
    second = digest()
    (folder / "list.csv").rename(folder / "list.txt")
    assert len({first, second, digest()}) == 3


def test_odd_entries(folder: Path) -> None:
    os.mkfifo(folder / "content" / "pipe.jpg")
    (folder / "content" / "loop").symlink_to(folder)
    (folder / "content" / "gone.jpg").symlink_to("nowhere")
    Path(os.fsdecode(os.fsencode(folder) + b"/content/caf\xe9.jpg")).write_bytes(b"")
    scan = scan_dataset(folder)
    assert scan.folders[0].pictures == 13
    assert scan.folders[0].unreadable == (("content/caf\\xe9.jpg", "the file is empty"),)
    write_card(folder, scan, DatasetSource("mine"))
    assert "caf\\xe9" in (folder / "DATASET.md").read_text()


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        scan_dataset(tmp_path / "none")


def test_a_folder_without_pictures(tmp_path: Path) -> None:
    scan = scan_dataset(tmp_path)
    assert (scan.pictures, scan.folders) == (0, ())
    assert "0 pictures in 0 files" in card_text(scan, DatasetSource("empty"))


def test_the_card_comes_back_and_is_the_same_again(folder: Path) -> None:
    source = kaggle_source("owner/name", 3)
    write_card(folder, scan_dataset(folder), source)
    before = {name: (folder / name).read_bytes() for name in ("DATASET.md", "dataset.json")}
    assert read_source(folder) == source
    write_card(folder, scan_dataset(folder), source)
    assert {name: (folder / name).read_bytes() for name in before} == before
    assert "https://www.kaggle.com/datasets/owner/name" in source.licences[0]
    assert json.loads(before["dataset.json"])["found"]["folders"][1]["height_px"] == {
        "smallest": 40,
        "median": 42,
        "largest": 44,
    }


@pytest.mark.parametrize("name", ["DATASET.md", "dataset.json"])
def test_a_card_of_somebody_else_is_not_overwritten(folder: Path, name: str) -> None:
    (folder / name).write_text('{"theirs": 1}')
    with pytest.raises(DataError, match=f"{name}: was not written by pix2style"):
        write_card(folder, scan_dataset(folder), DatasetSource("mine"))
    assert (folder / name).read_text() == '{"theirs": 1}'


def test_a_card_of_endless_nesting_is_none(folder: Path) -> None:
    (folder / "dataset.json").write_text("[" * 100_000)
    assert read_source(folder) is None


def test_names_cannot_break_the_card(tmp_path: Path, dataset: dict[str, bytes], write_tree: WriteTree) -> None:
    write_tree(tmp_path, {"a|b`\n# c/1.jpg": dataset["content/001.jpg"]})
    rows = [line for line in card_text(scan_dataset(tmp_path), DatasetSource("x")).splitlines() if line.startswith("|")]
    assert rows[-1].count("|") == rows[0].count("|")
    assert "`a?b??# c`" in rows[-1]


def test_the_real_photos(assets: Path) -> None:
    scan: DatasetScan = scan_dataset(assets / "data", sample_size=4)
    assert (scan.folders_with_role("content"), scan.folders_with_role("style")) == (["content"], ["styles"])
    assert all(one.unreadable == () for one in scan.folders)
