"""The outermost part of a page's server: it serves the page's files, checks access, and answers errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pix2style.page_server.access import HEADERS, Access
from pix2style.page_server.refusals import TooLargeError

_SHARED = Path(__file__).parent / "page"
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_INDEX, _SIGN_IN = "index.html", "sign-in.html"
_MONTH_S = 30 * 24 * 3600


class PageFiles:
    """The files of a page: those of its own folder, and those that all pages share.

    Only these files are served, by their names; so no path of a request ever becomes a path on the disk.

    Args:
        folder: The page's own folder.
    """

    def __init__(self, folder: Path) -> None:
        files = [*sorted(_SHARED.iterdir()), *sorted(folder.iterdir())]
        self._files = {file.name: file for file in files if file.suffix in _TYPES}

    async def index(self, _request: Request) -> Response:
        """Answer with the page."""
        return self.answer(_INDEX)

    async def file(self, request: Request) -> Response:
        """Answer with the file that the request's path names, or raise the error 404."""
        name = request.path_params["name"]
        if name not in self._files:
            raise HTTPException(404)
        return self.answer(name)

    def answer(self, name: str, status: int = 200) -> Response:
        """Return a file as an answer."""
        file = self._files[name]
        return Response(file.read_bytes(), status, media_type=f"{_TYPES[file.suffix]}; charset=utf-8")


class Gate:
    """Answers only requests that may be answered, asks for the token, and adds the headers to every answer.

    Args:
        app: The application behind it.
        access: Who may use it.
        page: Files of its page, of which the form for the token and its style sheet need no token.
    """

    def __init__(self, app: ASGIApp, access: Access, page: PageFiles) -> None:
        self._app, self._access, self._page = app, access, page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, as an ASGI application does."""
        if scope["type"] != "http":
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                names = {name.lower() for name, _ in message["headers"]}
                own = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [*message["headers"], *(row for row in own if row[0] not in names)]
            await send(message)

        await self._answer(scope)(scope, receive, send_with_headers)

    def _answer(self, scope: Scope) -> ASGIApp:
        """Return what answers a request: the application, or why it does not."""
        request, path = Request(scope), scope["path"]
        refusal = self._access.refusal(scope["method"], path, request.headers)
        if refusal is not None:
            return error_answer(refusal, 403)
        if self._access.token is None:
            return self._app
        given = request.query_params.get("token") if path == "/" else None
        if given is not None and self._access.is_allowed(given):
            return self._signed_in(given)
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self._access.is_allowed(bearer or request.cookies.get(self._access.cookie)):
            return self._app
        if path == "/":
            return self._page.answer(_SIGN_IN, status=401)
        return self._app if path == "/page/base.css" else error_answer("the token is missing or wrong", 401)

    def _signed_in(self, token: str) -> Response:
        """Keep the token in a cookie, and lead to the page, so that the address in the browser does not show it."""
        response = RedirectResponse("/", 303)
        response.set_cookie(self._access.cookie, token, max_age=_MONTH_S, httponly=True, samesite="lax")
        return response


async def read_body(request: Request, most_bytes: int) -> bytes:
    """Return the body of a request.

    Raises:
        TooLargeError: It has more than `most_bytes` bytes.
    """
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most_bytes:
            raise TooLargeError(f"the request has more than {most_bytes:,} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def parsed(text: str | bytes) -> Any:
    """Return the value of a JSON text, or raise the error 400."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "the request is not valid JSON") from error


def error_answer(message: str, status: int) -> Response:
    """Return an answer with a message for people."""
    return JSONResponse({"error": message}, status)


async def refused(_request: Request, error: Exception) -> Response:
    """Answer a request that no route takes, or that one has refused."""
    if isinstance(error, HTTPException):
        return error_answer(error.detail, error.status_code)
    return error_answer("the request failed", 500)
