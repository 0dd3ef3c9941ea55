"""SIGTERM and a closed terminal end every command as Ctrl-C does."""

from __future__ import annotations

import signal
import sys

import pytest

from pix2style.cli import exits, main, program

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_command_like_ctrl_c(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(number)
    finished: list[str] = []

    def work() -> None:
        try:
            signal.raise_signal(number)
        finally:
            finished.append("what was begun")

    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    monkeypatch.setattr(sys, "argv", ["pix2style", "infer"])
    monkeypatch.setattr(program, "_run", work)
    monkeypatch.setattr(exits, "_RESUME_ADVICE", {})  # an interrupted `infer` of another test leaves its advice there
    with pytest.raises(SystemExit) as left:
        main()
    assert (left.value.code, finished) == (130, ["what was begun"])
    assert capsys.readouterr().err == "pix2style: interrupted; run the same command again to go on\n"
    assert signal.getsignal(number) == before


def test_torchrun_may_end_its_processes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    handlers: list[object] = []
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "test")
    monkeypatch.setattr(program, "_run", lambda: handlers.append(signal.getsignal(signal.SIGTERM)))
    main()
    assert handlers == [signal.SIG_DFL]
