"""The host never waits for a GPU during a step, as shown on torch's meta device, whose tensors have no values.

Reading a value fails there; on a GPU the host would have to wait for it. Copies between host and device are detected,
too, and so are tensors whose strides a GPU's fused Adam would refuse.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from make import NAMES, tiny_batch, tiny_experiment
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from pix2style.config import Config
from pix2style.training.batch import PairBatch
from pix2style.training.step import build as build_module
from pix2style.training.step.build import build_state
from pix2style.training.step.nonfinite import LossScale
from pix2style.training.step.state import TrainingState
from pix2style.training.step.train_step import StepReport, train_step
from pix2style.training.tracking import step_metrics

META = torch.device("meta")


class RequireDeviceTensors(TorchDispatchMode):
    """Fail if a tensor is not on the device, or if fused Adam gets tensors with different strides."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = args, kwargs or {}
        result = func(*given[0], **given[1])
        for tensor in tree_leaves((given, result)):
            assert not isinstance(tensor, torch.Tensor) or tensor.device == META, f"{func} uses a tensor on the host"
        if func.name().startswith("aten::_fused_adam_"):
            for tensors in zip(*args[:4], strict=True):
                assert len({tensor.stride() for tensor in tensors}) == 1, [tensor.stride() for tensor in tensors]
        return result


class ForbidTensorsFromHostValues(TorchFunctionMode):
    """Fail if a tensor is made from values on the host, which would have to be copied to the device."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        assert func not in (torch.tensor, torch.as_tensor, torch.asarray, torch.from_numpy, torch.Tensor.new_tensor)
        return func(*args, **(kwargs or {}))


@pytest.fixture
def state_on_meta(monkeypatch: pytest.MonkeyPatch) -> Callable[[Config], TrainingState]:
    """Build training states on the meta device, without autocast, which it does not support."""
    autocast = torch.autocast

    def without_meta(device_type: str, *given: Any, **named: Any) -> Any:
        return contextlib.nullcontext() if device_type == "meta" else autocast(device_type, *given, **named)

    generator = torch.Generator

    def build(config: Config) -> TrainingState:
        monkeypatch.setattr(torch, "autocast", without_meta)
        # The meta device has no generators of random numbers of its own, and takes those of the CPU.
        monkeypatch.setattr(torch, "Generator", lambda device: generator("cpu" if device == META else device))
        monkeypatch.setattr(sys.modules["torch.optim.adam"], "_device_dtype_check_for_fused", lambda *_: None)
        monkeypatch.setattr(build_module, "pick_device", lambda _: META)
        return build_state(config)

    return build


def on_meta(batch: PairBatch) -> PairBatch:
    parts = (batch.content, batch.target, batch.style, batch.glimpse)
    content, *others = (None if one is None else one.to(META) for one in parts)
    assert content is not None
    return PairBatch(content, *others)


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_a_step_of_each_objective_does_not_synchronize(
    name: str, channels_last: bool, tmp_path: Path, state_on_meta: Callable[[Config], TrainingState]
) -> None:
    config = tiny_experiment(name, tmp_path, f"train.channels_last={channels_last}".lower(), "train.accumulate=1")
    state = state_on_meta(config)
    state.generator_scale, state.discriminator_scale = LossScale(META), LossScale(META)  # as in fp16
    for seen in (0, config.train.images):  # before and after the adversarial and feature losses begin
        state.images_seen = seen
        batch = on_meta(tiny_batch(seen, config))
        train_step(state, [batch], config.train)  # the first step creates Adam's moments
        with RequireDeviceTensors(), ForbidTensorsFromHostValues():
            report = train_step(state, [batch], config.train)
        assert {figure.device for figure in report.metrics().values()} == {META}


@pytest.mark.parametrize(
    "read",
    [lambda report: float(report.generator_losses.total), lambda report: step_metrics(report.metrics(), {}, META)],
    ids=["a value", "logged metrics"],
)
def test_reading_a_value_is_detected(
    read: Callable[[StepReport], Any], tmp_path: Path, state_on_meta: Callable[[Config], TrainingState]
) -> None:
    config = tiny_experiment(NAMES[0], tmp_path)
    report = train_step(state_on_meta(config), [on_meta(tiny_batch(0, config))], config.train)
    with pytest.raises((RuntimeError, NotImplementedError), match="meta"):
        read(report)
