"""Damaged sets give a DataError or exactly the original pairs: no other exception, and no file elsewhere is read.

PIX2STYLE_FUZZ=20 tries twenty times as many damages, and different ones in every run.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pix2style.config.pairs import PairsConfig
from pix2style.errors import DataError
from pix2style.pairs.build.make_pairs import Slice, make_pairs, make_slice
from pix2style.pairs.format.reader import PairReader

from damage import damaged_bytes, damaged_json, reseal  # isort: skip
from tint import TintTeacher, tree, write_photos  # isort: skip

FACTOR = int(os.environ.get("PIX2STYLE_FUZZ", "1"))
TARS = ["shards/train-00000.tar", "shards/val-00000.tar"]
INDEXES = ["shards/train-00000.json", "shards/val-00000.json"]
Pairs = dict[str, tuple[str, str, bytes, bytes]]


def examples(count: int) -> Any:
    return settings(
        max_examples=count * FACTOR,
        derandomize=FACTOR == 1,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


@dataclass(frozen=True)
class Made:
    """A finished set, its pairs and files, and its configuration."""

    folder: Path
    pairs: Pairs
    files: dict[str, bytes]
    config: PairsConfig

    def copy(self, place: Path) -> Path:
        """Replace the copy at a place by a new copy of the set."""
        shutil.rmtree(place, ignore_errors=True)
        return Path(shutil.copytree(self.folder, place))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, photos) -> Made:
    root = tmp_path_factory.mktemp("fuzz")
    write_photos(root / "content", photos(6, 24, 24))
    (root / "content" / "copy.png").write_bytes((root / "content" / "album0" / "photo00.png").read_bytes())
    config = PairsConfig(
        content=(root / "content",),
        size=32,
        pairs_per_shard=3,
        val_share=0.3,
        test_share=0.2,
    )
    make_pairs(config, TintTeacher(), root / "set")
    shutil.rmtree(root / "set" / "timing", ignore_errors=True)
    return Made(root / "set", read_all(root / "set"), tree(root / "set"), config)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damaged") / "set"


def read_all(folder: Path) -> Pairs:
    reader = PairReader(folder)
    entries = [entry for split in ("train", "val", "test") for entry in reader.entries(split)]
    found = {}
    for entry in entries:
        content, target = reader.read(entry)
        found[entry.key] = (entry.source, entry.split, content.tobytes(), target.tobytes())
    assert len(found) == len(entries) == reader.manifest.pairs.total
    return found


class Watch:
    """Record opened files. Audit hooks cannot be removed, so a single one is added and switched on and off."""

    def __init__(self) -> None:
        self.on = False
        self.opened: list[str] = []
        sys.addaudithook(self._note)

    def _note(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.on and event == "open" and isinstance(arguments[0], str | bytes):
            self.opened.append(os.fsdecode(arguments[0]))


@functools.cache
def the_watch() -> Watch:
    return Watch()


@contextlib.contextmanager
def nothing_opened_outside(folder: Path) -> Iterator[None]:
    """Fail if a file was opened that is neither in `folder` nor in a folder of Python."""
    watch = the_watch()
    watch.opened.clear()
    watch.on = True
    try:
        yield
    finally:
        watch.on = False
    inside = (os.path.realpath(folder), sys.prefix, sys.base_prefix, str(Path(__file__).parents[3] / "pix2style"))
    for name in watch.opened:
        assert os.path.realpath(name).startswith(inside), name


def read_or_refuse(folder: Path) -> Pairs | None:
    """Return the pairs of a set, or None if it is refused with a DataError."""
    with nothing_opened_outside(folder):
        try:
            return read_all(folder)
        except DataError:
            return None


def test_the_watch_sees_what_is_opened(made: Made, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(AssertionError, match="x"), nothing_opened_outside(made.folder):
        (tmp_path / "x").read_text()
    assert read_or_refuse(made.folder) == made.pairs


@examples(200)
@given(data=st.data())
def test_any_bytes_of_any_file(made: Made, place: Path, data: st.DataObject) -> None:
    folder = made.copy(place)
    path = folder / data.draw(st.sampled_from(["manifest.json", "plan.json", *INDEXES, *TARS]))
    path.write_bytes(damaged_bytes(data.draw, path.read_bytes()))
    assert read_or_refuse(folder) in (None, made.pairs)


@examples(200)
@given(data=st.data())
def test_any_value_of_a_document(made: Made, place: Path, data: st.DataObject) -> None:
    folder = made.copy(place)
    path = folder / data.draw(st.sampled_from(["manifest.json", *INDEXES]))
    path.write_bytes(damaged_json(data.draw, path.read_bytes()))
    assert read_or_refuse(folder) in (None, made.pairs)


@examples(200)
@given(data=st.data())
def test_digests_that_were_made_to_fit_again(made: Made, place: Path, data: st.DataObject) -> None:
    """Who updates the digests can remove pairs and rename photos, but no image may appear under another key."""
    folder = made.copy(place)
    path = folder / data.draw(st.sampled_from(["manifest.json", *INDEXES, *INDEXES, *TARS]))
    before = path.read_bytes()
    change = damaged_bytes if path.suffix == ".tar" else damaged_json
    path.write_bytes(change(data.draw, before))
    with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError, OSError, RecursionError):
        reseal(folder)
    got = read_or_refuse(folder) or {}
    assert {key: pair[2:] for key, pair in got.items()}.items() <= {k: p[2:] for k, p in made.pairs.items()}.items()


@examples(60)
@given(data=st.data())
def test_members_of_other_pairs(made: Made, place: Path, data: st.DataObject) -> None:
    """Use offset, size and digest of another image, in an index whose own digest is right."""
    folder = made.copy(place)
    indexes = {name: json.loads((folder / name).read_bytes()) for name in INDEXES}
    members = [(pair, role) for index in indexes.values() for pair in index["pairs"] for role in ("content", "target")]
    pair, role = data.draw(st.sampled_from(members))
    other, other_role = data.draw(st.sampled_from([m for m in members if m != (pair, role)]))
    exchange = data.draw(st.booleans())
    pair[role], other[other_role] = other[other_role], pair[role] if exchange else other[other_role]
    for name, index in indexes.items():
        (folder / name).write_text(json.dumps(index))
    reseal(folder)
    assert read_or_refuse(folder) is None


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("kinds", [["json"], ["tar"], ["json", "tar"]])
def test_files_of_another_shard(made: Made, place: Path, kinds: list[str], sealed: bool) -> None:
    folder = made.copy(place)
    for kind in kinds:
        first, second = (folder / "shards" / f"{name}.{kind}" for name in ("train-00000", "val-00000"))
        one, two = first.read_bytes(), second.read_bytes()
        first.write_bytes(two)
        second.write_bytes(one)
    if sealed:
        reseal(folder)
    assert read_or_refuse(folder) is None


@pytest.mark.timeout(30)
@pytest.mark.parametrize("name", ["manifest.json", INDEXES[0], TARS[0]])
@pytest.mark.parametrize("kind", ["pipe", "folder", "loop", "nowhere"])
def test_files_that_are_none(made: Made, place: Path, name: str, kind: str) -> None:
    folder = made.copy(place)
    (folder / name).unlink()
    if kind == "pipe":
        os.mkfifo(folder / name)
    elif kind == "folder":
        (folder / name).mkdir()
    else:
        (folder / name).symlink_to(Path(name).name if kind == "loop" else "nowhere")
    assert read_or_refuse(folder) is None


# --- going on with a damaged set ---------------------------------------------------------------------------------


def go_on(made: Made, folder: Path, data: st.DataObject) -> bool:
    """Resume the set with make_pairs or make_slice; return False if it is refused."""
    try:
        if data.draw(st.booleans()):
            make_pairs(made.config, TintTeacher(), folder)
        else:
            make_slice(made.config, TintTeacher(), folder, Slice(1, 1))
    except DataError:
        return False
    return True


@examples(60)
@given(data=st.data())
def test_a_damaged_partial_shard(made: Made, place: Path, data: st.DataObject) -> None:
    """Whatever is left of a shard, the finished set has the bytes of a set that was never interrupted."""
    folder = made.copy(place)
    (folder / "manifest.json").unlink()
    (folder / INDEXES[1]).unlink()
    whole = (folder / TARS[1]).read_bytes()
    (folder / TARS[1]).unlink()
    partial = damaged_bytes(data.draw, whole[: data.draw(st.integers(0, len(whole)))])
    if data.draw(st.booleans()):
        partial = damaged_bytes(data.draw, partial)
    (folder / f"{TARS[1]}.partial").write_bytes(partial)
    assert go_on(made, folder, data)
    assert tree(folder) == made.files


@examples(60)
@given(data=st.data())
def test_a_damaged_plan(made: Made, place: Path, data: st.DataObject) -> None:
    folder = made.copy(place)
    (folder / "manifest.json").unlink()
    (folder / INDEXES[1]).unlink()
    path = folder / "plan.json"
    change = data.draw(st.sampled_from([damaged_bytes, damaged_json]))
    path.write_bytes(change(data.draw, path.read_bytes()))
    if not go_on(made, folder, data):
        return
    got, failures = read_all(folder), PairReader(folder).manifest.failures
    assert got.items() <= made.pairs.items()
    # make_slice takes the photos' digests from the plan; a photo that has another one is listed, not painted.
    missing = {pair[0] for key, pair in made.pairs.items() if key not in got}
    assert missing == {failure.source for failure in failures if failure.reason.startswith("changed")}
    if not missing:
        files = tree(folder)
        assert {**files, "plan.json": b""} == {**made.files, "plan.json": b""}


@examples(80)
@given(data=st.data())
def test_a_damaged_index_or_manifest_of_a_finished_set(made: Made, place: Path, data: st.DataObject) -> None:
    """make-pairs checks only the size of a finished shard, but reading the set refuses what is wrong."""
    folder = made.copy(place)
    path = folder / data.draw(st.sampled_from(["manifest.json", *INDEXES]))
    change = data.draw(st.sampled_from([damaged_bytes, damaged_json]))
    path.write_bytes(change(data.draw, path.read_bytes()))
    if go_on(made, folder, data):
        assert read_or_refuse(folder) in (None, made.pairs)


@pytest.mark.parametrize("change", [{"enlarged": 2**31}, {"pairs": 2}, {"content_bytes": 2**60}])
def test_an_index_whose_figures_are_wrong_is_not_taken_for_finished(
    made: Made, place: Path, change: dict[str, int]
) -> None:
    folder = made.copy(place)
    index = json.loads((folder / INDEXES[0]).read_bytes())
    index["statistics"] |= change
    (folder / INDEXES[0]).write_text(json.dumps(index))
    make_pairs(made.config, TintTeacher(), folder)
    assert tree(folder) == made.files


@pytest.mark.parametrize("change", [{"source": "another.png"}, {"key": "abc"}, {"split": "other"}])
def test_an_index_that_does_not_fit_the_plan_is_not_taken_for_finished(
    made: Made, place: Path, change: dict[str, str]
) -> None:
    folder = made.copy(place)
    index = json.loads((folder / INDEXES[0]).read_bytes())
    first = index["pairs"][0]
    if "split" in change:
        change = {"split": "val" if first["split"] == "train" else "train"}
    first |= change
    (folder / INDEXES[0]).write_text(json.dumps(index, indent=2, sort_keys=True) + "\n")
    make_pairs(made.config, TintTeacher(), folder)
    assert tree(folder) == made.files


def test_a_plan_whose_duplicate_is_of_no_photo(made: Made, place: Path) -> None:
    folder = made.copy(place)
    plan = json.loads((folder / "plan.json").read_bytes())
    plan["duplicates"][0]["of"] = "nowhere.png"
    (folder / "plan.json").write_text(json.dumps(plan))
    with pytest.raises(DataError, match="holds another pair set: duplicate or unreadable files"):
        make_slice(made.config, TintTeacher(), folder, Slice(1, 1))
