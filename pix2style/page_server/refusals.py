"""Why a page's server refuses a request, besides what is wrong with its content; each has a code of HTTP."""

from __future__ import annotations

from pix2style.errors import DataError, Pix2StyleError


class TooLargeError(DataError):
    """Something has more bytes than the server takes."""


class NotHereError(DataError):
    """There is nothing of that id, or not any more."""


class BusyError(DataError):
    """Something else is being done that has to end first, or has been done meanwhile."""


def status_of(error: BaseException) -> int:
    """Return the code of HTTP for an error: 400 for every other one that a person can correct, and else 500."""
    codes = {TooLargeError: 413, NotHereError: 404, BusyError: 409, Pix2StyleError: 400}
    return next((code for kind, code in codes.items() if isinstance(error, kind)), 500)
