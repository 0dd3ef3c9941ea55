"""What becomes of a program that another one has started, when that one is interrupted."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pix2style.system import programs
from pix2style.system.interrupts import terminated_like_interrupted
from pix2style.system.programs import run_until_interrupted

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")
# Finishes what it has begun when SIGTERM comes.
_FINISHES = """
trap 'sleep 0.3; echo finished > "$0/finished"; exit 130' TERM
echo $$ > "$0/pid"; touch "$0/started"
while :; do sleep 0.05; done
"""
_IGNORES = """
trap '' TERM
echo $$ > "$0/pid"; touch "$0/started"
while :; do sleep 0.05; done
"""


def send_when_started(folder: Path, number: signal.Signals) -> None:
    def send() -> None:
        while not (folder / "started").exists():
            time.sleep(0.01)
        signal.pthread_kill(threading.main_thread().ident or 0, number)

    threading.Thread(target=send, daemon=True).start()


def test_the_exit_code_is_returned() -> None:
    assert run_until_interrupted(["sh", "-c", "exit 3"]) == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_finishes_what_it_has_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals) -> None:
    monkeypatch.setattr(programs, "_ENDS_BY_ITSELF_S", 0.1 if number == signal.SIGINT else 1000.0)
    send_when_started(tmp_path, number)
    with pytest.raises(KeyboardInterrupt), terminated_like_interrupted():
        run_until_interrupted(["sh", "-c", _FINISHES, str(tmp_path)])
    assert (tmp_path / "finished").exists()


def test_a_signal_that_comes_while_it_is_started_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Popen(subprocess.Popen[bytes]):
        def __init__(self, command: list[str], stdout: int) -> None:
            super().__init__(command, stdout=stdout)
            while not (tmp_path / "started").exists():
                time.sleep(0.01)
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(subprocess, "Popen", Popen)
    with pytest.raises(KeyboardInterrupt), terminated_like_interrupted():
        run_until_interrupted(["sh", "-c", _FINISHES, str(tmp_path)])
    assert (tmp_path / "finished").exists()


def test_it_is_killed_if_it_does_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "_ENDS_BY_ITSELF_S", 0.1)
    monkeypatch.setattr(programs, "_ENDS_BY_SIGTERM_S", 0.1)
    send_when_started(tmp_path, signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        run_until_interrupted(["sh", "-c", _IGNORES, str(tmp_path)])
    pid = (tmp_path / "pid").read_text().strip()
    assert subprocess.run(["kill", "-0", pid], capture_output=True, check=False).returncode != 0
