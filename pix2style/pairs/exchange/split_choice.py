"""Choose the splits of pairs by the names of their folders and files; refuse names that are not understood."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pix2style.errors import DataError
from pix2style.pairs.exchange.split_lists import refuse_split_lists
from pix2style.pairs.format.name_meaning import NameMeaning, SplitWord, name_meaning
from pix2style.pairs.format.records import Split
from pix2style.plural import counted

BY_CONTENT = "by content, as no folder or file name says a split"
_ADVICE = "name the folders train, val and test"
_SHOWN_FOLDERS = 6
_MIN_MARKED_FILES = 2
_MIN_MARKED_FILES_OF_ONE_SPLIT = 3
_MIN_MARKED_SHARE = 0.1  # of files whose names hold a held-out split's word; below it, they are taken for an album's
_SHORT_WORDS: dict[str, SplitWord] = {"tr": "train", "va": "val", "te": "test"}
_HELD_OUT_RANK: dict[SplitWord, int] = {"train": 0, "val": 1, "held-out": 1, "test": 2}


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
    files, if each of them holds the word of a split. If neither folders nor files name splits, the splits follow from
    the contents; a few names such as `test` and `train_station` in an album do not matter, and the reason counts them.
    Everything between is refused: a held-out photo must never be trained on.

    Args:
        folder: Folder of the pairs, for messages.
        names: Path of each pair relative to the folder, with forward slashes, without suffix.

    Raises:
        DataError: Names of folders or files may say a split, but are not understood, or not all pairs have one.
    """
    choice = _choose(folder, names)
    if choice.splits is None or ("train" in choice.splits and len(set(choice.splits)) == 1):
        refuse_split_lists(folder)
    return choice


def _choose(folder: Path, names: Sequence[str]) -> SplitChoice:
    folders = {part for name in names for part in PurePosixPath(name).parts[:-1]}
    meanings = {part: name_meaning(part) for part in folders}
    clear = {part: meaning.clear_split for part, meaning in meanings.items() if meaning.clear_split}
    short = {part: _SHORT_WORDS[part.casefold()] for part in folders if part.casefold() in _SHORT_WORDS}
    if len(set(short.values())) > 1:
        clear |= short
    _refuse_folds(folder, names, meanings, clear)
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


def _refuse_folds(
    folder: Path, names: Sequence[str], meanings: Mapping[str, NameMeaning], clear: Mapping[str, SplitWord]
) -> None:
    """Refuse folders such as `fold1`, and several such as `split1` unless they are parts of a folder like `train`."""
    folds = sorted(part for part, meaning in meanings.items() if meaning.is_fold)
    paths = [PurePosixPath(name).parts[:-1] for name in names]
    outer = {part for parts in paths for part in parts[: next((i for i, p in enumerate(parts) if p in clear), None)]}
    numbered = sorted(part for part in outer if meanings[part].is_part_of_several)
    folds += numbered if len(numbered) > 1 else []
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
    _refuse_contradictions(folder, names, [next(iter(pair_words)) for pair_words in found])
    held_out = meaning_of_held_out({word for pair_words in found for word in pair_words})
    by_folder = {part: held_out if word == "held-out" else word for part, word in words.items()}
    used = sorted({part for name in names for part in PurePosixPath(name).parts[:-1] if part in words})
    splits = tuple(
        next(by_folder[part] for part in PurePosixPath(name).parts[:-1] if part in by_folder) for name in names
    )
    shown = [f"{part}/" if part == by_folder[part] else f"{part}/ ({by_folder[part]})" for part in used]
    return SplitChoice(splits, f"by the {'folders' if len(used) > 1 else 'folder'} {_join_shown(shown)}")


def _refuse_contradictions(folder: Path, names: Sequence[str], words: Sequence[SplitWord]) -> None:
    """Refuse pairs in `train/validation_cats`, or called `train/val_1`: their other names say that they are held out.

    The opposite is no harm, and usual: `val/train_station` is a kind of scene.
    """
    for name, word in zip(names, words, strict=True):
        *folders, stem = PurePosixPath(name).parts
        others = [meaning.possible_split for part in folders if (meaning := name_meaning(part)).splits]
        if name_meaning(stem).is_numbered_split and re.search(r"\d", stem):
            others.append(name_meaning(stem).possible_split)
        if any(_HELD_OUT_RANK[other or "test"] > _HELD_OUT_RANK[word] for other in others) and word != "held-out":
            raise DataError(
                f"{folder}: {name}: its folder says {word}, but another part of its name says a different split: move"
                " it to the folder of its split, or rename that part if it is no split"
            )


def _by_file_names(folder: Path, names: Sequence[str]) -> SplitChoice:
    meanings = [name_meaning(PurePosixPath(name).name) for name in names]
    words = [meaning.possible_split for meaning in meanings]
    if all(words) and set(words) != {"train"}:
        return file_name_choice([word for word in words if word])
    held_out = [name for name, meaning in zip(names, meanings, strict=True) if meaning.splits - {"train"}]
    if _look_like_splits(names, held_out):
        raise DataError(
            f"{folder}: {_describe_partly_marked(names, held_out)}: move the files to folders, and {_ADVICE}"
        )
    parts = {name: [name_meaning(part) for part in PurePosixPath(name).parts] for name in names}
    holding = [name for name in names if any(meaning.splits for meaning in parts[name])]
    if not holding:
        return SplitChoice(None, BY_CONTENT)
    return SplitChoice(
        None,
        f"by content: {counted(len(holding), 'name', verb='holds')} the word of a split (for example {holding[0]}),"
        " which was not taken for a split",
    )


def _look_like_splits(names: Sequence[str], held_out: Sequence[str]) -> bool:
    """Whether names with the word of a held-out split are more than those of a few photos in an album."""
    stems = [PurePosixPath(name).name for name in held_out]
    numbered = [stem for stem in stems if name_meaning(stem).is_numbered_split]
    forms = Counter(re.sub(r"\d+", "", stem.casefold()) for stem in stems)
    has_train = any(
        (meaning := name_meaning(PurePosixPath(name).name)).is_numbered_split and "train" in meaning.splits
        for name in names
    )
    if len(numbered) >= _MIN_MARKED_FILES or (numbered and has_train):
        return True
    if max(forms.values(), default=0) >= _MIN_MARKED_FILES:
        return True
    splits = {name_meaning(PurePosixPath(name).name).possible_split for name in names} - {None}
    enough = _MIN_MARKED_FILES if len(splits) > 1 else _MIN_MARKED_FILES_OF_ONE_SPLIT
    return len(stems) >= max(enough, _MIN_MARKED_SHARE * len(names))


def _describe_partly_marked(names: Sequence[str], held_out: Sequence[str]) -> str:
    unmarked = [name for name in names if name_meaning(PurePosixPath(name).name).possible_split is None]
    others = (
        f"{unmarked[0]} and {counted(len(unmarked) - 1, 'other')} do" if len(unmarked) > 1 else f"{unmarked[0]} does"
    )
    marked = [name for name in names if name_meaning(PurePosixPath(name).name).splits]
    return (
        f"the names of {counted(len(marked), 'file')} say a split (for example {held_out[0]}), but {others} not, or"
        " not just one"
    )


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
