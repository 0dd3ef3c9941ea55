"""Write the card of a dataset: where it came from, what it holds, and which licences apply.

The card has two files: `dataset.json` for programs and `DATASET.md` for people. The same folder gives the same bytes.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pix2style.datasets.scan import DatasetScan, PictureFolder, SideRange
from pix2style.errors import ArtifactError, DataError
from pix2style.files import read_json, write_bytes, write_json
from pix2style.plural import counted
from pix2style.version import __version__

COCO_WIKIART = "shaorrran/coco-wikiart-nst-dataset-512-100000"
JSON_NAME, TEXT_NAME = "dataset.json", "DATASET.md"
_WRITTEN_BY = "pix2style"
_COCO_WIKIART_LICENCES = (
    "Photos from COCO: each under the Flickr licence that its owner chose (https://cocodataset.org/#termsofuse).",
    "Paintings from WikiArt: for non-commercial research only (https://www.wikiart.org/en/terms-of-use).",
    "Which pictures are from where follows from the names of the dataset and its folders alone; it was not verified.",
)
_UNKNOWN_LICENCES = (
    "Not known to pix2style: ask what the owners of the photos and paintings allow before a filter is passed on.",
)


@dataclass(frozen=True, slots=True)
class DatasetSource:
    """The origin of a dataset.

    Attributes:
        name: Name for people, for example `kaggle:owner/name`.
        url: Address of its page, or None if it has none.
        version: Version of a Kaggle dataset, or None for other datasets.
        licences: Statements about licences.
    """

    name: str
    url: str | None = None
    version: int | None = None
    licences: tuple[str, ...] = _UNKNOWN_LICENCES


def kaggle_source(handle: str, version: int) -> DatasetSource:
    """Return the source of a Kaggle dataset.

    Args:
        handle: Owner and name of the dataset, `owner/name`.
        version: Version of the dataset.
    """
    page = f"https://www.kaggle.com/datasets/{handle}"
    unknown = f"See its page: {page}"
    return DatasetSource(
        name=f"kaggle:{handle}",
        url=f"{page}/versions/{version}",
        version=version,
        licences=_COCO_WIKIART_LICENCES if handle == COCO_WIKIART else (unknown, *_UNKNOWN_LICENCES),
    )


def read_source(folder: Path) -> DatasetSource | None:
    """Return the source that the card of a folder names, or None if there is no card written by pix2style."""
    with contextlib.suppress(ArtifactError, KeyError, TypeError):
        card = read_json(folder / JSON_NAME)
        if card["written_by"] == _WRITTEN_BY:
            source = card["source"]
            return DatasetSource(source["name"], source["url"], source["version"], tuple(source["licences"]))
    return None


def card_json(scan: DatasetScan, source: DatasetSource) -> dict[str, Any]:
    """Return the content of `dataset.json`."""
    return {
        "schema_version": 1,
        "written_by": _WRITTEN_BY,
        "pix2style_version": __version__,
        "source": {
            "name": source.name,
            "url": source.url,
            "version": source.version,
            "licences": list(source.licences),
        },
        "found": scan.to_json(),
    }


def write_card(folder: Path, scan: DatasetScan, source: DatasetSource) -> None:
    """Write both files of the card.

    Args:
        folder: Folder of the dataset.
        scan: Scan of the folder.
        source: Origin of the dataset.

    Raises:
        DataError: The folder holds a file of that name that pix2style did not write, or the card cannot be written.
    """
    if read_source(folder) is None:
        for name in (JSON_NAME, TEXT_NAME):
            if (folder / name).exists():
                raise DataError(
                    f"{folder / name}: was not written by pix2style and is not overwritten: rename the file"
                )
    try:
        # The JSON is written last, because `read_source` takes it as the proof that there is a complete card.
        write_bytes(folder / TEXT_NAME, card_text(scan, source).encode())
        write_json(folder / JSON_NAME, card_json(scan, source))
    except OSError as error:
        raise DataError(f"{folder}: the dataset card cannot be written there: {error.strerror or error}") from error


def card_text(scan: DatasetScan, source: DatasetSource) -> str:
    """Return the content of `DATASET.md`."""
    lines = [f"# {source.name}", ""]
    if source.url:
        lines += [f"Source: <{source.url}>" + (f", version {source.version}" if source.version else ""), ""]
    lines += [
        f"Found: {counted(scan.pictures, 'picture')} in {counted(scan.files, 'file')}, {_size(scan.size_bytes)}.",
        "Counts are of the folder as it lies here; sides and readability are of a sample.",
        "",
        f"SHA-256 over the files' names and sizes: `{scan.sha256}`",
        "",
        "| Folder | Looks like | Pictures | Bytes | Suffixes | Width px | Height px | Sampled | Unreadable |",
        "|---|---|---|---|---|---|---|---|---|",
        *map(_row, scan.folders),
        "",
        "What a folder looks like is read from its name alone.",
        "",
    ]
    unreadable = [item for folder in scan.folders for item in folder.unreadable] + list(scan.not_searched)
    if unreadable:
        lines += ["## Cannot be read", "", *(f"* {_code(name)}: {reason}" for name, reason in unreadable), ""]
    lines += ["## Licences", "", *(f"* {licence}" for licence in source.licences)]
    lines += ["* A filter inherits the limits of the photos and paintings that it was made of.", ""]
    return "\n".join(lines)


def _row(folder: PictureFolder) -> str:
    suffixes = ", ".join(f"{suffix} {count:,}" for suffix, count in folder.suffixes.items())
    cells = (
        _code(folder.path),
        folder.looks_like or "?",
        f"{folder.pictures:,}",
        _size(folder.size_bytes),
        suffixes,
        _range(folder.width_px),
        _range(folder.height_px),
        str(folder.sampled),
        str(len(folder.unreadable)),
    )
    return f"| {' | '.join(cells)} |"


def _range(sides: SideRange | None) -> str:
    return "?" if sides is None else f"{sides.smallest} to {sides.largest}, median {sides.median}"


def _code(name: str) -> str:
    """Format a file name as code, with `?` for characters that would end the code, the table cell or the line."""
    return "`" + "".join("?" if char in "`|" or not char.isprintable() else char for char in name) + "`"


def _size(size_bytes: int) -> str:
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size_bytes >= factor:
            return f"{size_bytes / factor:.1f} {unit}"
    return f"{size_bytes} bytes"
