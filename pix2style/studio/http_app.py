"""The studio over HTTP: a route for each thing that the page does. Files are reached by random ids, never by paths."""

from __future__ import annotations

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
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from pix2style.errors import Pix2StyleError
from pix2style.page_server.access import Access
from pix2style.page_server.gate import Gate, PageFiles, error_answer, parsed, read_body, refused
from pix2style.page_server.refusals import status_of
from pix2style.studio.choice import Choice, OutputChoice
from pix2style.studio.jobs import Job
from pix2style.studio.studio import Studio
from pix2style.studio.training import TrainingJob
from pix2style.studio.uploads import Kind

_PAGE = PageFiles(Path(__file__).parent / "page")
_JPEG = "image/jpeg"


def make_app(studio: Studio, access: Access) -> ASGIApp:
    """Return the studio as an ASGI application."""
    routes = _Routes(studio)
    table: list[tuple[str, str, Callable[..., Any]]] = [
        ("GET", "/", _PAGE.index),
        ("GET", "/page/{name}", _PAGE.file),
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
        exception_handlers={Pix2StyleError: routes.failed, HTTPException: refused, ClientDisconnect: _gone},
    )
    return Gate(app, access, _PAGE)


class _Routes:
    """The endpoints. What takes time runs in a thread, so that others are answered meanwhile."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    async def failed(self, _request: Request, error: Exception) -> Response:
        """Answer with the message of an error, in which the place of the uploads is left out."""
        return error_answer(self._studio.without_paths(str(error)), status_of(error))

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
        data = await read_body(request, self._studio.limits.frame_bytes)
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
        choice = Choice.parse(parsed(request.query_params.get("choice", "")))
        data = await read_body(request, self._studio.limits.frame_bytes)
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
        return parsed(await read_body(request, self._studio.limits.text_bytes))


async def _gone(_request: Request, _error: Exception) -> Response:
    """Answer nobody: the browser has ended an upload."""
    return Response(status_code=400)
