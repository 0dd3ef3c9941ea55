"""PairReader returns exactly what was written, or a DataError that names the damaged file."""

from __future__ import annotations

import json
import multiprocessing
import pickle
import shutil
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pix2style.config.pairs import PairsConfig
from pix2style.errors import DataError
from pix2style.files import sha256_bytes, sha256_file
from pix2style.images import encode_png
from pix2style.pairs.build.make_pairs import make_pairs
from pix2style.pairs.format.reader import PairReader
from pix2style.pairs.format.records import Member, PairEntry
from pix2style.pairs.format.shards import tar_header

from tint import TintTeacher, tree, write_photos  # isort: skip

NO_FIXTURE_CHECK = [HealthCheck.function_scoped_fixture]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, photos) -> Path:
    """A finished set of two shards; tests copy it before they damage it."""
    root = tmp_path_factory.mktemp("made")
    config = PairsConfig(
        content=(write_photos(root / "content", photos(6)),), size=32, pairs_per_shard=4, val_share=0.3, test_share=0.2
    )
    make_pairs(config, TintTeacher(), root / "out")
    return root / "out"


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "copy"))


def all_entries(reader: PairReader) -> list[PairEntry]:
    return [entry for split in ("train", "val", "test") for entry in reader.entries(split)]


def read_all(folder: Path) -> dict[str, tuple[bytes, bytes]]:
    reader = PairReader(folder)
    return {e.key: tuple(rgb.tobytes() for rgb in reader.read(e)) for e in all_entries(reader)}


def edit_json(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **changes}))


