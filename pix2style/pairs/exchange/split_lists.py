"""Refuse folders of pairs whose splits are in lists beside them (`train.txt`, `splits.json`): these are not read."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from pix2style.errors import DataError
from pix2style.images import IMAGE_SUFFIXES
from pix2style.pairs.format.name_meaning import is_ignored, name_meaning

_SUFFIXES = frozenset((".txt", ".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".lst", ".list", ".yaml", ".yml"))
_LIST_WORDS = re.compile(
    r"(?i)((file)?names?|lists?|ids?|index|indices|annotations?|labels?|metadata|captions?)(?![a-z])"
)


def refuse_split_lists(folder: Path) -> None:
    """Refuse a folder that holds a list of the files of a split, at any depth.

    A text beside a picture of the same name is its caption, and no list.

    Raises:
        DataError: There is such a list.
    """
    lists = sorted(_find_lists(folder), key=lambda path: (len(path.parts), path))
    if lists:
        raise DataError(
            f"{folder}: {lists[0].relative_to(folder).as_posix()} seems to list the files of a split, but lists are not"
            " read: move the files to folders named train, val and test, or, if it is no such list, move it elsewhere"
        )


def _find_lists(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and not is_ignored(name)]
        lists = [name for name in files if _is_split_list(name)]
        pictures = {Path(name).stem for name in files if Path(name).suffix.lower() in IMAGE_SUFFIXES}
        yield from (Path(root) / name for name in lists if Path(name).stem not in pictures)


def _is_split_list(name: str) -> bool:
    stem, suffix = Path(name).stem, Path(name).suffix
    if suffix.lower() not in _SUFFIXES or name.startswith("."):
        return False
    meaning = name_meaning(_LIST_WORDS.sub(" ", stem))
    return meaning.is_clear and (bool(meaning.splits) or "split" in stem.casefold())
