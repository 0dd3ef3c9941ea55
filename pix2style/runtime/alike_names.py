"""Ask the file system which names it takes for the same file: names that differ by case or by Unicode form."""

from __future__ import annotations

import contextlib
import os
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pix2style.images.found import repeated_positions

_TRIALS = 5


class Texts(Protocol):
    """A list of texts that can be replaced."""

    def __len__(self) -> int: ...
    def __getitem__(self, position: int, /) -> str: ...
    def __setitem__(self, position: int, text: str, /) -> None: ...


def same_files(names: Texts, out: Path) -> list[list[int]]:
    """Return the groups of names that would be one and the same file in a folder.

    Some file systems ignore case (also of letters such as the sharp s, which becomes two), some do not distinguish
    composed from decomposed letters (Unicode's NFC and NFD), and Windows drops dots at the end. Only names that some
    file system could confuse are tried, as empty files in a temporary folder.

    Args:
        names: Paths relative to the folder, with forward slashes.
        out: The folder, which need not exist.

    Returns:
        Positions in `names`, in ascending order in each group, for all groups of more than one name.
    """
    suspects: dict[str, list[int]] = {}
    texts: dict[int, str] = {}
    for position in repeated_positions(loosest_hashes(names)):
        texts[position] = names[position]
        suspects.setdefault(loosest_form(texts[position]), []).append(position)
    groups = [group for group in suspects.values() if len(group) > 1]
    if all(len({texts[position] for position in group}) == 1 for group in groups):
        return groups  # equal names need no question
    return [same for group in groups for same in _ask(group, texts, out)]


def loosest_hashes(names: Texts) -> NDArray[np.int64]:
    """Return the hashes of the loosest forms of names, which take eight bytes each."""
    count = len(names)
    return np.fromiter((hash(loosest_form(names[position])) for position in range(count)), np.int64, count)


def loosest_form(name: str) -> str:
    """Return a form of a path that is the same for all paths that any file system takes for the same file."""
    if name.isascii():  # what follows gives the same, and takes ten times as long
        folded = name.lower()
    else:
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).upper().casefold())
    if not folded.endswith((" ", ".")) and " /" not in folded and "./" not in folded:
        return folded
    return "/".join(part.rstrip(" .") for part in folded.split("/"))


def _ask(group: Sequence[int], texts: Mapping[int, str], out: Path) -> list[list[int]]:
    """Create the files of a group of suspects, and return those that turned out to be the same file."""
    import tempfile  # it imports much, and this is rare

    for _ in range(_TRIALS):
        try:
            with tempfile.TemporaryDirectory(dir=_existing_folder(out), prefix=".pix2style-") as folder:
                by_file: dict[tuple[int, int] | int, list[int]] = {}
                for position in group:
                    by_file.setdefault(_create(Path(folder, texts[position])) or -1 - position, []).append(position)
            return [same for same in by_file.values() if len(same) > 1]
        except FileNotFoundError:
            continue  # another process made OUT to check that it can write, and has removed it again
        except OSError:
            break
    return [list(group)]  # without an answer no output may overwrite another


def _create(path: Path) -> tuple[int, int] | None:
    """Create an empty file if there is none of this name; return its device and number, or None if it is impossible."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        status = path.stat()
        return status.st_dev, status.st_ino
    return None


def _existing_folder(out: Path) -> Path:
    folder = Path(os.path.realpath(out))
    return next(parent for parent in (folder, *folder.parents) if parent.is_dir())
