"""The blind test over HTTP. The page gets pictures by random addresses, and no stylizer's name before the end."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from pix2style.errors import Pix2StyleError
from pix2style.judge.judging import Judging
from pix2style.page_server.access import Access
from pix2style.page_server.gate import Gate, PageFiles, error_answer, parsed, read_body, refused
from pix2style.page_server.refusals import status_of

_PAGE = PageFiles(Path(__file__).parent / "page")
_LARGEST_BODY = 4096


def make_app(judging: Judging, access: Access) -> ASGIApp:
    """Return the blind test as an ASGI application."""

    async def describe(_request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(judging.describe))

    async def picture(request: Request) -> Response:
        data = await run_in_threadpool(judging.picture, request.path_params["id"])
        return Response(data, media_type="image/png")

    async def act(action: Callable[[dict[str, Any]], dict[str, Any]], request: Request) -> Response:
        value = parsed(await read_body(request, _LARGEST_BODY))
        if not isinstance(value, dict):
            raise HTTPException(400, "the request is not a JSON object")
        return JSONResponse(await run_in_threadpool(action, value))

    actions: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
        "/api/start": lambda value: judging.start(_text(value, "judge")),
        "/api/next": lambda value: judging.next_pair(_text(value, "judge")),
        "/api/votes": lambda value: judging.vote(
            _text(value, "judge"), _text(value, "trial"), _text(value, "answer"), _seconds(value)
        ),
        "/api/undo": lambda value: judging.undo(_text(value, "judge")),
        "/api/end": lambda value: judging.end(_text(value, "judge")),
    }
    routes = [
        Route("/", _PAGE.index),
        Route("/page/{name}", _PAGE.file),
        Route("/api/judging", describe),
        Route("/api/pictures/{id}", picture),
        *(Route(path, partial(act, action), methods=["POST"]) for path, action in actions.items()),
    ]
    handlers = {Pix2StyleError: _failed, HTTPException: refused, ClientDisconnect: refused}
    return Gate(Starlette(routes=routes, exception_handlers=handlers), access, _PAGE)


def _text(value: dict[str, Any], key: str) -> str:
    text = value.get(key, "")
    if not isinstance(text, str):
        raise HTTPException(400, f"{key} must be a text")
    return text.encode("utf-8", "replace").decode()  # JSON can hold halves of characters, which no answer can


def _seconds(value: dict[str, Any]) -> float | None:
    seconds = value.get("seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    try:
        return float(seconds) if math.isfinite(seconds) else None
    except OverflowError:  # a whole number of hundreds of digits
        return None


async def _failed(_request: Request, error: Exception) -> Response:
    return error_answer(str(error), status_of(error))
