"""Video clips: read, stylize and write them, with their sound and their frame times. Needs the extra `video` (PyAV).

>>> from pix2style import load_stylizer
>>> from pix2style.video import stylize_clip
>>> stylize_clip(load_stylizer("watercolor.onnx"), "clip.mp4", "stylized.mp4")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = ["stylize_clip", "stylize_video"]

if TYPE_CHECKING:
    from pix2style.video.api import stylize_clip, stylize_video


def __getattr__(name: str) -> Any:
    if name in __all__:
        from pix2style.video import api

        return getattr(api, name)
    raise AttributeError(f"module 'pix2style.video' has no attribute {name!r}")
