"""Limit the number of connections, and the time that clients may take to send a request and to read its answer.

uvicorn has no such limits: it waits for ever for the rest of a request's head and for clients to read answers.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from pix2style.system.open_files import most_open_files

MOST_CONNECTIONS = 512  # and at most half of the open files that the system allows, which are 256 on macOS
HEAD_S = 10.0
# A client that reads fewer bytes of an answer in this time has gone, or wants to do harm.
UNREAD_S, LEAST_READ_BYTES = 30.0, 30_000
# Of all answers together, which could else fill the memory.
MOST_UNREAD_BYTES = 400_000_000
# Longer than most proxies keep idle connections, so that a proxy does not send a request while the server closes one.
KEEP_ALIVE_S = 75
_NOT_HTTP = json.dumps({"error": "this is not a valid HTTP request", "code": "bad-request"}).encode()


class BoundedProtocol(H11Protocol):
    """A connection that can be closed while it waits for a request."""

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a request. If there are too many connections, close the one that has waited longest."""
        self.waiting_since_s = self._read_since_s = time.monotonic()
        self._unread_bytes = 0
        super().connection_made(transport)
        if len(self.connections) > min(MOST_CONNECTIONS, most_open_files() // 2):
            waiting = [other for other in self.connections if isinstance(other, BoundedProtocol) and other.is_waiting]
            min(waiting, key=lambda other: other.waiting_since_s).close_now()

    @property
    def is_waiting(self) -> bool:
        """Whether no request is being answered."""
        return bool(self.conn.their_state is h11.IDLE)

    def close_if_too_slow(self) -> None:
        """Close the connection if its client is too slow to send a request or read an answer; called every second."""
        if self._has_slow_head() or self._is_hardly_read():
            self.close_now()

    @property
    def unread_bytes(self) -> int:
        """Bytes of an answer that the client has not taken yet."""
        return int(self.transport.get_write_buffer_size())

    def _is_hardly_read(self) -> bool:
        """Return whether the client reads its answer too slowly."""
        unread_bytes, now_s = self.unread_bytes, time.monotonic()
        if not unread_bytes or abs(unread_bytes - self._unread_bytes) >= LEAST_READ_BYTES:
            self._unread_bytes, self._read_since_s = unread_bytes, now_s
        return bool(unread_bytes) and now_s - self._read_since_s >= UNREAD_S

    def _has_slow_head(self) -> bool:
        """Return whether the head of a request takes too long. Between two requests a connection may wait longer."""
        if not self.is_waiting or time.monotonic() - self.waiting_since_s < HEAD_S:
            return False
        return self.cycle is None or bool(self.conn.trailing_data[0])

    def close_now(self) -> None:
        """Close the connection without an answer."""
        self.connections.discard(self)
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take bytes; close the connection if they break the rules of HTTP in the middle of an answer."""
        if self.is_waiting and not self.conn.trailing_data[0]:
            self.waiting_since_s = time.monotonic()  # the first bytes of a head
        try:
            super().data_received(data)
        except h11.LocalProtocolError:
            self.close_now()

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        self.waiting_since_s = time.monotonic()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer a request that is not valid HTTP, in the form of all other errors."""
        del msg
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True  # stops the work on this client's request, whose answer could not be sent
            self.cycle.message_event.set()
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.close_now()
            return
        headers = [
            ("content-type", "application/json"),
            ("content-length", str(len(_NOT_HTTP))),
            ("connection", "close"),
        ]
        events = (h11.Response(status_code=400, headers=headers, reason="Bad Request"), h11.Data(data=_NOT_HTTP))
        for event in (*events, h11.EndOfMessage()):
            self.transport.write(self.conn.send(event))
        self.transport.close()


def close_largest_unread(connections: Sequence[BoundedProtocol]) -> None:
    """Close the connections with most unread bytes, as long as all together have too many; called every second."""
    total_bytes = sum(connection.unread_bytes for connection in connections)
    for connection in sorted(connections, key=lambda one: one.unread_bytes, reverse=True):
        if total_bytes <= MOST_UNREAD_BYTES:
            return
        total_bytes -= connection.unread_bytes
        connection.close_now()
