"""The names of the filters in the gallery, and the files that they stand for."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent / "filters"
"""Folder of the filters and their cards."""
_SUFFIX = ".onnx"


def names() -> list[str]:
    """Return the names of the filters in the gallery, sorted."""
    return sorted(path.name.removesuffix(_SUFFIX) for path in FOLDER.glob(f"*{_SUFFIX}"))


def find(name: str) -> Path | None:
    """Return the file of a filter in the gallery.

    Args:
        name: Name of the filter, for example `great-wave`.

    Returns:
        Path of the file; None if the gallery has no filter of this name.
    """
    return FOLDER / f"{name}{_SUFFIX}" if name in names() else None


def nearest(name: str) -> list[str]:
    """Return the names in the gallery that a person may have meant, at most three, the most similar first."""
    import difflib

    return difflib.get_close_matches(name.lower().replace("_", "-"), names(), cutoff=0.55)
