"""A small HTTP client for measurements: it keeps its connection, costs little, and can send what no library sends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class Answer:
    """An answer of a server.

    Attributes:
        status: Status code.
        headers: Headers by their names in small letters.
        body: Content.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class Client:
    """Asks one server over one connection, which is opened again when the server has closed it."""

    def __init__(self, port: int, timeout_s: float = 120) -> None:
        self.port = port
        self.timeout_s = timeout_s
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection."""
        if self._streams:
            await close_writer(self._streams[1])
            self._streams = None

    async def ask(
        self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request and return the answer.

        Raises:
            OSError, EOFError, ValueError: There is no complete answer.
        """
        reader, writer = await self._connect()
        try:
            async with asyncio.timeout(self.timeout_s):
                writer.write(head(method, target, self.port, {"Content-Length": str(len(body)), **(headers or {})}))
                writer.write(body)
                await writer.drain()
                answer = await read_answer(reader, has_body=method != "HEAD")
        except BaseException:
            await self.close()
            raise
        if answer.headers.get("connection", "").lower() == "close":
            await self.close()
        return answer

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None or self._streams[0].at_eof():
            await self.close()
            self._streams = await asyncio.open_connection("127.0.0.1", self.port, limit=2**20)
        return self._streams


def head(method: str, target: str, port: int, headers: Mapping[str, str]) -> bytes:
    """Return the first lines of a request, up to the empty one."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: 127.0.0.1:{port}", *(f"{k}: {v}" for k, v in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


async def read_answer(reader: asyncio.StreamReader, *, has_body: bool = True) -> Answer:
    """Read one answer.

    Raises:
        OSError, EOFError, ValueError: The connection was closed before the end, or this is no HTTP.
    """
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    version, status = first.split()[:2]
    if version != "HTTP/1.1":
        raise ValueError(f"no HTTP/1.1: {first}")
    pairs = (line.partition(":") for line in lines if line)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    if int(status) == 100:
        return await read_answer(reader, has_body=has_body)
    if not has_body or int(status) in (204, 304):
        return Answer(int(status), headers, b"")
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return Answer(int(status), headers, b"".join([part async for part in _chunks(reader)]))
    length = headers.get("content-length")
    body = await (reader.read() if length is None else reader.readexactly(int(length)))
    return Answer(int(status), headers, body)


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while size := int((await reader.readline()).split(b";")[0], 16):
        yield (await reader.readexactly(size + 2))[:-2]
    await reader.readline()


async def close_writer(writer: asyncio.StreamWriter) -> None:
    """Close a connection, whatever its state is."""
    writer.close()
    try:
        await writer.wait_closed()
    except (OSError, EOFError):
        return