def reseal(folder: Path) -> None:
    """Update all digests, as a script that tampers with a set would do it."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    for record in manifest["shards"]:
        tar, index = (folder / "shards" / f"{record['name']}.{kind}" for kind in ("tar", "json"))
        edit_json(index, sha256=sha256_file(tar), size=tar.stat().st_size)
        record |= {"sha256": sha256_file(tar), "size": tar.stat().st_size, "index_sha256": sha256_file(index)}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_digest_is_that_of_the_manifest(made: Path) -> None:
    reader = PairReader(made)
    assert reader.digest == sha256_file(made / "manifest.json")
    assert len(all_entries(reader)) == reader.manifest.pairs.total == 6
    assert reader.manifest.teacher.name == "tint"


def read_one(reader: PairReader, entry: PairEntry) -> bytes:
    return b"".join(rgb.tobytes() for rgb in reader.read(entry))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_read_the_same(made: Path, method: str) -> None:
    reader = PairReader(made)
    entries = all_entries(reader) * 4
    expected = [read_one(reader, entry) for entry in entries]
    with ProcessPoolExecutor(1 if method == "spawn" else 2, mp_context=multiprocessing.get_context(method)) as pool:
        assert list(pool.map(read_one, [reader] * len(entries), entries)) == expected
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda entry: read_one(reader, entry), entries)) == expected
    assert read_one(pickle.loads(pickle.dumps(reader)), entries[0]) == expected[0]


def test_reading_changes_nothing_and_needs_no_writing(copy: Path) -> None:
    before = tree(copy)
    for path in [*copy.rglob("*"), copy]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    read_all(copy)
    assert tree(copy) == before
    copy.chmod(0o755)
    (copy / "shards").chmod(0o755)


def test_what_is_no_finished_set(copy: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        PairReader(tmp_path / "missing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no pair set in it"):
        PairReader(tmp_path / "empty")
    (copy / "manifest.json").unlink()
    with pytest.raises(DataError, match="not finished: run the same make-pairs again"):
        PairReader(copy)


@pytest.mark.parametrize("name", ["manifest.json", "shards/train-00000.json"])
def test_an_unknown_schema_version_is_never_guessed_at(copy: Path, name: str) -> None:
    edit_json(copy / name, schema_version=9, news="unknown")
    with pytest.raises(DataError, match=f"{name}: has schema version 9, but this pix2style reads 2"):
        PairReader(copy)


@pytest.mark.parametrize("name", ["shards/val-00000.json", "shards/val-00000.tar"])
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(DataError, match=name):
        PairReader(copy)


def test_a_shard_of_another_size_is_named(copy: Path) -> None:
    with (copy / "shards" / "val-00000.tar").open("ab") as stream:
        stream.write(b"\0")
    with pytest.raises(DataError, match=r"val-00000\.tar: has \d+ bytes instead of"):
        PairReader(copy)


def test_pictures_of_two_pairs_that_were_swapped(copy: Path) -> None:
    """Complaint 15: wrongly prepared pairs fail silently (pix2pix #464 #1121 #1515)."""
    reader = PairReader(copy)
    entry = next(e for e in all_entries(reader) if e.shard == 0)
    path = copy / "shards" / "train-00000.tar"
    data = bytearray(path.read_bytes())
    content, target = entry.content, entry.target
    picture = data[target.offset : target.offset + target.size]
    data[content.offset : content.offset + content.size] = picture[: content.size].ljust(content.size, b"\0")
    path.write_bytes(data)
    with pytest.raises(DataError, match=f"content of pair {entry.key} .* is damaged"):
        reader.read(entry)


def test_a_pair_of_another_size_than_the_set_even_with_fitting_digests(copy: Path) -> None:
    reader = PairReader(copy)
    entry = next(e for e in all_entries(reader) if e.shard == 0)
    small = encode_png(np.full((16, 32, 3), 7, np.uint8))
    path = copy / "shards" / "train-00000.tar"
    data = bytearray(path.read_bytes())
    data[entry.target.offset : entry.target.offset + len(small)] = small
    data[entry.target.offset - 512 : entry.target.offset] = tar_header(f"{entry.key}.target.png", len(small))
    path.write_bytes(data)
    index = json.loads((copy / "shards" / "train-00000.json").read_bytes())
    [changed] = [pair for pair in index["pairs"] if pair["key"] == entry.key]
    changed["target"] |= {"size": len(small), "sha256": sha256_bytes(small)}
    edit_json(copy / "shards" / "train-00000.json", pairs=index["pairs"])
    reseal(copy)
    reader = PairReader(copy)
    [entry] = [e for e in all_entries(reader) if e.key == entry.key]
    with pytest.raises(DataError, match="is 32x16 px, but the index says 32x32"):
        reader.read(entry)


def test_offsets_outside_the_shard(copy: Path) -> None:
    index = json.loads((copy / "shards" / "train-00000.json").read_bytes())
    index["pairs"][0]["target"]["offset"] = 2**50
    edit_json(copy / "shards" / "train-00000.json", pairs=index["pairs"])
    reseal(copy)
    with pytest.raises(DataError, match="lies outside its shard"):
        PairReader(copy)


def test_an_index_that_was_edited(copy: Path) -> None:
    index = json.loads((copy / "shards" / "train-00000.json").read_bytes())
    index["pairs"][0]["source"] = "another photo.png"
    edit_json(copy / "shards" / "train-00000.json", pairs=index["pairs"])
    with pytest.raises(DataError, match=r"train-00000\.json: is not the index that the manifest names"):
        PairReader(copy)


def test_shard_names_cannot_leave_the_folder(copy: Path) -> None:
    manifest = json.loads((copy / "manifest.json").read_bytes())
    for name in (
        "../../etc/passwd",
        "shard-00000/../x",
        "train-00000/../x",
        "train-00000\n",
        "train-0000\u0660",
        "/etc/passwd",
    ):
        manifest["shards"][0]["name"] = name
        edit_json(copy / "manifest.json", shards=manifest["shards"])
        with pytest.raises(DataError, match="shards -> 0 -> name"):
            PairReader(copy)


def test_counts_and_keys_must_agree(copy: Path) -> None:
    manifest = json.loads((copy / "manifest.json").read_bytes())
    edit_json(copy / "manifest.json", pairs={**manifest["pairs"], "train": 99})
    with pytest.raises(DataError, match="does not agree"):
        PairReader(copy)


def test_an_entry_of_another_set(made: Path) -> None:
    reader = PairReader(made)
    entry = all_entries(reader)[0]
    with pytest.raises(DataError, match="no shard 77"):
        reader.read(entry.model_copy(update={"shard": 77}))
    far = Member(offset=2**55, size=2**55, sha256="0" * 64)
    with pytest.raises(DataError, match="damaged"):
        reader.read(entry.model_copy(update={"content": far}))


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None, suppress_health_check=NO_FIXTURE_CHECK)
@given(data=st.data())
def test_any_values_in_manifest_or_index(made: Path, tmp_path_factory, data: st.DataObject) -> None:
    folder = Path(shutil.copytree(made, tmp_path_factory.mktemp("values") / "set"))
    path = folder / data.draw(st.sampled_from(["manifest.json", "shards/train-00000.json"]))
    document = json.loads(path.read_bytes())
    place: Any = document
    while True:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if isinstance(place[key], dict | list) and place[key] and data.draw(st.integers(0, 3)):
            place = place[key]
            continue
        place[key] = data.draw(JSON_VALUES)
        break
    path.write_text(json.dumps(document))
    if data.draw(st.booleans()) and isinstance(document.get("shards", []), list):
        try:
            reseal(folder)
        except (TypeError, KeyError, ValueError, OSError):  # too odd even to be resealed
            path.write_text(json.dumps(document))
    _true_or_data_error(folder, made)


@settings(max_examples=150, deadline=None, suppress_health_check=NO_FIXTURE_CHECK)
@given(data=st.data())
def test_any_bytes_in_any_file(made: Path, tmp_path_factory, data: st.DataObject) -> None:
    folder = Path(shutil.copytree(made, tmp_path_factory.mktemp("bytes") / "set"))
    name = data.draw(st.sampled_from(["manifest.json", "shards/train-00000.json", "shards/val-00000.tar"]))
    content = bytearray((folder / name).read_bytes())
    start = data.draw(st.integers(0, len(content)))
    end = min(len(content), start + data.draw(st.integers(0, 40)))
    content[start:end] = data.draw(st.binary(max_size=40))
    (folder / name).write_bytes(content)
    _true_or_data_error(folder, made)


def _true_or_data_error(folder: Path, made: Path) -> None:
    try:
        pictures = read_all(folder)
    except DataError as error:
        said = str(error)
    else:
        said = str(folder)
        expected = read_all(made)
        assert pictures.items() <= expected.items()
    assert str(folder) in said
