"""make_pairs gives the same bytes every time, lists failures, and never touches other folders."""

from __future__ import annotations

import io
import json
import os
import struct
import tarfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from pix2style.config.pairs import PairsConfig
from pix2style.errors import ArtifactError, DataError
from pix2style.files import read_json, write_json
from pix2style.images import crop_to_square, encode_jpeg, encode_png, read_picture
from pix2style.pairs.build.make_pairs import Slice, make_pairs, make_slice, plan_pairs, preview_pairs
from pix2style.pairs.format.folder import PairSetFolder
from pix2style.pairs.format.reader import PairReader
from pix2style.stylizer import Stylizer
from pix2style.teachers.style import StyleBlend, style_blends

from tint import TintTeacher, painted_counts, tree  # isort: skip

TEACHER = TintTeacher()


def damaged_files(folder: Path, rgb: np.ndarray) -> dict[str, str]:
    """Write files that are no images; return a part of the expected reason for each name."""
    folder.mkdir(parents=True, exist_ok=True)
    jpeg = encode_jpeg(rgb)
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b""))
    )
    files = {
        "cut.jpg": (jpeg[: len(jpeg) // 2], "cut off"),
        "empty.jpg": (b"", "empty"),
        "text.jpg": (b"this is a shopping list", "not a picture"),
        "bomb.png": (bomb, "pixels"),
    }
    for name, (data, _) in files.items():
        (folder / name).write_bytes(data)
    return {name: word for name, (_, word) in files.items()}


def test_made_twice_it_is_the_same_in_every_byte(config: PairsConfig, tmp_path: Path) -> None:
    first = make_pairs(config, TEACHER, tmp_path / "a")
    later = config.model_copy(update={"batch": 7, "content": (tmp_path / "content" / ".",)})
    for path in config.content[0].rglob("*.png"):
        os.utime(path, (1, 1))
    second = make_pairs(later, TEACHER, tmp_path / "b")
    assert tree(tmp_path / "a") == tree(tmp_path / "b")
    assert first.sha256 == second.sha256
    assert sorted(tree(tmp_path / "a")) == sorted(
        ["manifest.json", "plan.json"]
        + [
            f"shards/{name}.{kind}"
            for name in ("train-00000", "train-00001", "train-00002", "val-00000")
            for kind in ("json", "tar")
        ]
    )


@pytest.mark.parametrize("picture_format", ["png", "jpeg"])
def test_pairs_are_the_photo_and_what_the_teacher_made_of_it(
    config: PairsConfig, tmp_path: Path, picture_format: str
) -> None:
    config = config.model_copy(update={"format": picture_format, "val_share": 0.0, "test_share": 0.0})
    report = make_pairs(config, TEACHER, tmp_path / "out")
    reader = PairReader(tmp_path / "out")
    entries = reader.entries("train")
    assert report.new_pairs == len(entries) == 12
    assert [entry.source for entry in entries] == sorted(entry.source for entry in entries)
    for entry in entries:
        photo = crop_to_square(read_picture(config.content[0] / entry.source).rgb, 32)
        content, target = reader.read(entry)
        allowed = 0 if picture_format == "png" else 12  # quality 95 on noisy photos
        assert np.abs(content.astype(int) - photo).mean() <= allowed
        assert np.abs(target.astype(int) - TEACHER(photo)).mean() <= allowed
        assert (entry.photo_height_px, entry.photo_width_px) == (48, 64)


def test_shards_are_plain_tars_in_webdataset_order(config: PairsConfig, tmp_path: Path) -> None:
    make_pairs(config, TEACHER, tmp_path / "out")
    reader = PairReader(tmp_path / "out")
    by_key = {entry.key: entry for split in ("train", "val", "test") for entry in reader.entries(split)}
    seen = []
    for path in sorted((tmp_path / "out" / "shards").glob("*.tar")):
        assert path.stat().st_size % tarfile.RECORDSIZE == 0
        with tarfile.open(path) as tar:
            members = tar.getmembers()
            assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode) for m in members} == {(0, 0, 0, "", "", 0o644)}
            for content, target, description in zip(*[iter(members)] * 3, strict=True):
                key, kind = content.name.split(".", 1)
                assert (kind, target.name, description.name) == ("content.png", f"{key}.target.png", f"{key}.json")
                assert content.offset_data == by_key[key].content.offset
                assert target.offset_data == by_key[key].target.offset
                assert target.size == by_key[key].target.size
                stored = json.loads(tar.extractfile(description).read())
                assert stored["source"] == by_key[key].source
                assert stored["split"] == by_key[key].split
                seen.append(key)
    assert sorted(seen) == sorted(by_key)


