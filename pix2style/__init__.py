"""pix2style: from one painting to a filter you can ship.

>>> from pix2style import load_stylizer
>>> stylize = load_stylizer("watercolor.onnx")
>>> painted = stylize(photo)  # uint8 [height, width, 3], or a Pillow image

Importing the package loads nothing heavy; `load_stylizer` imports what the stylizer needs.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

# A tool for private photos sends and writes nothing that nobody asked for. These libraries read their variable when
# they are imported or first used; docs/explanation/privacy.md says what each would do otherwise.
_SILENCE = {
    "ORT_DISABLE_TELEMETRY": "1",  # ONNX Runtime: a device id and an event database in the user's cache, and a host
    "NO_ALBUMENTATIONS_UPDATE": "1",  # albumentations: the Python Package Index, at every import
    "HF_HUB_DISABLE_TELEMETRY": "1",  # Hugging Face's client: versions of libraries, with each download
    "RAY_USAGE_STATS_ENABLED": "0",  # Ray: statistics of the cluster
    "WANDB_ERROR_REPORTING": "false",  # W&B: reports of its own crashes
    "GRADIO_ANALYTICS_ENABLED": "False",  # Gradio, for pages that others build with a filter
}
os.environ.update({name: value for name, value in _SILENCE.items() if name not in os.environ})

from pix2style.version import __version__  # noqa: E402

__all__ = ["__version__", "load_stylizer", "stylize_video", "with_mask"]

if TYPE_CHECKING:
    from pix2style.effects.masked import with_mask
    from pix2style.loading import load_stylizer
    from pix2style.video.api import stylize_video


def __getattr__(name: str) -> Any:
    if name == "load_stylizer":
        from pix2style.loading import load_stylizer

        return load_stylizer
    if name == "stylize_video":
        from pix2style.video.api import stylize_video

        return stylize_video
    if name == "with_mask":
        from pix2style.effects.masked import with_mask

        return with_mask
    raise AttributeError(f"module 'pix2style' has no attribute {name!r}")
