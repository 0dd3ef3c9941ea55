"""Run the program in this process, because importing torch in a new process for every command would take minutes."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from pix2style.cli import main

Pix2Style = Callable[..., tuple[int, str, str]]


@pytest.fixture
def pix2style(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Pix2Style:
    """Run a command: `pix2style("train", "--out", folder)` returns exit code, stdout and stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["pix2style", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_info:
            main()
        captured = capsys.readouterr()
        return int(exit_info.value.code or 0), captured.out, captured.err

    return run
