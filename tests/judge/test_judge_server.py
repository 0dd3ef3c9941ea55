"""The blind test as a program, over a socket: blindness, votes that survive a kill, resuming, and the report."""

from __future__ import annotations

import http.client
import io
import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from pix2style.cli.app import app
from pix2style.cli.commands import import_commands
from pix2style.judge.analysis import analyse_votes
from pix2style.judge.judging import Judging
from pix2style.judge.pictures import open_pictures
from pix2style.judge.votes import VotesFile, only_writer, read_votes

MakeFolder = Callable[..., Path]
_REDS = {"alpha-net": 40, "beta-net": 80, "old-master": 120}


class _Caller:
    def __init__(self, port: int) -> None:
        self.port = port

    def raw(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, Any, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def post(self, path: str, **value: Any) -> dict[str, Any]:
        status, _, body = self.raw("POST", path, json.dumps(value).encode())
        return {"status": status, **json.loads(body)}

    def red(self, address: str) -> int:
        """Return the red channel of a picture, which tells its stylizer."""
        with Image.open(io.BytesIO(self.raw("GET", address)[2])) as image:
            return int(np.asarray(image)[0, 0, 0])

    def answer(self, pair: dict[str, Any], kind: str, judge: str = "anna") -> dict[str, Any]:
        return self.post("/api/votes", judge=judge, trial=pair["trial"], answer=kind, seconds=1.5)


@pytest.fixture
def folders(make_folder: MakeFolder) -> list[str]:
    photos = [f"photo-{i}" for i in range(5)]
    return [str(make_folder(name, red, photos)) for name, red in _REDS.items()]


@contextmanager
def _running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], _Caller]]:
    command = [sys.executable, "-m", "pix2style", "judge", *arguments, "--port", "0", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            found = re.match(r"judge: http://127\.0\.0\.1:(\d+)/ ", line)
            assert found, (line, process.stderr.read() if process.stderr and not line else "")
            yield process, _Caller(int(found[1]))
        finally:
            process.kill()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to one process alone")
def test_votes_survive_a_kill_and_the_next_start_goes_on(folders: list[str], tmp_path: Path) -> None:
    """The judge prefers the larger red channel, so that every answer is known."""
    votes = tmp_path / "votes.jsonl"
    arguments = (*folders, "--teacher", folders[2], "--count", "9")
    with _running(*arguments) as (process, ask):
        pair = ask.post("/api/start", judge="anna")
        assert (pair["status"], pair["judge"], pair["done"], pair["total"]) == (200, "anna", 0, 18)
        for done in range(1, 6):
            left, right = ask.red(pair["left"]), ask.red(pair["right"])
            pair = ask.answer(pair, "left" if left > right else "right")
            assert pair["done"] == done
        process.kill()
    assert len(read_votes([votes])) == 5
    with _running(*arguments) as (process, ask):
        assert ask.post("/api/next", judge="anna")["status"] == 404  # this process does not know her yet
        pair = ask.post("/api/start", judge="anna")
        assert pair["done"] == 5
        while pair["state"] == "pair":
            left, right = ask.red(pair["left"]), ask.red(pair["right"])
            pair = ask.answer(pair, "left" if left > right else "right")
        report = pair["report"]
        process.send_signal(signal.SIGINT)
        text, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert [one["stylizer"] for one in report["strengths"]] == ["old-master", "beta-net", "alpha-net"]
    assert all(one["wrong"] == one["neither"] == 0 for one in report["teacher"])
    assert report == json.loads(json.dumps(analyse_votes(read_votes([votes])).to_json()))
    assert "18 votes of 1 judge on 5 photos" in text
    assert "alpha-net over beta-net" in text


def test_nothing_that_reaches_the_page_tells_who_made_a_picture(folders: list[str], tmp_path: Path) -> None:
    with _running(*folders, "--teacher", folders[2], "--photos", folders[0]) as (_, ask):
        sent, sizes, addresses = [], set(), set()
        sent.append(ask.raw("GET", "/api/judging")[2])
        pair = ask.post("/api/start", judge="")
        assert re.fullmatch(r"judge-[0-9a-f]{6}", pair["judge"])
        judge, first = pair["judge"], pair["left"]
        for _ in range(6):
            sent.append(json.dumps(pair).encode())
            for side in ("left", "right", "photo"):
                assert pair[side] not in addresses
                addresses.add(pair[side])
                status, headers, body = ask.raw("GET", pair[side])
                assert (status, headers["content-type"], headers["cache-control"]) == (200, "image/png", "no-store")
                sizes.add(len(body))
                sent += [body, str(headers).encode()]
                with Image.open(io.BytesIO(body)) as image:
                    assert image.info == {}
            pair = ask.answer(pair, "neither", judge)
        assert len(sizes) == 1
        everything = b"\n".join(sent)
        assert not re.search(rb"alpha|beta|master|photo-|" + re.escape(tmp_path.name.encode()), everything)
        assert ask.raw("GET", first)[0] == 404  # a picture is reached only while it is shown
        for page in ("/", "/page/judge.js", "/page/panes.js", "/page/results.js", "/page/judge.css", "/page/base.css"):
            status, headers, body = ask.raw("GET", page)
            assert status == 200
            assert "default-src 'none'" in headers["content-security-policy"]
            assert b"http" not in body.replace(b"http-equiv", b"")
        for path in ("/page/../judging.py", "/api/pictures/..%2f..%2fetc%2fpasswd", "/votes.jsonl"):
            assert ask.raw("GET", path)[0] == 404
        assert ask.raw("GET", "/", Host="evil.example")[0] == 403
        assert ask.raw("POST", "/api/start", b"{}", Origin="http://evil.example")[0] == 403


def _judging(folders: list[str], votes: Path, **changes: Any) -> Judging:
    pictures = open_pictures([Path(folder) for folder in folders], teacher=Path(folders[2]))
    options = {"questions": ("better", "teacher"), "count": 4, "seed": 0, **changes}
    return Judging(pictures, VotesFile(votes), **options)


def test_undo_takes_the_last_answers_back(folders: list[str], tmp_path: Path) -> None:
    judging = _judging(folders, tmp_path / "votes.jsonl")
    first = judging.start("anna")
    assert not first["can_undo"]
    second = judging.vote("anna", first["trial"], "left", 1.0)
    third = judging.vote("anna", second["trial"], "right", float("1e9"))
    again = judging.undo("anna")
    assert (again["done"], again["can_undo"], again["question"]) == (1, True, "better")
    assert judging.undo("anna")["done"] == 0
    assert judging.undo("anna")["done"] == 0
    assert judging.report().votes == 0
    assert third["trial"] != again["trial"]
    other = judging.start("ben")
    assert other["done"] == 0
    assert judging.end("ben")["pairs_left"] == 8


def test_an_answer_counts_once(folders: list[str], tmp_path: Path) -> None:
    with _running(*folders) as (_, ask):
        pair = ask.post("/api/start", judge="anna")
        assert ask.answer(pair, "left")["done"] == 1
        assert ask.answer(pair, "right")["status"] == 409
        assert ask.answer(ask.post("/api/next", judge="anna"), "both")["status"] == 400
        nonsense = {"judge": "anna", "trial": "\ud800", "answer": "left", "seconds": 10**400}
        assert ask.post("/api/votes", **nonsense)["status"] == 409
        named = ask.post("/api/start", judge="half \ud800")
        assert (named["status"], named["judge"]) == (200, "half ?")
        for body in (b"", b"[]", b"{", b'{"judge": 3}', b"[" * 4000):
            status, _, answer = ask.raw("POST", "/api/votes", body)
            assert status == 400
            assert json.loads(answer)["error"]
        assert ask.raw("POST", "/api/votes", bytes(5000))[0] == 413
    assert len(read_votes([tmp_path / "votes.jsonl"])) == 1


def _run(*arguments: str) -> tuple[int, str, BaseException | None]:
    import_commands(["judge"])
    result = CliRunner().invoke(app, ["judge", *arguments])
    return result.exit_code, result.stdout, result.exception


def test_wrong_calls_are_refused_before_anything_is_served(folders: list[str], tmp_path: Path) -> None:
    votes = tmp_path / "votes.jsonl"
    judging = _judging(folders, votes)
    pair = judging.start("anna")
    while pair["state"] == "pair":
        pair = judging.vote("anna", pair["trial"], "left", None)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken = str(listener.getsockname()[1])
        for arguments, message in (
            ((folders[0],), "nothing to compare it with"),
            ((*folders, "--question", "teacher"), "--question teacher: no teacher is known: add --teacher"),
            ((*folders, "--teacher", str(tmp_path / "x")), "--teacher .*x: is not a folder"),
            ((str(tmp_path / "missing"), folders[0]), "missing"),
            ((str(votes),), "votes.jsonl: is a file of votes: add --report"),
            (
                (str(votes), "--report", "--photos", folders[0]),
                "--report: takes files of votes only: leave out --photos",
            ),
            ((str(votes), "--report", "--port", "7861"), "leave out --port"),
            ((str(votes), "--report", "--host", "127.0.0.1"), "leave out --host"),
            ((str(votes), "--report", "--count", "60", "--token"), "leave out --count and --token"),
            ((str(votes), "--report", "--open"), "leave out --open"),
            ((str(votes), "--report", "--no-open"), "leave out --no-open"),
            ((*folders, "--port", taken), f"--port {taken}: is taken, perhaps by another judge"),
        ):
            code, _, error = _run(*arguments)
            assert code != 0
            assert re.search(message, str(error)), error
    pixels = np.full((20, 30, 3), 7, np.uint8)
    for photo in Path(folders[0]).iterdir():
        Image.fromarray(pixels).save(photo)
    assert "another picture of" in str(_run(*folders)[2])
    assert str(_run(*folders, "--votes", str(tmp_path / "no" / "such" / "\0"))[2])


def test_two_programs_do_not_write_to_one_file(folders: list[str], tmp_path: Path) -> None:
    with only_writer(tmp_path / "votes.jsonl"):
        assert "votes.jsonl: another `pix2style judge` writes votes to it" in str(_run(*folders)[2])
    assert not (tmp_path / "votes.jsonl").exists()


def test_files_of_votes_are_reported_together(folders: list[str], tmp_path: Path) -> None:
    for judge in ("anna", "ben"):
        judging = _judging(folders, tmp_path / f"{judge}.jsonl")
        pair = judging.start(judge)
        while pair["state"] == "pair":
            pair = judging.vote(judge, pair["trial"], "left", 2.0)
    files = [str(tmp_path / "anna.jsonl"), str(tmp_path / "ben.jsonl"), "--report"]
    code, text, _ = _run(*files)
    assert code == 0
    assert "16 votes of 2 judges" in text
    code, text, _ = _run(*files, "--json")
    report = json.loads(text)
    assert report["everybody"]["left"]["rate"] == 1
    assert report["votes"] == 16


def test_votes_about_other_pictures_are_refused(folders: list[str], tmp_path: Path, make_folder: MakeFolder) -> None:
    judging = _judging(folders, tmp_path / "votes.jsonl")
    judging.vote("anna", judging.start("anna")["trial"], "left", 1.0)
    others = [str(make_folder(f"other-{i}", 10 * i)) for i in range(3)]
    error = str(_run(*others, "--votes", str(tmp_path / "votes.jsonl"))[2])
    assert re.search(r"votes\.jsonl: holds votes on other pictures \(.*\): name another file", error)
