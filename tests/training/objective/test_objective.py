"""Which loss terms an objective computes, from which tensors, and with which weights."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from objective_parts import (
    JOHNSON_LOSSES,
    LAYERS,
    PIXEL_LOSSES,
    compute_losses,
    make_batch,
    make_discriminator,
    seeded_images,
)
from torch import Tensor, nn

from pix2style import losses
from pix2style.config import Config
from pix2style.errors import ArtifactError, ConfigError
from pix2style.runs.networks import build_generator
from pix2style.training.batch import PairBatch
from pix2style.training.objective.objective import Objective, build_objective
from pix2style.training.objective.terms import TERMS, LossTerm


def _expected_term(name: str, config: Config) -> Tensor:
    """A loss term, computed without the objective."""
    output, target, content = seeded_images(2), seeded_images(1), seeded_images(0)
    if name in PIXEL_LOSSES:
        loss = getattr(losses, name)
        return loss(output) if name == "total_variation" else loss(output, target)
    network = build_objective(config).feature_network
    assert network is not None
    features = network(output)
    if name == "perceptual":
        return losses.perceptual(features, network(target), LAYERS)
    if name == "content":
        return losses.content(features, network(content), LAYERS)
    return losses.gram_distance(losses.grams(features, LAYERS), losses.grams(network(target), LAYERS), LAYERS)


@pytest.mark.parametrize("name", [*PIXEL_LOSSES, "perceptual", "style", "content"])
def test_a_single_term_is_its_loss_function_and_the_total_is_weighted(name: str, config: Callable[..., Config]) -> None:
    key = f"losses.{name}" if name in PIXEL_LOSSES else f"losses.{name}.weight"
    weighted = config(f"{key}=2.5")
    result = compute_losses(build_objective(weighted), weighted)
    assert set(result.metrics()) == {"total", name}
    torch.testing.assert_close(result.terms[name], _expected_term(name, weighted))
    torch.testing.assert_close(result.total, 2.5 * result.terms[name])


def test_the_total_is_the_weighted_sum_of_the_terms(config: Callable[..., Config]) -> None:
    weights = {"l1": 3.0, "color": 2.0, "total_variation": 0.5, "content.weight": 1.5}
    weighted = config(*(f"losses.{key}={value}" for key, value in weights.items()))
    result = compute_losses(build_objective(weighted), weighted)
    weight_by_term = {key.split(".")[0]: value for key, value in weights.items()}
    assert set(result.metrics()) == {"total", *weight_by_term}
    expected = sum(value * float(result.terms[name]) for name, value in weight_by_term.items())
    assert float(result.total) == pytest.approx(expected, rel=1e-5)


def test_terms_of_weight_0_are_not_computed(config: Callable[..., Config], monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []
    for name in losses.__all__:
        original = getattr(losses, name)
        if callable(original):
            monkeypatch.setattr(losses, name, _recording(original, name, called))
    weighted = config("losses.charbonnier=1")
    objective = build_objective(weighted)
    assert objective.feature_network is None  # nor is the network loaded
    objective.generator_losses(seeded_images(2), make_batch(), None, images_seen=0)
    assert called == ["charbonnier"]


def _recording(original: Callable[..., Any], name: str, called: list[str]) -> Callable[..., Any]:
    def recorded(*args: Any, **kwargs: Any) -> Any:
        called.append(name)
        return original(*args, **kwargs)

    return recorded


def test_the_feature_network_runs_once_per_image(config: Callable[..., Config]) -> None:
    weighted = config("losses.perceptual.weight=1", "losses.style.weight=1", "losses.content.weight=1")
    objective = build_objective(weighted)
    assert objective.feature_network is not None
    inputs: list[Tensor] = []
    objective.feature_network.register_forward_hook(lambda _, args, __: inputs.append(args[0]))
    output = seeded_images(2).requires_grad_()
    result = objective.generator_losses(output, make_batch(), None, images_seen=0)
    assert len(inputs) == 3  # output, target, content
    assert {images.detach().numpy().tobytes() for images in inputs} == {
        seeded_images(i).numpy().tobytes() for i in range(3)
    }
    result.total.backward()
    assert output.grad is not None


def test_unpaired_training_names_the_losses_that_need_targets(config: Callable[..., Config]) -> None:
    with pytest.raises(ConfigError, match=r"losses\.ms_ssim, losses\.adversarial, losses\.style \(to: target\)"):
        config(
            "train.unpaired=true", "losses.ms_ssim=1", "losses.adversarial.weight=1", "losses.style.weight=1"
        )  # fmt: skip


def test_the_balance_keeps_style_in_proportion_to_content(config: Callable[..., Config]) -> None:
    weighted = config(*JOHNSON_LOSSES, "losses.balance.style_to_content=3")
    objective = build_objective(weighted)
    first = compute_losses(objective, weighted, 0)
    assert first.style_balance is not None
    assert float(first.style_balance) == 0
    result = compute_losses(objective, weighted, 2)
    assert result.style_balance is not None
    assert float(result.style_balance * 2 * result.terms["style"]) == pytest.approx(
        3 * float(result.terms["content"]), rel=1e-5
    )
    expected = (
        result.terms["content"]
        + 0.1 * result.terms["total_variation"]
        + result.style_balance * 2 * result.terms["style"]
    )
    torch.testing.assert_close(result.total, expected)


def test_the_balance_is_part_of_the_resume_state(config: Callable[..., Config]) -> None:
    weighted = config(*JOHNSON_LOSSES, "losses.balance.style_to_content=3")
    objective, resumed = build_objective(weighted), build_objective(weighted)
    compute_losses(objective, weighted, 0)
    resumed.load_resume_state(objective.resume_state())
    assert torch.equal(compute_losses(objective, weighted, 2).total, compute_losses(resumed, weighted, 2).total)


def test_without_a_balance_the_resume_state_is_empty(config: Callable[..., Config]) -> None:
    assert build_objective(config("losses.l1=1")).resume_state() == {}


def test_the_feature_network_stays_frozen_and_in_eval_mode(config: Callable[..., Config]) -> None:
    objective = build_objective(config("losses.content.weight=1")).train()
    assert objective.feature_network is not None
    assert not objective.feature_network.training
    assert not any(parameter.requires_grad for parameter in objective.parameters())


def test_unknown_layers_and_missing_weights_are_errors(config: Callable[..., Config]) -> None:
    with pytest.raises(ConfigError, match="there is no layer 'enc9'"):
        build_objective(config("losses.content.weight=1", "losses.content.layers={enc9: 1}"))
    with pytest.raises(ArtifactError, match="nowhere"):
        build_objective(config("losses.content.weight=1", "losses.features.weights=nowhere.safetensors"))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_totals_are_float32_under_autocast(dtype: torch.dtype, config: Callable[..., Config]) -> None:
    weighted = config(
        "losses.l1=1", "losses.charbonnier=1", "losses.ms_ssim=1", "losses.color=1", "losses.total_variation=1",
        "losses.feature_matching=1", "losses.perceptual.weight=1", "losses.style.weight=1", "losses.content.weight=1",
        "losses.adversarial={weight: 1, kind: relativistic, r1: 1, r2: 1}", "losses.consistency.weight=1",
    )  # fmt: skip
    objective, network = build_objective(weighted), make_discriminator(weighted)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
        g = objective.generator_losses(
            seeded_images(2).to(dtype),
            make_batch(),
            network,
            images_seen=0,
            regenerate=lambda moved: moved.content.to(dtype),
        )
        d = objective.discriminator_losses(network, seeded_images(2).to(dtype), make_batch())
    for name, value in itertools.chain(g.metrics().items(), d.metrics().items()):
        assert value.dtype == torch.float32, name
        assert value.isfinite(), name


def _changed_by_step(network: nn.Module, loss: Callable[[], Tensor]) -> bool:
    """Whether a step of gradient descent on a loss changes the network."""
    before = [p.detach().clone() for p in network.parameters()]
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(loss(), inputs=list(network.parameters()))
    optimizer.step()
    return any(not torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))


def test_compiled_networks_learn_in_their_own_step_only(config: Callable[..., Config]) -> None:
    """pytorch #139476: a compiled network must neither lose its gradients nor get those of the other network."""
    weighted = config(
        "losses.adversarial={weight: 1, kind: relativistic, r1: 0.1}",
        "losses.feature_matching=1",
        "losses.perceptual.weight=1",
        "model.generator=lite",
        "model.lite={channels: 8, blocks: 1, scale: 2}",
    )
    torch.manual_seed(0)
    generator, discriminator = build_generator(weighted.model), make_discriminator(weighted)
    objective = build_objective(weighted)
    assert objective.feature_network is not None
    for network in (generator, discriminator, objective.feature_network):
        network.compile(backend="aot_eager")
    for step in range(2):
        _check_one_round(generator, discriminator, objective, images_seen=2 * step)


