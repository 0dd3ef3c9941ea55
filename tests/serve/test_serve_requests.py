"""What requests are answered with: parameters, bodies, access, and what stands in the answers."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from server_parts import Answer, Caller, PoolOfFunctions, form

from pix2style.errors import ArtifactError, ConfigError, DataError
from pix2style.serve import connection_reuse
from pix2style.serve.access import Access
from pix2style.serve.answers import ANSWERS
from pix2style.serve.jobs import (
    BadPictureError,
    NotAPictureError,
    QueueFullError,
    StoppingError,
    StylizeJob,
    TimeLimitError,
    TooManyPixelsError,
    WorkerFaultError,
    WorkerLostError,
)
from pix2style.serve.limits import ServeLimits

STYLIZE = "/v1/stylize"
TOKEN = "a-token-of-many-letters"


@pytest.fixture
def ask() -> Caller:
    return Caller()


def test_a_photo_comes_back_stylized(ask: Caller) -> None:
    answer = ask("POST", STYLIZE, b"photo")
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"photo", "image/png")
    assert answer.headers["server-timing"] == "queue;dur=500.0, decode;dur=1.0, stylize;dur=2.0, encode;dur=3.0"
    assert json.loads(answer.headers["pix2style-notes"]) == ["a note – with a dash"]
    assert (answer.headers["cache-control"], answer.headers["x-content-type-options"]) == ("no-store", "nosniff")
    assert ask.pool.jobs == [StylizeJob(b"photo", "great-wave")]
    assert ask.front.arriving.bytes == ask.front.in_work == 0


def test_all_parameters_reach_the_worker(ask: Caller) -> None:
    query = (
        "filter=great-wave:0.6,ejiri:0.4&strength=0.5&stroke=2&look=1024&preserve_color=true&format=tiff"
        "&lossless=true&keep_metadata=safe"
    )
    assert ask("POST", f"{STYLIZE}?{query}", b"x").status == 200
    assert ask("POST", f"{STYLIZE}?quality=7&filter=letters&style=0.5,0.5&format=jpg", b"x").status == 200
    first, second = ask.pool.jobs
    assert first == StylizeJob(
        b"x", "great-wave:0.6,ejiri:0.4", 0.5, 2.0, 1024, True, None, ".tif", 95, lossless=True, metadata="safe"
    )
    assert second == StylizeJob(b"x", "letters", style="0.5,0.5", suffix=".jpg", quality=7)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("strenght=1", "did you mean strength?"),
        ("xyz=1", "the parameters are filter, strength"),
        ("strength=1&strength=1", "strength: is in the query twice"),
        ("strength=nan", "strength: 'nan' is not a number from 0 to 1"),
        ("strength=1.01", "is not a number from 0 to 1"),
        ("strength=", "strength: ''"),
        ("strength=%D9%A1", "is not a number"),
        ("strength=1_0", "is not a number"),
        ("stroke=0.4", "from 0.5 to 4"),
        ("look=10", "look: '10' is not a whole number from 64 to 16384"),
        ("quality=0", "quality: '0' is not a whole number from 1 to 100"),
        ("quality=1e1", "is not a whole number"),
        ("lossless=yes", "lossless: 'yes' is neither true nor false"),
        ("lossless=true&quality=90", "quality: 90 has no meaning with lossless=true"),
        ("lossless=true&format=jpg", "JPEG always loses something"),
        ("format=gif", "format: 'gif' is not one of jpeg, jpg, png, webp, tiff"),
        ("keep_metadata=some", "is not one of none, safe, all"),
        ("filter=great-wafe", "did you mean great-wave?"),
        ("filter=/etc/passwd", "'/etc/passwd' is not served here"),
        ("filter=great-wave&style=1", "great-wave has only one style"),
        ("style=x", "style: 'x' is not the number of a style"),
        ("filter=%00", "filter: '\\x00' is not the name of a filter"),
        ("&".join(f"a{number}=1" for number in range(40)), "the query is not a list of at most 32 parameters"),
        (f"filter={'x' * 5000}", "is not the name of a filter"),
    ],
)
def test_a_wrong_parameter_is_named(ask: Caller, query: str, words: str) -> None:
    answer = ask("POST", f"{STYLIZE}?{query}", b"x")
    assert (answer.status, answer.code) == (422, "parameter")
    assert words in answer.json["error"]
    assert ask.pool.jobs == []


def test_a_form_brings_the_photo_as_the_body_does(ask: Caller) -> None:
    photo = bytes(range(256)) * 300
    body, headers = form(("photo", photo))
    for size in (len(body), 1000, 7):
        chunks = [body[start : start + size] for start in range(0, len(body), size)]
        assert asyncio.run(ask.ask("POST", STYLIZE, chunks, headers)).body == photo


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (form(("photo", b"x"), ("photo", b"y")), "bad-request"),
        (form(("filter", b"ejiri"), ("photo", b"y")), "bad-request"),
        (form(("photo", b"x"), is_cut=True), "bad-request"),
        (form(("photo", b"")), "no-photo"),
        (form(), "no-photo"),
        ((b"nonsense", {"content-type": "multipart/form-data; boundary=xyz"}), "bad-request"),
        ((b"--xyz\r\n" + b"A: b\r\n" * 4000, {"content-type": "multipart/form-data; boundary=xyz"}), "bad-request"),
        ((b"x", {"content-type": "multipart/form-data"}), "bad-request"),
        ((b"", {}), "no-photo"),
    ],
)
def test_a_body_without_one_photo(ask: Caller, body: tuple[bytes, dict[str, str]], code: str) -> None:
    answer = ask("POST", STYLIZE, *body)
    assert answer.code == code
    assert answer.status == ANSWERS[code].status
    assert ask.pool.jobs == []


def test_bytes_are_counted_as_they_come() -> None:
    ask = Caller(limits=ServeLimits(body_bytes=1000))
    asked: list[int] = []

    async def chunks() -> AsyncIterator[bytes]:
        for number in range(100_000):
            asked.append(number)
            yield bytes(500)

    stated = ask("POST", STYLIZE, b"", {"content-length": "1001", "expect": "100-continue"})
    assert (stated.status, stated.code, stated.headers["connection"]) == (413, "too-many-bytes", "close")
    assert "more than 1,000 bytes" in stated.json["error"]
    answer = asyncio.run(ask.ask("POST", STYLIZE, chunks()))
    assert (answer.status, answer.code, answer.headers["connection"]) == (413, "too-many-bytes", "close")
    body, headers = form(("photo", bytes(1000)))
    assert ask("POST", STYLIZE, body, headers).status == 200
    assert ask("POST", STYLIZE, bytes(1000)).status == 200
    assert ask.front.arriving.bytes == 0


def test_photos_that_arrive_share_a_limit() -> None:
    ask = Caller(limits=ServeLimits(body_bytes=100))

    async def many() -> list[Answer]:
        release = asyncio.Event()

        async def slow() -> AsyncIterator[bytes]:
            yield bytes(100)
            await release.wait()

        waiting = [asyncio.create_task(ask.ask("POST", STYLIZE, slow())) for _ in range(16)]
        while ask.front.arriving.bytes < 1600:
            await asyncio.sleep(0)
        refused = await ask.ask("POST", STYLIZE, [bytes(1)])
        release.set()
        return [refused, *await asyncio.gather(*waiting)]

    refused, *others = asyncio.run(many())
    assert (refused.status, refused.code, refused.headers["retry-after"]) == (429, "busy", "2")
    assert {answer.status for answer in others} == {200}


def test_a_full_queue_is_told_before_the_photo_comes() -> None:
    ask = Caller(PoolOfFunctions(is_full=True), limits=ServeLimits(body_bytes=1000))
    read: list[bool] = []

    async def photo() -> AsyncIterator[bytes]:
        read.append(True)
        yield bytes(900)

    waits = {"expect": "100-continue"}
    answer = asyncio.run(ask.ask("POST", STYLIZE, photo(), {"content-length": "900", **waits}))
    assert (answer.status, answer.code, answer.headers["retry-after"], read) == (429, "busy", "7", [])
    large = ask("POST", STYLIZE, b"", {"content-length": "1001", **waits})
    assert (large.status, ask.pool.jobs, ask.front.in_work) == (413, [], 0)


def test_a_slow_body_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_reuse, "DRAIN_S", 0.0)
    ask = Caller(limits=ServeLimits(body_s=0.01))

    async def chunks() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.Event().wait()

    answer = asyncio.run(ask.ask("POST", STYLIZE, chunks()))
    assert (answer.status, answer.code, answer.headers["connection"]) == (408, "body-too-slow", "close")
    assert ask.front.arriving.bytes == ask.front.in_work == 0


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (QueueFullError("busy", 7), 429, "busy"),
        (TimeLimitError("slow"), 504, "too-slow"),
        (WorkerLostError("lost"), 503, "worker-lost"),
        (WorkerFaultError("a fault"), 500, "server-error"),
        (StoppingError("stopping"), 503, "stopping"),
        (TooManyPixelsError("large"), 413, "too-many-pixels"),
        (NotAPictureError("text"), 415, "not-a-picture"),
        (BadPictureError("cut"), 422, "damaged-picture"),
        (DataError("cannot be written"), 422, "damaged-picture"),
        (ConfigError("wrong"), 422, "parameter"),
        (ArtifactError("/secret/filter.onnx: damaged"), 500, "server-error"),
        (RuntimeError("/secret/x"), 500, "server-error"),
    ],
)
def test_errors_of_workers_have_answers(
    error: Exception, status: int, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fail(_job: StylizeJob) -> Any:
        raise error

    ask = Caller(PoolOfFunctions(fail))
    answer = ask("POST", STYLIZE, b"x")
    assert (answer.status, answer.code) == (status, code)
    assert answer.headers.get("retry-after") == ("7" if status == 429 else None)
    assert bool(capsys.readouterr().err) == (status == 500)
    assert ask("GET", "/healthz").status == 200


def test_a_client_that_goes_frees_the_worker() -> None:
    ask = Caller()
    cancelled: list[bool] = []

    async def never_done(_job: StylizeJob) -> Any:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    ask.pool.do = never_done

    async def go() -> None:
        goes = asyncio.Event()
        asking = asyncio.create_task(ask.ask("POST", STYLIZE, [b"x"], goes=goes))
        while not ask.pool.jobs:
            await asyncio.sleep(0)
        goes.set()
        await asking

    asyncio.run(go())
    assert cancelled == [True]
    assert 'status="499"' in ask("GET", "/metrics").body.decode()


def test_readiness_follows_the_workers_and_the_end() -> None:
    ask = Caller(PoolOfFunctions(is_ready=False))
    answer = ask("GET", "/readyz")
    assert (answer.status, answer.code, answer.headers["retry-after"]) == (503, "not-ready", "1")
    assert ask("POST", STYLIZE, b"x").code == "not-ready"
    ask.pool.is_ready = True
    assert ask("GET", "/readyz").body == b"ready\n"
    ask.front.is_stopping = True
    for answer in (ask("GET", "/readyz"), ask("POST", STYLIZE, b"x")):
        assert (answer.status, answer.code, answer.headers["connection"]) == (503, "stopping", "close")
    assert ask("GET", "/healthz").body == b"alive\n"


def test_addresses_and_methods_that_are_not_there(ask: Caller) -> None:
    answer = ask("GET", "/v1/stylise")
    assert (answer.status, answer.code) == (404, "no-such-address")
    assert "did you mean /v1/stylize?" in answer.json["error"]
    for path in ("/", "/v1/filters/", "/docs/../pyproject.toml", "/docs/docs.html", "//metrics", "/étc/passwd"):
        assert ask("GET", path).code == "no-such-address"
    answer = ask("GET", STYLIZE)
    assert (answer.status, answer.code, answer.headers["allow"]) == (405, "method", "POST")
    for method in ("DELETE", "TRACE", "BREW"):
        assert ask(method, "/v1/filters").code == "method"
    answer = ask("OPTIONS", STYLIZE)
    assert (answer.status, answer.headers["allow"], answer.body) == (204, "POST, OPTIONS", b"")
    assert ask("HEAD", "/healthz").status == 200


def test_the_token() -> None:
    ask = Caller(access=Access(TOKEN, is_open=True))
    for given in ("", "Bearer", f"Bearer {TOKEN}x", f"Basic {TOKEN}", f"Bearer {TOKEN[:-1]}", "Bearer \xff", TOKEN):
        for method, path in (("POST", STYLIZE), ("GET", "/metrics"), ("GET", "/openapi.json"), ("GET", "/nowhere")):
            answer = ask(method, path, headers={"authorization": given})
            assert (answer.status, answer.code, answer.headers["www-authenticate"]) == (401, "token", "Bearer")
    for path in ("/healthz", "/readyz", "/docs", "/docs/docs.js"):
        assert ask("GET", path, headers={"host": "pod.example"}).status == 200
    right = {"authorization": f"bearer {TOKEN}", "host": "example.org", "origin": "https://elsewhere.example"}
    assert ask("POST", STYLIZE, b"x", right).status == 200
    assert TOKEN not in repr(Access(TOKEN, is_open=True))


@pytest.mark.parametrize(
    ("headers", "is_open", "is_answered"),
    [
        ({"host": "localhost:8080"}, False, True),
        ({"host": "[::1]:8080"}, False, True),
        ({"host": "evil.example"}, False, False),
        ({"host": ""}, False, False),
        ({"host": "filters.example"}, True, True),
        ({"origin": "http://127.0.0.1:8080"}, False, True),
        ({"origin": "http://evil.example"}, False, False),
        ({"origin": "null"}, False, False),
        ({"origin": "http://evil.example", "host": "filters.example"}, True, False),
        ({"sec-fetch-site": "cross-site"}, False, False),
        ({"sec-fetch-site": "same-origin"}, False, True),
    ],
)
def test_without_a_token_other_sites_are_refused(headers: dict[str, str], is_open: bool, is_answered: bool) -> None:
    ask = Caller(access=Access(None, is_open=is_open))
    answer = ask("POST", STYLIZE, b"x", headers)
    assert answer.status == (200 if is_answered else 403)
    assert is_answered or answer.code == "foreign"
    assert "access-control-allow-origin" not in answer.headers


def test_an_allowed_site_may_ask_from_a_browser() -> None:
    site = "https://example.org"
    ask = Caller(access=Access(TOKEN, is_open=True, origins=(site,)))
    wish = {"origin": site, "access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    answer = ask("OPTIONS", STYLIZE, headers=wish)
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, site)
    refused = ask("POST", STYLIZE, b"x", {"origin": site})
    assert (refused.status, refused.headers["access-control-allow-origin"]) == (401, site)
    other = ask("POST", STYLIZE, b"x", {"origin": "https://evil.example", "authorization": f"Bearer {TOKEN}"})
    assert "access-control-allow-origin" not in other.headers
    assert Caller(access=Access(None, is_open=False, origins=(site,)))("POST", STYLIZE, b"x", {"origin": site}).body


def test_filters_are_listed_without_their_places(ask: Caller) -> None:
    answer = ask("GET", "/v1/filters")
    assert [row["name"] for row in answer.json["filters"]] == ["great-wave", "ejiri", "letters"]
    assert b"/secret" not in answer.body


def test_counts_have_few_labels(ask: Caller) -> None:
    ask("POST", STYLIZE, b"photo")
    ask("POST", f"{STYLIZE}?filter=great-wave:1,ejiri:2", b"photo")
    ask("POST", f"{STYLIZE}?filter=letters@1", b"photo")
    for number in range(5):
        ask("GET", f"/{number}")
    ask.pool.counts = dataclasses.replace(ask.pool.counts, workers_ready=2, workers_replaced=3)
    text = ask("GET", "/metrics").body.decode()
    for line in (
        'pix2style_requests_total{address="/v1/stylize",status="200"} 3.0',
        'pix2style_requests_total{address="other",status="404"} 5.0',
        'pix2style_pictures_total{filter="great-wave"} 1.0',
        'pix2style_pictures_total{filter="a blend"} 1.0',
        'pix2style_pictures_total{filter="letters"} 1.0',
        "pix2style_pixels_total 36.0",
        'pix2style_photo_bytes_total{direction="in"} 15.0',
        'pix2style_stage_seconds_count{stage="stylize"} 3.0',
        "pix2style_workers_ready 2.0",
        "# TYPE pix2style_workers_replaced_total counter",
        "pix2style_workers_replaced_total 3.0",
    ):
        assert line in text.splitlines(), line


def test_the_log_names_nobody_and_nothing() -> None:
    lines: list[str] = []
    ask = Caller(log=lines.append)
    ask("POST", f"{STYLIZE}?filter=great-wave", b"photo", {"user-agent": "someone"})
    ask("BREW", "/home/somebody/photo.jpg")
    assert [line.split()[1:4] for line in lines] == [["POST", "/v1/stylize", "200"], ["other", "other", "404"]]


def test_the_page_asks_no_other_host(ask: Caller) -> None:
    for path in ("/docs", "/docs/docs.css", "/docs/docs.js"):
        answer = ask("GET", path)
        assert answer.status == 200
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert b"http://" not in answer.body
        assert b"https://" not in answer.body
