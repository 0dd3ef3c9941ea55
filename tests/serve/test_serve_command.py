"""`pix2style serve` from its start to its end, with real workers: what it answers is what `infer` writes."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("prometheus_client")
pytest.importorskip("python_multipart")

from pix2style import load_stylizer
from pix2style.cli import main
from pix2style.cli.serve_options import LimitOptions
from pix2style.images import Image8, KeepMetadata, encode_jpeg, encode_png
from pix2style.runtime.file_settings import FileSettings
from pix2style.runtime.stylize_data import stylize_data
from pix2style.serve.access import TOKEN_VARIABLE
from pix2style.serve.limits import ServeLimits

_TOKEN = "a-token-of-many-letters"


def _ask(port: int, method: str, path: str, body: bytes | None = None) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request(method, path, body, {"Authorization": f"Bearer {_TOKEN}"})
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


def _infer(source: str, photo: bytes, suffix: str | None = None, **settings: Any) -> bytes:
    files = {name: settings.pop(name) for name in ("lossless", "metadata") if name in settings}
    quality = settings.pop("quality", 95)
    stylizer = load_stylizer(source, **settings)
    made = stylize_data(stylizer, photo, name="x", suffix=suffix, jpeg_quality=quality, files=FileSettings(**files))
    return made.data


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")
def test_the_command_answers_as_infer_writes_and_ends_in_order(
    photos: Callable[..., list[Image8]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, _TOKEN)
    jpeg, png = encode_jpeg(photos(1, 96, 128)[0]), encode_png(photos(2, 60, 44)[1])
    options = ("--port", "0", "--workers", "1", "--max-megapixels", "0.02", "--log")
    command = [sys.executable, "-m", "pix2style", "serve", "ejiri", "great-wave", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            found = re.match(r"serve: http://127\.0\.0\.1:(\d+)   \(2 filters, 1 worker; Ctrl-C ends it\)", line)
            assert found, line
            port = int(found[1])
            keep = KeepMetadata.SAFE
            for query, body, expected in (
                ("", jpeg, _infer("ejiri", jpeg)),
                ("?strength=0.5&quality=80", jpeg, _infer("ejiri", jpeg, strength=0.5, quality=80)),
                ("?filter=great-wave&preserve_color=true", png, _infer("great-wave", png, preserve_color=True)),
                ("?filter=great-wave:3,ejiri:1&format=webp", png, _infer("great-wave:3,ejiri:1", png, ".webp")),
                ("?stroke=2&look=64&format=tiff", png, _infer("ejiri", png, ".tif", stroke=2, look_px=64)),
                ("?lossless=true&keep_metadata=safe", jpeg, _infer("ejiri", jpeg, lossless=True, metadata=keep)),
            ):
                answer, made = _ask(port, "POST", f"/v1/stylize{query}", body)
                assert (answer.status, made == expected) == (200, True), query
                assert re.fullmatch(r"(\w+;dur=[\d.]+(, )?){4}", answer.headers["server-timing"])
            for body, status, code in (
                (b"no picture at all", 415, "not-a-picture"),
                (jpeg[:200], 422, "damaged-picture"),
                (encode_png(photos(1, 200, 200)[0]), 413, "too-many-pixels"),
            ):
                answer, made = _ask(port, "POST", "/v1/stylize", body)
                assert (answer.status, json.loads(made)["code"]) == (status, code)
                assert "/" not in json.loads(made)["error"]
        finally:
            process.send_signal(signal.SIGTERM)
        rest, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (0, "")
    assert [row.split()[1:4] for row in rest.splitlines()][:1] == [["POST", "/v1/stylize", "200"]]
    assert len(rest.splitlines()) == 9


def test_switches_become_limits() -> None:
    expected = ServeLimits(body_bytes=500_000, body_s=4.0, pixels=1_500_000, job_s=3.0, queue=5, memory_bytes=6_000_000)
    assert LimitOptions(0.5, 1.5, 3.0, 4.0, 5, 6).limits() == expected
    assert LimitOptions().limits() == ServeLimits()


def test_the_process_that_answers_starts_without_heavy_libraries() -> None:
    program = (
        "import sys, pix2style.cli.serve_cli, pix2style.serve.http_app, pix2style.serve.run_server\n"
        "from pix2style.serve.served_filters import ServedFilters; ServedFilters.from_sources([])\n"
        "print([name for name in ('numpy', 'PIL', 'onnxruntime', 'torch', 'pydantic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def _fails(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[Any, str]:
    monkeypatch.setattr("sys.argv", ["pix2style", "serve", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    return left.value.code, capsys.readouterr().err


def test_what_cannot_be_served_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    code, message = _fails(capsys, monkeypatch, "--host", "0.0.0.0", "--port", "0")
    assert (code, "--without-token" in message) == (2, True)
    code, message = _fails(capsys, monkeypatch, "great-wafe", "--port", "0")
    assert (code, "great-wave" in message) == (4, True)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, message = _fails(capsys, monkeypatch, "--port", str(port))
    assert (code, message.count("\n")) == (2, 1)
    assert message.startswith(f"pix2style: --port {port}: is taken")
    for option, value in (("--workers", "0"), ("--max-mb", "nan"), ("--max-seconds", "0"), ("--queue", "-1")):
        code, message = _fails(capsys, monkeypatch, option, value, "--port", "0")
        assert (code, option in message) == (2, True), option
