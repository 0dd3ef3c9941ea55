"""Lists of paths that take little memory are like lists of paths."""

from __future__ import annotations

import copy
import operator
import pickle
import random
import tracemalloc
from dataclasses import dataclass
from pathlib import Path

import pytest

from pix2style.path_list import PathList, RemarkList

NAMES = (
    *("a.jpg", "b/a.jpg", "b/c/a.jpg", "b/z.jpg", "b.d/a", "/x.png", "b/ü\udcff.png", "b c", "B"),
    *("b/a.d/c", "-b", ".c/x"),
)
PATHS = [Path(name) for name in NAMES]


@dataclass(frozen=True)
class Remark:
    path: Path
    reason: str


def test_like_a_list() -> None:
    for special in (".", "..", "../up", "/"):
        assert PathList([Path(special)]) == [Path(special)]
    paths = PathList(PATHS)
    assert paths == PATHS
    assert [paths[i] for i in range(-3, 3)] == [PATHS[i] for i in range(-3, 3)]
    assert (paths[1:9:2], len(paths), Path("b c") in paths) == (PATHS[1:9:2], len(PATHS), True)
    assert str(paths) == str(PATHS)
    with pytest.raises(IndexError):
        paths[len(PATHS)]
    paths += [Path("new")]
    assert paths == [*PATHS, Path("new")] != paths[:-1]
    assert copy.deepcopy(paths) == paths == pickle.loads(pickle.dumps(paths))
    assert PathList() == []


def test_sorted_as_paths_are() -> None:
    for seed in range(20):
        shuffled = random.Random(seed).sample(PATHS, len(PATHS))
        paths = PathList(shuffled)
        paths.sort()
        assert paths == sorted(shuffled)


def test_remarks() -> None:
    items = [Remark(path, f"reason {i % 3}") for i, path in enumerate(PATHS)]
    remarks = RemarkList(Remark, operator.attrgetter("reason"), items)
    assert (remarks, remarks[2], remarks[3:5], len(remarks)) == (items, items[2], items[3:5], len(items))
    remarks.sort()
    assert remarks == sorted(items, key=lambda item: item.path)
    assert pickle.loads(pickle.dumps(remarks)) == remarks


def test_little_memory() -> None:
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        paths = PathList()
        for i in range(10_000):
            paths.append_text(f"some/folder/with/a/long/name/{i // 100}/IMG_{i:08d}.jpg")
        used = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert used < 50 * len(paths)
