"""Find out in which layout a path holds pairs, and open them for an import."""

from __future__ import annotations

from pathlib import Path

from pix2style.errors import DataError
from pix2style.pairs.exchange.folders import FolderSource
from pix2style.pairs.exchange.match_folders import has_pair_folders
from pix2style.pairs.exchange.pair_source import PairSource
from pix2style.pairs.exchange.parquet_files import find_parquet_files
from pix2style.pairs.exchange.side_by_side import Side, SideBySideSource
from pix2style.pairs.format.manifest import MANIFEST_NAME


def open_pair_source(path: Path, layout: str = "auto", *, content_side: Side | None = None) -> PairSource:
    """Open pairs for an import.

    Args:
        path: A folder or a parquet file.
        layout: folders, side-by-side or parquet. auto means parquet if there is such a file, folders if names of
            folders say contents and targets (see `find_role_folders`), else side-by-side.
        content_side: Half of a side-by-side image that holds the content, see `SideBySideSource`.

    Raises:
        DataError: The path holds no pairs in this layout.
    """
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    if (path / MANIFEST_NAME).exists():
        raise DataError(f"{path}: is a pair set already: there is nothing to import")
    if layout == "auto":
        layout = _detect_layout(path)
    if layout == "parquet":
        # Imported here because pyarrow belongs to an optional extra.
        from pix2style.pairs.exchange.parquet import ParquetSource

        return ParquetSource(path)
    if layout == "folders":
        if not has_pair_folders(path):
            raise DataError(f"{path}: has no folders of contents and targets: name them content and target")
        return FolderSource(path)
    return SideBySideSource(path, content_side)


def _detect_layout(path: Path) -> str:
    if path.is_file() or find_parquet_files(path):
        return "parquet"
    return "folders" if has_pair_folders(path) else "side-by-side"
