"""The studio over HTTP: a route for each thing that the page does. Files are reached by random ids, never by paths."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pix2style.errors import Pix2StyleError
from pix2style.studio.access import HEADERS, Access
from pix2style.studio.choice import Choice, OutputChoice
from pix2style.studio.jobs import BusyError, Job
from pix2style.studio.studio import Studio
from pix2style.studio.training import TrainingJob
from pix2style.studio.uploads import Kind, NotHereError, TooLargeError

_PAGE = Path(__file__).parent / "page"
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
# Only these files are served, by their names; so no path of a request ever becomes a path on the disk.
_FILES = {file.name: file for file in sorted(_PAGE.iterdir()) if file.suffix in _TYPES}
_INDEX, _SIGN_IN = "index.html", "sign-in.html"
_MONTH_S = 30 * 24 * 3600
_STATUS: tuple[tuple[type[Pix2StyleError], int], ...] = ((TooLargeError, 413), (NotHereError, 404), (BusyError, 409))
_JPEG = "image/jpeg"


def make_app(studio: Studio, access: Access) -> ASGIApp:
    """Return the studio as an ASGI application."""
    routes = _Routes(studio)
    table: list[tuple[str, str, Callable[..., Any]]] = [
        ("GET", "/", routes.index),
        ("GET", "/page/{name}", routes.page_file),
        ("GET", "/api/studio", routes.describe),
        ("POST", "/api/photos", partial(routes.upload, "photo")),
        ("DELETE", "/api/photos/{id}", partial(routes.delete, "photo")),
        ("GET", "/api/photos/{id}/screen", routes.screen),
        ("GET", "/api/photos/{id}/thumbnails/{filter}", routes.thumbnail),
        ("PUT", "/api/photos/{id}/mask", routes.mask),
        ("POST", "/api/photos/{id}/preview", routes.preview),
        ("POST", "/api/photos/{id}/result", routes.result),
        ("POST", "/api/frames", routes.frame),
        ("POST", "/api/clips", partial(routes.upload, "clip")),
        ("DELETE", "/api/clips/{id}", partial(routes.delete, "clip")),
        ("POST", "/api/clip-jobs", partial(routes.start, studio.start_clip)),
        ("POST", "/api/trainings", partial(routes.start, studio.start_training)),
        ("GET", "/api/jobs/{id}", routes.job),
        ("POST", "/api/jobs/{id}/stop", routes.stop),
        ("GET", "/api/jobs/{id}/result", routes.job_result),
        ("GET", "/api/jobs/{id}/preview", routes.job_preview),
    ]
    app = Starlette(
        routes=[Route(path, endpoint, methods=[method]) for method, path, endpoint in table],
        exception_handlers={Pix2StyleError: routes.failed, HTTPException: _refused, ClientDisconnect: _gone},
    )
    return _Gate(app, access)


class _Routes:
    """The endpoints. What takes time runs in a thread, so that others are answered meanwhile."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    async def failed(self, _request: Request, error: Exception) -> Response:
        """Answer with the message of an error, in which the place of the uploads is left out."""
        status = next((status for kind, status in _STATUS if isinstance(error, kind)), 400)
        return _error(self._studio.without_paths(str(error)), status)

    async def index(self, _request: Request) -> Response:
        return _page_file(_INDEX)

    async def page_file(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in _FILES:
            raise HTTPException(404)
        return _page_file(name)

    async def describe(self, _request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(self._studio.describe))

    async def upload(self, kind: Kind, request: Request) -> Response:
        """Store the body as a file. Its bytes are counted as they come, so a stated length need not be true."""
        with self._studio.uploads.begin(kind, request.query_params.get("name", "")) as receiver:
            async for chunk in request.stream():
                receiver.write(chunk)
            receiver.close()
            described: dict[str, Any] = {"id": receiver.upload.id, "name": receiver.upload.name}
            if kind == "photo":
                photo = await run_in_threadpool(self._studio.photos.read, receiver.upload)
                described = photo.to_json(receiver.upload)
            receiver.complete()
        return JSONResponse(described)

    async def delete(self, kind: Kind, request: Request) -> Response:
        self._studio.uploads.remove(self._studio.uploads.get(request.path_params["id"], kind).id)
        return Response(status_code=204)

    async def screen(self, request: Request) -> Response:
        photo = self._studio.uploads.get(request.path_params["id"], "photo")
        return Response(await run_in_threadpool(self._studio.photos.original, photo), media_type=_JPEG)

    async def thumbnail(self, request: Request) -> Response:
        photo = self._studio.uploads.get(request.path_params["id"], "photo")
        make = partial(self._studio.photos.thumbnail, photo, request.path_params["filter"])
        return Response(await run_in_threadpool(make), media_type=_JPEG)

    async def mask(self, request: Request) -> Response:
        photo = self._studio.uploads.get(request.path_params["id"], "photo")
        data = await _body(request, self._studio.limits.frame_bytes)
        await run_in_threadpool(self._studio.photos.set_mask, photo, data)
        return Response(status_code=204)

    async def preview(self, request: Request) -> Response:
        photo = self._studio.uploads.get(request.path_params["id"], "photo")
        choice = Choice.parse(await self._json(request))
        return Response(await run_in_threadpool(self._studio.photos.preview, photo, choice), media_type=_JPEG)

    async def result(self, request: Request) -> Response:
        photo = self._studio.uploads.get(request.path_params["id"], "photo")
        value = await self._json(request)
        output = OutputChoice.parse(value.pop("output", {}) if isinstance(value, dict) else {})
        choice = Choice.parse(value)
        file = await run_in_threadpool(self._studio.photos.result, photo, choice, output)
        name = f"{photo.stem}-{self._studio.filters.name_of(choice)}{file.suffix}"
        return FileResponse(file, filename=name, background=BackgroundTask(shutil.rmtree, file.parent, True))

    async def frame(self, request: Request) -> Response:
        choice = Choice.parse(_parsed(request.query_params.get("choice", "")))
        data = await _body(request, self._studio.limits.frame_bytes)
        stream = request.query_params.get("stream", "")[:64]
        frame = await run_in_threadpool(self._studio.frames.stylize, stream, data, choice)
        return Response(frame, media_type=_JPEG)

    async def start(self, begin: Callable[[Any], Job], request: Request) -> Response:
        job = await run_in_threadpool(begin, await self._json(request))
        return JSONResponse(job.to_json())

    async def job(self, request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(self._job(request).to_json))

    async def stop(self, request: Request) -> Response:
        job = self._job(request)
        await run_in_threadpool(job.stop)
        return JSONResponse(job.to_json())

    async def job_result(self, request: Request) -> Response:
        job = self._job(request)
        if job.result is None:
            raise HTTPException(404)
        return FileResponse(job.result, filename=job.result.name)

    async def job_preview(self, request: Request) -> Response:
        job = self._job(request)
        if not isinstance(job, TrainingJob) or not job.preview.is_file():
            raise HTTPException(404)
        return Response(await run_in_threadpool(job.preview.read_bytes), media_type="image/png")

    def _job(self, request: Request) -> Job:
        return self._studio.jobs.get(request.path_params["id"])

    async def _json(self, request: Request) -> Any:
        return _parsed(await _body(request, self._studio.limits.text_bytes))


class _Gate:
    """Answers only requests that may be answered, asks for the token, and adds the headers to every answer."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
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
            return _error(refusal, 403)
        if self._access.token is None:
            return self._app
        given = request.query_params.get("token") if path == "/" else None
        if given is not None and self._access.is_allowed(given):
            return self._signed_in(given)
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self._access.is_allowed(bearer or request.cookies.get(self._access.cookie)):
            return self._app
        if path == "/":
            return _page_file(_SIGN_IN, status=401)
        return self._app if path == "/page/studio.css" else _error("the token is missing or wrong", 401)

    def _signed_in(self, token: str) -> Response:
        """Keep the token in a cookie, and lead to the page, so that the address in the browser does not show it."""
        response = RedirectResponse("/", 303)
        response.set_cookie(self._access.cookie, token, max_age=_MONTH_S, httponly=True, samesite="lax")
        return response


def _page_file(name: str, status: int = 200) -> Response:
    file = _FILES[name]
    return Response(file.read_bytes(), status, media_type=f"{_TYPES[file.suffix]}; charset=utf-8")


async def _body(request: Request, most_bytes: int) -> bytes:
    """Return the body of a request that may have so many bytes."""
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most_bytes:
            raise TooLargeError(f"the request has more than {most_bytes:,} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _parsed(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "the request is not valid JSON") from error


def _error(message: str, status: int) -> Response:
    return JSONResponse({"error": message}, status)


async def _refused(_request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        return _error(error.detail, error.status_code)
    return _error("the request failed", 500)


async def _gone(_request: Request, _error: Exception) -> Response:
    """Answer nobody: the browser has ended an upload."""
    return Response(status_code=400)
