"""Translate jobs and answers into the messages between the front process and a worker, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pix2style.serve.jobs import StylizedAnswer, StylizeJob

_MEDIA_TYPES = {
    ".avif": "image/avif",
    ".bmp": "image/bmp",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".ppm": "image/x-portable-pixmap",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".webp": "image/webp",
}


def values_of(job: StylizeJob, parts: list[tuple[str, str | None, float]]) -> dict[str, Any]:
    """Return the settings of a job for the message to a worker; the picture is sent beside them."""
    return {
        "parts": parts,
        "strength": job.strength,
        "stroke": job.stroke,
        "look_px": job.look_px,
        "preserve_color": job.preserve_color,
        "suffix": job.suffix,
        "quality": job.quality,
        "lossless": job.lossless,
        "metadata": str(job.metadata),
    }


def answer_of(values: Mapping[str, Any], data: bytes, queue_s: float) -> StylizedAnswer:
    """Return the answer in a message of a worker.

    Args:
        values: Values of its message.
        data: Data of its message.
        queue_s: Seconds for which the job waited for the worker.
    """
    return StylizedAnswer(
        data=data,
        media_type=_MEDIA_TYPES[values["suffix"]],
        width_px=values["width_px"],
        height_px=values["height_px"],
        notes=tuple(values["notes"]),
        queue_s=queue_s,
        decode_s=values["decode_s"],
        stylize_s=values["stylize_s"],
        encode_s=values["encode_s"],
    )
