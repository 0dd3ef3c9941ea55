"""Do for every request what all need: headers of the answer, counts, a line in the log, and an answer to faults."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from pix2style.serve.answers import ANSWERS
from pix2style.serve.connection_reuse import Message, Receive, ReusedConnection, Send
from pix2style.serve.faults import FAULT_MESSAGE
from pix2style.serve.metrics import Metrics
from pix2style.serve.server_log import print_to_log

LogLine = Callable[[str], None]
_Scope = MutableMapping[str, Any]
App = Callable[[_Scope, Receive, Send], Awaitable[None]]
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"))
_OTHER = "other"
GONE = 499
"""Status in metrics and in the log if the client went away before its answer; nginx uses the same number."""
_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)


class Gate:
    """An ASGI application around another one.

    Args:
        app: The inner application.
        metrics: Counts the requests.
        addresses: The addresses of the server, which metrics and log name. Any other address is called "other".
        log: Called with a line for each request, without names of clients or files; None for no log.
    """

    def __init__(self, app: App, metrics: Metrics, addresses: frozenset[str], log: LogLine | None) -> None:
        self._app, self._metrics, self._addresses, self._log = app, metrics, addresses, log

    async def __call__(self, scope: _Scope, receive: Receive, send: Send) -> None:
        """Answer a request; see the specification of ASGI."""
        if scope["type"] != "http":
            return
        started, answer = time.perf_counter(), _Answer(ReusedConnection(scope, receive, send))
        try:
            await self._app(scope, answer.connection.receive, answer.send)
        except Exception:  # noqa: BLE001 - whatever the fault is, other requests have to be answered
            print_to_log(traceback.format_exc())
            await answer.send_fault()
        finally:
            self._note(scope, answer.status, time.perf_counter() - started)

    def _note(self, scope: _Scope, status: int, seconds: float) -> None:
        path = scope["path"] if scope["path"] in self._addresses else _OTHER
        self._metrics.count_request(path, status, seconds)
        if self._log is not None:
            method = scope["method"] if scope["method"] in _METHODS else _OTHER
            moment = time.strftime("%Y-%m-%dT%H:%M:%S%z")
            self._log(f"{moment} {method} {path} {status} {1000 * seconds:.0f} ms")


class _Answer:
    """Sends an answer, and notes its status."""

    def __init__(self, connection: ReusedConnection) -> None:
        self.connection, self.status = connection, GONE

    async def send(self, message: Message) -> None:
        """Send a part of the answer."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", []), *_HEADERS]
        await self.connection.send(message)

    async def send_fault(self) -> None:
        """Answer that the server has a fault, unless an answer has begun."""
        if self.status != GONE:
            return
        body = json.dumps({"error": FAULT_MESSAGE, "code": "server-error"}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await self.send({"type": "http.response.start", "status": ANSWERS["server-error"].status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body, "more_body": False})
