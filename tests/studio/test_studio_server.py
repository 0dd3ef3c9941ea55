"""The studio over HTTP: what the page asks, what a hostile caller tries, and the program from its start to its end."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from pix2style.images import Image8
from pix2style.page_server.access import Access
from pix2style.page_server.run_server import make_server
from pix2style.studio.http_app import make_app
from pix2style.studio.studio import Studio

_RED = {"filters": [{"id": "filter-1"}], "same_look": False}


class _Caller:
    """Sends requests as they are, without tidying their paths."""

    def __init__(self, port: int) -> None:
        self.port = port

    def __call__(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def json(self, method: str, path: str, value: Any = None) -> Any:
        status, _, body = self(method, path, None if value is None else json.dumps(value).encode())
        return {"status": status, **(json.loads(body) if body else {})}


def _serve(studio: Studio, access: Access) -> Iterator[_Caller]:
    started = threading.Event()
    server = make_server(make_app(studio, access), started.set)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        assert started.wait(120)
        yield _Caller(listener.getsockname()[1])
        server.should_exit = True
        thread.join(60)


@pytest.fixture
def ask(studio: Studio) -> Iterator[_Caller]:
    yield from _serve(studio, Access(None, is_open=False))


@pytest.fixture
def ask_with_token(studio: Studio) -> Iterator[_Caller]:
    yield from _serve(studio, Access("the-token", is_open=True))


def test_a_photo_from_the_drop_to_the_download(
    ask: _Caller, photo_file: Path, red_negative: Callable[[Image8], Image8], studio: Studio
) -> None:
    photo = ask.json("POST", "/api/photos?name=a%20photo.png")
    assert photo["status"] == 400
    assert photo["error"] == "a photo.png: the file is empty"
    status, _, body = ask("POST", "/api/photos?name=a%20photo.png", photo_file.read_bytes())
    photo = json.loads(body)
    assert (status, photo["width"], photo["height"]) == (200, 60, 44)
    base = f"/api/photos/{photo['id']}"
    for path in (f"{base}/screen", f"{base}/thumbnails/filter-1", f"{base}/thumbnails/none"):
        status, headers, body = ask("GET", path)
        assert (status, headers["content-type"], headers["cache-control"]) == (200, "image/jpeg", "no-store")
    assert ask("POST", f"{base}/preview", json.dumps(_RED).encode())[0] == 200
    status, headers, body = ask("POST", f"{base}/result", json.dumps(_RED).encode())
    assert "a%20photo-red-negative.png" in headers["content-disposition"]
    result = np.asarray(Image.open(io.BytesIO(body)))
    np.testing.assert_array_equal(result, red_negative(np.asarray(Image.open(photo_file))))
    assert ask("DELETE", base)[0] == 204
    assert ask.json("GET", f"{base}/screen")["status"] == 404
    assert list(studio.folder.iterdir()) == []


def test_a_filter_whose_name_is_no_text_is_in_the_list(red_filter: Path, tmp_path: Path) -> None:
    file = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.onnx"))
    shutil.copy(red_filter, file)
    serve = contextlib.contextmanager(_serve)
    with Studio([str(file)], tmp_path / "kept") as studio, serve(studio, Access(None, is_open=False)) as ask:
        assert [filter_["name"] for filter_ in ask.json("GET", "/api/studio")["filters"]] == ["caf\\xe9"]


def test_the_program_of_the_guide(
    ask: _Caller, photo_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guide = (Path(__file__).parents[2] / "docs/guides/studio.md").read_text(encoding="utf-8")
    code = guide[guide.index("```python") :].split("```")[1].partition("\n")[2]
    out = tmp_path / "out.png"
    monkeypatch.setattr(sys, "argv", ["x", f"http://127.0.0.1:{ask.port}", str(photo_file), str(out)])
    exec(compile(code, "guide", "exec"), {})
    with Image.open(out) as written:
        assert written.size == (60, 44)


def test_the_page_asks_no_other_host_and_says_so_to_the_browser(ask: _Caller) -> None:
    status, headers, body = ask("GET", "/")
    assert status == 200
    assert "default-src 'none'" in headers["content-security-policy"]
    names = set(re.findall(rb"/page/[a-z.-]+", body))
    while names:
        status, headers, body = ask("GET", names.pop().decode())
        assert status == 200
        assert headers["x-content-type-options"] == "nosniff"
        assert not re.search(rb"https?://(?!www\.w3\.org/2000/svg|127\.0\.0\.1)", body)
        assert b"eval(" not in body


@pytest.mark.parametrize(
    "path",
    [
        "/page/../studio.py",
        "/page/..%2fstudio.py",
        "/page/%2e%2e/studio.py",
        "/page//etc/passwd",
        "/page/..\\studio.py",
        "//etc/passwd",
        "/etc/passwd",
        "/proc/self/environ",
        "/file=/etc/passwd",
        "/api/photos/..%2f..%2fetc%2fpasswd/screen",
        "/api/photos/%2fetc%2fpasswd/screen",
        "/api/jobs/..%2f/result",
        "/api/jobs/x/preview",
        "/docs",
    ],
)
def test_no_file_of_the_machine_is_reached_by_a_path(ask: _Caller, path: str) -> None:
    status, _, body = ask("GET", path)
    assert status in (404, 405)
    assert set(json.loads(body)) == {"error"}


def test_a_thumbnail_takes_no_path_for_a_filter(ask: _Caller, photo_file: Path, red_filter: Path) -> None:
    photo = json.loads(ask("POST", "/api/photos?name=p.png", photo_file.read_bytes())[2])
    for filter_id in (str(red_filter).replace("/", "%2f"), "..%2ffilter-1", "watercolor", "%00"):
        assert ask("GET", f"/api/photos/{photo['id']}/thumbnails/{filter_id}")[0] == 404


def test_nonsense_is_answered_with_a_sentence(ask: _Caller) -> None:
    for body in (b"", b"{", b"[" * 50_000, b'"x"', b"\xff\xfe", b'{"clip": {"a": 1}}', b"null"):
        for path in ("/api/clip-jobs", "/api/trainings"):
            status, _, answer = ask("POST", path, body)
            assert status in (400, 404), body[:20]
            assert json.loads(answer)["error"]
    assert ask("POST", "/api/clip-jobs", b" " * 200_000)[0] == 413
    assert ask("POST", "/api/frames?choice=%7B", b"x")[0] == 400
    assert ask("PATCH", "/api/studio")[0] == 405
    assert ask("POST", "/api/photos?name=%2e%2e%2f.jpg", b"x")[0] == 400


def test_messages_name_no_folder_of_the_machine(ask: _Caller, studio: Studio) -> None:
    clip = json.loads(ask("POST", "/api/clips?name=../a.mp4", b"#EXTM3U\nfile:///etc/passwd\n")[2])
    answer = ask.json("POST", "/api/clip-jobs", {"clip": clip["id"], "choice": _RED})
    for _ in range(6000):
        if answer["state"] != "running":
            break
        time.sleep(0.01)
        answer = ask.json("GET", f"/api/jobs/{answer['id']}")
    assert answer["state"] == "failed"
    assert answer["message"].startswith("a.mp4: ")
    assert str(studio.folder) not in json.dumps(answer)
    assert studio.without_paths(f"{studio.folder}/{'0' * 16}/photo.jpg: x") == "photo.jpg: x"


def test_an_upload_that_breaks_off_leaves_nothing_over_http(ask: _Caller, studio: Studio, capfd: Any) -> None:
    with socket.create_connection(("127.0.0.1", ask.port)) as connection:
        head = f"POST /api/photos?name=a.jpg HTTP/1.1\r\nHost: 127.0.0.1:{ask.port}\r\nContent-Length: 100\r\n\r\n"
        connection.sendall(head.encode() + b"12345")
        for _ in range(6000):
            if list(studio.folder.iterdir()):
                break
            time.sleep(0.01)
    for _ in range(6000):
        if not list(studio.folder.iterdir()):
            break
        time.sleep(0.01)
    assert list(studio.folder.iterdir()) == []
    assert ask("GET", "/api/studio")[0] == 200
    assert capfd.readouterr().err == ""


def test_frames_of_a_webcam(ask: _Caller, photos: Callable[..., list[Image8]]) -> None:
    stream = io.BytesIO()
    Image.fromarray(photos(1, 48, 64)[0]).save(stream, "PNG")
    address = f"/api/frames?stream=1&choice={json.dumps(_RED).replace(' ', '').replace(chr(34), '%22')}"
    for _ in range(2):
        status, _, body = ask("POST", address, stream.getvalue())
        assert status == 200
        with Image.open(io.BytesIO(body)) as frame:
            assert frame.size == (64, 48)
    assert json.loads(ask("POST", address, b"nothing")[2])["error"].startswith("the frame: ")
    assert ask("POST", address, bytes(5_000_000))[0] == 413


def test_other_sites_and_names_are_refused(ask: _Caller) -> None:
    assert ask("GET", "/", headers={"Host": "evil.example"})[0] == 403
    assert ask("POST", "/api/trainings", b"{}", {"Origin": "http://evil.example"})[0] == 403
    assert ask("GET", "/api/studio", headers={"Sec-Fetch-Site": "cross-site"})[0] == 403


def test_nothing_is_answered_without_the_token(ask_with_token: _Caller) -> None:
    ask = ask_with_token
    status, _, body = ask("GET", "/")
    assert status == 401
    assert b'name="token"' in body
    for headers in (
        {},
        {"Cookie": f"{Access('the-token', is_open=True).cookie}=the-toke"},
        {"Authorization": "Bearer the-token-"},
    ):
        for method, path in (("GET", "/api/studio"), ("POST", "/api/photos?name=a.jpg"), ("GET", "/page/studio.js")):
            assert ask(method, path, headers=headers)[0] == 401
        assert ask("GET", "/?token=wrong", headers=headers)[0] == 401
    status, headers, _ = ask("GET", "/?token=the-token")
    assert (status, headers["location"]) == (303, "/")
    assert "httponly" in headers["set-cookie"].lower()
    cookie = {"Cookie": headers["set-cookie"].split(";")[0]}
    assert ask("GET", "/", headers=cookie)[0] == 200
    assert ask("GET", "/api/studio", headers={"Authorization": "Bearer the-token"})[0] == 200


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")
def test_the_program_stylizes_and_leaves_nothing_after_sigterm(
    red_filter: Path, photo_file: Path, tmp_path: Path
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    command = [sys.executable, "-m", "pix2style", "studio", str(red_filter), "--port", "0", "--no-open"]
    environment = {**os.environ, "TMPDIR": str(temporary)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            found = re.match(r"studio: http://127\.0\.0\.1:(\d+)/ ", line)
            assert found, line
            ask = _Caller(int(found[1]))
            photo = json.loads(ask("POST", "/api/photos?name=p.png", photo_file.read_bytes())[2])
            status, _, body = ask("POST", f"/api/photos/{photo['id']}/result", json.dumps(_RED).encode())
            assert status == 200
            assert Image.open(io.BytesIO(body)).size == (60, 44)
            assert len(list(temporary.iterdir())) == 1
        finally:
            process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (0, "")
    assert list(temporary.iterdir()) == []
    assert not (tmp_path / "trained-filters").exists()
