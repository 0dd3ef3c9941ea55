from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pix2style.errors import DataError
from pix2style.files import sha256_file
from pix2style.pairs.check.verify import VerifyReport, verify_pairs
from pix2style.pairs.format.reader import PairReader
from pix2style.pairs.format.records import SPLITS, PairEntry

from sets import Negative, change_byte, make_set  # isort: skip
from tint import TintTeacher  # isort: skip


SHARDS = ("train-00000", "train-00001", "val-00000", "test-00000")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_set(tmp_path_factory.mktemp("verify"))


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "set"))


def entries(folder: Path) -> list[PairEntry]:
    reader = PairReader(folder)
    return sorted((one for split in SPLITS for one in reader.entries(split)), key=lambda e: (e.shard, e.content.offset))


def tar(folder: Path, shard: int = 0) -> Path:
    return folder / "shards" / f"{SHARDS[shard]}.tar"


def edit_json(path: Path, change: Callable[[dict], object]) -> None:
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def texts(report: VerifyReport) -> str:
    return "\n".join(map(str, report.damage))


def test_a_sound_set_is_whole(made: Path) -> None:
    report = verify_pairs(made)
    assert (report.damage, report.notes, report.suspicions) == ((), (), ())
    assert report.pairs.total == 12
    assert report.bytes_read == sum(path.stat().st_size for path in (made / "shards").glob("*.tar"))


def test_several_styles_jpeg_and_other_fits_are_whole(tmp_path: Path) -> None:
    folder = make_set(
        tmp_path, 7, [Negative(10), Negative(60), Negative(99)], fit="fit", size=100, format="jpeg", styles_per_photo=2
    )
    report = verify_pairs(folder)
    assert (report.damage, report.notes, report.pairs.total) == ((), (), 14)


def test_every_single_byte_counts(copy: Path) -> None:
    """A change of any byte of a shard is found, and its offset is reported."""
    size = tar(copy, 2).stat().st_size
    for offset in [*range(0, 512, 37), *range(512, size, 1499), size - 1]:
        change_byte(tar(copy, 2), offset)
        [damage] = verify_pairs(copy, decode=False).damage
        assert damage.file == "shards/val-00000.tar"
        assert damage.offset is not None
        assert "delete val-00000.tar" in damage.advice
        change_byte(tar(copy, 2), offset)
    assert verify_pairs(copy).damage == ()


def test_any_changed_byte_of_any_file_is_damage(copy: Path) -> None:
    """Change random bytes of all files, except the version in the manifest, which no other data confirm."""
    files = sorted(path for path in copy.rglob("*") if path.is_file() and path.parent.name != "timing")
    rng = np.random.default_rng(5)
    version = (copy / "manifest.json").read_bytes().index(b"pix2style_version")
    for _ in range(120):
        path = files[rng.integers(len(files))]
        offset = int(rng.integers(path.stat().st_size))
        if path.name == "manifest.json" and 0 <= offset - version < 40:
            continue
        change_byte(path, offset)
        assert verify_pairs(copy, decode=False).damage, (path.name, offset)
        change_byte(path, offset)
    assert verify_pairs(copy).damage == ()


def test_all_damage_is_listed_with_its_pair_and_place(copy: Path) -> None:
    first, second, *_, last = entries(copy)
    change_byte(tar(copy), first.target.offset + 40)
    change_byte(tar(copy), second.content.offset - 512 + 3)
    change_byte(tar(copy, last.shard), last.content.offset)
    damage = verify_pairs(copy).damage
    assert [(one.key, one.source) for one in damage] == [(e.key, e.source) for e in (first, second, last)]
    assert damage[0].offset == first.target.offset
    assert "its target is damaged" in damage[0].problem
    assert damage[1].offset == second.content.offset - 512 + 3
    assert "tar header" in damage[1].problem
    assert "its content is damaged" in damage[2].problem


def test_a_cut_off_and_a_missing_shard(copy: Path) -> None:
    here = entries(copy)
    tar(copy, 0).write_bytes(tar(copy, 0).read_bytes()[: here[3].content.offset + 10])
    tar(copy, 1).unlink()
    report = verify_pairs(copy)
    assert f"pair {here[3].key} ({here[3].source}): its content is cut off" in texts(report)
    assert f"pair {here[4].key} ({here[4].source}): its target is cut off" in texts(report)
    assert here[2].key not in texts(report)
    assert "shards/train-00001.tar: is missing" in texts(report)
    assert "instead of" in texts(report)


