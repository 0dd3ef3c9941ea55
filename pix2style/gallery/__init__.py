"""Ready filters that come with pix2style, by their names: `gallery.names()`, `gallery.find("great-wave")`.

Each filter is a file `filters/NAME.onnx` with a card `filters/NAME.json` (see `gallery.card`). `filters/NAME.md` is the
card as a page, which `python -m pix2style.gallery.pages` writes.
"""

from pix2style.gallery.folder import find, names, nearest

__all__ = ["find", "names", "nearest"]
