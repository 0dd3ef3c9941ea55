"""Understand names of folders and files that say a split or a role: `validation`, `trainA`, `01_Test`, `photos`."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Role = Literal["content", "target"]
SplitWord = Literal["train", "val", "test", "held-out"]
"""The split that a word names. `held-out` is val or test, depending on the other folders (see `choose_splits`)."""

IGNORED_FOLDERS = frozenset(("__macosx", "@eadir", "$recycle.bin", "system volume information", "lost+found"))
"""Folders that systems, archivers and network disks add; they hold copies and thumbnails."""

_SPLIT_WORDS: dict[str, SplitWord] = {
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(
        ("val", "vals", "valid", "validate", "validation", "dev", "devel", "development", "minival"), "val"
    ),
    **dict.fromkeys(("test", "tests", "testing", "tst"), "test"),
    **dict.fromkeys(("eval", "evals", "evaluate", "evaluation", "holdout", "heldout", "held", "unseen"), "held-out"),
}
_ROLE_WORDS: dict[str, Role] = {
    **dict.fromkeys(
        ("content", "contents", "photo", "photos", "input", "inputs", "source", "sources", "src"), "content"
    ),
    **dict.fromkeys(("before", "original", "originals", "orig", "a"), "content"),
    **dict.fromkeys(("target", "targets", "tgt", "output", "outputs", "edited", "after", "gt", "b"), "target"),
    **dict.fromkeys(("painted", "painting", "paintings", "styled", "stylized", "stylised"), "target"),
}
# Words that may stand beside a split or a role without changing what the name says.
_FILLERS = frozenset(
    (
        *("set", "sets", "data", "dataset", "split", "splits", "subset", "folder", "files", "part", "only"),
        *("image", "images", "img", "imgs", "pic", "pics", "picture", "pictures"),
        *("pair", "pairs", "paired", "aligned", "ab", "x", "px", "p", "hr", "lr"),
    )
)
_CAMEL_CASE = re.compile(r"(?<=[a-z])(?=[A-Z])")
_TOKEN = re.compile(r"[^\W\d_]+|\d+")
_LONGEST_FIRST = sorted(_SPLIT_WORDS, key=len, reverse=True)


@dataclass(frozen=True, slots=True)
class NameMeaning:
    """What the name of a folder or file says.

    Attributes:
        splits: Splits that words of the name say.
        role: Whether the name says that contents or targets are inside, or None.
        is_clear: Whether every word of the name is understood.
        is_numbered_split: Whether the name consists of one word for a split and of numbers.
        is_fold: Whether the name is that of a part of a cross-validation, for example `fold3` or `fold_a`.
        is_part_of_several: Whether the name is `split1` or the like, which says a part, but not which.
    """

    splits: frozenset[SplitWord]
    role: Role | None
    is_clear: bool
    is_numbered_split: bool
    is_fold: bool
    is_part_of_several: bool

    @property
    def clear_split(self) -> SplitWord | None:
        """The split that the name says, or None if it says none, or several, or has words that are not understood."""
        return self.possible_split if self.is_clear else None

    @property
    def possible_split(self) -> SplitWord | None:
        """The only split that words of the name say, whatever the other words are; or None."""
        # All held out: the test split of a "val-test" is never seen in training, not even for choosing a checkpoint.
        splits = self.splits if "train" in self.splits or len(self.splits) < 2 else frozenset[SplitWord](("test",))
        return next(iter(splits)) if len(splits) == 1 else None


@lru_cache(maxsize=4096)
def name_meaning(name: str) -> NameMeaning:
    """Return what the name of a folder, or of a file without suffix, says.

    Args:
        name: The name, without the folders that it is in.
    """
    words = [part for token in _tokens(name) for part in _parts(token)]
    words = _join_held_out(words)
    splits = frozenset(_SPLIT_WORDS[word] for word in words if word in _SPLIT_WORDS)
    letters = [word for word in words if not word.isdigit()]
    others = [word for word in letters if word not in _SPLIT_WORDS]
    roles = {_ROLE_WORDS.get(word) for word in others if word not in _FILLERS}
    role = next(iter(roles)) if len(roles) == 1 else None
    return NameMeaning(
        splits=splits,
        role=role,
        is_clear=None not in roles,
        is_numbered_split=len(splits) == 1 and not others,
        is_fold=_is_one_of_several(words, ("fold", "cv", "kfold")),
        is_part_of_several=_is_one_of_several(words, ("split",)),
    )


def _is_one_of_several(words: list[str], kinds: tuple[str, ...]) -> bool:
    """Whether the words are one of these kinds with a number or a letter, such as `fold 3` and `fold a`."""
    letters = [word for word in words if not word.isdigit()]
    has_letter = len(letters) == 2 and len(letters[1]) == 1
    return letters[:1] in [[kind] for kind in kinds] and (has_letter or (len(letters) == 1 and len(words) > 1))


def fold_name(name: str, *, ignore_case: bool) -> str:
    """Return a path for comparison: Unicode in composed form (NFC), folders of one split alike, case optional.

    macOS stores names in decomposed form, so a file that was copied from there has another name for other systems.

    Args:
        name: Path with forward slashes, without suffix.
        ignore_case: Make names equal that differ by the case of letters only.
    """
    *folders, stem = unicodedata.normalize("NFC", name).split("/")
    parts = [name_meaning(folder).clear_split or folder for folder in folders]
    path = "/".join([*parts, stem])
    return unicodedata.normalize("NFC", path.casefold()) if ignore_case else path


def is_ignored(relative: str) -> bool:
    """Return whether a path leads through a folder of `IGNORED_FOLDERS`."""
    return any(part.casefold() in IGNORED_FOLDERS for part in relative.split("/"))


def _tokens(name: str) -> list[str]:
    return [token.casefold() for token in _TOKEN.findall(_CAMEL_CASE.sub(" ", unicodedata.normalize("NFKC", name)))]


def _parts(token: str) -> list[str]:
    """Divide a word such as `traina`, `testset` or `trainval`, which begins with that of a split."""
    if token in _SPLIT_WORDS:
        return [token]
    for word in _LONGEST_FIRST:
        rest = token.removeprefix(word)
        if rest != token and (rest in _SPLIT_WORDS or rest in _FILLERS or rest in ("a", "b")):
            return [word, rest]
    return [token]


def _join_held_out(words: list[str]) -> list[str]:
    """Join the words of `held-out` and `hold_out`, which are one word in other names."""
    return re.sub(r"\b(held|hold) out\b", r"\1out", " ".join(words)).split()