def _check_one_round(generator: nn.Module, discriminator: nn.Module, objective: Objective, images_seen: int) -> None:
    batch = make_batch()
    output = generator(batch.content)
    before = [p.detach().clone() for p in generator.parameters()]
    assert _changed_by_step(
        discriminator, lambda: objective.discriminator_losses(discriminator, output.detach(), batch).total
    )
    assert all(torch.equal(a, b) for a, b in zip(before, generator.parameters(), strict=True))
    before = [p.detach().clone() for p in discriminator.parameters()]
    assert _changed_by_step(
        generator,
        lambda: objective.generator_losses(output, batch, discriminator, images_seen=images_seen).total,
    )
    assert all(torch.equal(a, b) for a, b in zip(before, discriminator.parameters(), strict=True))


@pytest.mark.parametrize(("every", "start"), [(1, 0), (3, 0), (3, 8), (1, 7)])
def test_feature_losses_of_every_nth_step_have_n_times_the_weight(
    config: Callable[..., Config], every: int, start: int
) -> None:
    extra = (f"losses.features.every={every}", f"losses.features.start_images={start}", "train.batch=2")
    objective = build_objective(config("losses.l1=1", "losses.style.weight=2", *extra))
    computed = []
    for images_seen in range(0, 24, 2):
        result = objective.generator_losses(seeded_images(2), make_batch(), None, images_seen=images_seen)
        computed.append("style" in result.terms)
        expected = result.terms["l1"] + (2 * every * result.terms["style"] if "style" in result.terms else 0)
        torch.testing.assert_close(result.total, expected)
    steps = range(1, 13)
    assert computed == [step % every == 0 and 2 * (step - 1) >= start for step in steps]


