"""What tests do with W&B beside tracking: begin anew, and send what a run left."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

KEY = "0" * 40  # of the right form; nobody's


def forget_wandb() -> None:
    """W&B reads its environment once a process: let it read it again."""
    import wandb

    wandb.teardown()


def wandb_sync(*arguments: str | Path) -> None:
    """`wandb sync` with these arguments, as a person would call it."""
    forget_wandb()
    command = [sys.executable, "-m", "wandb", "sync", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=dict(os.environ))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No runs to sync" not in done.stdout + done.stderr
