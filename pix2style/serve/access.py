"""Decide who may use the server: programs of this machine, or whoever has the token.

Every web page that is open in a browser on this machine can send requests to a server on it. So a server without a
token refuses requests that pages of other sites have caused. It also refuses requests that name another host, because
a site could let its own name point to this machine (DNS rebinding).
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from pix2style.errors import ConfigError
from pix2style.listening import host_name, is_this_machine
from pix2style.serve.answers import RequestError

TOKEN_VARIABLE = "PIX2STYLE_SERVE_TOKEN"  # noqa: S105 - the name of the variable
_LEAST_TOKEN_LETTERS = 16
_ORIGIN = re.compile(r"https?://[^/\s?#@*]+", re.ASCII)
_SCHEME = "bearer"


@dataclass(frozen=True, slots=True)
class Access:
    """Which requests are answered.

    Attributes:
        token: Text that requests have to send; None if they need none.
        is_open: Whether other machines can reach the server.
        origins: Sites whose pages may send requests, for example `https://example.org`.
    """

    token: str | None = field(repr=False)
    is_open: bool
    origins: tuple[str, ...] = ()

    def check(self, headers: Mapping[str, str]) -> None:
        """Refuse a request that may not be answered.

        Args:
            headers: Headers of the request, by their names in lower case.

        Raises:
            RequestError: The request is refused.
        """
        if self.token is not None:
            self._check_token(headers.get("authorization", ""))
        else:
            self.check_source(headers)

    def _check_token(self, authorization: str) -> None:
        scheme, _, given = authorization.partition(" ")
        is_right = hmac.compare_digest(given.strip().encode(), (self.token or "").encode())
        if scheme.lower() != _SCHEME or not is_right:
            advice = "send the header Authorization: Bearer TOKEN"
            raise RequestError(
                "token", f"the token is missing or wrong: {advice}", headers={"WWW-Authenticate": "Bearer"}
            )

    def check_source(self, headers: Mapping[str, str]) -> None:
        """Refuse a request that a page of another site has caused, or that names another host.

        Raises:
            RequestError: A page of another site has caused it, or it names another host.
        """
        host = headers.get("host", "")
        if not self.is_open and not is_this_machine(host_name(host)):
            raise RequestError("foreign", "use the address that the server has printed, not another name of it")
        origin = headers.get("origin")
        if origin is None:
            is_foreign = headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
        else:
            is_foreign = origin not in self.origins and _place(origin) != host
        if is_foreign:
            advice = "to allow that site, start the server with --allow-origin"
            raise RequestError("foreign", f"a page of another site has caused this request: {advice}")


def make_access(host: str, token: str | None, *, without_token: bool, origins: tuple[str, ...] = ()) -> Access:
    """Return who may use a server at an address.

    Args:
        host: Address that it listens at.
        token: Value of the environment variable; None if there is none.
        without_token: Whether other machines may use it without a token.
        origins: Sites whose pages may send requests.

    Raises:
        ConfigError: Other machines could use it, and neither a token nor `without_token` is given; or the token is too
            short, or contradicts `without_token`; or an origin is malformed.
    """
    is_open = not is_this_machine(host)
    if token and without_token:
        raise ConfigError(f"--without-token: {TOKEN_VARIABLE} has a token: unset it, or leave out the option")
    if token is not None and not _is_token(token):
        raise ConfigError(
            f"{TOKEN_VARIABLE}: is not a valid token: use at least {_LEAST_TOKEN_LETTERS} letters and digits, for"
            " example the output of openssl rand -hex 24"
        )
    if is_open and token is None and not without_token:
        raise ConfigError(
            f"--host {host}: other machines can reach this address: set the environment variable {TOKEN_VARIABLE} to a"
            " token that they have to send, or allow everybody with --without-token"
        )
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            raise ConfigError(f"--allow-origin {origin}: is not an origin: write it like https://example.org")
    return Access(token, is_open, origins)


def _is_token(token: str) -> bool:
    return len(token) >= _LEAST_TOKEN_LETTERS and token.isascii() and token.isprintable() and " " not in token


def _place(origin: str) -> str | None:
    """Return the `HOST:PORT` of an origin; None if it is malformed."""
    try:
        return urlsplit(origin).netloc or None
    except ValueError:
        return None
