"""Run the program with a full disk, with Ctrl-C pressed twice, and with two processes in one folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pix2style.images import Image8

from holding_teacher import WAIT_S, HoldingTeacher  # isort: skip
from tint import tree, write_photos  # isort: skip

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.fixture
def content(tmp_path: Path, photos: Callable[..., list[Image8]]) -> Path:
    return write_photos(tmp_path / "content", photos(24))


def command(content: Path, out: Path, *more: object) -> list[str]:
    own = ["--size", "48", "pairs.pairs_per_shard=5", "pairs.val_share=0", "pairs.test_share=0"]
    arguments = ["make-pairs", "--content", content, "--out", out, *own, *more]
    return [sys.executable, "-m", "pix2style", *map(str, arguments)]


def run(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(arguments, capture_output=True, text=True, check=False, env=ENVIRONMENT, timeout=WAIT_S)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of 200 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system is not permitted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_and_then_room_again(content: Path, small_disk: Path, tmp_path: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"\0" * 100_000)
    out = small_disk / "set"
    full = run(command(content, out))
    assert full.returncode == 3, full.stderr
    assert "No space left on device" in full.stderr
    assert "Finished pairs are kept: solve the problem and run the same command again" in full.stderr
    assert "Traceback" not in full.stderr
    assert not (out / "manifest.json").exists()
    finished = {name: data for name, data in tree(out).items() if name.endswith(".tar")}
    ballast.unlink()
    subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True)
    again = run(command(content, out))
    assert again.returncode == 0, again.stderr
    assert "kept" in again.stdout
    assert run(command(content, tmp_path / "whole")).returncode == 0
    assert tree(out) == tree(tmp_path / "whole")
    assert finished.items() <= tree(out).items()


def start(arguments: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(arguments, stderr=subprocess.PIPE, stdout=subprocess.PIPE, env=ENVIRONMENT, text=True)


@pytest.mark.parametrize("pause_s", [0.0, 0.02, 0.1])
def test_ctrl_c_twice(content: Path, tmp_path: Path, pause_s: float) -> None:
    teacher = HoldingTeacher(tmp_path / "teacher")
    arguments = command(content, tmp_path / "out", *teacher.options)
    process = start(arguments)
    teacher.wait(process)
    process.send_signal(signal.SIGINT)
    time.sleep(pause_s)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=WAIT_S)  # the teacher still holds: the process gives up its work
    # The second Ctrl-C may arrive while Python exits; a shell reports 130 in both cases.
    assert process.returncode in (130, -signal.SIGINT), stderr
    assert stdout == ""
    assert "Traceback" not in stderr
    assert "run the same command again to go on" in stderr
    teacher.go()
    done = run(arguments)
    assert done.returncode == 0, done.stderr
    assert "kept" in done.stdout
    assert run(command(content, tmp_path / "whole", *teacher.options)).returncode == 0
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def test_two_processes_in_one_folder(content: Path, tmp_path: Path) -> None:
    teacher = HoldingTeacher(tmp_path / "teacher")
    arguments = command(content, tmp_path / "out", *teacher.options)
    first = start(arguments)
    teacher.wait(first)
    second = run(arguments)
    assert second.returncode == 3
    assert "another make-pairs is writing there: wait for it, or choose another folder" in second.stderr
    teacher.go()
    _, stderr = first.communicate(timeout=WAIT_S)
    assert first.returncode == 0, stderr
    assert run(command(content, tmp_path / "whole", *teacher.options)).returncode == 0
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")
