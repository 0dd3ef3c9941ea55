"""Translate errors into answers."""

from __future__ import annotations

from collections.abc import Mapping

from pix2style.errors import ArtifactError, ConfigError, DataError, Pix2StyleError
from pix2style.serve.answers import Code, RequestError
from pix2style.serve.jobs import (
    BadPictureError,
    NotAPictureError,
    QueueFullError,
    StoppingError,
    TimeLimitError,
    TooManyPixelsError,
    WorkerLostError,
)

FAULT_MESSAGE = "the server has a fault, which its error output describes"
# The first row whose class matches counts.
_CODES: tuple[tuple[type[Pix2StyleError], Code], ...] = (
    (QueueFullError, "busy"),
    (TimeLimitError, "too-slow"),
    (WorkerLostError, "worker-lost"),
    (StoppingError, "stopping"),
    (TooManyPixelsError, "too-many-pixels"),
    (NotAPictureError, "not-a-picture"),
    (BadPictureError, "damaged-picture"),
    (ConfigError, "parameter"),
    (DataError, "damaged-picture"),
)


def as_request_error(error: Exception) -> RequestError:
    """Return the answer to an error. The answer to a fault of the server gives no details."""
    if isinstance(error, RequestError):
        return error
    code = next((code for kind, code in _CODES if isinstance(error, kind)), None)
    if code is None or isinstance(error, ArtifactError):
        return RequestError("server-error", FAULT_MESSAGE)
    return RequestError(code, str(error), headers=_headers(error))


def _headers(error: Exception) -> Mapping[str, str]:
    if isinstance(error, QueueFullError):
        return {"Retry-After": str(error.retry_after_s)}
    return {"Connection": "close"} if isinstance(error, StoppingError) else {}
