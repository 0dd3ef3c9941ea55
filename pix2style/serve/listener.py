"""The socket that the server listens at. Nothing here imports uvicorn, so that a wrong address is refused at once."""

from __future__ import annotations

import ipaddress
import socket

from pix2style import listening

BACKLOG = 512
"""Number of connections that may wait to be accepted."""


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens at a host and port; see `listening.listen`."""
    return listening.listen(host, port, program="server", usual_port=8080, backlog=BACKLOG)


def address(host: str, port: int) -> str:
    """Return the address of the server for people."""
    try:
        is_ipv6 = ipaddress.ip_address(host).version == 6
    except ValueError:
        is_ipv6 = False
    return f"http://{f'[{host}]' if is_ipv6 else host}:{port}"
