"""Translate jobs and answers into the messages between the front process and a worker, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pix2style.errors import Pix2StyleError
from pix2style.serve.jobs import WORKER_ERRORS, StylizedAnswer, StylizeJob, WorkerLostError

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

    Raises:
        ArithmeticError, LookupError, TypeError, ValueError: The message is no answer. A hostile picture may have made
            the worker send it.
    """
    return StylizedAnswer(
        data=data,
        media_type=_MEDIA_TYPES[values["suffix"]],
        width_px=int(values["width_px"]),
        height_px=int(values["height_px"]),
        notes=tuple(map(str, values["notes"])),
        queue_s=queue_s,
        decode_s=float(values["decode_s"]),
        stylize_s=float(values["stylize_s"]),
        encode_s=float(values["encode_s"]),
    )


def error_of(values: Mapping[str, Any]) -> Pix2StyleError | None:
    """Return the error that a worker answers with; None if it does not."""
    if values.get("status") != "error":
        return None
    return WORKER_ERRORS.get(str(values.get("error")), WorkerLostError)(str(values.get("message")))