def test_a_whole_archive_is_what_tarfile_would_write(config: PairsConfig, tmp_path: Path) -> None:
    make_pairs(config, TEACHER, tmp_path / "out")
    path = tmp_path / "out" / "shards" / "train-00000.tar"
    copy = io.BytesIO()
    with tarfile.open(path) as tar, tarfile.open(fileobj=copy, mode="w", format=tarfile.USTAR_FORMAT) as again:
        for member in tar:
            again.addfile(member, tar.extractfile(member))
    assert copy.getvalue() == path.read_bytes()


def test_unreadable_files_are_listed_and_the_rest_is_done(config: PairsConfig, tmp_path: Path, photos) -> None:
    words = damaged_files(config.content[0] / "bad", photos(1)[0])
    (config.content[0] / "bad" / "gone.jpg").symlink_to("nowhere.jpg")
    os.mkfifo(config.content[0] / "bad" / "pipe.jpg")
    report = make_pairs(config, TEACHER, tmp_path / "out")
    reasons = {failure.source: failure.reason for failure in report.manifest.failures}
    words |= {"gone.jpg": "No such file", "pipe.jpg": "not a regular file"}
    assert set(reasons) == {f"bad/{name}" for name in words}
    for name, word in words.items():
        assert word in reasons[f"bad/{name}"]
    assert report.manifest.pairs.total == 12
    make_pairs(config, TintTeacher(), tmp_path / "again")
    assert tree(tmp_path / "out") == tree(tmp_path / "again")


def test_a_photo_larger_than_the_memory_is_listed_and_the_rest_is_done(config: PairsConfig, tmp_path: Path) -> None:
    (config.content[0] / "pano.tif").touch()
    os.truncate(config.content[0] / "pano.tif", 1 << 40)
    report = make_pairs(config, TEACHER, tmp_path / "out")
    [failure] = report.manifest.failures
    assert failure.source == "pano.tif"
    assert failure.reason.startswith("has 1099.5 GB")
    assert report.manifest.pairs.total == 12


def test_nothing_readable_is_an_error_and_leaves_the_folder_free(tmp_path: Path, photos) -> None:
    damaged_files(tmp_path / "content", photos(1)[0])
    config = PairsConfig(content=(tmp_path / "content",), size=32)
    with pytest.raises(DataError, match=r"none of the 4 files can be used.*empty\.jpg: the file is empty"):
        make_pairs(config, TEACHER, tmp_path / "out")
    assert tree(tmp_path / "out") == {}
    (tmp_path / "content" / "good.png").write_bytes(encode_png(photos(1)[0]))
    assert make_pairs(config, TEACHER, tmp_path / "out").manifest.pairs.total == 1


def test_no_photos_at_all(tmp_path: Path) -> None:
    (tmp_path / "content").mkdir()
    (tmp_path / "content" / "notes.txt").write_text("no photo")
    with pytest.raises(DataError, match="no images"):
        make_pairs(PairsConfig(content=(tmp_path / "content",)), TEACHER, tmp_path / "out")
    with pytest.raises(DataError, match="no such file or folder"):
        make_pairs(PairsConfig(content=(tmp_path / "missing",)), TEACHER, tmp_path / "out")
    with pytest.raises(DataError, match="--content"):
        make_pairs(PairsConfig(), TEACHER, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_photo_that_changes_or_vanishes_meanwhile_is_listed(config: PairsConfig, tmp_path: Path) -> None:
    names = sorted(p for p in config.content[0].rglob("*.png"))

    def meddle(stage: str, done: int, total: int) -> None:
        if stage == "hashing" and done == total:
            names[7].write_bytes(names[8].read_bytes())
            names[9].unlink()

    report = make_pairs(config, TEACHER, tmp_path / "out", on_progress=meddle)
    reasons = {failure.source.split("/")[1]: failure.reason for failure in report.manifest.failures}
    assert reasons.keys() == {names[7].name, names[9].name}
    assert "changed" in reasons[names[7].name]
    assert "No such file" in reasons[names[9].name]
    assert report.manifest.pairs.total == 10


def test_the_same_again_changes_nothing_and_paints_nothing(config: PairsConfig, tmp_path: Path) -> None:
    log = tmp_path / "log"
    make_pairs(config, TintTeacher(log=log), tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    painted = painted_counts(log)
    report = make_pairs(config, TintTeacher(log=log), tmp_path / "out")
    assert report.already_finished
    assert (report.new_pairs, report.kept_pairs) == (0, 12)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")} == before
    assert painted_counts(log) == painted


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": 48}, "size 32 there, 48 now"),
        ({"format": "jpeg"}, "format png there, jpeg now"),
        ({"pairs_per_shard": 4}, "photos_per_shard 5 there, 4 now"),
    ],
)
def test_another_set_in_the_folder_is_refused(config: PairsConfig, tmp_path: Path, change: dict, message: str) -> None:
    make_pairs(config, TEACHER, tmp_path / "out")
    before = tree(tmp_path / "out")
    with pytest.raises(DataError, match=f"holds another pair set: .*{message}.*Choose another folder"):
        make_pairs(config.model_copy(update=change), TEACHER, tmp_path / "out")
    assert tree(tmp_path / "out") == before


