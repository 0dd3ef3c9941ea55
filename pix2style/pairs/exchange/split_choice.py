"""Choose the splits of pairs by the names of their folders and files; refuse names that are not understood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pix2style.errors import DataError
from pix2style.pairs.format.name_meaning import NameMeaning, SplitWord, name_meaning
from pix2style.pairs.format.records import Split
from pix2style.plural import counted

BY_CONTENT = "by content, as no folder or file name says a split"
_ADVICE = "name the folders train, val and test"
_SHOWN_FOLDERS = 6
_MIN_MARKED_FILES = 2


@dataclass(frozen=True, slots=True)
class SplitChoice:
    """The splits of pairs.

    Attributes:
        splits: Split of each pair, or None if the splits have to follow from the contents.
        reason: Why these splits, for people: `by the folders train/ and validation/ (val)`.
    """

    splits: tuple[Split, ...] | None
    reason: str

    def of(self, index: int) -> Split | None:
        """Return the split of a pair by its index, or None if it has to follow from its content."""
        return None if self.splits is None else self.splits[index]


def choose_splits(folder: Path, names: Sequence[str]) -> SplitChoice:
    """Choose the split of each pair by its path.

    If the folders of all pairs name a split, in any usual spelling, these are the splits; or else the names of the
    files, if each of them begins or ends with a split's name. If neither folders nor files name splits, the splits
    follow from the contents. Everything between is refused: a held-out photo must never be trained on.

    Args:
        folder: Folder of the pairs, for messages.
        names: Path of each pair relative to the folder, with forward slashes, without suffix.

    Raises:
        DataError: Names of folders or files may say a split, but are not understood, or not all pairs have one.
    """
    folders = {part for name in names for part in PurePosixPath(name).parts[:-1]}
    meanings = {part: name_meaning(part) for part in folders}
    _refuse_folds(folder, meanings)
    clear = {part: meaning.clear_split for part, meaning in meanings.items() if meaning.clear_split}
    if clear:
        return _by_folders(folder, names, clear)
    possible = {part: meaning.possible_split for part, meaning in meanings.items() if meaning.splits}
    words = set(possible.values())
    if len(words) > 1 and None not in words:
        return _by_folders(folder, names, {part: word for part, word in possible.items() if word})
    held_out = sorted(part for part, word in possible.items() if word != "train")
    if held_out:
        raise DataError(
            f"{folder}: the folder {held_out[0]}/ may be a split, but its name is not understood: {_ADVICE}, or, if it"
            " is no split, give it a name without such a word"
        )
    return _by_file_names(folder, names)


def _refuse_folds(folder: Path, meanings: Mapping[str, NameMeaning]) -> None:
    folds = sorted(part for part, meaning in meanings.items() if meaning.is_fold)
    if folds:
        raise DataError(
            f"{folder}: the folders {_join(folds)} are parts of a cross-validation, and nothing says which of them are"
            f" held out: {_ADVICE}"
        )


def _by_folders(folder: Path, names: Sequence[str], words: Mapping[str, SplitWord]) -> SplitChoice:
    """Choose by folders. The folders inside a folder that names a split must not name another one."""
    found = [{words[part] for part in PurePosixPath(name).parts[:-1] if part in words} for name in names]
    outside = [name for name, pair_words in zip(names, found, strict=True) if not pair_words]
    if outside:
        raise DataError(
            f"{folder}: {len(outside)} of {counted(len(names), 'pair')} {'is' if len(outside) == 1 else 'are'} in"
            " no folder that names a split (for example"
            f" {outside[0]}), but others are in {_join(sorted(words))}: move them to train/, val/ or test/"
        )
    several = [name for name, pair_words in zip(names, found, strict=True) if len(pair_words) > 1]
    if several:
        raise DataError(f"{folder}: {several[0]}: its folders name more than one split: {_ADVICE}")
    held_out = meaning_of_held_out({word for pair_words in found for word in pair_words})
    by_folder = {part: held_out if word == "held-out" else word for part, word in words.items()}
    used = sorted({part for name in names for part in PurePosixPath(name).parts[:-1] if part in words})
    splits = tuple(
        next(by_folder[part] for part in PurePosixPath(name).parts[:-1] if part in by_folder) for name in names
    )
    shown = [f"{part}/" if part == by_folder[part] else f"{part}/ ({by_folder[part]})" for part in used]
    return SplitChoice(splits, f"by the {'folders' if len(used) > 1 else 'folder'} {_join_shown(shown)}")


def _by_file_names(folder: Path, names: Sequence[str]) -> SplitChoice:
    meanings = [name_meaning(PurePosixPath(name).name) for name in names]
    words = [meaning.possible_split if meaning.is_numbered_split else None for meaning in meanings]
    marked = [name for name, word in zip(names, words, strict=True) if word not in (None, "train")]
    if len(marked) < _MIN_MARKED_FILES and not (marked and "train" in words):
        return SplitChoice(None, BY_CONTENT)
    unmarked = [name for name, word in zip(names, words, strict=True) if word is None]
    if unmarked:
        raise DataError(
            f"{folder}: the names of {counted(len(marked), 'file')} say a split (for example {marked[0]}), but"
            f" {unmarked[0]} and"
            f" {len(unmarked) - 1} others do not: move the files to folders, and {_ADVICE}"
        )
    return file_name_choice([word for word in words if word])


def file_name_choice(words: Sequence[SplitWord]) -> SplitChoice:
    """Return the choice of these splits, which the names of files say."""
    held_out = meaning_of_held_out(set(words))
    splits = tuple(held_out if word == "held-out" else word for word in words)
    return SplitChoice(splits, f"by the file names, which say {_join_shown(sorted(set(words)))}")


def meaning_of_held_out(words: set[SplitWord]) -> Split:
    """Return the split of folders such as eval and holdout: val, unless other folders are val already."""
    return "test" if "val" in words else "val"


def _join(folders: Sequence[str]) -> str:
    return _join_shown([f"{part}/" for part in folders])


def _join_shown(texts: Sequence[str]) -> str:
    if len(texts) > _SHOWN_FOLDERS:
        return ", ".join(texts[:_SHOWN_FOLDERS]) + f" and {len(texts) - _SHOWN_FOLDERS} more"
    return " and ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)
