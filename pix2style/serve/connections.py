"""Connections of the server: bounded in number, and in the time that clients take to ask and to read answers.

uvicorn waits without end for a head that comes letter by letter and for an answer to be read, and keeps every
connection.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from pix2style.system.open_files import most_open_files

MOST_CONNECTIONS = 512  # and at most half of the open files that the system allows, which on macOS are 256
HEAD_S = 10.0
UNREAD_S, LEAST_READ_BYTES = 30.0, 30_000  # of an answer: whoever reads less in this time is gone, or wants harm
MOST_UNREAD_BYTES = 400_000_000  # of all answers together, which would else fill the memory
KEEP_ALIVE_S = 75  # longer than usual proxies keep their connections, so that these are never the ones to be surprised
_NOT_HTTP = json.dumps({"error": "this is no valid request of HTTP", "code": "bad-request"}).encode()


class BoundedProtocol(H11Protocol):
    """A connection that can be closed while it waits for a request."""

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a request; where there are too many connections, close the one that waits longest."""
        self.waiting_since_s = self._read_since_s = time.monotonic()
        self._unread_bytes = 0
        super().connection_made(transport)
        if len(self.connections) > min(MOST_CONNECTIONS, most_open_files() // 2):
            waiting = [other for other in self.connections if isinstance(other, BoundedProtocol) and other.is_waiting]
            min(waiting, key=lambda other: other.waiting_since_s).close_now()

    @property
    def is_waiting(self) -> bool:
        """Whether no request is in work."""
        return bool(self.conn.their_state is h11.IDLE)

    def close_if_too_slow(self) -> None:
        """Close the connection if its client takes too long to ask, or to read an answer; called every second."""
        if self._has_slow_head() or self._is_hardly_read():
            self.close_now()

    @property
    def unread_bytes(self) -> int:
        """Bytes of an answer that the client has not taken yet."""
        return int(self.transport.get_write_buffer_size())

    def _is_hardly_read(self) -> bool:
        """Return whether an answer lies here unread."""
        unread_bytes, now_s = self.unread_bytes, time.monotonic()
        if not unread_bytes or abs(unread_bytes - self._unread_bytes) >= LEAST_READ_BYTES:
            self._unread_bytes, self._read_since_s = unread_bytes, now_s
        return bool(unread_bytes) and now_s - self._read_since_s >= UNREAD_S

    def _has_slow_head(self) -> bool:
        """Return whether the head of a request takes too long; a connection between two requests may wait longer."""
        if not self.is_waiting or time.monotonic() - self.waiting_since_s < HEAD_S:
            return False
        return self.cycle is None or bool(self.conn.trailing_data[0])

    def close_now(self) -> None:
        """Close the connection without a word."""
        self.connections.discard(self)
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take bytes; a client that breaks the rules in the middle of an answer loses the connection."""
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
        """Answer what is no HTTP, in the form of all other errors."""
        del msg
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True  # whatever is in work for this client has nobody to answer
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
