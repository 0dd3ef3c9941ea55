"""The container file and the unit of systemd: what can be checked without a container engine, and all with one."""

from __future__ import annotations

import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pix2style.cli import main

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "pipelines" / "pix2style-serve.service"


def _instructions() -> list[tuple[str, str]]:
    """Return the instructions of the container file, in order, with their arguments."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = (line for line in text.replace("\\\n", " ").splitlines() if line)
    return [(name, value.strip()) for name, _, value in (line.partition(" ") for line in lines)]


def _last(name: str) -> str:
    return [value for other, value in _instructions() if other == name][-1]


def test_the_image_runs_the_server_without_a_shell_and_without_root() -> None:
    for name, value in _instructions():
        if name in {"RUN", "CMD", "ENTRYPOINT", "HEALTHCHECK"}:
            command = value.partition("CMD ")[2] if name == "HEALTHCHECK" else value
            assert all(isinstance(word, str) for word in json.loads(command)), f"{name} is not in exec form"
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", _last("USER"))  # a number, so that Kubernetes can see that it is not root
    assert _last("STOPSIGNAL") == "SIGTERM"
    assert f"--port {_last('EXPOSE')}" in " ".join(json.loads(_last("ENTRYPOINT")))
    assert f"127.0.0.1:{_last('EXPOSE')}/readyz" in _last("HEALTHCHECK")


def test_the_image_is_built_of_what_is_there_and_nothing_else_is_sent() -> None:
    copied = {
        source
        for name, value in _instructions()
        if name == "COPY" and not value.startswith("--from")
        for source in value.split()[:-1]
    }
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignored
    assert {line[1:] for line in ignored if line.startswith("!")} == copied
    assert all((ROOT / source).exists() for source in copied)


@pytest.mark.parametrize("command", [json.loads(_last("ENTRYPOINT")), UNIT.read_text(encoding="utf-8")])
def test_the_server_knows_the_options(
    command: list[str] | str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if isinstance(command, str):
        command = re.findall(r"^ExecStart=(.*)", command, re.MULTILINE)[0].split()
    assert Path(command[0]).name == "pix2style"
    monkeypatch.delenv("PIX2STYLE_SERVE_TOKEN", raising=False)
    words = ["0" if word == "8080" else word for word in command[1:]]  # the port may be taken here
    monkeypatch.setattr(sys, "argv", ["pix2style", *words, "no-such-filter.onnx"])
    with pytest.raises(SystemExit) as leaving:
        main()
    # Every option was taken: what is missing is the token, which the environment of the container has, or the filter.
    message = capsys.readouterr().err
    assert leaving.value.code in (2, 4), message
    assert "PIX2STYLE_SERVE_TOKEN" in message or "no-such-filter" in message


def test_the_health_of_the_container_is_the_readiness_of_the_server() -> None:
    statuses = [200, 503]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(statuses.pop(0) if self.path == "/readyz" else 404)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    command = json.loads(_last("HEALTHCHECK").partition("CMD ")[2])
    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        command[-1] = command[-1].replace(":8080/", f":{server.server_port}/")
        command[0] = sys.executable
        codes = [subprocess.run(command, capture_output=True, check=False).returncode for _ in range(2)]
        server.shutdown()
    assert codes == [0, 1]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    text = UNIT.read_text(encoding="utf-8")
    unit.write_text(text.replace("/opt/pix2style/bin/pix2style", sys.executable))  # systemd looks for the program
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(
    "PIX2STYLE_TEST_CONTAINER" not in os.environ,
    reason="builds a container: set PIX2STYLE_TEST_CONTAINER=1, and what pipelines/serve-container.sh names",
)
@pytest.mark.timeout(900)
def test_the_container_stylizes() -> None:
    done = subprocess.run(
        ["bash", "pipelines/serve-container.sh"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
