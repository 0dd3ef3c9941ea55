"""Several processes that do one thing: who of them speaks."""

from __future__ import annotations

import os


def speaks() -> bool:
    """Whether this process talks to people: of those that torchrun started, the first one does."""
    return os.environ.get("WORLD_SIZE", "1") == "1" or os.environ.get("RANK", "0") == "0"
