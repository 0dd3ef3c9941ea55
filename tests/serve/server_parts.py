"""A server without sockets and worker processes: what it is asked goes through ASGI, and a function does its jobs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("prometheus_client")
pytest.importorskip("python_multipart")

from pix2style.serve.access import Access
from pix2style.serve.front import Front
from pix2style.serve.http_app import make_app
from pix2style.serve.jobs import QueueFullError, StylizedAnswer, StylizeJob
from pix2style.serve.limits import ServeLimits
from pix2style.serve.pool_counts import PoolCounts
from pix2style.serve.served_filters import ServedFilter, ServedFilters

HERE = {"host": "127.0.0.1:8080"}


def served(name: str, styles: tuple[str, ...] = ()) -> ServedFilter:
    return ServedFilter(
        name, Path("/secret/folder/x.onnx"), "0" * 64, name.title(), "", "", "CC0-1.0", styles, 256, from_gallery=False
    )


FILTERS = ServedFilters([served("great-wave"), served("ejiri"), served("letters", ("a", "b"))])


async def do_job(job: StylizeJob) -> StylizedAnswer:
    """Answer with the photo itself."""
    return StylizedAnswer(job.data, "image/png", 4, 3, ("a note – with a dash",), 0.5, 0.001, 0.002, 0.003)


@dataclass
class PoolOfFunctions:
    """Stands for worker processes."""

    do: Callable[[StylizeJob], Awaitable[StylizedAnswer]] = do_job
    is_ready: bool = True
    counts: PoolCounts = field(default_factory=PoolCounts)
    jobs: list[StylizeJob] = field(default_factory=list)

    is_full: bool = False

    def check_place(self, _size_bytes: int) -> None:
        if self.is_full:
            raise QueueFullError("too many pictures are waiting", 7)

    async def stylize(self, job: StylizeJob) -> StylizedAnswer:
        self.jobs.append(job)
        return await self.do(job)


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes
    is_complete: bool = True

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """Code of an error, whose form is checked."""
        assert self.headers["content-type"] == "application/json"
        assert set(self.json) == {"error", "code"}
        assert self.json["error"]
        assert "/secret" not in self.body.decode()
        return str(self.json["code"])


class Caller:
    """Asks a server, as uvicorn would for a client."""

    def __init__(
        self,
        pool: PoolOfFunctions | None = None,
        access: Access | None = None,
        limits: ServeLimits | None = None,
        log: Callable[[str], None] | None = None,
    ) -> None:
        self.pool = pool or PoolOfFunctions()
        self.front = Front(self.pool, FILTERS, limits or ServeLimits())
        self.app = make_app(self.front, access or Access(None, is_open=False), log)

    def __call__(self, method: str, address: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
        return asyncio.run(self.ask(method, address, [body] if body else [], headers))

    async def ask(
        self,
        method: str,
        address: str,
        chunks: Iterable[bytes] | AsyncIterator[bytes] = (),
        headers: dict[str, str] | None = None,
        *,
        goes: asyncio.Event | None = None,
    ) -> Answer:
        """Ask with a body that comes in chunks; with `goes`, the client goes at that moment."""
        path, _, query = address.partition("?")
        given = {**HERE, **(headers or {})}
        if chunks and "content-length" not in given:
            given.setdefault("transfer-encoding", "chunked")
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "http_version": "1.1",
            "scheme": "http",
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in given.items()],
            "server": ("127.0.0.1", 8080),
            "client": ("127.0.0.1", 1),
        }
        coming, sent = _messages(chunks), []

        async def receive() -> dict[str, Any]:
            async for message in coming:
                return message
            await (goes or asyncio.Event()).wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        [start, *parts] = sent
        answered = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
        return Answer(
            start["status"], answered, b"".join(part["body"] for part in parts), not parts[-1].get("more_body", False)
        )


async def _messages(chunks: Iterable[bytes] | AsyncIterator[bytes]) -> AsyncIterator[dict[str, Any]]:
    if isinstance(chunks, AsyncIterator):
        async for chunk in chunks:
            yield {"type": "http.request", "body": chunk, "more_body": True}
    else:
        for chunk in chunks:
            yield {"type": "http.request", "body": chunk, "more_body": True}
    yield {"type": "http.request", "body": b"", "more_body": False}


def form(*parts: tuple[str, bytes], boundary: str = "xyz", is_cut: bool = False) -> tuple[bytes, dict[str, str]]:
    """A multipart body with fields, and its headers."""
    rows = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="p.jpg"\r\n\r\n'.encode() + data
        for name, data in parts
    ]
    end = b"" if is_cut else f"\r\n--{boundary}--\r\n".encode()
    return b"\r\n".join(rows) + end, {"content-type": f"multipart/form-data; boundary={boundary}"}
