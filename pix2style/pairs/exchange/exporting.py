"""A pair set becomes two folders, side-by-side pictures or parquet files."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from pix2style.errors import require
from pix2style.pairs.exchange.folders import write_folders
from pix2style.pairs.exchange.new_folder import new_folder
from pix2style.pairs.exchange.side_by_side import Side, write_side_by_side
from pix2style.pairs.exchange.sidecar import card_of, line_of, write_sidecar
from pix2style.pairs.format.manifest import PairEntry
from pix2style.pairs.format.matching import SPLITS
from pix2style.pairs.format.reader import PairReader

Layout = Literal["folders", "side-by-side", "parquet"]
OnExported = Callable[[int, int], None]
"""Told how many of how many pairs are done."""
_UNSAFE = re.compile(r"[^\w.-]+")
_NAME_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written.

    Attributes:
        out: the folder.
        layout: how the pictures lie in it.
        pairs: how many.
        notes: what was lost.
    """

    out: Path
    layout: Layout
    pairs: int
    notes: tuple[str, ...] = ()


def _silent(_done: int, _total: int) -> None:
    """For callers that do not watch."""


def export_pairs(
    reader: PairReader,
    out: Path,
    layout: Layout,
    *,
    content_side: Side = "left",
    on_progress: OnExported = _silent,
) -> ExportReport:
    """Write a set in another layout; `import_pairs` makes the same pairs of it again.

    Pictures are copied byte for byte into folders and parquet, and joined without loss to side-by-side PNGs. Sources,
    splits and styles go into `pairs.jsonl`, for parquet into columns; failures and duplicates stay behind.

    Args:
        reader: the set.
        out: a new folder; it appears when all is written.
        layout: which.
        content_side: the half of a side-by-side picture that is the content.
        on_progress: told how many of how many pairs are done.

    Raises:
        DataError: the set is damaged, or `out` exists or cannot be written.
        MissingExtraError: pyarrow is not installed.
    """
    if layout == "parquet":
        require("parquet", "pyarrow")
    total, names = reader.manifest.pairs.total, names_of(reader)
    on_progress(0, total)
    with new_folder(out) as work:
        if layout == "parquet":
            _write_tables(reader, names, work, on_progress)
        else:
            _write_pictures(reader, names, work, layout=layout, side=content_side, on_progress=on_progress)
    return ExportReport(out, layout, total, _notes(reader, layout))


def _write_tables(reader: PairReader, names: dict[str, str], work: Path, on_progress: OnExported) -> None:
    from pix2style.pairs.exchange.parquet import write_parquet

    done, total = 0, reader.manifest.pairs.total
    for split in SPLITS:
        named = [(entry, names[entry.key]) for entry in reader.entries(split)]
        for _ in write_parquet(reader, named, split, work):
            done += 1
            on_progress(done, total)


def _write_pictures(
    reader: PairReader, names: dict[str, str], work: Path, *, layout: Layout, side: Side, on_progress: OnExported
) -> None:
    entries = [entry for split in SPLITS for entry in reader.entries(split)]
    for done, entry in enumerate(entries, start=1):
        if layout == "folders":
            write_folders(reader, entry, names[entry.key], work)
        else:
            write_side_by_side(reader, entry, names[entry.key], work, side)
        on_progress(done, len(entries))
    said = side if layout == "side-by-side" else None
    card = card_of(reader.manifest, layout).model_copy(update={"content_side": said})
    write_sidecar(work, card, (line_of(entry, names[entry.key]) for entry in entries))


def names_of(reader: PairReader) -> dict[str, str]:
    """A file's name without suffix for each pair: its split, and its photo's name made harmless.

    A source comes from the set, which may come from anybody: nothing of it but letters, digits and `._-` is kept. The
    key is added where names would meet, also on file systems that do not tell A from a.
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for split in SPLITS:
        for entry in reader.entries(split):
            name = f"{split}/{_harmless(entry)}"
            if len(reader.manifest.teachers) > 1 or name.casefold() in taken:
                name = f"{name}-{entry.key}"
            taken.add(name.casefold())
            names[entry.key] = name
    return names


def _harmless(entry: PairEntry) -> str:
    stem = PurePosixPath(entry.source).with_suffix("").as_posix() if entry.source else ""
    # A name must not begin with a dot (hidden) nor hold one, after which a suffix would be looked for.
    name = _UNSAFE.sub("_", stem).replace(".", "_").strip("_-")[:_NAME_CHARACTERS]
    return name or entry.key


def _notes(reader: PairReader, layout: Layout) -> tuple[str, ...]:
    if layout == "side-by-side" and reader.manifest.format == "jpeg":
        return ("side-by-side pictures are PNG: the pixels are those of the set's JPEGs, the files larger",)
    return ()
