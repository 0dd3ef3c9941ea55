"""Reset W&B between tests, and call `wandb sync`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

KEY = "0" * 40  # has the form of an API key


def reset_wandb() -> None:
    """Let W&B read its environment variables again, which it otherwise does once per process."""
    import wandb

    wandb.teardown()


def wandb_sync(*arguments: str | Path) -> None:
    """Run `wandb sync` with these arguments, as a user would."""
    reset_wandb()
    command = [sys.executable, "-m", "wandb", "sync", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=dict(os.environ))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No runs to sync" not in done.stdout + done.stderr
