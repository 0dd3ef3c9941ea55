"""Ask the file system which names it takes for the same file: names that differ by case or by Unicode form."""

from __future__ import annotations

import contextlib
import os
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath


def same_files(names: Iterable[PurePosixPath], out: Path) -> list[list[int]]:
    """Return the groups of names that would be one and the same file in a folder.

    Some file systems ignore case (also of letters such as the sharp s, which becomes two), some do not distinguish
    composed from decomposed letters (Unicode's NFC and NFD), and Windows drops dots at the end. Only names that some
    file system could confuse are tried, as empty files in a temporary folder.

    Args:
        names: Paths relative to the folder.
        out: The folder, which need not exist.

    Returns:
        Positions in `names`, in ascending order in each group, for all groups of more than one name.
    """
    suspects: dict[str, list[int]] = {}
    texts = [str(name) for name in names]
    for position, text in enumerate(texts):
        suspects.setdefault(loosest_form(text), []).append(position)
    groups = [group for group in suspects.values() if len(group) > 1]
    if all(len({texts[position] for position in group}) == 1 for group in groups):
        return groups  # equal names need no question
    return [same for group in groups for same in _ask(group, texts, out)]


def loosest_form(name: str) -> str:
    """Return a form of a path that is the same for all paths that any file system takes for the same file."""
    folded = unicodedata.normalize("NFKC", name).upper().casefold()
    parts = unicodedata.normalize("NFKC", folded).split("/")
    return "/".join(part.rstrip(" .") for part in parts)


def _ask(group: Sequence[int], texts: Sequence[str], out: Path) -> list[list[int]]:
    """Create the files of a group of suspects, and return those that turned out to be the same file."""
    import tempfile  # it imports much, and this is rare

    try:
        with tempfile.TemporaryDirectory(dir=_existing_folder(out), prefix=".pix2style-") as folder:
            by_file: dict[tuple[int, int] | int, list[int]] = {}
            for position in group:
                by_file.setdefault(_create(Path(folder, texts[position])) or -1 - position, []).append(position)
    except OSError:
        return [list(group)]  # without an answer no output may overwrite another
    return [same for same in by_file.values() if len(same) > 1]


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