def test_another_teacher_or_other_photos_are_refused(config: PairsConfig, tmp_path: Path, photos) -> None:
    make_pairs(config, TEACHER, tmp_path / "out")
    with pytest.raises(DataError, match="teacher tint has other settings"):
        make_pairs(config, TintTeacher(7), tmp_path / "out")
    (config.content[0] / "new.png").write_bytes(encode_png(photos(20)[19]))
    with pytest.raises(DataError, match=r"photos not there before: 1 \(new\.png\)"):
        make_pairs(config, TEACHER, tmp_path / "out")


def test_a_folder_with_other_files_is_refused(config: PairsConfig, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years of work")
    with pytest.raises(DataError, match=r"holds other files \(thesis\.tex\)"):
        make_pairs(config, TEACHER, tmp_path / "out")
    assert tree(tmp_path / "out") == {"thesis.tex": b"years of work"}
    with pytest.raises(DataError, match=r"thesis\.tex: cannot be written"):
        make_pairs(config, TEACHER, tmp_path / "out" / "thesis.tex")


def test_two_processes_do_not_share_a_folder(config: PairsConfig, tmp_path: Path) -> None:
    with PairSetFolder(tmp_path / "out").locked(), pytest.raises(DataError, match="another make-pairs is writing"):
        make_pairs(config, TEACHER, tmp_path / "out")
    assert make_pairs(config, TEACHER, tmp_path / "out").new_pairs == 12


@pytest.mark.parametrize("call", [make_pairs, plan_pairs, preview_pairs, partial(make_slice, shard_slice=Slice(1, 2))])
def test_a_folder_is_refused_before_the_photos_are_hashed(
    config: PairsConfig, tmp_path: Path, call: Callable[..., object]
) -> None:
    """Hashing a hundred thousand photos takes an hour."""
    told: list[str] = []

    def refused(message: str, config: PairsConfig, teacher: Stylizer, out: Path) -> None:
        with pytest.raises(DataError, match=message):
            call(config, teacher, out, on_progress=lambda label, *_: told.append(label))

    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("years of work")
    plan_pairs(config, TEACHER, tmp_path / "out")
    refused(r"holds other files \(thesis\.tex\)", config, TEACHER, tmp_path / "other")
    refused("size 32 there, 48 now", config.model_copy(update={"size": 48}), TEACHER, tmp_path / "out")
    refused("teacher tint has other settings", config, TintTeacher(7), tmp_path / "out")
    if call is not preview_pairs:
        with PairSetFolder(tmp_path / "out").locked():
            refused("another make-pairs is writing", config, TEACHER, tmp_path / "out")
    assert told == []


class ShrinkingTeacher(TintTeacher):
    def stylize(self, images):
        return [image[:-4] for image in images]


class ForgetfulTeacher(TintTeacher):
    def stylize(self, images):
        return list(images)[1:]


class FloatTeacher(TintTeacher):
    def stylize(self, images):
        return [image / np.float32(255) for image in images]


@pytest.mark.parametrize(
    ("teacher", "message"),
    [
        (ShrinkingTeacher(), r"returned uint8 \[28, 32, 3\] for album0/photo00\.png, expected uint8 \[32, 32, 3\]"),
        (ForgetfulTeacher(), "returned 2 images for 3 photos"),
        (FloatTeacher(), "returned float32"),
    ],
)
def test_a_teacher_that_makes_no_pairs_is_an_error(
    config: PairsConfig, tmp_path: Path, teacher: Stylizer, message: str
) -> None:
    """Complaint 15: wrongly prepared pairs fail silently (pix2pix #464 #1121 #1515)."""
    with pytest.raises(ArtifactError, match=message):
        make_pairs(config, teacher, tmp_path / "out")
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_what_a_person_should_know_is_said(tmp_path: Path, photos) -> None:
    for name, rgb in zip("abc", photos(3), strict=True):
        (tmp_path / f"{name}.png").write_bytes(encode_png(rgb))
    (tmp_path / "copy of a.png").write_bytes((tmp_path / "a.png").read_bytes())
    config = PairsConfig(content=(tmp_path,), size=64, val_share=1e-9, test_share=0)
    notes = "\n".join(make_pairs(config, TEACHER, tmp_path / "out").notes)
    assert "no photo fell into val (a share of 1e-09 of 3)" in notes
    assert "into test" not in notes
    assert "3 photos are less than 64 px" in notes
    assert "1 file has the same bytes as another file" in notes


def test_preview_writes_nothing_and_tells_the_state(config: PairsConfig, tmp_path: Path) -> None:
    log = tmp_path / "log"
    preview = preview_pairs(config, TintTeacher(log=log), tmp_path / "out")
    assert (preview.state, preview.plan.photos_per_split.total) == ("new", 12)
    assert not (tmp_path / "out").exists()
    assert not log.exists()
    make_pairs(config, TEACHER, tmp_path / "out")
    assert preview_pairs(config, TEACHER, tmp_path / "out").state == "finished"
    (tmp_path / "out" / "manifest.json").unlink()
    (tmp_path / "out" / "shards" / "train-00001.json").unlink()
    unfinished = preview_pairs(config, TEACHER, tmp_path / "out")
    assert (unfinished.state, unfinished.finished_shards) == ("unfinished", 3)
    with pytest.raises(DataError, match="another pair set"):
        preview_pairs(config, TintTeacher(3), tmp_path / "out")


def test_names_that_are_no_text_are_written_and_read(tmp_path: Path, photos) -> None:
    (tmp_path / "content").mkdir()
    name = os.fsencode(tmp_path / "content") + b"/caf\xe9 \xf0\x9f\x8e\xa8.png"
    Path(os.fsdecode(name)).write_bytes(encode_png(photos(1)[0]))
    config = PairsConfig(content=(tmp_path / "content",), size=32, val_share=0, test_share=0)
    make_pairs(config, TEACHER, tmp_path / "out")
    [entry] = PairReader(tmp_path / "out").entries("train")
    assert entry.source == "caf\\xe9 🎨.png"


def test_the_name_of_a_painting_may_be_no_text(tmp_path: Path) -> None:
    style = StyleBlend.from_paintings(Path(os.fsdecode(b"caf\xe9.png")))
    assert style.name == "caf\\xe9.png"
    [named] = style_blends(PairsConfig(styles=({"paintings": [os.fsdecode(b"caf\xe9.png"), "b.png"]},)))
    assert named.name == "caf\\xe9.png+b.png"


def test_a_long_strip_does_not_fill_the_memory(tmp_path: Path) -> None:
    strip = np.zeros((2, 600_000, 3), np.uint8)  # scaled whole, it would need 59 GB
    strip[:, 299_990:300_010] = 255
    assert crop_to_square(strip, 256).min() == 255


def test_eight_real_photos(assets: Path, tmp_path: Path) -> None:
    from pix2style.teachers.watercolor import WatercolorTeacher

    files = tuple(sorted((assets / "data" / "content").glob("*.jpg"))[:8])
    assert len(files) == 8
    config = PairsConfig(content=files, size=96, val_share=0.0, test_share=0.0, batch=3, pairs_per_shard=5)
    report = make_pairs(config, WatercolorTeacher(), tmp_path / "out")
    assert report.manifest.pairs.train == 8
    reader = PairReader(tmp_path / "out")
    for entry, path in zip(reader.entries("train"), files, strict=True):
        content, target = reader.read(entry)
        assert entry.source == path.name
        np.testing.assert_array_equal(content, crop_to_square(read_picture(path, to_srgb=True).on_white(), 96))
        np.testing.assert_array_equal(target, WatercolorTeacher()(content))
        assert np.abs(content.astype(int) - target).mean() > 5


def test_photos_that_are_left_out_leave_no_trace(config: PairsConfig, tmp_path: Path) -> None:
    whole = make_pairs(config, TEACHER, tmp_path / "whole")
    entries = [entry for split in ("train", "val", "test") for entry in PairReader(whole.out).entries(split)]
    known = {entry.sha256 for entry in entries[:5]}
    assert len(preview_pairs(config, TEACHER, tmp_path / "rest", exclude_sha256=known).plan.photos) == 7
    rest = make_pairs(config, TEACHER, tmp_path / "rest", exclude_sha256=known)
    assert (rest.new_pairs, rest.manifest.failures, rest.manifest.duplicates) == (7, (), ())
    reader = PairReader(rest.out)
    painted = {entry.sha256 for split in ("train", "val", "test") for entry in reader.entries(split)}
    assert painted == {entry.sha256 for entry in entries[5:]}
    assert make_pairs(config, TEACHER, tmp_path / "rest", exclude_sha256=known).already_finished
    with pytest.raises(DataError, match="none of 12 photos is new"):
        make_pairs(config, TEACHER, tmp_path / "none", exclude_sha256={entry.sha256 for entry in entries})


def test_json_holds_names_that_are_no_text(tmp_path: Path) -> None:
    value = {"painting": os.fsdecode(b"caf\xe9.png"), "other": "café 🎨"}
    write_json(tmp_path / "a.json", value)
    assert read_json(tmp_path / "a.json") == value
