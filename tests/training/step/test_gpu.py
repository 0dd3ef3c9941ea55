"""Tests that need a GPU: the fast settings compute what the CPU computes, and the host never waits for the GPU.

They are skipped without a GPU; pipelines/gpu.sh runs them on one. Until that has been done, their tolerances are
guesses.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from launch import finish, popen
from make import NAMES, tiny_batch, tiny_experiment

from pix2style.config import Config
from pix2style.training.batch import PairBatch
from pix2style.training.data.crop_stream import CropStream
from pix2style.training.data.decoded_cache import decode_to_memory
from pix2style.training.data.loader import load_batches
from pix2style.training.data.sources import open_training_data
from pix2style.training.run.memory import explain_out_of_memory
from pix2style.training.run.train import train
from pix2style.training.step.build import build_state
from pix2style.training.step.train_step import train_step

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"),
    pytest.mark.usefixtures("fresh_compiler"),
]

Experiment = Callable[..., Config]
GPU = torch.device("cuda")
ADVERSARIAL = ("losses.adversarial={weight: 0.5, kind: hinge}", "losses.feature_matching=1")


@pytest.fixture(autouse=True)
def without_tf32() -> Iterator[None]:
    """Compute in float32, not in TF32: that has about bf16's precision, too little to compare results."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def on_gpu(batch: PairBatch) -> PairBatch:
    parts = (batch.content, batch.target, batch.style, batch.glimpse)
    content, *others = (None if one is None else one.to(GPU) for one in parts)
    assert content is not None
    return PairBatch(content, *others)


def figures(config: Config, steps: int = 3, *, from_images: int = 0) -> list[dict[str, float]]:
    """Metrics of a few steps of a tiny experiment."""
    state = build_state(config)
    state.images_seen = from_images
    reports = [train_step(state, [on_gpu(tiny_batch(step, config))], config.train).metrics() for step in range(steps)]
    return [{name: float(value) for name, value in report.items()} for report in reports]


def assert_near(found: list[dict[str, float]], expected: list[dict[str, float]], relative: float) -> None:
    """Compare with a relative tolerance, and an absolute one of a tenth of it: an adversarial loss may be near 0."""
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other, rel=relative, abs=relative / 10)


@pytest.mark.parametrize("name", ["pix2pix-2017", "watercolor", "distill", "multi-style"])
@pytest.mark.parametrize(
    ("changes", "relative"),
    [
        (("train.channels_last=true",), 1e-3),
        (("train.channels_last=true", "train.compile=true"), 1e-3),
        (("train.channels_last=true", "train.compile=true", "train.cuda_graphs=true"), 1e-3),
        (("train.channels_last=true", "train.compile=true", "train.precision=bf16"), 0.1),
        (("train.precision=fp16",), 0.1),
    ],
    ids=["channels_last", "compiled", "cuda graphs", "bf16", "fp16"],
)
def test_fast_settings_compute_what_the_cpu_computes(
    name: str, changes: tuple[str, ...], relative: float, tmp_path: Path
) -> None:
    """With the adversarial loss and the feature losses active, which some recipes begin later."""
    gpu = tiny_experiment(name, tmp_path, "train.device=cuda", *changes)
    cpu_config = tiny_experiment(name, tmp_path, "train.device=cpu")
    late = gpu.train.images // 2
    found = figures(gpu, from_images=late)
    state = build_state(cpu_config)
    state.images_seen = late
    expected = [train_step(state, [tiny_batch(step, cpu_config)], cpu_config.train).metrics() for step in range(3)]
    shares = ("share_right",)  # shares of patches jump when a logit changes by a rounding error
    plain = [{k: float(v) for k, v in step.items() if not k.endswith(shares)} for step in expected]
    assert_near([{k: v for k, v in step.items() if not k.endswith(shares)} for step in found], plain, relative)


@contextmanager
def synchronization_is_an_error() -> Iterator[None]:
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("change", ["train.compile=false", "train.compile=true", "train.precision=fp16"])
@pytest.mark.parametrize("name", NAMES)
def test_a_step_does_not_synchronize(name: str, change: str, tmp_path: Path) -> None:
    config = tiny_experiment(name, tmp_path, "train.device=cuda", change)
    state = build_state(config)
    state.images_seen = config.train.images // 2
    batch = on_gpu(tiny_batch(0, config))
    for _ in range(3):  # compile, and choose cuDNN kernels
        train_step(state, [batch], config.train)
    with synchronization_is_an_error():
        train_step(state, [batch], config.train)


def test_loading_does_not_synchronize(experiment: Experiment) -> None:
    config = experiment("train.device=cuda", "train.images=400")
    material, augment = open_training_data(config), config.train.augment
    pairs = decode_to_memory(material, material.entries, augment)
    stream = CropStream(material, augment, 0, pairs, glimpses=True)
    parts = load_batches(stream, config.train, start=0, device=GPU)
    next(parts)
    with synchronization_is_an_error():
        for _ in range(5):
            next(parts)


@pytest.mark.parametrize("limit_gb", [0.0, 1.0], ids=["prefetched", "kept on the GPU"])
def test_batches_on_the_gpu_equal_those_on_the_cpu(limit_gb: float, experiment: Experiment) -> None:
    config = experiment("train.device=cuda", f"train.pairs_on_device_gb={limit_gb}", "train.augment.flip=true")
    material, augment = open_training_data(config), config.train.augment
    pairs = decode_to_memory(material, material.entries, augment)
    stream = CropStream(material, augment, 0, pairs, glimpses=True)
    there = load_batches(stream, config.train, start=0, device=GPU)
    here = load_batches(stream, config.train, start=0, device=torch.device("cpu"))
    for (found,), (expected,) in zip(there, here, strict=True):
        for name in (field.name for field in dataclasses.fields(PairBatch)):
            one, other = getattr(found, name), getattr(expected, name)
            assert (one is None) == (other is None)
            if one is not None:
                assert one.device.type == "cuda"
                assert one.stride() == other.stride()
                torch.testing.assert_close(one.cpu(), other, rtol=0, atol=1e-6)


@pytest.mark.parametrize("change", ["train.precision=fp32", "train.precision=bf16", "train.compile=true"])
def test_a_run_resumes_on_the_gpu(change: str, tmp_path: Path, experiment: Experiment) -> None:
    """The run begins on the CPU and is resumed on the GPU."""
    base = (*ADVERSARIAL, "train.checkpoint_every_images=24", *([change] if "precision" in change else []))
    train(experiment(*base, "train.images=24"), tmp_path / "run")
    report = train(experiment(*base, "train.images=48", "train.device=cuda", change), tmp_path / "run", resume=True)
    assert report.images_seen == 48
    assert report.skipped_steps == 0
    again = train(experiment(*base, "train.images=72", "train.device=cuda", change), tmp_path / "run", resume=True)
    assert again.images_seen == 72


def test_the_out_of_memory_error_names_settings_to_lower(experiment: Experiment) -> None:
    config = experiment("train.device=cuda", "train.batch=64")
    with pytest.raises(Exception, match=r"train\.batch"), explain_out_of_memory(config):
        torch.empty(2**50, dtype=torch.uint8, device=GPU)


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
def test_torchrun_by_nccl(tmp_path: Path, experiment: Experiment) -> None:
    config = experiment(*ADVERSARIAL, "train.device=cuda")
    code, _, said = finish(popen(config, tmp_path / "run", torch.cuda.device_count()))
    assert code == 0, said
