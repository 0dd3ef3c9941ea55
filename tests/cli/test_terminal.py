"""Terminals of any encoding, and working directories that are gone."""

from __future__ import annotations

import io
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pix2style.cli.terminal import json_text, print_in_any_encoding
from pix2style.images import Picture, write_picture
from pix2style.printable import one_line, printable
from pix2style.progress import ProgressBar, print_failures, print_note


def run(*arguments: object, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "pix2style", *map(str, arguments)]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, check=False, cwd=cwd)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    write_picture(tmp_path / "ångström.png", Picture(np.full((8, 8, 3), 7, np.uint8)))
    return tmp_path / "ångström.png"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp437"])
def test_what_the_encoding_lacks_is_replaced(photo: Path, red_filter: Path, tmp_path: Path, encoding: str) -> None:
    done = run("infer", red_filter, photo, "-o", tmp_path / "日本", PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"??: 1 photo stylized" in done.stdout
    as_json = run("infer", red_filter, photo, "-o", tmp_path / "日本", "--json", PYTHONIOENCODING=encoding)
    assert json.loads(as_json.stdout)["skipped"] == [str(tmp_path / "日本" / "ångström.png")]


def test_a_name_that_is_no_text(photo: Path, red_filter: Path, tmp_path: Path) -> None:
    out = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    done = run("infer", red_filter, photo, "-o", out, PYTHONIOENCODING="utf-8")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"?: 1 photo stylized" in done.stdout


@pytest.mark.parametrize(("encoding", "expected"), [("ascii", b"--- ?1 x 2 ??"), ("latin-1", b"--- \xb11 \xd7 2 ??")])
def test_tables_keep_their_lines(monkeypatch: pytest.MonkeyPatch, encoding: str, expected: bytes) -> None:
    printed = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(printed, encoding=encoding))
    print_in_any_encoding()
    print("─── ±1 × 2 日本", end="", flush=True)
    assert printed.getvalue() == expected


def test_json_is_readable_where_it_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    value = {"name": "日本 \udcff 🖼"}
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="utf-8"))
    assert json_text({"name": "日本 🖼"}) == '{\n  "name": "日本 🖼"\n}'
    assert json.loads(json_text(value)) == value
    assert json_text(value).isascii()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not delete a working directory")
def test_a_working_directory_that_is_gone(tmp_path: Path, red_filter: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    code = (
        "import os, sys\n"
        f"os.rmdir({str(gone)!r})\n"
        f"sys.argv = ['pix2style', 'infer', {str(red_filter)!r}, 'a.jpg', '-o', 'out']\n"
        "from pix2style.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=gone, capture_output=True, text=True, check=False)
    expected = "pix2style: the working directory is gone: change to another folder (cd) and run it again\n"
    assert (done.returncode, done.stderr) == (2, expected)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_stdout(red_filter: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "pix2style", "inspect", str(red_filter)]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
    assert b"Traceback" not in done.stderr


def test_every_command_prints_json_in_any_encoding() -> None:
    folder = Path(__file__).parents[2] / "pix2style" / "cli"
    direct = [file.name for file in folder.glob("*.py") if "ensure_ascii=False" in file.read_text(encoding="utf-8")]
    assert direct == ["terminal.py"]


# --- streams that are closed, and names that would command the terminal -------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="closes streams by a POSIX shell")
@pytest.mark.parametrize("closed", ["2>&-", "2</dev/null", "2>&- >&- <&-"])
def test_closed_streams(photo: Path, red_filter: Path, tmp_path: Path, closed: str) -> None:
    (tmp_path / "bad.png").write_text("no picture")
    command = shlex.join([sys.executable, "-m", "pix2style", "infer", str(red_filter), str(photo)])
    rest = shlex.join([str(tmp_path / "bad.png"), "-o", str(tmp_path / "out")])
    done = subprocess.run(f"{command} {rest} {closed}", shell=True, stdout=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert done.stdout.startswith(b"" if ">&- <" in closed else f"{tmp_path / 'out'}: 1 photo stylized".encode())
    assert [path.name for path in (tmp_path / "out").iterdir()] == [photo.name]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows allows no such names")
def test_names_do_not_command_the_terminal(photo: Path, red_filter: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "bad\x1b[31m\n.png").write_text("no picture")
    (folder / "other.x\x1b[0my").touch()
    (folder / "\x1b[2Jlinked").symlink_to(tmp_path)
    shutil.copy(photo, folder / "11\u202fAM\x07.png")
    done = run("infer", red_filter, folder, "-o", tmp_path / "o\x1b[31mut", PYTHONIOENCODING="utf-8")
    out, err = done.stdout.decode(), done.stderr.decode()
    assert done.returncode == 1
    assert "\x1b" not in out + err
    assert r"o\x1b[31mut: 1 photo stylized" in out
    assert r"(.x\x1b[0my)" in out
    assert r"(\x1b[2Jlinked: to include" in out
    assert r"bad\x1b[31m\n.png: not a picture" in err
    assert len(err.splitlines()) == 1
    missing = run("infer", red_filter, tmp_path / "no\x1b[31m", "-o", tmp_path / "out")
    assert rb"no\x1b[31m: no such file" in missing.stderr


def test_printable() -> None:
    assert printable("a b\u202fc\u3000ä日🖼") == "a b\u202fc\u3000ä日🖼"
    assert printable("\x1b[0m\x9b\n\t\u202e\udcff", keep="\n") == r"\x1b[0m\x9b" + "\n" + r"\t\u202e" + "\udcff"
    assert one_line(ValueError("a\n  b\tc")) == "a b c"


def test_without_stderr_nothing_goes_to_stdout(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    print_note("a")
    print_failures([("a", "b")], "c")
    with ProgressBar("photos", 2) as bar:
        bar.advance()
    assert capsys.readouterr().out == ""


def test_a_folder_called_like_standard_output(photo: Path, red_filter: Path, tmp_path: Path) -> None:
    assert run("infer", red_filter, photo, "-o", "./-", cwd=tmp_path).returncode == 0
    assert [path.name for path in (tmp_path / "-").iterdir()] == [photo.name]
    assert run("infer", red_filter, photo, "-o", "-", cwd=tmp_path).stdout.startswith(b"\x89PNG")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["-", photo.name]
