"""Networks that are compiled by inductor, torch.compile's default backend, have the same losses as eager ones."""

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


def metrics(config: Config, *, compiled: bool) -> list[dict[str, float]]:
    """Metrics of three steps in which all losses are active."""
    torch.manual_seed(0)
    state = build_state(config)
    state.images_seen = config.train.images // 2
    if compiled:
        compile_networks(state)
    reports = [train_step(state, [tiny_batch(step, config)], config.train).metrics() for step in range(3)]
    return [{name: float(value) for name, value in report.items()} for report in reports]


def test_compiled_networks_have_the_same_losses(tmp_path: Path) -> None:
    config = tiny_experiment("everything", tmp_path, "train.channels_last=true")
    for step, expected in zip(metrics(config, compiled=True), metrics(config, compiled=False), strict=True):
        assert step == pytest.approx(expected, rel=1e-4, abs=1e-6)
