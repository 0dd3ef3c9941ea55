"""The error answers of the server, as one table of codes that requests and the OpenAPI document share.

Every error answer is `{"error": "...", "code": "..."}`: a sentence for people, and a code for programs.
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
        status: HTTP status.
        meaning: What is wrong, and what to do.
    """

    status: int
    meaning: str


ANSWERS: Mapping[Code, Answer] = {
    "bad-request": Answer(400, "The request is not valid HTTP, or its form is damaged or is not one field `photo`."),
    "token": Answer(401, "The token is missing or wrong. Send the header `Authorization: Bearer TOKEN`."),
    "foreign": Answer(403, "A page of another site has caused the request, or the request names another host."),
    "no-such-address": Answer(404, "There is nothing at this address."),
    "method": Answer(405, "This address takes another method, which the header `Allow` names."),
    "body-too-slow": Answer(408, "The photo did not arrive in time."),
    "too-many-bytes": Answer(413, "The photo has too many bytes."),
    "too-many-pixels": Answer(413, "The photo has too many pixels, with all its frames and pages."),
    "not-a-picture": Answer(415, "The content is not an image, or of a format that is not read."),
    "parameter": Answer(422, "A parameter is unknown or wrong. The message names it."),
    "no-photo": Answer(422, "There is no photo in the request."),
    "damaged-picture": Answer(422, "The photo is damaged, or cannot be written in this format."),
    "busy": Answer(429, "The queue is full. Send the photo again after the seconds in `Retry-After`."),
    "server-error": Answer(500, "The server has a fault, which its error output describes."),
    "not-ready": Answer(503, "The filters are being loaded. Ask again after the seconds in `Retry-After`."),
    "stopping": Answer(503, "The server is shutting down, and takes no new photos."),
    "worker-lost": Answer(503, "The process that worked on the photo has ended. Send the photo again, once."),
    "too-slow": Answer(504, "Waiting and stylizing took too long. Send a smaller photo, or send it again later."),
}
"""All error answers, by their codes."""


class RequestError(Pix2StyleError):
    """A request is answered with an error.

    Attributes:
        code: Key of the error in `ANSWERS`.
        headers: Further headers of the answer.
    """

    def __init__(self, code: Code, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.code: Code = code
        self.headers: Mapping[str, str] = headers or {}