def test_the_balance_needs_the_feature_network_in_every_step(config: Callable[..., Config]) -> None:
    for wrong in ("losses.features.every=2", "losses.features.start_images=1"):
        with pytest.raises(ConfigError, match=r"balance.style_to_content needs style and content in every step"):
            config(*JOHNSON_LOSSES, "train.unpaired=true", "losses.balance.style_to_content=1", wrong)


def test_the_configuration_chooses_the_relative_gram_distance(config: Callable[..., Config]) -> None:
    objective = build_objective(config("losses.l1=1", "losses.style.weight=1", "losses.style.distance=relative"))
    network = objective.feature_network
    assert network is not None
    result = objective.generator_losses(seeded_images(2), make_batch(), None, images_seen=0)
    batch = make_batch()
    assert batch.target is not None
    expected = losses.relative_gram_distance(
        losses.grams(network(seeded_images(2)), LAYERS), losses.grams(network(batch.target), LAYERS), LAYERS
    )
    torch.testing.assert_close(result.terms["style"], expected)


_WEIGHT_KEYS = {
    "adversarial": "losses.adversarial.weight",
    "perceptual": "losses.perceptual.weight",
    "style": "losses.style.weight",
    "painting_style": "losses.style.painting_weight",
    "content": "losses.content.weight",
    "consistency": "losses.consistency.weight",
}


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term.name)
def test_the_configuration_names_the_terms_that_compare_with_targets(
    term: LossTerm, config: Callable[..., Config]
) -> None:
    """`LossesConfig.paired_keys` is written by hand beside the table of terms."""
    changes = [f"{_WEIGHT_KEYS.get(term.name, f'losses.{term.name}')}=1"]
    if term.name == "feature_matching":
        changes.append("losses.adversarial={weight: 1, kind: relativistic}")
    weighted = config(*changes)
    assert term.weight(weighted.losses) == 1
    objective, unpaired = build_objective(weighted), PairBatch(seeded_images(0), None, None)
    discriminator = make_discriminator(weighted) if weighted.losses.adversarial.weight > 0 else None
    if term.needs == "discriminator":
        # Of the generator's losses "adversarial" reads targets for one kind only, but the discriminator always does.
        with pytest.raises(ValueError, match="this batch has none"):
            objective.discriminator_losses(make_discriminator(weighted), seeded_images(2), unpaired)
        assert any(term.name in key for key in weighted.losses.paired_keys)
    elif weighted.losses.paired_keys:
        with pytest.raises(ValueError, match="this batch has none"):
            objective.generator_losses(seeded_images(2), unpaired, discriminator, images_seen=0)
    else:
        result = objective.generator_losses(
            seeded_images(2), unpaired, discriminator, images_seen=0, regenerate=lambda moved: moved.content
        )
        assert set(result.terms) == {term.name}
