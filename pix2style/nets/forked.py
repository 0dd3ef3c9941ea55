"""Keep processes that are forked after torch has computed from hanging and crashing."""

from __future__ import annotations

import functools
import os

import torch


@functools.cache
def compute_in_one_thread_after_fork() -> None:
    """Let processes that are forked from this one compute with one thread of torch.

    A forked process inherits torch's pool of threads without its threads: a computation with several of them waits for
    ever, and the process may crash when it ends.
    """
    if hasattr(os, "register_at_fork"):  # Windows does not fork
        os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))
