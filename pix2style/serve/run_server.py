"""Run the server until SIGTERM or Ctrl-C, finish the photos in work, and end."""

from __future__ import annotations

import asyncio
import logging
import math
import socket
import time
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn

from pix2style.serve.connections import KEEP_ALIVE_S, BoundedProtocol, close_largest_unread
from pix2style.serve.front import Front
from pix2style.serve.gate import App
from pix2style.serve.listener import BACKLOG

if TYPE_CHECKING:
    from pix2style.serve.pool import WorkerPool

_TICKS_PER_S = 10  # of uvicorn's loop that calls `on_tick`
_LAST_ANSWERS_S = 1.0


class Server(uvicorn.Server):
    """Answers requests until it is asked to end.

    Args:
        app: The application.
        front: State of the application.
        stop_s: Seconds within which work has to be finished after the first signal.
        on_ready: Called once the server can stylize photos.

    Attributes:
        is_cut_short: Whether a second signal came.
        given_up: Number of photos that were not finished within `stop_s`.
    """

    def __init__(self, app: App, front: Front, stop_s: float, on_ready: Callable[[], None] = lambda: None) -> None:
        # The gate prints faults of the server. What these libraries log are faults of clients.
        for library in ("uvicorn.error", "python_multipart"):
            logging.getLogger(library).setLevel(logging.CRITICAL + 1)
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            ws="none",
            http=BoundedProtocol,
            loop="asyncio",
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_S,
            proxy_headers=False,
        )
        super().__init__(config)
        self._front, self._stop_s, self.on_ready = front, stop_s, on_ready
        self._end_s: float | None = None
        self.is_cut_short, self.given_up = False, 0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take no new work after the first signal, and end at once after the second."""
        del sig, frame
        if self._front.is_stopping:
            self.is_cut_short = self.force_exit = self.should_exit = True
        self.stop()

    def stop(self) -> None:
        """Take no new work, and end once no photo is in work."""
        self._front.is_stopping = True
        self._end_s = self._end_s or time.monotonic() + self._stop_s

    async def on_tick(self, counter: int) -> bool:
        """Close connections that are too slow, and return whether to end. uvicorn calls this ten times a second."""
        if counter % _TICKS_PER_S == 0:
            connections = [one for one in self.server_state.connections if isinstance(one, BoundedProtocol)]
            for connection in connections:
                connection.close_if_too_slow()
            close_largest_unread(connections)
        is_over = self._end_s is not None and (not self._front.in_work or time.monotonic() > self._end_s)
        return await super().on_tick(counter) or is_over

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, and send the last answers within the time that is left."""
        left_s = 0.0 if self._end_s is None else self._end_s - time.monotonic()
        self.config.timeout_graceful_shutdown = math.ceil(max(_LAST_ANSWERS_S, left_s))
        await super().shutdown(sockets)
        self.given_up = self._front.in_work  # uvicorn has cancelled these


async def serve_until_signal(server: Server, pool: WorkerPool, listener: socket.socket) -> None:
    """Answer requests until a signal comes.

    The server listens while the workers load, so programs that ask whether it is ready get an answer.

    Args:
        server: The server.
        pool: Its workers, which are started and stopped.
        listener: Socket that listens.

    Raises:
        Pix2StyleError: No worker can be started.
    """
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    starting = asyncio.create_task(pool.start())
    try:
        await asyncio.wait((serving, starting), return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            server.on_ready()
        await serving
    finally:
        server.should_exit = True
        starting.cancel()
        await asyncio.gather(serving, starting, return_exceptions=True)
        await pool.stop(0)
