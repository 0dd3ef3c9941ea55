"""Two files of a pair belong together though their names differ by Unicode form or case."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from pix2style.errors import DataError
from pix2style.images import encode_png
from pix2style.pairs.exchange.exporting import export_pairs
from pix2style.pairs.exchange.importing import import_pairs
from pix2style.pairs.exchange.layouts import open_pair_source
from pix2style.pairs.exchange.match_folders import match_folders
from pix2style.pairs.exchange.plain_folders import PlainFolderReader
from pix2style.pairs.format.reader import PairReader
from pix2style.pairs.format.records import SPLITS

from sets import Negative, detailed_photo, make_set  # isort: skip

NFC, NFD = (unicodedata.normalize(form, "café/Zoë 1") for form in ("NFC", "NFD"))


def write_pair(folder: Path, content: str, target: str, index: int = 0) -> None:
    photo = detailed_photo(index, 64, 64)
    for name, pixels in ((f"content/{content}", photo), (f"target/{target}", Negative().stylize([photo])[0])):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_png(pixels))


@pytest.mark.parametrize(
    ("content", "target"),
    [
        (f"{NFC}.png", f"{NFD}.png"),
        (f"{NFD}.png", f"{NFC}.png"),
        ("beach.PNG", "beach.png"),
        ("Beach.png", "beach.png"),
        ("IMG_1.JPG", "img_1.png"),
        ("Album/a.png", "album/a.png"),
        (f"{NFD.upper()}.png", f"{NFC}.png"),
        ("straße.png", "STRASSE.png"),
        ("가.png", unicodedata.normalize("NFD", "가.png")),
        ("2.jpeg.png", "2.jpeg.png"),
    ],
)
def test_names_that_people_see_as_the_same_are_matched(tmp_path: Path, content: str, target: str) -> None:
    write_pair(tmp_path / "own", content, target)
    write_pair(tmp_path / "own", "other.png", "other.png", 1)
    assert PlainFolderReader(tmp_path / "own").manifest.pairs.total == 2
    report = import_pairs(open_pair_source(tmp_path / "own"), tmp_path / "set")
    assert (report.manifest.pairs.total, report.manifest.failures) == (2, ())


def test_exact_names_come_first(tmp_path: Path) -> None:
    for index, name in enumerate(("a.png", "A.png", f"{NFC}.png", f"{NFD}.png")):
        write_pair(tmp_path, name, name, index)
    matched, unmatched = match_folders(tmp_path)
    assert unmatched == []
    assert {files.source for files in matched} == {"a.png", "A.png", f"{NFC}.png", f"{NFD}.png"}
    assert all(files.content.name == files.target.name for files in matched)


def test_two_candidates_are_never_guessed_between(tmp_path: Path) -> None:
    write_pair(tmp_path, "a.png", "A.png")
    write_pair(tmp_path, "b.png", "b.png", 1)
    (tmp_path / "target" / "á.png").write_bytes((tmp_path / "target" / "b.png").read_bytes())
    (tmp_path / "content" / "A.png").write_bytes((tmp_path / "content" / "b.png").read_bytes())
    (tmp_path / "content" / "A.png").rename(tmp_path / "content" / "Aa.png")
    (tmp_path / "target" / "aA.png").write_bytes((tmp_path / "target" / "b.png").read_bytes())
    (tmp_path / "target" / "AA.png").write_bytes((tmp_path / "target" / "b.png").read_bytes())
    with pytest.raises(DataError, match=r"Aa\.png: may belong to target/AA\.png or target/aA\.png"):
        PlainFolderReader(tmp_path)


def test_an_export_that_went_over_a_mac_comes_back(tmp_path: Path) -> None:
    """Names of files are decomposed there, those in pairs.jsonl are not."""
    folder = make_set(tmp_path, 4)
    reader = PairReader(folder)
    sources = iter(("Zoë.png", "café.png", "Ångström.png", "ñ.png"))
    reader._entries = [
        entry.model_copy(update={"source": next(sources)}) for split in SPLITS for entry in reader.entries(split)
    ]
    export_pairs(reader, tmp_path / "out", "folders")
    for path in sorted((tmp_path / "out").rglob("*.png")):
        path.rename(path.with_name(unicodedata.normalize("NFD", path.name)))
    report = import_pairs(open_pair_source(tmp_path / "out"), tmp_path / "back")
    assert (report.manifest.pairs.total, report.split_reason) == (4, "as pairs.jsonl says")


def test_every_file_without_a_partner_is_listed(tmp_path: Path) -> None:
    for role, offset in (("content", 0), ("target", 1000)):
        (tmp_path / role).mkdir()
        for index in range(600):
            (tmp_path / role / f"{index + offset}.png").touch()
    matched, unmatched = match_folders(tmp_path)
    assert (len(matched), len(unmatched)) == (0, 1200)
