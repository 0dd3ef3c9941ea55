"""What the server answers where it does not answer with a picture: one table of codes, for requests and for OpenAPI.

Every such answer is `{"error": "...", "code": "..."}`: a sentence for people, and a word for programs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pix2style.errors import Pix2StyleError

Code = Literal[
    "bad-request",
    "token",
    "foreign",
    "no-such-address",
    "method",
    "body-too-slow",
    "too-many-bytes",
    "too-many-pixels",
    "not-a-picture",
    "parameter",
    "no-photo",
    "damaged-picture",
    "busy",
    "server-error",
    "not-ready",
    "stopping",
    "worker-lost",
    "too-slow",
]


@dataclass(frozen=True, slots=True)
class Answer:
    """A row of the table.

    Attributes:
        status: Status of HTTP.
        meaning: When it is given, and what to do.
    """

    status: int
    meaning: str


ANSWERS: Mapping[Code, Answer] = {
    "bad-request": Answer(400, "The request is no HTTP, or its form is damaged or has other fields than one `photo`."),
    "token": Answer(401, "The token is missing or wrong. Send the header `Authorization: Bearer TOKEN`."),
    "foreign": Answer(403, "A page of another site has caused the request, or it names another host."),
    "no-such-address": Answer(404, "There is nothing at this address."),
    "method": Answer(405, "This address has another method. The header `Allow` names it."),
    "body-too-slow": Answer(408, "The photo did not arrive in time."),
    "too-many-bytes": Answer(413, "The photo has too many bytes."),
    "too-many-pixels": Answer(413, "The photo has too many pixels, all of its frames together."),
    "not-a-picture": Answer(415, "The body is no picture of a kind that is read, whatever its Content-Type says."),
    "parameter": Answer(422, "A parameter is unknown or wrong. The message names it."),
    "no-photo": Answer(422, "There is no photo in the request."),
    "damaged-picture": Answer(422, "The picture is damaged, or cannot be written in the format."),
    "busy": Answer(429, "As many requests wait as may wait. Ask again after the seconds of `Retry-After`."),
    "server-error": Answer(500, "The server has a fault. Its own output says which."),
    "not-ready": Answer(503, "The filters are being loaded. Ask again after the seconds of `Retry-After`."),
    "stopping": Answer(503, "The server finishes what it has, and takes nothing new."),
    "worker-lost": Answer(503, "The process that worked on the photo has ended. Ask again, once."),
    "too-slow": Answer(504, "Stylizing took longer than it may. Send a smaller photo."),
}
"""All answers that are no picture, by their codes."""


class RequestError(Pix2StyleError):
    """A request is not answered with a picture.

    Attributes:
        code: Why.
        headers: Headers of the answer.
    """

    def __init__(self, code: Code, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.code: Code = code
        self.headers: Mapping[str, str] = headers or {}
