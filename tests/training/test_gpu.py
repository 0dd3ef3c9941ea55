"""What only a GPU shows: the fast path computes what the plain one does, and waits for nothing.

Skipped where there is none, as on the project's gate; pipelines/gpu.sh runs them where there is one.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from launch import finish, popen

sys.path.append(str(Path(__file__).parents[1] / "golden"))
from make import tiny_batch, tiny_experiment

from pix2style.config import Config
from pix2style.training.advance import advance
from pix2style.training.data import PairBatch, PairStream, batches
from pix2style.training.decoded import decode
from pix2style.training.loop import train
from pix2style.training.material import open_material
from pix2style.training.memory import out_of_memory_explained
from pix2style.training.state import build_state

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

Experiment = Callable[..., Config]
GPU = torch.device("cuda")
LITE_AND_GAME = ("losses.adversarial={weight: 0.5, kind: hinge}", "losses.feature_matching=1")


@pytest.fixture(autouse=True)
def exact_products() -> Iterator[None]:
    """float32 as it is written, not TF32, which has bf16's precision: else nothing could be compared."""
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
    """Of a few steps of a tiny experiment."""
    state = build_state(config)
    state.images_seen = from_images
    reports = [advance(state, [on_gpu(tiny_batch(step, config))], config).figures() for step in range(steps)]
    return [{name: float(value) for name, value in report.items()} for report in reports]


def assert_near(found: list[dict[str, float]], expected: list[dict[str, float]], relative: float) -> None:
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other, rel=relative, abs=1e-4)


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
def test_fast_ways_compute_what_the_cpu_does(
    name: str, changes: tuple[str, ...], relative: float, tmp_path: Path
) -> None:
    """Also while the game is played and the feature network asked, which some recipes begin later."""
    gpu = tiny_experiment(name, tmp_path, "train.device=cuda", *changes)
    cpu_config = tiny_experiment(name, tmp_path, "train.device=cpu")
    late = gpu.train.images // 2
    found = figures(gpu, from_images=late)
    state = build_state(cpu_config)
    state.images_seen = late
    expected = [advance(state, [tiny_batch(step, cpu_config)], cpu_config).figures() for step in range(3)]
    shares = ("share_right",)  # of patches: they jump where a logit moves by a rounding
    plain = [{k: float(v) for k, v in step.items() if not k.endswith(shares)} for step in expected]
    assert_near([{k: v for k, v in step.items() if not k.endswith(shares)} for step in found], plain, relative)


@pytest.mark.parametrize("compiled", ["false", "true"])
def test_a_step_and_its_pairs_wait_for_nothing(compiled: str, experiment: Experiment) -> None:
    config = experiment(*LITE_AND_GAME, "train.device=cuda", "train.images=4000", f"train.compile={compiled}")
    material, augment = open_material(config), config.train.augment
    state = build_state(config)
    pairs = decode(material, material.entries, augment)
    stream = PairStream(material, augment, 0, pairs, glimpses=state.sees_glimpse)
    parts = batches(stream, config.train, start=0, device=GPU)
    for _ in range(5):  # compiles, and chooses kernels
        advance(state, next(parts), config)
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(5):
            advance(state, next(parts), config)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert state.guard.read().in_all == 0


@pytest.mark.parametrize("limit_gb", [0.0, 1.0], ids=["brought there", "kept there"])
def test_pairs_get_there_unchanged(limit_gb: float, experiment: Experiment) -> None:
    config = experiment("train.device=cuda", f"train.pairs_on_device_gb={limit_gb}", "train.augment.flip=true")
    material, augment = open_material(config), config.train.augment
    pairs = decode(material, material.entries, augment)
    stream = PairStream(material, augment, 0, pairs, glimpses=True)
    there = batches(stream, config.train, start=0, device=GPU)
    here = batches(stream, config.train, start=0, device=torch.device("cpu"))
    for (found,), (expected,) in zip(there, here, strict=True):
        for name in (field.name for field in dataclasses.fields(PairBatch)):
            one, other = getattr(found, name), getattr(expected, name)
            assert (one is None) == (other is None)
            if one is not None:
                assert one.device.type == "cuda"
                assert one.stride() == other.stride()
                torch.testing.assert_close(one.cpu(), other, rtol=0, atol=1e-6)


@pytest.mark.parametrize("change", ["train.precision=bf16", "train.precision=fp16", "train.compile=true"])
def test_a_run_goes_on_where_it_was(change: str, tmp_path: Path, experiment: Experiment) -> None:
    """Begun on the CPU, gone on with on the GPU, in another precision."""
    base = (*LITE_AND_GAME, "train.checkpoint_every_images=24")
    train(experiment(*base, "train.images=24"), tmp_path / "run")
    report = train(experiment(*base, "train.images=48", "train.device=cuda", change), tmp_path / "run", resume=True)
    assert report.images_seen == 48
    assert report.skipped_steps == 0
    again = train(experiment(*base, "train.images=72", "train.device=cuda", change), tmp_path / "run", resume=True)
    assert again.images_seen == 72


def test_out_of_memory_says_what_to_lower(experiment: Experiment) -> None:
    config = experiment("train.device=cuda", "train.batch=64")
    with pytest.raises(Exception, match=r"train\.batch"), out_of_memory_explained(config):
        torch.empty(2**50, dtype=torch.uint8, device=GPU)


def test_torchrun_by_nccl(tmp_path: Path, experiment: Experiment) -> None:
    config = experiment(*LITE_AND_GAME, "train.device=cuda")
    code, _, said = finish(popen(config, tmp_path / "run", torch.cuda.device_count()))
    assert code == 0, said
