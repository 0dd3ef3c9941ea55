"""The server over real connections: what clients do that are slow, rude, many, or gone; and how the server ends."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import http.client
import json
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from server_parts import FILTERS, PoolOfFunctions, do_job

from pix2style.errors import ConfigError
from pix2style.serve import connections, run_server
from pix2style.serve.access import Access, make_access
from pix2style.serve.front import Front
from pix2style.serve.http_app import make_app
from pix2style.serve.jobs import QueueFullError, StylizedAnswer, StylizeJob
from pix2style.serve.limits import ServeLimits
from pix2style.serve.listener import address, listen
from pix2style.serve.run_server import Server, serve_until_signal

STYLIZE = "/v1/stylize"
LIMIT = 1_000_000


class _Pool(PoolOfFunctions):
    async def start(self) -> None:
        self.loop = asyncio.get_running_loop()

    async def stop(self, within_s: float) -> None:
        del within_s


class _Running:
    """A server in a thread."""

    def __init__(self) -> None:
        self.pool = _Pool()
        limits = ServeLimits(body_bytes=LIMIT, body_s=30)
        self.front = Front(self.pool, FILTERS, limits)
        self.ready = threading.Event()
        app = make_app(self.front, Access(None, is_open=False))
        self.server = Server(app, self.front, 30, self.ready.set)
        self.listener = listen("127.0.0.1", 0)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        asyncio.run(serve_until_signal(self.server, self.pool, self.listener))

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        connection = self.connect()
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def raw(self, data: bytes) -> bytes:
        """Send bytes, and return all that comes back until the server closes the connection."""
        with socket.create_connection(("127.0.0.1", self.port), 60) as connection:
            connection.sendall(data)
            return _until_closed(connection)

    def head(self, length: int, *lines: str) -> bytes:
        rows = (f"POST {STYLIZE} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", f"Content-Length: {length}", *lines, "", "")
        return "\r\n".join(rows).encode()


def _until_closed(connection: socket.socket) -> bytes:
    parts = []
    with contextlib.suppress(ConnectionResetError):  # of what was not read
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


@pytest.fixture
def running() -> Iterator[_Running]:
    server = _Running()
    server.thread.start()
    try:
        assert server.ready.wait(60)
        yield server
    finally:
        server.server.should_exit = True
        server.thread.join(60)
    assert not server.thread.is_alive()


def _code_of_the_guide(language: str) -> str:
    guide = (Path(__file__).parents[2] / "docs/guides/serve.md").read_text(encoding="utf-8")
    return guide.split(f'```{language} title="Needs a running server"\n')[1].partition("```")[0]


def test_the_program_of_the_guide(running: _Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"photo")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["x", f"http://127.0.0.1:{running.port}", "photo.jpg", "stylized.jpg"])
    exec(compile(_code_of_the_guide("python"), "guide", "exec"), {})
    assert (tmp_path / "stylized.jpg").read_bytes() == b"photo"


@pytest.mark.skipif(shutil.which("curl") is None or shutil.which("bash") is None, reason="needs bash and curl")
def test_the_commands_of_the_guide(running: _Running, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"photo")
    commands = _code_of_the_guide("bash").replace("8080", str(running.port))
    done = subprocess.run(["bash", "-ec", commands], cwd=tmp_path, capture_output=True, check=True)
    assert (tmp_path / "stylized.jpg").read_bytes() == (tmp_path / "form.png").read_bytes() == b"photo"
    assert [row["name"] for row in json.loads(done.stdout)["filters"]] == list(FILTERS.names)
    assert [(job.filter, job.strength, job.suffix) for job in running.pool.jobs] == [
        ("ejiri", 0.8, None),
        ("great-wave", 1.0, ".png"),
    ]


def test_a_connection_can_be_used_again_after_an_error(running: _Running) -> None:
    connection = running.connect()
    for query, status in (("?x=1", 422), ("", 200), ("?filter=none", 422), ("", 200)):
        connection.request("POST", STYLIZE + query, bytes(300_000))
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("connection")) == (status, None)
        answer.read()
    port = connection.sock.getsockname()[1]
    connection.request("GET", "/healthz")
    connection.getresponse().read()
    assert connection.sock.getsockname()[1] == port
    connection.close()


def test_a_client_that_sends_too_much_still_gets_its_answer(running: _Running) -> None:
    status, body = running.ask("POST", STYLIZE, bytes(10 * LIMIT))
    assert (status, json.loads(body)["code"]) == (413, "too-many-bytes")
    chunk = b"%x\r\n%s\r\n" % (LIMIT, bytes(LIMIT))
    head = f"POST {STYLIZE} HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    answer = running.raw(head + 5 * chunk + b"0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer


def test_a_client_that_asks_before_it_sends(running: _Running) -> None:
    refused = running.raw(running.head(LIMIT + 1, "Expect: 100-continue"))
    assert refused.startswith(b"HTTP/1.1 413 ")
    with socket.create_connection(("127.0.0.1", running.port), 60) as connection:
        connection.sendall(running.head(5, "Expect: 100-continue", "Connection: close"))
        assert connection.recv(65536).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"photo")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"photo")


def test_what_is_no_http_is_told_so(
    running: _Running, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    for data in (b"\x16\x03\x01\x02\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", b"X" * 70_000):
        head, _, body = running.raw(data).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400 ")
        assert json.loads(body)["code"] == "bad-request"
    bad_chunk = b"Host: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n"
    running.raw(b"POST /v1/stylize HTTP/1.1\r\n" + bad_chunk)
    running.raw(b"POST /nowhere HTTP/1.1\r\n" + bad_chunk)
    bad_form = b"--x\r\nName\xa5: 1\r\n\r\n"
    form_type = "Content-Type: multipart/form-data; boundary=x"
    assert b"bad-request" in running.raw(running.head(len(bad_form), form_type, "Connection: close") + bad_form)
    assert running.ask("GET", "/healthz")[0] == 200
    assert (capfd.readouterr().err, caplog.records) == ("", [])


def test_a_client_that_goes_in_the_middle_leaves_nothing(running: _Running) -> None:
    with socket.create_connection(("127.0.0.1", running.port), 60) as connection:
        connection.sendall(running.head(1000) + b"12345")
        _wait_for(lambda: running.front.arriving.bytes == 5)
    _wait_for(lambda: running.front.in_work == running.front.arriving.bytes == 0)
    assert running.pool.jobs == []


def test_a_slow_head_ends(running: _Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_S", 0.0)
    assert running.raw(b"POST /v1/stylize HT") == b""
    with socket.create_connection(("127.0.0.1", running.port), 60) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET /healthz HT")
        parts = _until_closed(connection)
    assert parts.count(b"alive") == 1


def test_an_answer_that_nobody_reads_is_thrown_away(running: _Running, monkeypatch: pytest.MonkeyPatch) -> None:
    async def large(job: StylizeJob) -> StylizedAnswer:
        return dataclasses.replace(await do_job(job), data=bytes(40_000_000))

    running.pool.do = large
    with socket.create_connection(("127.0.0.1", running.port), 60) as connection:
        connection.sendall(running.head(5) + b"photo")
        _wait_for(lambda: running.server.server_state.total_requests)
        assert len(running.server.server_state.connections) == 1
        monkeypatch.setattr(connections, "UNREAD_S", 0.0)
        _wait_for(lambda: not running.server.server_state.connections)
        assert len(_until_closed(connection)) < 40_000_000


def test_unread_answers_do_not_fill_the_memory(running: _Running, monkeypatch: pytest.MonkeyPatch) -> None:
    async def large(job: StylizeJob) -> StylizedAnswer:
        return dataclasses.replace(await do_job(job), data=bytes(40_000_000 if job.data == b"large" else 20_000_000))

    running.pool.do = large
    with contextlib.ExitStack() as stack:
        small, big = (stack.enter_context(socket.create_connection(("127.0.0.1", running.port), 60)) for _ in range(2))
        small.sendall(running.head(5, "Connection: close") + b"small")
        big.sendall(running.head(5) + b"large")
        _wait_for(lambda: len(running.pool.jobs) == len(running.server.server_state.connections) == 2)
        monkeypatch.setattr(connections, "MOST_UNREAD_BYTES", 20_000_000)
        _wait_for(lambda: len(running.server.server_state.connections) == 1)
        assert len(_until_closed(big)) < 40_000_000
        assert len(_until_closed(small)) > 20_000_000


def test_many_idle_connections_keep_nobody_out(running: _Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 5)
    opened = [socket.create_connection(("127.0.0.1", running.port), 60) for _ in range(30)]
    for connection in opened[::2]:
        connection.sendall(b"POST /v1/sty")
    assert running.ask("POST", STYLIZE, b"photo") == (200, b"photo")
    assert len(running.server.server_state.connections) <= 5
    for connection in opened:
        connection.close()


def test_a_full_queue_refuses_some_and_serves_the_others(running: _Running) -> None:
    working = 0

    async def at_most_ten(job: StylizeJob) -> StylizedAnswer:
        nonlocal working
        if working >= 10:
            raise QueueFullError("too many pictures are waiting: ask again later", 3)
        working += 1
        try:
            await asyncio.sleep(0.01)
            return await do_job(job)
        finally:
            working -= 1

    running.pool.do = at_most_ten
    answers: list[tuple[int, str | None, bytes]] = []

    def ask(number: int) -> None:
        connection = running.connect()
        connection.request("POST", STYLIZE, b"%d" % number)
        answer = connection.getresponse()
        answers.append((answer.status, answer.getheader("retry-after"), answer.read()))
        connection.close()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(answers) == 60
    assert {(status, retry) for status, retry, _ in answers} <= {(200, None), (429, "3")}
    assert sum(status == 200 for status, _, _ in answers) >= 10


class _Held:
    """A job that ends when a test wants it."""

    def __init__(self, running: _Running) -> None:
        self._running, self.answers, self._event = running, [], asyncio.Event()
        running.pool.do = self._do
        self.thread = threading.Thread(target=lambda: self.answers.append(running.ask("POST", STYLIZE, b"photo")))
        self.thread.start()
        _wait_for(lambda: running.pool.jobs)

    async def _do(self, job: StylizeJob) -> StylizedAnswer:
        await self._event.wait()
        return await do_job(job)

    def end(self) -> None:
        self._running.pool.loop.call_soon_threadsafe(self._event.set)
        self.thread.join(60)


def test_the_end_waits_for_what_is_in_work(running: _Running) -> None:
    idle = running.connect()
    idle.request("GET", "/readyz")
    assert idle.getresponse().read() == b"ready\n"
    held = _Held(running)
    running.server.handle_exit(signal.SIGTERM, None)
    status, body = running.ask("GET", "/readyz")
    assert (status, json.loads(body)["code"]) == (503, "stopping")
    assert running.ask("POST", STYLIZE, b"x")[0] == 503
    assert running.ask("GET", "/healthz")[0] == 200
    held.end()
    assert held.answers == [(200, b"photo")]
    running.thread.join(60)
    assert (running.server.given_up, running.server.is_cut_short) == (0, False)
    with pytest.raises(ConnectionRefusedError):
        running.ask("GET", "/healthz")


def test_what_takes_longer_than_the_end_may_take_is_told_so(running: _Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_server, "_LAST_ANSWERS_S", 0.0)
    running.server._stop_s = 0.0
    held = _Held(running)
    running.server.handle_exit(signal.SIGTERM, None)
    running.thread.join(60)
    assert running.server.given_up == 1
    held.thread.join(60)
    [(status, body)] = held.answers
    assert (status, json.loads(body)["code"]) == (503, "stopping")


def test_a_second_signal_ends_at_once(running: _Running) -> None:
    held = _Held(running)
    held.answers.append((0, b""))  # its thread fails, or gets an error
    for _ in range(2):
        running.server.handle_exit(signal.SIGTERM, None)
    running.thread.join(60)
    assert (running.thread.is_alive(), running.server.is_cut_short) == (False, True)
    held.thread.join(60)


def _wait_for(condition: Any) -> None:
    moment = threading.Event()
    for _ in range(60_000):
        if condition():
            return
        moment.wait(0.001)
    raise AssertionError("it did not happen")


def test_a_taken_port_and_a_wrong_host_are_named() -> None:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"^--port {port}: is taken, .*--port {port + 1}"):
            listen("127.0.0.1", port)
    with pytest.raises(ConfigError, match=r"^--host 192\.0\.2\.1: is no address of this machine"):
        listen("192.0.2.1", 0)
    assert address("::1", 8080) == "http://[::1]:8080"
    assert address("0.0.0.0", 80) == "http://0.0.0.0:80"


@pytest.mark.parametrize(
    ("host", "token", "without_token", "origins", "words"),
    [
        (
            "0.0.0.0",
            None,
            False,
            (),
            "^--host 0.0.0.0: other machines can reach this address: set the environment variable",
        ),
        ("127.0.0.1", "short", False, (), "^PIX2STYLE_SERVE_TOKEN: is not a valid token: use at least 16 letters"),
        ("127.0.0.1", "with a space in the middle", False, (), "is not a valid token"),
        ("0.0.0.0", "x" * 20, True, (), "^--without-token: PIX2STYLE_SERVE_TOKEN has a token"),
        ("127.0.0.1", None, False, ("*",), r"^--allow-origin \*: is not an origin"),
        ("127.0.0.1", None, False, ("https://a.example/",), "write it like https://example.org"),
    ],
)
def test_who_may_use_the_server_has_to_be_said(
    host: str, token: str | None, without_token: bool, origins: tuple[str, ...], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        make_access(host, token, without_token=without_token, origins=origins)


def test_who_may_use_the_server() -> None:
    assert make_access("localhost", None, without_token=False) == Access(None, is_open=False)
    assert make_access("0.0.0.0", None, without_token=True) == Access(None, is_open=True)
    assert make_access("::1", "x" * 16, without_token=False) == Access("x" * 16, is_open=False)
