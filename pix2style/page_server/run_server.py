"""Run the server of a page until Ctrl-C or SIGTERM."""

from __future__ import annotations

import ipaddress
import logging
import secrets
import socket
import threading
import webbrowser
from collections.abc import Callable
from typing import Any

import uvicorn

from pix2style.listening import is_this_machine
from pix2style.page_server.access import Access

_TOKEN_BYTES = 24
_LAST_ANSWERS_S = 2
_MOST_REQUESTS = 200  # at a time


def make_access(host: str, *, with_token: bool, program: str) -> Access:
    """Return who may use a page: with a token where other machines can reach it, or where one is asked for."""
    is_open = not is_this_machine(host)
    return Access(secrets.token_urlsafe(_TOKEN_BYTES) if is_open or with_token else None, is_open, program)


def address(host: str, port: int, token: str | None) -> str:
    """Return the address to open in a browser, with the token if one is asked for."""
    shown = host
    try:
        parsed = ipaddress.ip_address(host)
        if parsed.is_unspecified:
            shown = socket.gethostname() if parsed.version == 4 else "localhost"
        elif parsed.version == 6:
            shown = f"[{host}]"
    except ValueError:
        pass
    return f"http://{shown}:{port}/" + ("" if token is None else f"?token={token}")


def make_server(app: Any, on_started: Callable[[], None]) -> PageServer:
    """Return the server; its `run(sockets=[...])` answers requests until Ctrl-C, SIGTERM or `should_exit`.

    Args:
        app: ASGI application.
        on_started: Called when the first request can be answered.
    """
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,  # addresses may hold the token
        server_header=False,
        lifespan="off",
        ws="none",
        http="h11",
        loop="asyncio",
        timeout_graceful_shutdown=_LAST_ANSWERS_S,
        limit_concurrency=_MOST_REQUESTS,
        proxy_headers=False,
    )
    return PageServer(config, on_started)


class PageServer(uvicorn.Server):
    """Says when it has started."""

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen; see `uvicorn.Server.startup`."""
        await super().startup(sockets)
        self._on_started()


def open_browser(url: str) -> None:
    """Open an address in the person's browser, in a thread: some browsers keep the caller waiting."""
    threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
