"""Run the studio's server until Ctrl-C or SIGTERM."""

from __future__ import annotations

import errno
import ipaddress
import logging
import secrets
import socket
import threading
import webbrowser
from collections.abc import Callable

import uvicorn

from pix2style.errors import ConfigError
from pix2style.studio.access import Access, is_this_machine
from pix2style.studio.http_app import make_app
from pix2style.studio.studio import Studio

_TOKEN_BYTES = 24
_LAST_ANSWERS_S = 2
_HIGHEST_PORT = 65_535
_MOST_REQUESTS = 200  # at a time


def make_access(host: str, *, with_token: bool) -> Access:
    """Return who may use the studio: with a token where other machines can reach it, or where one is wished."""
    is_open = not is_this_machine(host)
    return Access(secrets.token_urlsafe(_TOKEN_BYTES) if is_open or with_token else None, is_open)


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens at a host and port; port 0 takes any free one.

    Raises:
        ConfigError: The port is taken, or the host is none of this machine. The message says what to do.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise ConfigError(_cannot_listen(host, port, error)) from error
    listener.set_inheritable(False)
    return listener


def _cannot_listen(host: str, port: int, error: OSError) -> str:
    if error.errno in (errno.EADDRINUSE, getattr(errno, "WSAEADDRINUSE", errno.EADDRINUSE)):
        following = port + 1 if port < _HIGHEST_PORT else 0
        return f"--port {port}: is taken, perhaps by another studio: choose another, for example --port {following}"
    if error.errno == errno.EACCES:
        return f"--port {port}: this user may not use it: choose one above 1023, for example --port 7860"
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return f"--host {host}: is no address of this machine: use 127.0.0.1, 0.0.0.0 or an address of it"
    return f"--host {host} --port {port}: cannot listen there: {error.strerror or error}"


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


def make_server(studio: Studio, access: Access, on_started: Callable[[], None]) -> StudioServer:
    """Return the server; its `run(sockets=[...])` answers requests until Ctrl-C, SIGTERM or `should_exit`.

    Args:
        studio: What the page works with. It is not closed.
        access: Who may use it.
        on_started: Called when the first request can be answered.
    """
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    config = uvicorn.Config(
        make_app(studio, access),
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
    return StudioServer(config, on_started)


class StudioServer(uvicorn.Server):
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
