"""One optimiser step: who learns from what, in parts or at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from functorch.compile import make_boxed_func, nop
from torch import Tensor, nn
from torch._dynamo.backends.common import aot_autograd

from pix2style.config import Config
from pix2style.errors import ConfigError
from pix2style.training.batch import PairBatch
from pix2style.training.step.build import build_state, compile_networks
from pix2style.training.step.device import compute_dtype
from pix2style.training.step.nonfinite import LossScale
from pix2style.training.step.state import TrainingState
from pix2style.training.step.train_step import discriminator_step, generate, generator_step, train_step

Experiment = Callable[..., Config]
ADVERSARIAL = ("losses.adversarial.weight=0.5", "losses.feature_matching=1")


def batch_of(images: int, seed: int = 0) -> PairBatch:
    noise = torch.Generator().manual_seed(seed)
    content, target = (torch.rand(images, 3, 32, 32, generator=noise) * 2 - 1 for _ in range(2))
    return PairBatch(content, target, None)


def split(batch: PairBatch, count: int) -> list[PairBatch]:
    assert batch.target is not None
    return [
        PairBatch(content, target, None)
        for content, target in zip(batch.content.chunk(count), batch.target.chunk(count), strict=True)
    ]


def weights(network: nn.Module | None) -> list[Tensor]:
    assert network is not None
    return [parameter.detach().clone() for parameter in network.parameters()]


def equal(first: list[Tensor], second: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_a_step_updates_both_networks(experiment: Experiment) -> None:
    config = experiment(*ADVERSARIAL)
    state = build_state(config)
    g, d = weights(state.generator), weights(state.discriminator)
    train_step(state, [batch_of(4)], config.train)
    assert not equal(g, weights(state.generator))
    assert not equal(d, weights(state.discriminator))
    assert (state.step, state.images_seen) == (1, 4)


@pytest.mark.usefixtures("fresh_compiler")
@pytest.mark.parametrize("compiled", [False, True])
def test_each_step_updates_its_own_network_only(experiment: Experiment, compiled: bool) -> None:
    """A compiled network gets its own gradients and not those of the other network (pytorch #139476)."""
    config = experiment(*ADVERSARIAL)
    state = build_state(config)
    if compiled:
        compile_networks(state, backend="aot_eager")  # traces and splits like inductor, without a C++ compiler
    batch = [batch_of(4)]
    outputs = [generate(state, batch[0], config.train)]
    g, d = weights(state.generator), weights(state.discriminator)
    discriminator_step(state, batch, outputs, config.train)
    assert equal(g, weights(state.generator))
    assert all(parameter.grad is None for parameter in state.generator.parameters())
    assert not equal(d, weights(state.discriminator))
    d = weights(state.discriminator)
    generator_step(state, batch, outputs, config.train)
    assert equal(d, weights(state.discriminator))
    assert not equal(g, weights(state.generator))
    assert not any("_orig_mod" in name for name in state.generator.state_dict())


@pytest.mark.usefixtures("fresh_compiler")
def test_the_generator_step_computes_no_gradients_of_a_compiled_discriminator(experiment: Experiment) -> None:
    """The compiled backward pass computes the gradient of whatever required one in the forward pass."""
    asked: list[int] = []

    def counted(graph: torch.fx.GraphModule, _: object) -> object:
        [outputs] = next(node for node in graph.graph.nodes if node.op == "output").args
        asked.append(sum(one is not None for one in outputs))
        return make_boxed_func(graph)

    backend = aot_autograd(fw_compiler=nop, bw_compiler=counted)
    config = experiment(*ADVERSARIAL)
    state = build_state(config)
    assert state.discriminator is not None
    state.discriminator.compile(backend=backend)
    batch = [batch_of(4)]
    outputs = [generate(state, batch[0], config.train)]
    discriminator_step(state, batch, outputs, config.train)
    assert set(asked) == {len(list(state.discriminator.parameters()))}
    asked.clear()
    generator_step(state, batch, outputs, config.train)
    assert set(asked) == {1}  # the gradient of the image only
    assert all(parameter.requires_grad for parameter in state.discriminator.parameters())


def gradients(state: TrainingState) -> list[Tensor]:
    assert state.discriminator is not None
    both = [*state.generator.parameters(), *state.discriminator.parameters()]
    return [parameter.grad.clone() for parameter in both if parameter.grad is not None]


@pytest.mark.parametrize("model", ["lite", "unet"])
@pytest.mark.parametrize("kind", ["lsgan", "relativistic"])
def test_micro_batches_give_the_same_step_as_one_batch(experiment: Experiment, model: str, kind: str) -> None:
    """Up to rounding: in both networks, gradients differ by less than 1e-5 of the largest gradient."""
    config = experiment(
        *ADVERSARIAL, f"model.generator={model}", f"losses.adversarial.kind={kind}", "losses.adversarial.r1=0.1"
    )
    batch, found = batch_of(4), []
    for parts in (1, 4):
        state = build_state(config)
        report = train_step(state, split(batch, parts), config.train)
        found.append((report, gradients(state), state.images_seen))
    (whole, g_whole, seen_whole), (pieces, g_pieces, seen_pieces) = found
    assert seen_whole == seen_pieces == 4
    for name, value in whole.metrics().items():
        torch.testing.assert_close(pieces.metrics()[name], value, rtol=1e-4, atol=1e-6, msg=name)
    largest = max(float(g.abs().max()) for g in g_whole)
    for a, b in zip(g_whole, g_pieces, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-5 * largest)


def test_the_generator_is_trained_against_the_updated_discriminator(experiment: Experiment) -> None:
    """The discriminator has a high learning rate, so that its logits before and after its step differ clearly."""
    config = experiment("losses.l1=1", "losses.adversarial.weight=1", "train.discriminator.lr=0.05")
    figures = []
    for parts in (1, 2):
        state = build_state(config)
        figures.append(train_step(state, split(batch_of(4), parts), config.train).metrics()["generator/adversarial"])
        assert state.discriminator is not None
        stale = build_state(config)
        output = generate(stale, batch_of(4), config.train).image
        losses = stale.objective.generator_losses(output, batch_of(4), stale.discriminator, images_seen=0)
        before = losses.terms["adversarial"]
        assert abs(float(before.detach()) - float(figures[-1])) > 0.01
    torch.testing.assert_close(figures[0], figures[1], rtol=1e-4, atol=1e-6)


def test_a_repeated_forward_pass_has_the_same_dropout(experiment: Experiment) -> None:
    """With several micro-batches the generator's pass is computed twice: another dropout would give wrong gradients."""
    config = experiment("model.generator=unet-2017", "losses.l1=1", "losses.adversarial.weight=0")
    state = build_state(config)
    batch, found = batch_of(2), []
    for repeat in (False, True):
        torch.manual_seed(5)
        state.generator.zero_grad()
        output = generate(state, batch, config.train, repeat=repeat).image
        torch.randn(100)  # random numbers that the discriminator's step draws in between
        output.square().mean().backward()
        found.append(
            [parameter.grad.clone() for parameter in state.generator.parameters() if parameter.grad is not None]
        )
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b)


