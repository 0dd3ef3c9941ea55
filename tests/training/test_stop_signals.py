"""What SIGTERM does after a training has failed."""

from __future__ import annotations

import signal
import sys

import pytest

from pix2style.errors import TrainingError
from pix2style.training.run.signals import stop_signals

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="torchrun stops processes by signals")


@pytest.mark.parametrize("under_torchrun", [True, False])
def test_a_failed_process_of_torchrun_is_not_ended_before_it_says_why(
    under_torchrun: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if under_torchrun:
        monkeypatch.setenv("TORCHELASTIC_RUN_ID", "test")
    else:
        monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(TrainingError), stop_signals():
            raise TrainingError("another process of this run ended")
        assert signal.getsignal(signal.SIGTERM) == (signal.SIG_IGN if under_torchrun else before)
        with stop_signals():
            pass
    finally:
        signal.signal(signal.SIGTERM, before)
