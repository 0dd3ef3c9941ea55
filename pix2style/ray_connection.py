"""Connect to a Ray cluster (https://docs.ray.io), or start one on this machine."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Iterator
from typing import Any

from pix2style.errors import ArtifactError, require

_CONNECT_TIMEOUT_S = 10.0


@contextlib.contextmanager
def ray_connection(address: str | None, *modules: str) -> Iterator[Any]:
    """Give the module `ray`, connected to a cluster, and disconnect at the end if this call connected.

    Args:
        address: Address of a running cluster (`auto` finds one on this machine), or None to start one on this machine.
        modules: Further modules of Ray that are needed.

    Raises:
        MissingExtraError: Ray is not installed.
        ArtifactError: The cluster cannot be reached.
    """
    # Otherwise Ray sends usage statistics, and rebuilds the environment of a driver that was started by uv.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    [ray, *_] = require("ray", "ray", *modules)
    # Ray prints on stdout when a machine dies.
    with contextlib.redirect_stdout(sys.stderr):
        if ray.is_initialized():
            yield ray
            return
        _connect(ray, address)
        try:
            yield ray
        finally:
            ray.shutdown()


def _connect(ray: Any, address: str | None) -> None:
    # Without an address, Ray would look for the cluster that ran last on this machine, which may have crashed.
    options: dict[str, Any] = {"address": address} if address else {"address": "local", "include_dashboard": False}
    try:
        _check_address(address)
        ray.init(log_to_driver=False, logging_level="error", **options)
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        raise ArtifactError(
            f"--address {address}: no Ray cluster can be reached there ({error}): start one with"
            " ray start --head, or leave out --address to start one on this machine"
        ) from error


def _check_address(address: str | None) -> None:
    """Raise OSError if nothing listens at the address: Ray itself retries for minutes and then ends the process."""
    host, colon, port = (address or "").rpartition(":")
    if colon and "://" not in host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=_CONNECT_TIMEOUT_S).close()
