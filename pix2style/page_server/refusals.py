"""Errors for requests that the server of a page refuses, and the HTTP status code of each."""

from __future__ import annotations

from pix2style.errors import DataError, Pix2StyleError


class TooLargeError(DataError):
    """An upload or request has more bytes than the server accepts."""


class NotHereError(DataError):
    """No upload, picture, filter or job has this id, or not any more."""


class BusyError(DataError):
    """Other work has to end first, or the request comes too late."""


def status_of(error: BaseException) -> int:
    """Return the HTTP status code of an error: 400 for other errors of pix2style, 500 for any other."""
    codes = {TooLargeError: 413, NotHereError: 404, BusyError: 409, Pix2StyleError: 400}
    return next((code for kind, code in codes.items() if isinstance(error, kind)), 500)
