"""Filters in OpenVINO: the tests of `openvino_cases.py`, in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_CASES = Path(__file__).with_name("openvino_cases.py")


def test_cases_in_a_process_of_their_own() -> None:
    # A process that had run many other tests, with Ray and torch, ended with a segmentation fault after these. Programs
    # that use OpenVINO load neither, but for `eval`, and there it did not happen.
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", str(_CASES)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, env=environment)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert "passed" in done.stdout or "[100%]" in done.stdout
