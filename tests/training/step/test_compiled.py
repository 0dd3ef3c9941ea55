"""torch.compile as it is used, with its C++ compiler: the same losses as without."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from make import tiny_batch, tiny_experiment

from pix2style.config import Config
from pix2style.training.step.build import build_state, compile_networks
from pix2style.training.step.train_step import train_step

pytestmark = [
    pytest.mark.skipif(shutil.which("g++") is None, reason="inductor needs a C++ compiler"),
    pytest.mark.usefixtures("fresh_compiler"),
]


def figures(config: Config, *, compiled: bool) -> list[dict[str, float]]:
    """Of three steps with everything begun."""
    torch.manual_seed(0)
    state = build_state(config)
    state.images_seen = config.train.images // 2
    if compiled:
        compile_networks(state)
    reports = [train_step(state, [tiny_batch(step, config)], config.train).metrics() for step in range(3)]
    return [{name: float(value) for name, value in report.items()} for report in reports]


def test_all_losses_at_once(tmp_path: Path) -> None:
    config = tiny_experiment("everything", tmp_path, "train.channels_last=true")
    for found, expected in zip(figures(config, compiled=True), figures(config, compiled=False), strict=True):
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-6)
