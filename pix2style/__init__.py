"""pix2style: from one painting to a filter you can ship.

>>> from pix2style import load_stylizer
>>> stylize = load_stylizer("watercolor.onnx")
>>> painted = stylize(photo)  # uint8 [height, width, 3], or a Pillow image

Importing the package loads nothing heavy; `load_stylizer` imports what the stylizer needs.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

# ONNX Runtime reads this when it is imported. Without it, it writes a device id and an event database into the user's
# cache, and asks a host of Microsoft. A tool for private photos sends and writes nothing.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
# albumentations asks the Python Package Index for its newest version whenever it is imported.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

from pix2style.version import __version__

__all__ = ["__version__", "load_stylizer"]

if TYPE_CHECKING:
    from pix2style.loading import load_stylizer


def __getattr__(name: str) -> Any:
    if name == "load_stylizer":
        from pix2style.loading import load_stylizer

        return load_stylizer
    raise AttributeError(f"module 'pix2style' has no attribute {name!r}")
