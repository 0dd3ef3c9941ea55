"""The program, run as a person runs it, in this process: importing torch once is enough."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from pix2style.cli import main

Pix2Style = Callable[..., tuple[int, str, str]]


@pytest.fixture
def pix2style(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Pix2Style:
    """`pix2style("train", "--out", folder)`: (exit code, stdout, stderr)."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["pix2style", *map(str, arguments)])
        with pytest.raises(SystemExit) as leaving:
            main()
        captured = capsys.readouterr()
        return int(leaving.value.code or 0), captured.out, captured.err

    return run
