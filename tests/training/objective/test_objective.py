"""Which losses are computed, from what, and how they are weighed."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from objective_parts import JOHNSON, LAYERS, PIXELS, batch_of, computed, judge_of, pictures_of
from torch import Tensor, nn

from pix2style import losses
from pix2style.config import Config
from pix2style.errors import ArtifactError, ConfigError
from pix2style.runs.networks import build_generator
from pix2style.training.objective.objective import Objective, build_objective


def _manual(name: str, config: Config) -> Tensor:
    """A part computed by hand."""
    output, target, content = pictures_of(2), pictures_of(1), pictures_of(0)
    if name in PIXELS:
        loss = getattr(losses, name)
        return loss(output) if name == "total_variation" else loss(output, target)
    features = build_objective(config).features
    assert features is not None
    found = features(output)
    if name == "perceptual":
        return losses.perceptual(found, features(target), LAYERS)
    if name == "content":
        return losses.content(found, features(content), LAYERS)
    return losses.gram_distance(losses.grams(found, LAYERS), losses.grams(features(target), LAYERS), LAYERS)


@pytest.mark.parametrize("name", [*PIXELS, "perceptual", "style", "content"])
def test_a_part_is_the_loss_and_the_total_its_weight(name: str, config: Callable[..., Config]) -> None:
    key = f"losses.{name}" if name in PIXELS else f"losses.{name}.weight"
    weighed = config(f"{key}=2.5")
    found = computed(build_objective(weighed), weighed)
    assert set(found.computed()) == {"total", name}
    torch.testing.assert_close(getattr(found, name), _manual(name, weighed))
    torch.testing.assert_close(found.total, 2.5 * getattr(found, name))


def test_the_total_is_the_weighted_sum(config: Callable[..., Config]) -> None:
    weights = {"l1": 3.0, "color": 2.0, "total_variation": 0.5, "content.weight": 1.5}
    weighed = config(*(f"losses.{key}={value}" for key, value in weights.items()))
    found = computed(build_objective(weighed), weighed)
    parts = {key.split(".")[0]: value for key, value in weights.items()}
    assert set(found.computed()) == {"total", *parts}
    expected = sum(value * float(getattr(found, name)) for name, value in parts.items())
    assert float(found.total) == pytest.approx(expected, rel=1e-5)


def test_weight_0_is_not_computed(config: Callable[..., Config], monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []
    for name in losses.__all__:
        original = getattr(losses, name)
        if callable(original):
            monkeypatch.setattr(losses, name, _noting(original, name, called))
    weighed = config("losses.charbonnier=1")
    objective = build_objective(weighed)
    assert objective.features is None  # nothing is loaded either
    objective.generator_losses(pictures_of(2), batch_of(), None, images_seen=0)
    assert called == ["charbonnier"]


def _noting(original: Callable[..., Any], name: str, called: list[str]) -> Callable[..., Any]:
    def noted(*args: Any, **kwargs: Any) -> Any:
        called.append(name)
        return original(*args, **kwargs)

    return noted


def test_features_run_once_for_each_picture(config: Callable[..., Config]) -> None:
    weighed = config("losses.perceptual.weight=1", "losses.style.weight=1", "losses.content.weight=1")
    objective = build_objective(weighed)
    assert objective.features is not None
    seen: list[Tensor] = []
    objective.features.register_forward_hook(lambda _, given, __: seen.append(given[0]))
    output = pictures_of(2).requires_grad_()
    found = objective.generator_losses(output, batch_of(), None, images_seen=0)
    assert len(seen) == 3  # output, target, content
    assert {one.numpy().tobytes() for one in map(Tensor.detach, seen)} == {
        pictures_of(i).numpy().tobytes() for i in range(3)
    }
    found.total.backward()
    assert output.grad is not None


def test_unpaired_names_the_losses_that_need_targets(config: Callable[..., Config]) -> None:
    with pytest.raises(ConfigError, match=r"losses\.ms_ssim, losses\.adversarial, losses\.style \(to: target\)"):
        config(
            "train.unpaired=true", "losses.ms_ssim=1", "losses.adversarial.weight=1", "losses.style.weight=1"
        )  # fmt: skip


def test_the_balance_holds_style_to_content(config: Callable[..., Config]) -> None:
    weighed = config(*JOHNSON, "losses.balance.style_to_content=3")
    objective = build_objective(weighed)
    first = computed(objective, weighed, 0)
    assert first.style_balance is not None
    assert float(first.style_balance) == 0
    found = computed(objective, weighed, 2)
    assert found.style_balance is not None
    assert found.style is not None
    assert found.content is not None
    assert found.total_variation is not None
    assert float(found.style_balance * 2 * found.style) == pytest.approx(3 * float(found.content), rel=1e-5)
    expected = found.content + 0.1 * found.total_variation + found.style_balance * 2 * found.style
    torch.testing.assert_close(found.total, expected)


def test_the_balance_is_remembered(config: Callable[..., Config]) -> None:
    weighed = config(*JOHNSON, "losses.balance.style_to_content=3")
    one, other = build_objective(weighed), build_objective(weighed)
    computed(one, weighed, 0)
    other.load_resume_state(one.resume_state())
    assert torch.equal(computed(one, weighed, 2).total, computed(other, weighed, 2).total)


def test_without_a_balance_there_is_nothing_to_remember(config: Callable[..., Config]) -> None:
    assert build_objective(config("losses.l1=1")).resume_state() == {}


def test_the_feature_network_stays_frozen_and_in_eval_mode(config: Callable[..., Config]) -> None:
    objective = build_objective(config("losses.content.weight=1")).train()
    assert objective.features is not None
    assert not objective.features.training
    assert not any(parameter.requires_grad for parameter in objective.parameters())


def test_what_the_configuration_names_must_be_there(config: Callable[..., Config]) -> None:
    with pytest.raises(ConfigError, match="there is no layer 'enc9'"):
        build_objective(config("losses.content.weight=1", "losses.content.layers={enc9: 1}"))
    with pytest.raises(ArtifactError, match="nowhere"):
        build_objective(config("losses.content.weight=1", "losses.features.weights=nowhere.safetensors"))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_totals_are_float32_under_autocast(dtype: torch.dtype, config: Callable[..., Config]) -> None:
    weighed = config(
        "losses.l1=1", "losses.charbonnier=1", "losses.ms_ssim=1", "losses.color=1", "losses.total_variation=1",
        "losses.feature_matching=1", "losses.perceptual.weight=1", "losses.style.weight=1", "losses.content.weight=1",
        "losses.adversarial={weight: 1, kind: relativistic, r1: 1, r2: 1}",
    )  # fmt: skip
    objective, network = build_objective(weighed), judge_of(weighed)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
        g = objective.generator_losses(pictures_of(2).to(dtype), batch_of(), network, images_seen=0)
        d = objective.discriminator_losses(network, pictures_of(2).to(dtype), batch_of())
    for name, value in itertools.chain(g.computed().items(), d.computed().items()):
        assert value.dtype == torch.float32, name
        assert value.isfinite(), name


def _moved(network: nn.Module, step: Callable[[], Tensor]) -> bool:
    """Whether a step down a loss's gradient changes the network."""
    before = [p.detach().clone() for p in network.parameters()]
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(step(), inputs=list(network.parameters()))
    optimizer.step()
    return any(not torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))


