"""Describe what lies in input folders and is not taken as a picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import attrgetter
from pathlib import Path
from typing import Literal

from pix2style.images.kinds import suffix_of
from pix2style.light_dataclass import dataclass
from pix2style.path_list import RemarkList
from pix2style.plural import counted
from pix2style.printable import printable

LeftOutReason = Literal[
    "linked folder", "subfolder", "video", "other file", "hidden file", "hidden folder", "earlier result"
]
# Noun and plural for each reason, in the order in which they are listed: what a person would miss comes first.
_NOUNS: dict[LeftOutReason, tuple[str, str]] = {
    "linked folder": ("linked folder", "linked folders"),
    "subfolder": ("subfolder", "subfolders"),
    "video": ("video", "videos"),
    "other file": ("file of another kind", "files of other kinds"),
    "hidden file": ("hidden file", "hidden files"),
    "hidden folder": ("hidden folder", "hidden folders"),
    "earlier result": ("result of an earlier call", "results of earlier calls"),
}
_SHOWN_NAMES = 3
_SHOWN_SUFFIXES = 5


@dataclass(frozen=True, slots=True, order=True)
class LeftOut:
    """A file or folder inside an input folder that is not taken as a picture.

    Attributes:
        path: Path of the file or folder.
        reason: Why it is left out.
    """

    path: Path
    reason: LeftOutReason


class LeftOutList(RemarkList[LeftOut]):
    """A list of what is left out, in little memory.

    Args:
        items: The items to begin with.
    """

    __slots__ = ()

    def __init__(self, items: Iterable[LeftOut] = ()) -> None:
        super().__init__(LeftOut, attrgetter("reason"), items)


def count_left_out(left_out: Iterable[LeftOut]) -> dict[str, int]:
    """Return the number of files and folders for each reason, for `--json`."""
    counts: dict[str, int] = {}
    for item in left_out:
        counts[item.reason] = counts.get(item.reason, 0) + 1
    return counts


def describe_left_out(left_out: Iterable[LeftOut]) -> str:
    """Return on one line what was left out, counted by reason; empty if nothing was."""
    counts: dict[LeftOutReason, int] = {}
    links: list[str] = []
    suffixes: dict[LeftOutReason, set[str]] = {"video": set(), "other file": set()}
    for item in left_out:
        counts[item.reason] = counts.get(item.reason, 0) + 1
        if item.reason == "linked folder" and len(links) <= _SHOWN_NAMES:
            links.append(item.path.name)
        if item.reason in suffixes:
            suffixes[item.reason].add(suffix_of(item.path.name) or "no suffix")
    details = {reason: f" ({_first(sorted(names), _SHOWN_SUFFIXES)})" for reason, names in suffixes.items()}
    them, inputs = ("it", "an input") if counts.get("linked folder") == 1 else ("them", "inputs")
    details["linked folder"] = f" ({_first(links, _SHOWN_NAMES)}: to include {them}, name {them} as {inputs})"
    return ", ".join(
        counted(counts[reason], *nouns) + details.get(reason, "")
        for reason, nouns in _NOUNS.items()
        if reason in counts
    )


def describe_counts(counts: Mapping[str, int]) -> str:
    """Return on one line how much was left out, for each reason; empty if nothing was."""
    return ", ".join(counted(counts[reason], *nouns) for reason, nouns in _NOUNS.items() if counts.get(reason))


def _first(names: list[str], shown: int) -> str:
    return ", ".join(map(printable, names[:shown])) + (", ..." if len(names) > shown else "")
