"""Connections of hostile or broken clients of `pix2style serve`: slow, cut off, of a wrong length, and not HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from serve_client import Answer, close_writer, head, read_answer

_TARGET = "/v1/stylize"
CLOSED = 0  # stands for an end of the connection without an answer


@dataclass(frozen=True)
class HostileConnection:
    """A way to misuse a connection.

    Attributes:
        name: What it does, in a few words.
        run: Opens the connection to a port and returns the status of the answer, or `CLOSED`.
        outcomes: The outcomes that are right.
        is_slow: Whether it goes on until the server ends it.
    """

    name: str
    run: Callable[[int], Awaitable[int]]
    outcomes: frozenset[int]
    is_slow: bool = False


def hostile_connections(photo: bytes, body_limit: int, wait_s: float) -> list[HostileConnection]:
    """Return all kinds of hostile connections.

    Args:
        photo: A valid JPEG file.
        body_limit: Largest body in bytes that the server accepts.
        wait_s: Seconds in which the server has to end a slow connection.
    """
    return [
        *_lengths(photo, body_limit),
        *_bad_http(photo),
        *_bad_targets(photo),
        *_bad_forms(photo),
        *_slow(photo, wait_s),
    ]


def _lengths(photo: bytes, limit: int) -> list[HostileConnection]:
    """Return bodies that are cut off, too large, or longer or shorter than they say."""
    length = len(photo)
    whole = _post({"Content-Length": str(length)})
    huge = {"Content-Length": "10000000000"}
    two = {"Content-Length": "5", "content-length": "6"}
    too_large = _post({"Content-Length": str(limit + 1_000_000)}) + bytes(limit + 1_000_000)
    chunked = {"Transfer-Encoding": "chunked"}
    too_large_chunks = _post(chunked) + _chunk(bytes(1_000_000)) * (limit // 1_000_000 + 2) + b"0\r\n\r\n"
    too_long = _post({"Content-Length": str(length + 1000)}) + photo
    too_short = _post({"Content-Length": str(length // 2)}) + photo
    refused = {400, 408, 422, CLOSED}
    return [
        _sends("closed in the middle of the body", whole + photo[:999], {CLOSED}, "close"),
        _sends("reset in the middle of the body", whole + photo[:999], {CLOSED}, "reset"),
        _sends("closed before the answer", whole + photo, {CLOSED}, "close"),
        _sends("reset before the answer", whole + photo, {CLOSED}, "reset"),
        _sends("Content-Length of 10 GB", _post(huge), {413}),
        _sends(
            "Content-Length of 10 GB, asks first",
            _post({**huge, "Expect": "100-continue"}),
            {413},
        ),
        _sends("body above the limit", too_large, {413}),
        _sends("chunks above the limit", too_large_chunks, {413}),
        _sends("fewer bytes than Content-Length", too_long, refused, "half"),
        _sends("more bytes than Content-Length", too_short, {200, 400, 415, 422}),
        _sends("chunks without an end", _post(chunked) + _chunk(photo), refused, "half"),
        _sends("chunk of 2^63 bytes", _post(chunked) + b"7fffffffffffffff\r\n" + photo, {400, 413, CLOSED}, "half"),
        _sends("chunk of a nonsensical size", _post(chunked) + b"xyz\r\n" + photo, {400, CLOSED}, "half"),
        _sends("chunk of a negative size", _post(chunked) + b"-5\r\n" + photo, {400, CLOSED}, "half"),
        _sends("negative Content-Length", _post({"Content-Length": "-5"}) + photo, {400, CLOSED}),
        _sends("Content-Length in words", _post({"Content-Length": "many"}) + photo, {400, CLOSED}),
        _sends("two Content-Lengths", _post(two) + b"12345", {400, CLOSED, 415}),
        _sends("length and chunks", _post({"Content-Length": "5", **chunked}) + b"0\r\n\r\n", {400, CLOSED, 415, 422}),
    ]


def _bad_http(photo: bytes) -> list[HostileConnection]:
    """Return what is no HTTP, or no request that the server knows."""
    many = {f"X-{number}": "x" * 100 for number in range(10_000)}
    bad = {400, CLOSED}
    return [
        _sends("random bytes", bytes(range(256)) * 4 + b"\r\n\r\n", bad),
        _sends("TLS", bytes.fromhex("16030100c8010000c40303") + bytes(190) + b"\r\n\r\n", bad, "half"),
        _sends("HTTP/0.9", b"GET /\r\n\r\n", bad),
        _sends("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", bad | {403, 404, 405}),
        _sends("no Host", b"GET /v1/filters HTTP/1.1\r\n\r\n", bad | {403, 421}),
        _sends("header without a colon", b"GET /v1/filters HTTP/1.1\r\nHost 127.0.0.1\r\n\r\n", bad),
        _sends("request line of 1 MB", b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\n\r\n", bad | {404, 414, 431, 403}),
        _sends("10,000 headers", _request("GET", "/v1/filters", many), bad | {200, 431}),
        _sends("unknown method", _request("BREW", _TARGET, {}), bad | {404, 405, 501}),
        _sends("CONNECT", b"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n", bad | {403, 404, 405, 421}),
        _sends("TRACE", _request("TRACE", _TARGET, {}), bad | {404, 405, 501}),
        _sends("request by GET", _request("GET", _TARGET, {}), {405}),
        _sends("upgrade to WebSocket", _websocket(), bad | {403, 404, 405, 426}),
        _sends("100 requests at once", _request("GET", "/healthz", {}) * 100, {200}),
        _sends("another Host", b"GET /v1/filters HTTP/1.1\r\nHost: evil.example\r\n\r\n", {400, 403, 421}),
        _sends(
            "another Origin",
            _post({"Origin": "http://evil.example", "Content-Length": str(len(photo))}) + photo,
            {400, 403},
        ),
    ]


def _bad_targets(photo: bytes) -> list[HostileConnection]:
    """Return paths and parameters that reach for the machine, or make no sense."""
    paths = (
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/docs/..%2f..%2fetc/passwd",
        "//etc/passwd",
        "/%00",
        "/x",
    )
    queries = (
        "filter=/etc/passwd", "filter=../great-wave.onnx", "filter=watercolor", "filter=magenta:/etc/passwd",
        "filter=runs/lite", "filter=%00", "filter=", "filter=great-wave:nan,poppies:1", "filter=" + "a," * 5000,
        "strength=nan", "strength=inf", "strength=-1", "strength=1e999", "strength=" + "9" * 20_000, "stroke=0",
        "stroke=1e9", "look=-5", "look=99999999999999999999", "quality=0", "quality=1.5", "format=exe",
        "format=../../x.png", "style=../x", "keep_metadata=everything", "preserve_color=maybe", "strenght=0.5",
        "strength=0.5&strength=0.6", "tile=1", "device=cuda", "threads=999", "%ff=%fe", "=",
    )  # fmt: skip
    body = {"Content-Length": str(len(photo))}
    return [
        *(_sends(f"path {path}", _request("GET", path, {}), {400, 404}) for path in paths),
        *(
            _sends(f"query {query[:40]}", _request("POST", f"{_TARGET}?{query}", body) + photo, {400, 404, 414, 422})
            for query in queries
        ),
    ]


def _bad_forms(photo: bytes) -> list[HostileConnection]:
    """Return multipart bodies that are none, or hold no photo or too many parts."""

    def form(name: str, body: bytes, content_type: str = "multipart/form-data; boundary=b") -> HostileConnection:
        headers = {"Content-Type": content_type, "Content-Length": str(len(body))}
        return _sends(f"form {name}", _post(headers) + body, {400, 413, 415, 422})

    part = b'--b\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'
    field = b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\ny\r\n'
    return [
        form("without a boundary", photo, "multipart/form-data"),
        form("with an empty boundary", photo, "multipart/form-data; boundary="),
        form("that is no form", photo),
        form("without an end", part + photo),
        form("without parts", b"--b--\r\n"),
        form("of 20,000 fields", field * 20_000 + b"--b--\r\n"),
        form("of 2000 files", (part + b"x\r\n") * 2000 + b"--b--\r\n"),
        form("with a header of 1 MB", b"--b\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n" + photo + b"\r\n--b--\r\n"),
        form("of addresses", b"photo=http://127.0.0.1/x.jpg", "application/x-www-form-urlencoded"),
    ]


def _slow(photo: bytes, wait_s: float) -> list[HostileConnection]:
    """Return connections that hold on to the server, which has to end them."""
    start = _post({"Content-Length": str(len(photo))})
    ended = frozenset((400, 408, CLOSED))

    def drips(name: str, at_once: bytes, slowly: bytes) -> HostileConnection:
        return HostileConnection(name, lambda port: _drip(port, at_once, slowly, wait_s), ended, is_slow=True)

    return [
        drips("body of a few bytes a second", start, photo),
        drips("chunks of a few bytes a second", _post({"Transfer-Encoding": "chunked"}), _chunk(b"12") * 100_000),
        drips("headers of a few bytes a second", start[:40], b"X-A: " + b"a" * 100_000),
        drips("no body at all", start, b""),
        drips("connection without a request", b"", b""),
        HostileConnection(
            "answer that nobody reads", lambda port: _unread(port, photo), frozenset((CLOSED,)), is_slow=True
        ),
    ]


def _sends(name: str, data: bytes, outcomes: set[int], end: str = "") -> HostileConnection:
    return HostileConnection(name, lambda port: _send(port, data, end), frozenset(outcomes))


def _post(headers: dict[str, str]) -> bytes:
    return _request("POST", _TARGET, headers)


def _request(method: str, target: str, headers: dict[str, str]) -> bytes:
    # The server of a measurement has no token, so it refuses other names than that of this machine: the port is no
    # part of what is checked.
    return head(method, target, 80, headers).replace(b"127.0.0.1:80", b"127.0.0.1")


def _websocket() -> bytes:
    key = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13"}
    return _request("GET", _TARGET, {"Upgrade": "websocket", "Connection": "Upgrade", **key})


def _chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


async def _send(port: int, data: bytes, end: str) -> int:
    """Send bytes, and return the status of the first answer.

    Args:
        port: Port of the server.
        data: What is sent.
        end: `close` and `reset` end the connection at once, `half` says that no more is sent; empty keeps it open.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    try:
        async with asyncio.timeout(120):
            sending = asyncio.ensure_future(_write(writer, data, end))
            if end in ("close", "reset"):
                await sending
                return CLOSED
            try:
                answer: Answer = await read_answer(reader)
            finally:
                sending.cancel()
            return answer.status
    except (OSError, EOFError, ValueError):
        return CLOSED
    finally:
        await close_writer(writer)