def test_bf16_uses_the_updated_discriminator(experiment: Experiment) -> None:
    """autocast caches converted weights: those from before the discriminator's step must not be used."""
    figures = []
    for precision in ("fp32", "bf16"):
        config = experiment(
            "losses.l1=1", "losses.adversarial.weight=1", "train.discriminator.lr=0.05", f"train.precision={precision}"
        )
        state = build_state(config)
        figures.append(float(train_step(state, [batch_of(4)], config.train).metrics()["generator/adversarial"]))
    assert figures[1] == pytest.approx(figures[0], rel=0.05)


def test_fp16_is_refused_without_a_gpu(experiment: Experiment) -> None:
    config = experiment("train.precision=fp16")
    with pytest.raises(ConfigError, match="fp16 is for GPUs"):
        compute_dtype(config.train, torch.device("cpu"))


@pytest.mark.parametrize(("is_native", "expected"), [(True, torch.bfloat16), (False, torch.float32)])
def test_gpus_that_only_emulate_bf16_compute_in_fp32(
    is_native: bool, expected: torch.dtype, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_bf16_supported(including_emulation: bool = True) -> bool:
        return is_native or including_emulation

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", is_bf16_supported)
    assert compute_dtype(experiment("train.precision=auto").train, torch.device("cuda")) == expected


def test_the_loss_scale_cancels_out_and_adapts_to_overflows(experiment: Experiment) -> None:
    """The loss scale of fp16, in float32, which the CPU can compute."""
    config = experiment(*ADVERSARIAL)
    plain, scaled = build_state(config), build_state(config)
    scaled.generator_scale, scaled.discriminator_scale = (LossScale(scaled.device) for _ in range(2))
    for state in (plain, scaled):
        train_step(state, [batch_of(4)], config.train)
    for a, b in zip(weights(plain.generator), weights(scaled.generator), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)
    scale = LossScale(torch.device("cpu"))
    first = float(scale.value)
    scale.update(torch.tensor(True))
    assert float(scale.value) == first / 2
    for _ in range(2000):
        scale.update(torch.tensor(False))
    assert float(scale.value) == first


def _used_gradient(experiment: Experiment, *changes: str) -> Tensor:
    """Return the gradient that the generator's Adam used in its first step: its first moment divided by 1 - beta1."""
    config = experiment("train.generator.beta1=0.5", *changes)
    state = build_state(config)
    torch.manual_seed(0)
    train_step(state, [batch_of(4)], config.train)
    moments = [entry["exp_avg"] for entry in state.generator_optimizer.state.values()]
    return torch.cat([one.flatten() for one in moments]) / 0.5


def test_clipping_shortens_the_gradient_and_keeps_its_direction(experiment: Experiment) -> None:
    free = _used_gradient(experiment)
    length = float(free.norm())
    torch.testing.assert_close(_used_gradient(experiment, f"train.generator.clip_norm={2 * length}"), free)
    short = _used_gradient(experiment, f"train.generator.clip_norm={length / 4}")
    torch.testing.assert_close(short, free / 4, rtol=1e-4, atol=1e-7)
