"""Who is answered: the page itself, on this machine, or with the token."""

from __future__ import annotations

import socket

import pytest

from pix2style.errors import ConfigError
from pix2style.listening import is_this_machine, listen
from pix2style.page_server.access import Access

pytest.importorskip("uvicorn")
from pix2style.page_server.run_server import address, make_access

_LOCAL, _OPEN = Access(None, is_open=False), Access("secret", is_open=True)


@pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost:7860", "LOCALHOST", "[::1]:7860", "127.9.9.9"])
def test_this_machine_is_answered(host: str) -> None:
    assert _LOCAL.refusal("GET", "/", {"host": host}) is None


@pytest.mark.parametrize(
    "host", ["", "evil.example:7860", "127.0.0.1.evil.example", "localhost.evil.example", "192.168.0.7:7860", "[bad"]
)
def test_other_names_of_this_machine_are_refused(host: str) -> None:
    """A site may point its own name at 127.0.0.1 (DNS rebinding)."""
    assert "http://127.0.0.1" in str(_LOCAL.refusal("GET", "/", {"host": host}))
    assert _OPEN.refusal("GET", "/", {"host": host}) is None  # the token is asked for there


def test_requests_that_other_sites_cause_are_refused() -> None:
    host = {"host": "127.0.0.1:7860"}
    for own in ({}, {"origin": "http://127.0.0.1:7860"}, {"sec-fetch-site": "same-origin"}):
        assert _LOCAL.refusal("POST", "/api/photos", {**host, **own}) is None
    for foreign in ("http://evil.example", "null", "http://127.0.0.1:8000", "https://127.0.0.1.evil.example"):
        assert _LOCAL.refusal("POST", "/api/photos", {**host, "origin": foreign}) is not None
    for site in ("cross-site", "same-site"):
        assert _LOCAL.refusal("GET", "/api/studio", {**host, "sec-fetch-site": site}) is not None
        assert _LOCAL.refusal("GET", "/", {**host, "sec-fetch-site": site}) is None  # a link to the page


def test_a_token_is_asked_for_where_others_can_reach_it() -> None:
    for host in ("0.0.0.0", "::", "192.168.0.7", "example.org"):
        access = make_access(host, with_token=False, program="studio")
        assert access.is_open
        assert access.token is not None
        assert len(access.token) >= 32
        assert access.is_allowed(access.token)
        assert not any(access.is_allowed(wrong) for wrong in (None, "", access.token[:-1], access.token + "x", "ä"))
    assert make_access("127.0.0.1", with_token=False, program="studio") == _LOCAL
    assert make_access("localhost", with_token=True, program="studio").token


def test_addresses_to_open() -> None:
    assert address("127.0.0.1", 7860, None) == "http://127.0.0.1:7860/"
    assert address("::1", 80, "t") == "http://[::1]:80/?token=t"
    assert address("0.0.0.0", 80, None) == f"http://{socket.gethostname()}:80/"
    assert is_this_machine("127.0.0.1")


def test_a_port_that_is_taken_is_named_with_another() -> None:
    with listen("127.0.0.1", 0, program="studio", usual_port=7860) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"^--port {port}: is taken, .*--port {port + 1}"):
            listen("127.0.0.1", port, program="studio", usual_port=7860)
    with pytest.raises(ConfigError, match=r"^--host 203\.0\.113\.7: is no address of this machine"):
        listen("203.0.113.7", 0, program="studio", usual_port=7860)
