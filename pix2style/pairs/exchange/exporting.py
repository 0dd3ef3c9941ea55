"""Export a pair set to two folders, side-by-side images or parquet files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from pix2style.errors import ConfigError, require
from pix2style.pairs.exchange.arrangement import Side
from pix2style.pairs.exchange.atomic_folder import atomic_folder
from pix2style.pairs.exchange.folders import write_folders
from pix2style.pairs.exchange.side_by_side import write_side_by_side
from pix2style.pairs.exchange.sidecar import describe_export, describe_pair, write_sidecar
from pix2style.pairs.format.reader import PairReader
from pix2style.pairs.format.records import SPLITS, PairEntry
from pix2style.progress import ProgressCallback, no_progress

Layout = Literal["folders", "side-by-side", "parquet"]
_UNSAFE = re.compile(r"[^\w.-]+")
_NAME_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class ExportReport:
    """The result of an export.

    Attributes:
        out: Folder that was written.
        layout: How the images are arranged in that folder.
        pairs: Number of exported pairs.
        notes: What a person should know about the export, for example that files became larger.
    """

    out: Path
    layout: Layout
    pairs: int
    notes: tuple[str, ...] = ()


def export_pairs(
    reader: PairReader,
    out: Path,
    layout: Layout,
    *,
    content_side: Side = "left",
    prompt: str | None = None,
    on_progress: ProgressCallback = no_progress,
) -> ExportReport:
    """Write a pair set in another layout; `import_pairs` turns the export back into the same pairs.

    For folders and parquet the image files are copied byte for byte; side-by-side PNGs keep every pixel. Sources,
    splits and styles are written to `pairs.jsonl`, or to columns of the parquet files. The set's lists of failures and
    duplicates are not exported.

    Args:
        reader: The pair set to export.
        out: New folder to write. It appears only when the export is complete.
        layout: Arrangement of the images.
        content_side: Half of a side-by-side image that holds the content.
        prompt: With parquet, text for a column `edit_prompt`, which trainers of InstructPix2Pix read; `{style}` stands
            for the name of the pair's style.
        on_progress: Called with the number of exported pairs and the number of all pairs.

    Raises:
        ConfigError: There is a prompt, but the layout has none; or the prompt is empty.
        DataError: The set is damaged, or `out` exists already or cannot be written.
        MissingExtraError: The layout is parquet and pyarrow is not installed.
    """
    if prompt is not None and (layout != "parquet" or not prompt.strip()):
        raise ConfigError("--prompt is the text of a column, so it needs --as parquet and at least one word")
    if layout == "parquet":
        require("parquet", "pyarrow")
    total, names = reader.manifest.pairs.total, export_names(reader)
    on_progress(0, total)
    with atomic_folder(out) as unfinished:
        if layout == "parquet":
            _write_tables(reader, names, unfinished, prompt, on_progress)
        else:
            _write_images(reader, names, unfinished, layout=layout, side=content_side, on_progress=on_progress)
    return ExportReport(out, layout, total, _notes(reader, layout))


def _write_tables(
    reader: PairReader, names: dict[str, str], out: Path, prompt: str | None, on_progress: ProgressCallback
) -> None:
    # Imported here because pyarrow belongs to an optional extra.
    from pix2style.pairs.exchange.parquet import write_parquet

    done, total = 0, reader.manifest.pairs.total
    for split in SPLITS:
        named_entries = [(entry, names[entry.key]) for entry in reader.entries(split)]
        for _ in write_parquet(reader, named_entries, split, out, prompt=prompt):
            done += 1
            on_progress(done, total)


def _write_images(
    reader: PairReader,
    names: dict[str, str],
    out: Path,
    *,
    layout: Layout,
    side: Side,
    on_progress: ProgressCallback,
) -> None:
    entries = [entry for split in SPLITS for entry in reader.entries(split)]
    for done, entry in enumerate(entries, start=1):
        if layout == "folders":
            write_folders(reader, entry, names[entry.key], out)
        else:
            write_side_by_side(reader, entry, names[entry.key], out, side)
        on_progress(done, len(entries))
    description = describe_export(reader.manifest, layout)
    if layout == "side-by-side":
        description = description.model_copy(update={"content_side": side})
    write_sidecar(out, description, (describe_pair(entry, names[entry.key]) for entry in entries))


def export_names(reader: PairReader) -> dict[str, str]:
    """Choose a file name without suffix for each pair: its split, and the name of its photo without unsafe characters.

    A pair set may come from a stranger, so only letters, digits and `._-` of a source are used for a path. The key of
    the pair is appended where two names would be equal, also on file systems that ignore the case of letters.

    Returns:
        The names by the keys of the pairs, for example `train/album/beach`.
    """
    names: dict[str, str] = {}
    used: set[str] = set()
    for split in SPLITS:
        for entry in reader.entries(split):
            name = f"{split}/{_safe_name(entry)}"
            if len(reader.manifest.teachers) > 1 or name.casefold() in used:
                name = f"{name}-{entry.key}"
            used.add(name.casefold())
            names[entry.key] = name
    return names


def _safe_name(entry: PairEntry) -> str:
    stem = PurePosixPath(entry.source).with_suffix("").as_posix() if entry.source else ""
    # A leading dot would hide the file, and an import would take what follows another dot for the suffix.
    name = _UNSAFE.sub("_", stem).replace(".", "_").strip("_-")[:_NAME_CHARACTERS]
    return name or entry.key


def _notes(reader: PairReader, layout: Layout) -> tuple[str, ...]:
    if layout == "side-by-side" and reader.manifest.format == "jpeg":
        return ("side-by-side images are written as PNG: they have the pixels of the set's JPEG files, but are larger",)
    return ()
