"""Decide which requests a page's server answers: those of the page on this machine, or, with the token, from others.

A server on this machine can be reached by every web page that is open in a browser here. So a request that another site
has caused is refused, and so is one for another host's name, which a site could point at this machine (DNS rebinding).
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from pix2style.files import sha256_bytes
from pix2style.listening import host_name, is_this_machine

_READING = frozenset(("GET", "HEAD"))
# `none`: the person has typed the address, or followed a link from another program.
_OWN_REQUESTS = frozenset(("same-origin", "none"))
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:;"
        " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}
"""Headers of every answer: the page loads nothing from other hosts, cannot be framed, and photos are not cached."""


@dataclass(frozen=True, slots=True)
class Access:
    """Which requests are answered.

    Attributes:
        token: Text that a request has to bring; None if none is asked for.
        is_open: Whether other machines can reach the server.
        program: Command that serves the page, for messages and the cookie's name.
    """

    token: str | None
    is_open: bool
    program: str = "studio"

    @property
    def cookie(self) -> str:
        """Name of the cookie that keeps the token. Browsers send it to all ports, so each server has another name."""
        return f"pix2style-{self.program}-{sha256_bytes((self.token or '').encode())[:8]}"

    def refusal(self, method: str, path: str, headers: Mapping[str, str]) -> str | None:
        """Return why a request is refused, apart from the token; None if it is not.

        Args:
            method: Method of the request, in capitals.
            path: Path of the request.
            headers: Its headers, by their names in lower case.
        """
        host = headers.get("host", "")
        if not self.is_open and not is_this_machine(host_name(host)):
            return f"open the {self.program} by the address that it has printed, which begins with http://127.0.0.1"
        site = headers.get("sec-fetch-site", "none")
        if path != "/" and site not in _OWN_REQUESTS:
            return "another site has caused this request"
        origin = headers.get("origin")
        if method not in _READING and origin is not None and urlsplit(origin).netloc != host:
            return "another site has caused this request"
        return None

    def is_allowed(self, given: str | None) -> bool:
        """Return whether a token is right; the comparison takes as long for every wrong one."""
        if self.token is None:
            return True
        return hmac.compare_digest((given or "").encode(), self.token.encode())
