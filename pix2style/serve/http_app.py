"""The HTTP addresses of the server. No part of a request is ever used as a path of this machine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from pix2style.errors import Pix2StyleError
from pix2style.printable import printable
from pix2style.serve.access import Access
from pix2style.serve.answers import ANSWERS, RequestError
from pix2style.serve.body import most_bytes, read_photo, too_many_bytes
from pix2style.serve.faults import as_request_error
from pix2style.serve.front import Front
from pix2style.serve.gate import GONE, Gate, LogLine
from pix2style.serve.jobs import StylizedAnswer
from pix2style.serve.metrics import CONTENT_TYPE, STAGES
from pix2style.serve.openapi import NOTES, SERVER_TIMING, openapi_document
from pix2style.serve.parameters import nearest, parse_query
from pix2style.serve.server_log import print_to_log

_PAGE = Path(__file__).parent / "page"
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
# Only these files are served, each at an address that is written here.
_PAGE_FILES = {"/docs": "docs.html", "/docs/docs.css": "docs.css", "/docs/docs.js": "docs.js"}
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self';"
    " form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
# These answer without a token, and under any host name.
_OPEN = frozenset(("/healthz", "/readyz", *_PAGE_FILES))
_LENGTH_DIGITS = 20  # more than any true length has; Python refuses to parse numbers of thousands of digits
_READ_BY_PAGES = (SERVER_TIMING, NOTES, "Retry-After")
_Endpoint = Callable[[Request], Awaitable[Response]]


def make_app(front: Front, access: Access, log: LogLine | None = None) -> ASGIApp:
    """Return the server as an ASGI application.

    Args:
        front: State of the server.
        access: Who may use it.
        log: Called with a line for each request; None for no log.
    """
    addresses = _Addresses(front, access)
    table: list[tuple[str, str, _Endpoint]] = [
        ("POST", "/v1/stylize", addresses.stylize),
        ("GET", "/v1/filters", addresses.list_filters),
        ("GET", "/healthz", addresses.healthz),
        ("GET", "/readyz", addresses.readyz),
        ("GET", "/metrics", addresses.show_metrics),
        ("GET", "/openapi.json", addresses.openapi),
        *(("GET", path, addresses.page_file) for path in _PAGE_FILES),
    ]
    app = Starlette(
        routes=[Route(path, endpoint, methods=[method]) for method, path, endpoint in table],
        exception_handlers={
            Exception: _failed,
            Pix2StyleError: _failed,
            HTTPException: _refused,
            ClientDisconnect: _gone,
        },
    )
    app.router.redirect_slashes = False  # a redirection would name the host of the request
    allowed: ASGIApp = _Allowed(app, access, {path: method for method, path, _ in table})
    if access.origins:
        allowed = CORSMiddleware(
            allowed,
            allow_origins=access.origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=_READ_BY_PAGES,
        )
    return Gate(allowed, front.metrics, frozenset(path for _, path, _ in table), log)


class _Addresses:
    """The endpoints."""

    def __init__(self, front: Front, access: Access) -> None:
        self._front = front
        filters = [served.to_json() for served in front.filters.all()]
        self._filters = json.dumps({"filters": filters}).encode()
        document = openapi_document(front.filters.names, needs_token=access.token is not None)
        self._document = json.dumps(document).encode()

    async def stylize(self, request: Request) -> Response:
        """Stylize the photo in the body. Everything that can be checked before the body arrives is checked first."""
        values = parse_query(request.scope["query_string"])
        self._front.filters.parse(values.get("filter", self._front.filters.default), values.get("style"))
        self._front.check_takes_work()
        with self._front.work():
            try:
                photo = await self._photo(request)
                return _picture(await _unless_gone(self._front.stylize(photo, values), request.receive))
            except asyncio.CancelledError:
                if not self._front.is_stopping:
                    raise
                message = "the server is shutting down, and did not finish this photo: ask another server"
                raise RequestError("stopping", message, headers={"Connection": "close"}) from None

    async def _photo(self, request: Request) -> bytes:
        content_type, limits = request.headers.get("content-type", ""), self._front.limits
        most = most_bytes(content_type, limits.body_bytes)
        text = request.headers.get("content-length", "")
        length = int(text[:_LENGTH_DIGITS]) if text.isdecimal() else 0
        if length > most:
            raise too_many_bytes(most)
        self._front.pool.check_place(length)
        try:
            with self._front.arriving.photo(most) as counter:
                async with asyncio.timeout(limits.body_s):
                    return await read_photo(request.stream(), content_type, counter)
        except TimeoutError as error:
            message = f"the photo did not arrive within {limits.body_s:g} seconds"
            raise RequestError("body-too-slow", message, headers={"Connection": "close"}) from error

    async def list_filters(self, _request: Request) -> Response:
        return Response(self._filters, media_type="application/json")

    async def healthz(self, _request: Request) -> Response:
        return PlainTextResponse("alive\n")

    async def readyz(self, _request: Request) -> Response:
        self._front.check_takes_work()
        return PlainTextResponse("ready\n")

    async def show_metrics(self, _request: Request) -> Response:
        return Response(self._front.metrics.text(), media_type=CONTENT_TYPE)

    async def openapi(self, _request: Request) -> Response:
        return Response(self._document, media_type="application/json")

    async def page_file(self, request: Request) -> Response:
        file = _PAGE / _PAGE_FILES[request.scope["path"]]
        headers = {"Content-Security-Policy": _PAGE_POLICY}
        return Response(file.read_bytes(), media_type=_TYPES[file.suffix], headers=headers)


class _Allowed:
    """Refuses requests without access, and those for unknown addresses, before the application sees them."""

    def __init__(self, app: ASGIApp, access: Access, methods: dict[str, str]) -> None:
        self._app, self._access, self._methods = app, access, methods

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._answering(scope)(scope, receive, send)

    def _answering(self, scope: Scope) -> ASGIApp:
        """Return what answers a request."""
        path = scope["path"]
        try:
            if path not in _OPEN:
                self._access.check(Request(scope).headers)
        except RequestError as error:
            return _error(error)
        if scope["method"] == "OPTIONS" and path in self._methods:
            return Response(status_code=204, headers={"Allow": _methods(self._methods[path])})
        if path not in self._methods:
            meant = nearest(path, list(self._methods))
            advice = f"did you mean {meant}?" if meant else "/docs lists the addresses"
            return _error(RequestError("no-such-address", f"there is nothing at this address: {advice}"))
        return self._app


def _methods(method: str) -> str:
    return "GET, HEAD, OPTIONS" if method == "GET" else f"{method}, OPTIONS"


async def _unless_gone(
    work: Coroutine[Any, Any, StylizedAnswer], receive: Callable[[], Awaitable[Any]]
) -> StylizedAnswer:
    """Wait for work and return its result; cancel the work if the client goes away.

    Raises:
        ClientDisconnect: The client has gone away.
    """
    working, waiting = asyncio.ensure_future(work), asyncio.ensure_future(_wait_until_gone(receive))
    try:
        await asyncio.wait((working, waiting), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientDisconnect
    finally:
        working.cancel()
        waiting.cancel()
        await asyncio.gather(working, waiting, return_exceptions=True)


async def _wait_until_gone(receive: Callable[[], Awaitable[Any]]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _picture(answer: StylizedAnswer) -> Response:
    stages = {stage: getattr(answer, f"{stage}_s") for stage in STAGES}
    headers = {SERVER_TIMING: ", ".join(f"{stage};dur={1000 * seconds:.1f}" for stage, seconds in stages.items())}
    if answer.notes:
        headers[NOTES] = json.dumps(answer.notes)
    return Response(answer.data, media_type=answer.media_type, headers=headers)


def _error(error: RequestError) -> Response:
    body = {"error": str(error), "code": error.code}
    return JSONResponse(body, ANSWERS[error.code].status, headers=dict(error.headers))


async def _failed(_request: Request, error: Exception) -> Response:
    answer = as_request_error(error)
    # For other errors, the gate prints a traceback.
    if answer.code == "server-error" and isinstance(error, Pix2StyleError):
        print_to_log(f"pix2style: {printable(str(error))}")
    return _error(answer)


async def _refused(_request: Request, error: Exception) -> Response:
    """Answer requests that Starlette refuses: those with a wrong method, or with an unknown path."""
    if isinstance(error, HTTPException) and error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        return _error(RequestError("method", f"this address takes {allowed} only", headers=error.headers))
    return _error(RequestError("no-such-address", "there is nothing at this address: /docs lists the addresses"))


async def _gone(_request: Request, _error: Exception) -> Response:
    """Return an answer for the metrics only, because the client has gone away."""
    return Response(status_code=GONE)
