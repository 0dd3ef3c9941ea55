"""pix2style: from one painting to a filter you can ship.

>>> from pix2style import load_stylizer
>>> stylize = load_stylizer("watercolor.onnx")
>>> painted = stylize(photo)  # uint8 [height, width, 3], or a Pillow image

Importing the package loads nothing heavy; `load_stylizer` imports what the stylizer needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pix2style.version import __version__

__all__ = ["__version__", "load_stylizer"]

if TYPE_CHECKING:
    from pix2style.loading import load_stylizer


def __getattr__(name: str) -> Any:
    if name == "load_stylizer":
        from pix2style.loading import load_stylizer

        return load_stylizer
    raise AttributeError(f"module 'pix2style' has no attribute {name!r}")
