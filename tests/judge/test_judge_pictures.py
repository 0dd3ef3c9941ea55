"""The pictures: matched by name, from folders and sheets, in one size."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pix2style.errors import ConfigError, DataError
from pix2style.images import resize
from pix2style.images.contact_sheet import SheetColumn, write_contact_sheet
from pix2style.images.encode import write_png
from pix2style.judge.pictures import open_pictures

MakeFolder = Callable[..., Path]


def test_folders_with_pictures_of_the_same_names(make_folder: MakeFolder) -> None:
    folders = [make_folder("a", 40), make_folder("b", 80, suffix=".webp")]
    pictures = open_pictures(folders, teacher=make_folder("t", 99), photos=make_folder("photos", 3, ["dog"]))
    assert (pictures.stylizers, pictures.teacher, pictures.photos) == (["a", "b", "t"], "t", ["castle", "dog", "sea"])
    assert len(set(pictures.digests.values())) == 9
    assert pictures.picture("dog", "a")[0, 0].tolist() == [40, 10, 0]
    assert pictures.picture("dog", None)[0, 0].tolist() == [3, 0, 0]
    assert pictures.notes == ["no photo to show beside the pictures of castle, sea"]


def test_photos_that_cannot_be_shown_are_left_out_with_a_note(make_folder: MakeFolder) -> None:
    folders = [make_folder("a", 40), make_folder("b", 80)]
    originals = make_folder("photos", 3, ["dog", "unused"])
    (originals / "castle.jpg").write_bytes(b"damaged")
    Image.fromarray(np.zeros((30, 20, 3), np.uint8)).save(originals / "sea.png")
    pictures = open_pictures(folders, photos=originals)
    assert pictures.originals is not None
    assert list(pictures.originals.images) == ["dog"]
    unreadable, other_shape = pictures.notes
    assert unreadable.startswith("photos that cannot be read are not shown: castle; the first: ")
    assert "castle.jpg" in unreadable
    assert other_shape == "photos of another shape than their pictures are not shown: sea"
    (originals / "dog.png").write_bytes(b"damaged")
    pictures = open_pictures(folders, photos=originals)
    assert (pictures.originals, pictures.has_photos) == (None, False)


def test_of_several_files_of_a_photo_the_one_that_can_be_read_is_shown(make_folder: MakeFolder) -> None:
    folders = [make_folder("a", 40), make_folder("b", 80)]
    originals = make_folder("photos", 3, ["castle", "dog", "sea", "unused"])
    for name in ("castle.tif", "dog.nef", "unused.jpg"):
        (originals / name).write_bytes(b"not what its name says")
    pictures = open_pictures(folders, photos=originals)
    assert pictures.notes == []
    assert pictures.picture("castle", None)[0, 0].tolist() == [3, 0, 0]
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(originals / "dog.jpg")
    with pytest.raises(DataError, match="has two photos of the name dog that can be read: keep one"):
        open_pictures(folders, photos=originals)


def test_names_that_are_not_utf_8_are_text_in_sheets_and_votes(tmp_path: Path) -> None:
    def column(kind: str, name: str, red: int) -> SheetColumn:
        image = np.full((20, 30, 3), (red, 0, 0), np.uint8)
        return SheetColumn(kind, name, {"caf\udce9.jpg": image})  # type: ignore[arg-type]

    columns = [column("photo", "photo", 1), column("target", "\udcff", 2), column("stylizer", "filter \udce9.onnx", 3)]
    write_contact_sheet(tmp_path / "sheet.png", columns, ["photo", "target", "filter \udce9.onnx"])
    pictures = open_pictures([tmp_path / "sheet.png"])
    assert (pictures.stylizers, pictures.photos) == (["\\xff", "filter \\xe9.onnx"], ["caf\\xe9"])
    rows = [{"photo": "caf\udce9", "boxes": [[0, 0, 9, 9], [0, 20, 9, 9]]}]
    names = [{"kind": "target", "name": "t\udce9"}, {"kind": "stylizer", "name": "a\udce9"}]
    earlier = open_pictures([_write_sheet(tmp_path / "earlier.png", rows, columns=names)])
    assert (earlier.stylizers, earlier.photos) == (["t\\xe9", "a\\xe9"], ["caf\\xe9"])


def test_the_teacher_may_be_one_of_the_sheets(make_folder: MakeFolder) -> None:
    folders = [make_folder("a", 40), make_folder("b", 80)]
    pictures = open_pictures(folders, teacher=folders[1] / "." / ".." / "b")
    assert (pictures.stylizers, pictures.teacher) == (["a", "b"], "b")


def test_folders_of_the_same_name_keep_their_paths(make_folder: MakeFolder) -> None:
    folders = [make_folder("one/out", 40), make_folder("two/out", 80)]
    assert open_pictures(folders).stylizers == [str(folder) for folder in folders]


def test_a_contact_sheet_has_everything(tmp_path: Path, make_folder: MakeFolder) -> None:
    def image(red: int) -> np.ndarray:
        return np.full((20, 30, 3), (red, 0, 0), np.uint8)

    def sheet(name: str, filters: dict[str, int], photos: tuple[str, ...]) -> Path:
        reds = {"photo": 1, "teacher": 2, **filters}
        kinds = ["photo", "target", *("stylizer" for _ in filters)]
        columns = [
            SheetColumn(kind, of, {photo: image(red + 10 * i) for i, photo in enumerate(photos)})  # type: ignore[arg-type]
            for kind, (of, red) in zip(kinds, reds.items(), strict=True)
        ]
        write_contact_sheet(tmp_path / name, columns, [*reds])
        return tmp_path / name

    one = sheet("one.png", {"a": 50}, ("x.jpg", "y.jpg"))
    pictures = open_pictures([one])
    assert (pictures.stylizers, pictures.teacher, pictures.photos) == (["teacher", "a"], "teacher", ["x", "y"])
    np.testing.assert_array_equal(pictures.picture("y", "a"), image(60))
    np.testing.assert_array_equal(pictures.picture("y", None), image(11))
    assert open_pictures([one, sheet("two.png", {"b": 90}, ("x.jpg", "y.jpg"))]).stylizers == ["teacher", "a", "b"]
    with pytest.raises(DataError, match="lacks pictures that teacher has: z"):
        open_pictures([one, sheet("three.png", {"b": 90}, ("x.jpg", "y.jpg", "z.jpg"))])
    with pytest.raises(DataError, match="its picture of x by a differs"):
        open_pictures([one, sheet("four.png", {"a": 51}, ("x.jpg",))])
    with pytest.raises(ConfigError, match=r"one\.png: shows the pictures of a teacher, teacher, and t is one already"):
        open_pictures([one], teacher=make_folder("t", 5, ("x", "y")))


def _write_sheet(path: Path, rows: object, **changes: object) -> Path:
    columns = [{"kind": "target", "name": "teacher"}, {"kind": "stylizer", "name": "a"}]
    text = json.dumps({"columns": columns, "rows": rows, **changes})
    write_png(path, np.arange(7500, dtype=np.uint32).astype(np.uint8).reshape(50, 50, 3), {"pix2style-sheet": text})
    return path


def test_photos_of_a_sheet_that_differ_in_the_suffix_alone_are_all_shown(tmp_path: Path) -> None:
    names = ("x.jpg", "x.png", "x.jpg (3)", "y.jpg")
    rows = [{"photo": name, "boxes": [[10 * i, 0, 9, 9], [10 * i, 20, 9, 9]]} for i, name in enumerate(names)]
    assert open_pictures([_write_sheet(tmp_path / "sheet.png", rows)]).photos == ["x.jpg", "x.jpg (3)", "x.png", "y"]


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [{"photo": "x", "boxes": [[float("inf"), 0, 9, 9], [0, 20, 9, 9]]}],
        [{"photo": "", "boxes": [[0, 0, 9, 9], [0, 20, 9, 9]]}],
        [{"photo": "\ud800", "boxes": [[0, 0, 9, 9], [0, 20, 9, 9]]}],
        [{"photo": "x", "boxes": [[0, 0, 50, 50], [0, 0, 50, 50]]}],  # many such fill the memory
        [{"photo": "x" * 2**20, "boxes": [[0, 0, 9, 9], [0, 20, 9, 9]]}],
    ],
)
def test_sheets_with_a_damaged_text_are_refused(tmp_path: Path, rows: object) -> None:
    with pytest.raises(DataError, match=r"sheet\.png: the description of the sheet inside the file is damaged"):
        open_pictures([_write_sheet(tmp_path / "sheet.png", rows)])


def test_larger_pictures_are_shrunk_to_the_smallest(make_folder: MakeFolder) -> None:
    pictures = open_pictures([make_folder("a", 40), make_folder("b", 80, size=(40, 60))])
    assert pictures.size("dog") == (20, 30)
    expected = resize(np.full((40, 60, 3), (80, 10, 0), np.uint8), 20, 30)
    np.testing.assert_array_equal(pictures.picture("dog", "b"), expected)
    assert pictures.notes[0].startswith("the pictures of 3 photos differ in size")


def test_what_cannot_be_judged_is_refused(make_folder: MakeFolder, tmp_path: Path) -> None:
    one = make_folder("a", 40)
    with pytest.raises(ConfigError, match=r"^a: there is nothing to compare it with: .*--teacher FOLDER"):
        open_pictures([one])
    with pytest.raises(ConfigError, match="named twice"):
        open_pictures([one, one / "."])
    with pytest.raises(DataError, match=r"^b: lacks pictures that a has: castle, sea: each stylizer needs"):
        open_pictures([one, make_folder("b", 80, ["dog"])])
    many = [f"photo {i}" for i in range(9)]
    with pytest.raises(DataError, match=r"photo 0, photo 1, photo 2, photo 3, photo 4 and 4 more"):
        open_pictures([one, make_folder("many", 80, [*many, "castle", "dog", "sea"])])
    with pytest.raises(DataError, match=r"castle: has 60x20 pixels in wide and 30x20 in a: .* same shape"):
        open_pictures([one, make_folder("wide", 80, size=(20, 60))])
    (one / "castle.jpg").write_bytes((one / "castle.png").read_bytes())
    with pytest.raises(DataError, match="has two pictures of the name castle"):
        open_pictures([one, make_folder("c", 80)])
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"empty: has no pictures"):
        open_pictures([make_folder("d", 1), tmp_path / "empty"])
    with pytest.raises(DataError, match="has no photo with the name"):
        open_pictures([make_folder("e", 1), make_folder("f", 2)], photos=make_folder("g", 3, ["x"]))


def test_copies_and_traces_of_compression_are_noted(make_folder: MakeFolder) -> None:
    pictures = open_pictures([make_folder("a", 40), make_folder("b", 40), make_folder("c", 90, suffix=".jpg")])
    assert pictures.stylizers == ["a", "c"]
    assert any("only some have JPEG files (c)," in note for note in pictures.notes)
    assert "b: its pictures equal those of a in every pixel, so it is left out" in pictures.notes
    with pytest.raises(ConfigError, match="nothing to compare"):
        open_pictures([make_folder("d", 7), make_folder("e", 7)])