def test_compiled_each_network_learns_in_its_own_step_alone(config: Callable[..., Config]) -> None:
    """pytorch #139476: what is compiled must neither lose its gradients nor take the other's."""
    weighed = config(
        "losses.adversarial={weight: 1, kind: relativistic, r1: 0.1}",
        "losses.feature_matching=1",
        "losses.perceptual.weight=1",
        "model.generator=lite",
        "model.lite={channels: 8, blocks: 1, scale: 2}",
    )
    torch.manual_seed(0)
    painter, judge, objective = build_generator(weighed.model), judge_of(weighed), build_objective(weighed)
    assert objective.features is not None
    for network in (painter, judge, objective.features):
        network.compile(backend="aot_eager")
    for step in range(2):
        _check_a_round(painter, judge, objective, images_seen=2 * step)


def _check_a_round(painter: nn.Module, judge: nn.Module, objective: Objective, images_seen: int) -> None:
    batch = batch_of()
    output = painter(batch.content)
    before = [p.detach().clone() for p in painter.parameters()]
    assert _moved(judge, lambda: objective.discriminator_losses(judge, output.detach(), batch).total)
    assert all(torch.equal(a, b) for a, b in zip(before, painter.parameters(), strict=True))
    before = [p.detach().clone() for p in judge.parameters()]
    assert _moved(painter, lambda: objective.generator_losses(output, batch, judge, images_seen=images_seen).total)
    assert all(torch.equal(a, b) for a, b in zip(before, judge.parameters(), strict=True))


@pytest.mark.parametrize(("every", "start"), [(1, 0), (3, 0), (3, 8), (1, 7)])
def test_the_feature_network_is_asked_seldom_and_so_many_times_as_loudly(
    config: Callable[..., Config], every: int, start: int
) -> None:
    extra = (f"losses.features.every={every}", f"losses.features.start_images={start}", "train.batch=2")
    objective = build_objective(config("losses.l1=1", "losses.style.weight=2", *extra))
    asked = []
    for images_seen in range(0, 24, 2):
        found = objective.generator_losses(pictures_of(2), batch_of(), None, images_seen=images_seen)
        asked.append(found.style is not None)
        assert found.l1 is not None
        expected = found.l1 + (2 * every * found.style if found.style is not None else 0)
        torch.testing.assert_close(found.total, expected)
    steps = range(1, 13)
    assert asked == [step % every == 0 and 2 * (step - 1) >= start for step in steps]


def test_a_balance_needs_the_feature_network_in_every_step(config: Callable[..., Config]) -> None:
    for wrong in ("losses.features.every=2", "losses.features.start_images=1"):
        with pytest.raises(ConfigError, match=r"balance.style_to_content needs both in every step"):
            config(*JOHNSON, "train.unpaired=true", "losses.balance.style_to_content=1", wrong)


def test_relative_gram_distance_is_chosen_by_the_configuration(config: Callable[..., Config]) -> None:
    objective = build_objective(config("losses.l1=1", "losses.style.weight=1", "losses.style.distance=relative"))
    features = objective.features
    assert features is not None
    found = objective.generator_losses(pictures_of(2), batch_of(), None, images_seen=0)
    batch = batch_of()
    assert batch.target is not None
    wanted = losses.relative_gram_distance(
        losses.grams(features(pictures_of(2)), LAYERS), losses.grams(features(batch.target), LAYERS), LAYERS
    )
    assert found.style is not None
    torch.testing.assert_close(found.style, wanted)
