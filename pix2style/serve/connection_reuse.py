"""Send an answer before the whole body of the request has arrived, so that the client still receives the answer.

If the server closed the connection at once, the system would reset it, and a client that is still sending could lose
the answer. So the whole answer is sent first, and then the rest of the body is read and dropped for a moment. If the
body ends in this time, the connection can be used for another request; otherwise it is closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
_CLOSE = (b"connection", b"close")
DRAIN_S = 2.0
_DRAIN_BYTES = 64_000_000


class ReusedConnection:
    """The messages of one request, between the server and the application."""

    def __init__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"0")
        self._receive, self._send = receive, send
        self._waits_for_continue = headers.get(b"expect", b"").lower() == b"100-continue"
        self._is_short = length.isdigit() and int(length[:20]) <= _DRAIN_BYTES and b"transfer-encoding" not in headers
        self._has_body = length != b"0" or b"transfer-encoding" in headers
        self._is_read = not self._has_body

    async def receive(self) -> Message:
        """Return the next message about the request."""
        self._waits_for_continue = False
        message = await self._receive()
        self._is_read = self._is_read or message["type"] == "http.disconnect" or not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Send a message about the answer."""
        if self._is_read:
            await self._send(message)
        elif message["type"] == "http.response.start":
            headers = list(message.get("headers", []))
            if self._waits_for_continue or _CLOSE in headers:
                self._is_short = False
            if not self._is_short:
                message["headers"] = [*(header for header in headers if header != _CLOSE), _CLOSE]
            await self._send(message)
        elif message.get("more_body", False) or self._waits_for_continue:
            await self._send(message)
        else:
            await self._send({**message, "more_body": True})
            if await self._drain():
                await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _drain(self) -> bool:
        """Read and drop the rest of the body; return whether the answer can be ended. If not, close the connection."""
        size = 0
        try:
            async with asyncio.timeout(DRAIN_S):
                while not self._is_read and size < _DRAIN_BYTES:
                    size += len((await self.receive()).get("body", b""))
        except TimeoutError:
            pass
        return self._is_read or not self._is_short
