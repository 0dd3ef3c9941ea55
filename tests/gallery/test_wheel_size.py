"""The wheel stays small: people download it to try one filter."""

from __future__ import annotations

import zlib
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "pix2style"
MAX_BYTES = 8_000_000


def test_the_wheel_has_at_most_8_mb() -> None:
    """A wheel is a zip archive: its size is that of the compressed files and some names."""
    files = [path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert sum(len(zlib.compress(path.read_bytes())) for path in files) <= MAX_BYTES


def test_filters_of_the_gallery_are_not_ignored() -> None:
    """The program that builds the wheel leaves out what .gitignore names, even if git has it."""
    rules = (PACKAGE.parent / ".gitignore").read_text("utf-8").splitlines()
    assert rules.index("!/pix2style/gallery/filters/*.onnx") > rules.index("*.onnx")