async def _write(writer: asyncio.StreamWriter, data: bytes, end: str) -> None:
    # A server may answer, and close, before it has read all.
    with contextlib.suppress(OSError):
        writer.write(data)
        await writer.drain()
        if end == "half":
            writer.write_eof()
        if end == "reset":
            raw = writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()


async def _drip(port: int, at_once: bytes, slowly: bytes, wait_s: float) -> int:
    """Send a few bytes a second until the server ends it.

    Raises:
        TimeoutError: The server does not end it within `wait_s`.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answering = asyncio.ensure_future(read_answer(reader))
    try:
        async with asyncio.timeout(wait_s):
            writer.write(at_once)
            sent = 0
            while not answering.done():
                writer.write(slowly[sent : sent + 2])
                sent += 2
                with contextlib.suppress(OSError):
                    await writer.drain()
                await asyncio.wait([answering], timeout=0.5)
            return (await answering).status
    except (OSError, EOFError, ValueError) as error:
        if isinstance(error, TimeoutError):
            raise
        return CLOSED
    finally:
        answering.cancel()
        await close_writer(writer)


async def _unread(port: int, photo: bytes) -> int:
    """Ask for a large answer, read nothing of it for two seconds, and go away."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.setblocking(False)
    with raw:
        loop = asyncio.get_running_loop()
        await loop.sock_connect(raw, ("127.0.0.1", port))
        target = f"{_TARGET}?format=tiff"
        await loop.sock_sendall(raw, _request("POST", target, {"Content-Length": str(len(photo))}) + photo)
        await asyncio.sleep(2)
    return CLOSED
