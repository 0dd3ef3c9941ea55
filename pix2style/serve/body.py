"""Read the photo of a request into memory, and count its bytes, because the stated length need not be true."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import python_multipart
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from pix2style.serve.answers import RequestError

FIELD = "photo"
_FORM_BYTES = 16_384  # boundaries and headers of a form, in addition to its photo
_PART_HEADER_BYTES = 4_096
_FORM_TYPE = b"multipart/form-data"


class Arriving:
    """Counts the bytes of all photos that are arriving, which share one limit.

    Args:
        most_bytes: The limit.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes, self.bytes = most_bytes, 0

    @contextmanager
    def photo(self, most_bytes: int) -> Iterator[Counter]:
        """Count the bytes of one photo while the block runs.

        Args:
            most_bytes: How many bytes the request may have.
        """
        counter = Counter(self, most_bytes)
        try:
            yield counter
        finally:
            self.bytes -= counter.bytes

    def add(self, count: int) -> None:
        """Count bytes.

        Raises:
            RequestError: There are too many.
        """
        self.bytes += count
        if self.bytes > self._most_bytes:
            message = "too many photos arrive at the same time: send the photo again in a few seconds"
            raise RequestError("busy", message, headers={"Retry-After": "2"})


class Counter:
    """Counts the bytes of one request that have arrived."""

    def __init__(self, arriving: Arriving, most_bytes: int) -> None:
        self._arriving, self._most_bytes, self.bytes = arriving, most_bytes, 0

    def add(self, count: int) -> None:
        """Count bytes.

        Raises:
            RequestError: The request, or all requests together, have too many.
        """
        self.bytes += count
        self._arriving.add(count)
        if self.bytes > self._most_bytes:
            raise too_many_bytes(self._most_bytes)


def too_many_bytes(most_bytes: int) -> RequestError:
    """Return the error of a request that has too many bytes."""
    return RequestError("too-many-bytes", f"the request has more than {most_bytes:,} bytes: send a smaller file")


def most_bytes(content_type: str, photo_bytes: int) -> int:
    """Return how many bytes a request may have so that its photo has at most `photo_bytes`."""
    return photo_bytes + (_FORM_BYTES if _boundary(content_type) is not None else 0)


async def read_photo(chunks: AsyncIterator[bytes], content_type: str, counter: Counter) -> bytes:
    """Return the photo of a request: its body, or the field `photo` of its form.

    Args:
        chunks: The body, as it comes.
        content_type: Content-Type of the request. Only `multipart/form-data` has a meaning.
        counter: Counts the bytes.

    Raises:
        RequestError: There is no photo, the form is damaged, or there are too many bytes.
    """
    boundary = _boundary(content_type)
    photo = await _read_raw(chunks, counter) if boundary is None else await _read_form(chunks, boundary, counter)
    if not photo:
        raise RequestError("no-photo", f"there is no photo: send it as the body, or in the field {FIELD} of a form")
    return photo


def _boundary(content_type: str) -> bytes | None:
    """Return the boundary of a form, which is empty if the form names none; None for other bodies."""
    kind, options = parse_options_header(content_type)
    return options.get(b"boundary", b"") if kind == _FORM_TYPE else None


async def _read_raw(chunks: AsyncIterator[bytes], counter: Counter) -> bytes:
    parts = []
    async for chunk in chunks:
        counter.add(len(chunk))
        parts.append(chunk)
    return b"".join(parts)


async def _read_form(chunks: AsyncIterator[bytes], boundary: bytes, counter: Counter) -> bytes:
    form = _Form()
    try:
        parser = python_multipart.MultipartParser(boundary, form.callbacks())  # type: ignore[arg-type]
        async for chunk in chunks:
            counter.add(len(chunk))
            parser.write(chunk)
        parser.finalize()
    except FormParserError as error:
        raise RequestError("bad-request", "the multipart form is damaged: send one field called photo") from error
    if not form.is_complete:
        raise RequestError("bad-request", "the multipart form ends too early: its last boundary is missing")
    return bytes(form.photo)


class _Form:
    """Receives what the parser finds in a form, whose only field may be `photo`."""

    def __init__(self) -> None:
        self.photo = bytearray()
        self.is_complete = False
        self._has_photo = False
        self._header_bytes = 0
        self._name, self._value, self._disposition = b"", b"", b""

    def callbacks(self) -> dict[str, object]:
        """Return the functions that the parser calls."""
        return {
            "on_part_begin": self._begin_part,
            "on_header_field": self._add_name,
            "on_header_value": self._add_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._check_part,
            "on_part_data": self._add_data,
            "on_end": self._end,
        }

    def _begin_part(self) -> None:
        self._disposition = b""

    def _add_name(self, data: bytes, start: int, end: int) -> None:
        self._name += self._counted(data[start:end])

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._value += self._counted(data[start:end])

    def _counted(self, data: bytes) -> bytes:
        self._header_bytes += len(data)
        if self._header_bytes > _PART_HEADER_BYTES:
            message = "the headers of the multipart form are too long: send one field called photo"
            raise RequestError("bad-request", message)
        return data

    def _end_header(self) -> None:
        if self._name.lower() == b"content-disposition":
            self._disposition = self._value
        self._name, self._value = b"", b""

    def _check_part(self) -> None:
        _, options = parse_options_header(self._disposition)
        name = options.get(b"name", b"").decode("utf-8", "replace")
        if name != FIELD:
            shown = ascii(name[:40])
            raise RequestError(
                "bad-request", f"the form has a field {shown}: send only {FIELD} in it, and parameters in the address"
            )
        if self._has_photo:
            raise RequestError("bad-request", f"the form has the field {FIELD} twice: send one photo per request")
        self._has_photo = True

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        self.photo += data[start:end]

    def _end(self) -> None:
        self.is_complete = True
