"""What kind of pairs lie somewhere."""

from __future__ import annotations

from pathlib import Path

from pix2style.errors import DataError
from pix2style.pairs.exchange.folders import FolderSource
from pix2style.pairs.exchange.pair_source import PairSource
from pix2style.pairs.exchange.side_by_side import Side, SideBySideSource
from pix2style.pairs.format.manifest import MANIFEST_NAME
from pix2style.pairs.format.matching import has_two_folders


def open_pair_source(path: Path, kind: str = "auto", *, content_side: Side | None = None) -> PairSource:
    """Pairs that can be imported.

    Args:
        path: a folder, or a parquet file.
        kind: folders, side-by-side, parquet; auto: two folders if there are `content/` and `target/`, parquet if there
            is such a file, else side-by-side.
        content_side: of side-by-side pictures, the half that is the content.

    Raises:
        DataError: there is nothing of that kind.
    """
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    if (path / MANIFEST_NAME).exists():
        raise DataError(f"{path}: is a pair set already: there is nothing to import")
    if kind == "auto":
        kind = _kind_of(path)
    if kind == "parquet":
        from pix2style.pairs.exchange.parquet import ParquetSource

        return ParquetSource(path)
    if kind == "folders":
        if not has_two_folders(path):
            raise DataError(f"{path}: has no folders content and target")
        return FolderSource(path)
    return SideBySideSource(path, content_side)


def _kind_of(path: Path) -> str:
    if path.is_file() or next(path.rglob("*.parquet"), None) is not None:
        return "parquet"
    return "folders" if has_two_folders(path) else "side-by-side"
