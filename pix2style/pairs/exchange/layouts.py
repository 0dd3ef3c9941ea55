"""Find out in which layout a path holds pairs, and open them for an import."""

from __future__ import annotations

from pathlib import Path

from pix2style.errors import ConfigError, DataError
from pix2style.pairs.exchange.arrangement import ARRANGEMENTS, Side, arrangement_of_side
from pix2style.pairs.exchange.folders import FolderSource
from pix2style.pairs.exchange.match_folders import has_pair_folders
from pix2style.pairs.exchange.pair_source import PairSource
from pix2style.pairs.exchange.parquet_files import find_parquet_files
from pix2style.pairs.exchange.side_by_side import SideBySideSource
from pix2style.pairs.format.manifest import MANIFEST_NAME


def open_pair_source(path: Path, layout: str = "auto", *, content_side: Side | None = None) -> PairSource:
    """Open pairs for an import.

    Args:
        path: A folder or a parquet file.
        layout: folders, side-by-side, stacked or parquet. auto means parquet if there is such a file, folders if names
            of folders say contents and targets (see `find_role_folders`), else side-by-side or stacked, as the images
            themselves say.
        content_side: Half of a side-by-side or stacked image that holds the content, see `SideBySideSource`.

    Raises:
        ConfigError: `content_side` does not fit the layout.
        DataError: The path holds no pairs in this layout.
    """
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    if (path / MANIFEST_NAME).exists():
        raise DataError(f"{path}: is a pair set already: there is nothing to import")
    if layout == "auto":
        layout = _detect_layout(path)
    arrangement = next((name for name in ARRANGEMENTS if name == layout), None)
    if content_side is not None:
        arrangement = arrangement or (arrangement_of_side(content_side) if layout == "images" else None)
        if arrangement != arrangement_of_side(content_side):
            raise ConfigError(
                f"--content-side {content_side}: pairs in the layout {layout} have no such half: --as side-by-side has"
                " left and right, --as stacked has top and bottom"
            )
    if arrangement is not None or layout == "images":
        return SideBySideSource(path, arrangement, content_side)
    if layout == "parquet":
        # Imported here because pyarrow belongs to an optional extra.
        from pix2style.pairs.exchange.parquet import ParquetSource

        return ParquetSource(path)
    if not has_pair_folders(path):
        raise DataError(f"{path}: has no folders of contents and targets: name them content and target")
    return FolderSource(path)


def _detect_layout(path: Path) -> str:
    if path.is_file() or find_parquet_files(path):
        return "parquet"
    return "folders" if has_pair_folders(path) else "images"