def test_bytes_after_the_end(copy: Path) -> None:
    with tar(copy).open("ab") as stream:
        stream.write(b"\0" * 512)
    assert "512 bytes follow the end of the archive" in texts(verify_pairs(copy))


def test_damaged_documents(copy: Path) -> None:
    index = copy / "shards" / "train-00000.json"
    index.write_bytes(index.read_bytes()[:-20])
    change_byte(tar(copy, 1), 600)
    (copy / "plan.json").write_text("{}")
    report = verify_pairs(copy)
    assert {one.file for one in report.damage} == {"plan.json", "shards/train-00000.json", "shards/train-00001.tar"}
    assert any("cannot be checked pair by pair" in note for note in report.notes)
    (copy / "manifest.json").write_text("nonsense")
    assert "manifest.json: is damaged" in texts(verify_pairs(copy))
    assert "shards/train-00001.tar" in texts(verify_pairs(copy))


def test_an_index_that_was_changed_and_signed_again(copy: Path) -> None:
    """Move a pair to another split and update all digests."""
    index = copy / "shards" / "train-00000.json"
    moved = json.loads(index.read_text())["pairs"][0]["split"]
    other = "val" if moved == "train" else "train"
    edit_json(index, lambda value: value["pairs"][0].update(split=other))
    edit_json(copy / "manifest.json", lambda value: value["shards"][0].update(index_sha256=sha256_file(index)))
    said = texts(verify_pairs(copy))
    assert f"is in split {other}, but its photo's digest and the shares say {moved}" in said
    assert "is not in the plan for this shard" in said
    assert ".json is not what the index says" in said
    assert "manifest.json: counts" in said


def test_a_pair_that_is_listed_twice_or_not_at_all(copy: Path) -> None:
    index = copy / "shards" / "train-00001.json"
    edit_json(index, lambda value: value["pairs"].append(value["pairs"][0]))
    assert "has a pair twice" in texts(verify_pairs(copy))
    edit_json(index, lambda value: value.update(pairs=value["pairs"][1:-1]))
    said = texts(verify_pairs(copy))
    assert "lacks the planned pair" in said
    assert "its statistics are not those of its pairs" in said


def test_enormous_numbers_in_an_index_do_no_harm(copy: Path) -> None:
    index = copy / "shards" / "train-00000.json"
    edit_json(index, lambda value: value["pairs"][0]["content"].update(size=2**60))
    edit_json(index, lambda value: value["pairs"][1]["target"].update(offset=2**60))
    assert "its content is cut off" in texts(verify_pairs(copy))


def test_an_unfinished_set_is_named_and_what_is_there_is_checked(copy: Path) -> None:
    (copy / "manifest.json").unlink()
    tar(copy, 2).rename(copy / "shards" / "val-00000.tar.partial")
    (copy / "shards" / "val-00000.json").unlink()
    change_byte(tar(copy, 1), 700)
    report = verify_pairs(copy)
    assert "the set is not finished (3 of 4 shards are)" in texts(report)
    assert "shards/train-00001.tar at byte" in texts(report)
    assert any("val-00000.tar.partial: left over" in note for note in report.notes)


def test_stray_files_are_notes(copy: Path) -> None:
    (copy / "shards" / "train-00000.tar.partial").write_bytes(b"")
    (copy / "shards" / "train-00009.tar").write_bytes(b"")
    (copy / "readme.txt").write_text("mine")
    report = verify_pairs(copy)
    assert report.damage == ()
    assert [note.split(":")[0] for note in report.notes] == [
        "readme.txt",
        "shards/train-00000.tar.partial",
        "shards/train-00009.tar",
    ]


def test_a_teacher_that_shifts_is_suspected(tmp_path: Path) -> None:
    report = verify_pairs(make_set(tmp_path, 8, [TintTeacher()]))
    assert report.damage == ()
    assert len(report.suspicions) == 8
    assert all("shifted by (2, 0) px" in one.text for one in report.suspicions)
    assert verify_pairs(tmp_path / "set", decode=False).suspicions == ()


def test_no_set_at_all(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(DataError, match="there is no pair set in it"):
            verify_pairs(folder)
