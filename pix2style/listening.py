"""Listen at a port of this machine, and tell whether an address means this machine alone."""

from __future__ import annotations

import errno
import ipaddress
import socket
from urllib.parse import urlsplit

from pix2style.errors import ConfigError

_HIGHEST_PORT = 65_535


def listen(host: str, port: int, *, program: str, usual_port: int, backlog: int | None = None) -> socket.socket:
    """Return a socket that listens at a host and port; port 0 takes any free one.

    Args:
        host: Name or address of this machine.
        port: Port.
        program: What else may have taken the port, for messages, for example "studio".
        usual_port: Port that messages give as an example.
        backlog: Number of connections that may wait to be accepted; None for the system's usual number.

    Raises:
        ConfigError: The port is taken, or the host is not an address of this machine. The message says what to do.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family, backlog=backlog)
    except OSError as error:
        raise ConfigError(_cannot_listen(host, port, error, program, usual_port)) from error
    listener.set_inheritable(False)
    return listener


def _cannot_listen(host: str, port: int, error: OSError, program: str, usual_port: int) -> str:
    if error.errno in (errno.EADDRINUSE, getattr(errno, "WSAEADDRINUSE", errno.EADDRINUSE)):
        following = port + 1 if port < _HIGHEST_PORT else 0
        return f"--port {port}: is taken, perhaps by another {program}: choose another, for example --port {following}"
    if error.errno == errno.EACCES:
        return f"--port {port}: this user may not use it: choose one above 1023, for example --port {usual_port}"
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return f"--host {host}: is no address of this machine: use 127.0.0.1, 0.0.0.0 or an address of it"
    return f"--host {host} --port {port}: cannot listen there: {error.strerror or error}"


def is_this_machine(name: str) -> bool:
    """Return whether a host's name or address means this machine, and nothing else."""
    if name.lower().rstrip(".") in ("localhost", ""):
        return name != ""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def host_name(host: str) -> str:
    """Return the host of `HOST:PORT`, without the brackets of an IPv6 address; empty if it is malformed."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
