"""The socket that the server listens at. Nothing here imports uvicorn, so that a wrong address is refused at once."""

from __future__ import annotations

import errno
import ipaddress
import socket

from pix2style.errors import ConfigError

_HIGHEST_PORT = 65_535
BACKLOG = 512
"""Number of connections that may wait to be accepted."""


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens at a host and port; port 0 takes any free one.

    Raises:
        ConfigError: The port is taken, or the host is not an address of this machine. The message says what to do.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise ConfigError(_cannot_listen(host, port, error)) from error
    listener.set_inheritable(False)
    return listener


def _cannot_listen(host: str, port: int, error: OSError) -> str:
    if error.errno in (errno.EADDRINUSE, getattr(errno, "WSAEADDRINUSE", errno.EADDRINUSE)):
        following = port + 1 if port < _HIGHEST_PORT else 0
        return f"--port {port}: is taken, perhaps by another server: choose another, for example --port {following}"
    if error.errno == errno.EACCES:
        return f"--port {port}: this user may not use it: choose one above 1023, for example --port 8080"
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return f"--host {host}: is no address of this machine: use 127.0.0.1, 0.0.0.0 or an address of it"
    return f"--host {host} --port {port}: cannot listen there: {error.strerror or error}"


def address(host: str, port: int) -> str:
    """Return the address of the server for people."""
    try:
        is_ipv6 = ipaddress.ip_address(host).version == 6
    except ValueError:
        is_ipv6 = False
    return f"http://{f'[{host}]' if is_ipv6 else host}:{port}"
