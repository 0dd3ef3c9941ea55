"""Find parquet files, and choose the splits of their rows by the names of files and folders or by a column."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from pix2style.errors import DataError
from pix2style.pairs.exchange.split_choice import BY_CONTENT, SplitChoice, file_name_choice, meaning_of_held_out
from pix2style.pairs.format.name_meaning import SplitWord, is_ignored, name_meaning
from pix2style.pairs.format.records import Split

SPLIT_COLUMN = "split"
BY_CONTENT_REASON = BY_CONTENT.replace("name says", "name and no column says")
_SUFFIX = ".parquet"


def find_parquet_files(path: Path) -> list[Path]:
    """Return a file itself, or the parquet files in a folder and below it; hidden files are left out."""
    if path.is_file():
        return [path]
    found = ((file, file.relative_to(path).as_posix()) for file in path.rglob("*") if file.suffix.lower() == _SUFFIX)
    return sorted(file for file, relative in found if not _is_hidden(relative) and not is_ignored(relative))


def choose_file_splits(path: Path, files: Sequence[Path]) -> SplitChoice:
    """Choose the split of each file by its name or the folders in `path`, for example `data/validation-00000.parquet`.

    Raises:
        DataError: Only some of the names say a split, or a name says several.
    """
    names = [file.name if path.is_file() else file.relative_to(path).as_posix() for file in files]
    words = [_split_word(path, PurePosixPath(name)) for name in names]
    unnamed = [name for name, word in zip(names, words, strict=True) if word is None]
    if not any(words):
        return SplitChoice(None, BY_CONTENT_REASON)
    if unnamed:
        raise DataError(
            f"{path}: the name of {unnamed[0]} says no split, but those of other files do: begin it with train-, val-"
            " or test-"
        )
    return file_name_choice([word for word in words if word])


def choose_column_splits(path: Path, values: Iterable[object]) -> dict[object, Split]:
    """Return the split that each value of the column `split` says.

    Args:
        path: The parquet files, for messages.
        values: All values of the column.

    Raises:
        DataError: A value says no split.
    """
    words: dict[object, SplitWord] = {}
    for value in set(values):
        word = name_meaning(value).clear_split if isinstance(value, str) else None
        if word is None:
            raise DataError(
                f"{path}: its column {SPLIT_COLUMN} holds {value!r}, which is no split: write train, val or test, or"
                " leave the column out"
            )
        words[value] = word
    held_out = meaning_of_held_out(set(words.values()))
    return {value: held_out if word == "held-out" else word for value, word in words.items()}


def refuse_contradictions(path: Path, files: Sequence[Path], values: Sequence[Iterable[object]]) -> None:
    """Refuse files whose name says one split, and whose column `split` another one.

    Args:
        path: The parquet files, for messages.
        files: The files.
        values: The values of the column in each file.

    Raises:
        DataError: A file's name and column differ.
    """
    for file, file_values in zip(files, values, strict=True):
        name = file.name if path.is_file() else file.relative_to(path).as_posix()
        by_name = _split_word(path, PurePosixPath(name))
        for value in set(file_values):
            by_column = name_meaning(value).clear_split if isinstance(value, str) else None
            differ = by_name is not None and by_column is not None and by_name != by_column
            if differ and {by_name, by_column} not in ({"held-out", "val"}, {"held-out", "test"}):
                raise DataError(
                    f"{path}: the name of {name} says {by_name}, but its column {SPLIT_COLUMN} holds {value!r}: rename"
                    " the file, or correct the column"
                )


def _split_word(path: Path, name: PurePosixPath) -> SplitWord | None:
    """Return the split that a file's folders or its name say, or None if they say none."""
    folders = {split for part in name.parts[:-1] if (split := name_meaning(part).clear_split)}
    meaning = name_meaning(name.stem)
    if len(folders) > 1 or (not folders and meaning.splits and meaning.possible_split is None):
        raise DataError(f"{path}: the name of {name} says more than one split: begin it with train-, val- or test-")
    return next(iter(folders), meaning.possible_split)


def _is_hidden(relative: str) -> bool:
    return any(part.startswith(".") for part in relative.split("/"))
