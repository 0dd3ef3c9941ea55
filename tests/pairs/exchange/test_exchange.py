from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from pix2style.errors import ConfigError, DataError
from pix2style.images import Image8, decode_picture, encode_jpeg, encode_png
from pix2style.pairs.check.verify import verify_pairs
from pix2style.pairs.exchange.exporting import Layout, export_names, export_pairs
from pix2style.pairs.exchange.importing import ImportReport, ImportSettings, import_pairs
from pix2style.pairs.exchange.layouts import open_pair_source
from pix2style.pairs.format.photo_hash import assign_split
from pix2style.pairs.format.reader import PairReader
from pix2style.pairs.format.records import SPLITS, PairEntry

from sets import Negative, detailed_photo, make_set  # isort: skip
from tint import tree  # isort: skip

LAYOUTS: tuple[Layout, ...] = ("folders", "side-by-side", "parquet")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_set(tmp_path_factory.mktemp("exchange"))


@pytest.fixture(scope="module")
def styled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set with three styles, two of them for each photo, and images of several sizes."""
    return make_set(
        tmp_path_factory.mktemp("styled"), 9, [Negative(5), Negative(50), Negative(95)], fit="fit", styles_per_photo=2
    )


def everything(folder: Path) -> dict[tuple[str, int], tuple[object, ...]]:
    """Return everything that a round trip has to keep, by source and style."""
    reader = PairReader(folder)
    return {(e.source, e.style): describe(reader, e) for split in SPLITS for e in reader.entries(split)}


def describe(reader: PairReader, entry: PairEntry) -> tuple[object, ...]:
    content, target = reader.read(entry)
    photo = (entry.photo_height_px, entry.photo_width_px)
    return (entry.key, entry.sha256, entry.split, photo, content.shape, content.tobytes(), target.tobytes())


def there_and_back(folder: Path, layout: Layout, tmp_path: Path) -> ImportReport:
    export_pairs(PairReader(folder), tmp_path / "out", layout)
    return import_pairs(open_pair_source(tmp_path / "out"), tmp_path / "back")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_set_comes_back_as_it_was(made: Path, tmp_path: Path, layout: Layout) -> None:
    report = there_and_back(made, layout, tmp_path)
    assert report.kind == layout
    assert everything(tmp_path / "back") == everything(made)
    assert report.manifest.teacher.name == "imported:negative-30"
    assert report.manifest.teacher.style_sha256 == ("a" * 64,)
    assert (report.manifest.failures, report.suspicions) == ((), ())
    verified = verify_pairs(tmp_path / "back")
    assert (verified.damage, verified.notes) == ((), ())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_several_styles_come_back(styled: Path, tmp_path: Path, layout: Layout) -> None:
    there_and_back(styled, layout, tmp_path)
    assert everything(tmp_path / "back") == everything(styled)
    teachers = PairReader(tmp_path / "back").manifest.teachers
    assert [teacher.name for teacher in teachers] == [f"imported:negative-{tint}" for tint in (5, 50, 95)]
    assert verify_pairs(tmp_path / "back").damage == ()


@pytest.mark.parametrize("layout", ["folders", "parquet"])
def test_jpeg_bytes_are_copied_both_ways(tmp_path: Path, layout: Layout) -> None:
    folder = make_set(tmp_path / "jpeg", 5, format="jpeg")
    report = there_and_back(folder, layout, tmp_path)
    assert report.manifest.format == "jpeg"
    assert everything(tmp_path / "back") == everything(folder)


def test_jpeg_pairs_side_by_side_keep_their_pixels(tmp_path: Path) -> None:
    folder = make_set(tmp_path / "jpeg", 5, format="jpeg")
    assert there_and_back(folder, "side-by-side", tmp_path).manifest.format == "png"
    assert everything(tmp_path / "back") == everything(folder)


def test_two_round_trips_give_the_same_bytes(made: Path, tmp_path: Path) -> None:
    there_and_back(made, "folders", tmp_path / "first")
    there_and_back(tmp_path / "first" / "back", "folders", tmp_path / "second")
    assert tree(tmp_path / "first" / "back") == tree(tmp_path / "second" / "back")


def test_exported_folders_are_the_sets_own_bytes(made: Path, tmp_path: Path) -> None:
    reader = PairReader(made)
    export_pairs(reader, tmp_path / "out", "folders")
    names = export_names(reader)
    for split in SPLITS:
        for entry in reader.entries(split):
            assert names[entry.key].startswith(f"{split}/album")
            pictures = [tmp_path / "out" / role / f"{names[entry.key]}.png" for role in ("content", "target")]
            assert tuple(path.read_bytes() for path in pictures) == reader.read_bytes(entry)


def test_the_content_can_be_on_either_side(made: Path, tmp_path: Path) -> None:
    reader = PairReader(made)
    entry = reader.entries("train")[0]
    export_pairs(reader, tmp_path / "right", "side-by-side", content_side="right")
    both = decode_picture((tmp_path / "right" / f"{export_names(reader)[entry.key]}.png").read_bytes(), name="").rgb
    assert np.array_equal(both, np.hstack(reader.read(entry)[::-1]))
    import_pairs(open_pair_source(tmp_path / "right"), tmp_path / "back")  # its card says which side
    assert everything(tmp_path / "back") == everything(made)
    for card in ("pairs.json", "pairs.jsonl"):
        (tmp_path / "right" / card).unlink()
    import_pairs(open_pair_source(tmp_path / "right", content_side="right"), tmp_path / "told")
    pixels = sorted(what[-2:] for what in everything(made).values())
    assert sorted(what[-2:] for what in everything(tmp_path / "told").values()) == pixels
    assert PairReader(tmp_path / "told").manifest.pairs == reader.manifest.pairs


def test_names_from_a_stranger_stay_in_the_folder(made: Path, tmp_path: Path) -> None:
    """A source may contain any text, but must not lead to a path outside the export."""
    reader = PairReader(made)
    sources = iter(["../../evil.png", "/etc/passwd", "a/b.png", "A_b.png", "..", "x" * 300, "con\u0000.png", ".hidden"])
    evil = [entry.model_copy(update={"source": next(sources, entry.source)}) for entry in reader.entries("train")]
    reader._entries = evil
    export_pairs(reader, tmp_path / "out", "folders")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    report = import_pairs(open_pair_source(tmp_path / "out"), tmp_path / "back")
    assert report.manifest.pairs.total == len(evil)
    assert {source for source, _ in everything(tmp_path / "back")} == {entry.source for entry in evil}


def test_nothing_half_written_stays(made: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(made, tmp_path / "broken"))
    tar = copy / "shards" / "train-00001.tar"
    tar.write_bytes(tar.read_bytes()[:900] + b"\x01" + tar.read_bytes()[901:])
    with pytest.raises(DataError, match="is damaged"):
        export_pairs(PairReader(copy), tmp_path / "out", "folders")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken"]
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(DataError, match="exists already"):
        export_pairs(PairReader(made), tmp_path / "full", "folders")
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine.txt"]


def test_what_a_killed_import_left_does_no_harm(made: Path, tmp_path: Path) -> None:
    export_pairs(PairReader(made), tmp_path / "out", "folders")
    (tmp_path / ".back.unfinished" / "shards").mkdir(parents=True)
    (tmp_path / ".back.unfinished" / "shards" / "train-00000.tar.partial").write_bytes(b"half")
    import_pairs(open_pair_source(tmp_path / "out"), tmp_path / "back")
    assert everything(tmp_path / "back") == everything(made)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["back", "out"]


# -- pairs from elsewhere ---------------------------------------------------------------------------------------------


def write_own(folder: Path, count: int = 8) -> list[tuple[Image8, Image8]]:
    photos = [detailed_photo(i, 96, 96 + 8 * (i % 3)) for i in range(count)]
    pairs = list(zip(photos, Negative().stylize(photos), strict=True))
    for i, (content, target) in enumerate(pairs):
        for role, rgb in (("content", content), ("target", target)):
            (folder / role).mkdir(parents=True, exist_ok=True)
            (folder / role / f"{i:02d}.png").write_bytes(encode_png(rgb))
    return pairs


def test_plain_folders_split_by_content(tmp_path: Path) -> None:
    pairs = write_own(tmp_path / "own")
    report = import_pairs(open_pair_source(tmp_path / "own"), tmp_path / "set", ImportSettings(0.3, 0.3, 3))
    assert report.manifest.teacher.name == "imported"
    assert (report.manifest.fit, len(report.manifest.shards)) == ("keep", 4)
    reader = PairReader(tmp_path / "set")
    for split in SPLITS:
        for entry in reader.entries(split):
            assert split == assign_split(entry.sha256, val_share=0.3, test_share=0.3)
            expected = pairs[int(Path(entry.source).stem)]
            assert all(np.array_equal(a, b) for a, b in zip(reader.read(entry), expected, strict=True))
    assert verify_pairs(tmp_path / "set").damage == ()


def variants() -> Iterator[tuple[str, bytes, Image8 | None]]:
    """Yield name and bytes of unusual files, and the expected image (None if the file is refused)."""
    photo = detailed_photo(1, 80, 96)
    image, stream = Image.fromarray(photo), io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    image.transpose(Image.Transpose.ROTATE_90).save(stream, "PNG", exif=exif)
    yield "turned.png", stream.getvalue(), photo
    deep = io.BytesIO()
    grey = photo[..., 0].astype(np.uint16) * 257
    Image.fromarray(grey).save(deep, "PNG")
    yield "sixteen.png", deep.getvalue(), np.dstack([photo[..., 0]] * 3)
    clear = io.BytesIO()
    alpha = np.full(photo.shape[:2], 255, np.uint8)
    alpha[:20] = 0
    Image.fromarray(np.dstack([photo, alpha])).save(clear, "PNG")
    on_white = photo.copy()
    on_white[:20] = 255
    yield "alpha.png", clear.getvalue(), on_white
    yield "cut.jpg", encode_jpeg(photo)[:500], None
    yield "text.png", b"no picture at all", None
    yield "empty.png", b"", None
    bomb = bytearray(encode_png(np.zeros((1, 1, 3), np.uint8)))
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2
    yield "bomb.png", bytes(bomb), None


def test_untrusted_pictures_are_read_right_or_listed(tmp_path: Path) -> None:
    write_own(tmp_path / "own", 3)
    expected = {}
    for name, data, picture in variants():
        (tmp_path / "own" / "content" / name).write_bytes(data)
        plain = detailed_photo(1, 80, 96) if picture is None else picture
        (tmp_path / "own" / "target" / f"{Path(name).stem}.png").write_bytes(encode_png(255 - plain))
        expected[name] = picture
    report = import_pairs(open_pair_source(tmp_path / "own"), tmp_path / "set")
    failed = {failure.source: failure.reason for failure in report.manifest.failures}
    assert set(failed) == {name for name, picture in expected.items() if picture is None}
    assert all(reason.startswith("content: ") for reason in failed.values())
    reader = PairReader(tmp_path / "set")
    found = {entry.source: reader.read(entry)[0] for split in SPLITS for entry in reader.entries(split)}
    for name, picture in expected.items():
        assert picture is None or np.array_equal(found[name], picture), name
    assert verify_pairs(tmp_path / "set").damage == ()


def test_a_jpeg_with_a_turning_makes_the_set_png(tmp_path: Path) -> None:
    for role in ("content", "target"):
        (tmp_path / "own" / role).mkdir(parents=True)
        for i in range(3):
            (tmp_path / "own" / role / f"{i}.jpg").write_bytes(encode_jpeg(detailed_photo(i, 96, 64)))
    exif = Image.Exif()
    exif[0x0112] = 8
    turned = tmp_path / "own" / "content" / "2.jpg"
    Image.open(turned).transpose(Image.Transpose.ROTATE_270).save(turned, quality=95, exif=exif)
    report = import_pairs(open_pair_source(tmp_path / "own"), tmp_path / "set")
    assert (report.manifest.format, report.manifest.pairs.total) == ("png", 3)
    assert verify_pairs(tmp_path / "set").damage == ()


def test_pairs_that_do_not_match_are_listed_and_strict_refuses(tmp_path: Path) -> None:
    pairs = write_own(tmp_path / "own", 8)
    own = tmp_path / "own"
    (own / "target" / "00.png").unlink()
    (own / "content" / "01.png").write_bytes(encode_png(detailed_photo(1, 50, 50)))
    mirrored = np.ascontiguousarray(pairs[2][1][:, ::-1])
    (own / "target" / "02.png").write_bytes(encode_png(mirrored))
    with pytest.raises(DataError, match=r"--strict[\s\S]*content/00.png: there is no target/00") as refused:
        import_pairs(open_pair_source(own), tmp_path / "set", ImportSettings(strict=True))
    assert "02.png (pair" in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["own"]
    report = import_pairs(open_pair_source(own), tmp_path / "set")
    assert {failure.source for failure in report.manifest.failures} == {"content/00.png", "01.png"}
    assert "content is 50x50 px, but target is 104x96" in report.manifest.failures[1].reason
    assert [(one.source, one.kind) for one in report.suspicions] == [("02.png", "mirrored")]


def test_the_same_content_twice_is_kept_and_named(tmp_path: Path) -> None:
    write_own(tmp_path / "own", 3)
    shutil.copy(tmp_path / "own" / "content" / "00.png", tmp_path / "own" / "content" / "again.png")
    [other] = Negative(90).stylize([detailed_photo(0, 96, 96)])
    (tmp_path / "own" / "target" / "again.png").write_bytes(encode_png(other))
    report = import_pairs(open_pair_source(tmp_path / "own"), tmp_path / "set")
    assert report.manifest.pairs.total == 4
    [found] = report.suspicions
    assert (found.source, found.kind) == ("again.png", "duplicate")
    assert verify_pairs(tmp_path / "set").damage == ()


def test_nothing_to_import(tmp_path: Path, made: Path) -> None:
    with pytest.raises(DataError, match="no such file or folder"):
        open_pair_source(tmp_path / "none")
    with pytest.raises(DataError, match="is a pair set already"):
        open_pair_source(made)
    with pytest.raises(DataError, match="no images in it"):
        open_pair_source(tmp_path)
    for role in ("content", "target"):
        (tmp_path / role).mkdir()
    with pytest.raises(DataError, match="no content has a target of the same name"):
        open_pair_source(tmp_path)
    (tmp_path / "content" / "a.png").write_bytes(b"x")
    (tmp_path / "target" / "a.png").write_bytes(b"x")
    with pytest.raises(DataError, match="the only file cannot be used"):
        import_pairs(open_pair_source(tmp_path), tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_a_strip_longer_than_an_index_holds_is_listed(tmp_path: Path) -> None:
    write_own(tmp_path / "own", 2)
    for role in ("content", "target"):
        (tmp_path / "own" / role / "strip.png").write_bytes(encode_png(np.zeros((1, 70_000, 3), np.uint8)))
    [failure] = import_pairs(open_pair_source(tmp_path / "own"), tmp_path / "set").manifest.failures
    assert (failure.source, "more than 65536 px" in failure.reason) == ("strip.png", True)


def test_an_odd_width_is_no_side_by_side_pair(tmp_path: Path) -> None:
    (tmp_path / "ab").mkdir()
    (tmp_path / "ab" / "odd.png").write_bytes(encode_png(detailed_photo(0, 64, 129)))
    (tmp_path / "ab" / "even.png").write_bytes(encode_png(detailed_photo(1, 64, 128)))
    report = import_pairs(open_pair_source(tmp_path / "ab"), tmp_path / "set")
    assert [failure.source for failure in report.manifest.failures] == ["odd.png"]
    assert "cannot be halved" in report.manifest.failures[0].reason


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines: lines[:-1], "does not describe the pair"),
        (lambda lines: [*lines, lines[0].replace("train/", "train/x")], "but a file of it is missing"),
        (lambda lines: [*lines, lines[0]], "names the same pair as another line"),
        (lambda lines: [lines[0][:30], *lines[1:]], "line 1 is damaged"),
        (lambda lines: [lines[0].replace('"style":0', '"style":7'), *lines[1:]], "line 1 has an unknown style"),
    ],
)
def test_a_sidecar_that_does_not_fit_is_refused(made: Path, tmp_path: Path, change, said: str) -> None:
    export_pairs(PairReader(made), tmp_path / "out", "folders")
    path = tmp_path / "out" / "pairs.jsonl"
    path.write_text("".join(line + "\n" for line in change(path.read_text().splitlines())))
    with pytest.raises(DataError, match=said):
        open_pair_source(tmp_path / "out")


# -- parquet ----------------------------------------------------------------------------------------------------------


def test_parquet_is_what_hugging_face_reads(made: Path, tmp_path: Path) -> None:
    export_pairs(PairReader(made), tmp_path / "out", "parquet")
    files = sorted((tmp_path / "out").iterdir())
    assert [file.name for file in files] == [f"{split}-00000-of-00001.parquet" for split in ("test", "train", "val")]
    schema = pq.read_schema(files[1])
    features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert features["input_image"] == features["edited_image"] == {"_type": "Image"}
    assert set(features) == set(schema.names)
    assert schema.field("input_image").type == pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    row = pq.read_table(files[1]).to_pylist()[0]
    entry = PairReader(made).entries("train")[0]
    assert (row["input_image"]["bytes"], row["edited_image"]["bytes"]) == PairReader(made).read_bytes(entry)


def test_parquet_may_have_prompts(styled: Path, made: Path, tmp_path: Path) -> None:
    export_pairs(PairReader(styled), tmp_path / "out", "parquet", prompt="turn it into {style}, {please}")
    table = pq.read_table(tmp_path / "out" / "train-00000-of-00001.parquet")
    assert table.schema.names[:3] == ["input_image", "edit_prompt", "edited_image"]
    assert json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]["edit_prompt"]["dtype"] == "string"
    tints = (5, 50, 95)
    for row in table.to_pylist():
        assert row["edit_prompt"] == f"turn it into negative-{tints[row['style']]}, {{please}}"
    import_pairs(open_pair_source(tmp_path / "out"), tmp_path / "back")
    assert everything(tmp_path / "back") == everything(styled)
    for layout, prompt in (("folders", "blue"), ("side-by-side", "blue"), ("parquet", " ")):
        with pytest.raises(ConfigError, match="--prompt is the text of a column"):
            export_pairs(PairReader(made), tmp_path / "none", layout, prompt=prompt)  # type: ignore[arg-type]
    assert not (tmp_path / "none").exists()


def test_large_sets_become_several_files_and_row_groups(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pix2style.pairs.exchange.parquet._FILE_BYTES", 100_000)
    monkeypatch.setattr("pix2style.pairs.exchange.parquet._GROUP_BYTES", 40_000)
    export_pairs(PairReader(made), tmp_path / "out", "parquet")
    files = sorted((tmp_path / "out").glob("train-*.parquet"))
    assert len(files) > 1
    assert files[0].name == f"train-00000-of-{len(files):05d}.parquet"
    assert pq.ParquetFile(files[0]).num_row_groups > 1
    import_pairs(open_pair_source(tmp_path / "out"), tmp_path / "back")
    assert everything(tmp_path / "back") == everything(made)


def foreign(path: Path, columns: dict[str, list[object]]) -> Path:
    """Write a parquet file that was not exported by pix2style."""
    pq.write_table(pa.table(columns), path)
    return path


def test_parquet_from_elsewhere(tmp_path: Path) -> None:
    photos = [detailed_photo(i) for i in range(3)]
    inputs = [encode_png(photo) for photo in photos]
    edits = [{"bytes": encode_png(one), "path": None} for one in Negative().stylize(photos)]
    prompts = ["make it blue"] * 3
    path = foreign(tmp_path / "data.parquet", {"input_image": inputs, "edit_prompt": prompts, "edited_image": edits})
    report = import_pairs(open_pair_source(path), tmp_path / "set")
    assert report.manifest.pairs.total == 3
    assert {source for source, _ in everything(tmp_path / "set")} == {f"data.parquet:{i}" for i in range(3)}
    assert verify_pairs(tmp_path / "set").damage == ()


def test_validation_in_a_files_name_is_val(tmp_path: Path) -> None:
    images = {name: [encode_png(detailed_photo(4))] for name in ("input_image", "edited_image")}
    (tmp_path / "data").mkdir()
    foreign(tmp_path / "data" / "validation-00000-of-00001.parquet", images)
    images = {name: [encode_png(detailed_photo(5))] for name in ("input_image", "edited_image")}
    foreign(tmp_path / "data" / "train-00000-of-00001.parquet", images)
    counts = import_pairs(open_pair_source(tmp_path / "data"), tmp_path / "set").manifest.pairs
    assert (counts.train, counts.val, counts.test) == (1, 1, 0)


def test_rows_without_pictures_are_listed(tmp_path: Path) -> None:
    good = {"bytes": encode_png(detailed_photo(0)), "path": "a.png"}
    linked = {"bytes": None, "path": "/elsewhere/a.png"}
    path = foreign(tmp_path / "a.parquet", {"input_image": [good, linked, good], "edited_image": [good, good, None]})
    report = import_pairs(open_pair_source(path), tmp_path / "set")
    assert [failure.reason for failure in report.manifest.failures] == [
        "row a.parquet:1: input_image (content) holds no bytes",
        "row a.parquet:2: edited_image (target) holds no bytes",
    ]


def test_parquet_that_cannot_be_used_is_refused(made: Path, tmp_path: Path) -> None:
    good = [encode_png(detailed_photo(0))]
    with pytest.raises(DataError, match=r"no column edited_image \(it has input_image, output\)"):
        open_pair_source(foreign(tmp_path / "a.parquet", {"input_image": good, "output": good}))
    with pytest.raises(DataError, match="its column edited_image is of type string"):
        open_pair_source(foreign(tmp_path / "b.parquet", {"input_image": good, "edited_image": ["a.png"]}))
    (tmp_path / "c.parquet").write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(DataError, match=r"c.parquet: is damaged or no parquet file"):
        open_pair_source(tmp_path / "c.parquet")
    export_pairs(PairReader(made), tmp_path / "out", "parquet")
    whole = tmp_path / "out" / "train-00000-of-00001.parquet"
    data = bytearray(whole.read_bytes())
    data[4:400] = bytes(396)
    whole.write_bytes(data)
    with pytest.raises(DataError, match="is damaged or no parquet file"):
        import_pairs(open_pair_source(tmp_path / "out"), tmp_path / "set")
    assert not (tmp_path / "set").exists()
