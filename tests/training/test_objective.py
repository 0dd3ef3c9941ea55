"""Which losses are computed, from what, and how they are weighed."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pix2style import losses
from pix2style.config import Config, parse_config
from pix2style.errors import ArtifactError, ConfigError
from pix2style.images import Image8, Picture, write_picture
from pix2style.nets.autoencoder import Autoencoder, save_autoencoder
from pix2style.nets.features import FeatureNetwork
from pix2style.runs.networks import build_discriminator, build_generator
from pix2style.training.data import PairBatch
from pix2style.training.loss_parts import DiscriminatorLosses, GeneratorLosses
from pix2style.training.objective import Objective, build_objective

_NOTHING = {"l1": 0, "adversarial": {"weight": 0}, "perceptual": {"weight": 0}}
_LAYERS = {"enc1": 1.0, "enc2": 0.5}
_PIXELS = ("l1", "charbonnier", "ms_ssim", "color", "total_variation")


@pytest.fixture(scope="module")
def autoencoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(3)
    path = tmp_path_factory.mktemp("features") / "autoencoder.safetensors"
    save_autoencoder(path, Autoencoder((4, 4, 4, 4)))
    return path


@pytest.fixture(scope="module")
def paintings(tmp_path_factory: pytest.TempPathFactory, photos: Callable[..., list[Image8]]) -> list[Path]:
    folder = tmp_path_factory.mktemp("paintings")
    files = [folder / f"painting-{i}.png" for i in range(3)]
    for file, photo in zip(files, photos(3, 40, 60), strict=True):
        write_picture(file, Picture(photo))
    return files


@pytest.fixture
def config(autoencoder: Path, paintings: list[Path]) -> Callable[..., Config]:
    """`config("losses.l1=1", ...)`: nothing is computed but what the changes ask for."""

    def build(*changes: str, **sections: Any) -> Config:
        base = {
            "pairs": {"style": str(paintings[0])},
            "model": {"discriminator": {"channels": 4, "layers": 1}},
            "losses": {
                **_NOTHING,
                "features": {"network": "autoencoder", "weights": str(autoencoder)},
                "style": {"layers": _LAYERS, "painting_side_px": 32},
                "content": {"layers": _LAYERS},
                "perceptual": {"weight": 0, "layers": _LAYERS},
            },
        }
        return parse_config({**base, **sections}, overrides=changes)

    return build


def _pictures(seed: int, batch: int = 2) -> Tensor:
    return torch.rand(batch, 3, 32, 32, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def _batch(batch: int = 2, style: Tensor | None = None) -> PairBatch:
    return PairBatch(_pictures(0, batch), _pictures(1, batch), style)


def _judge(config: Config) -> nn.Module:
    torch.manual_seed(5)
    return build_discriminator(config.model)


def _computed(objective: Objective, config: Config, images_seen: int = 0) -> GeneratorLosses:
    return objective.generator(_pictures(2), _batch(), _judge(config), images_seen=images_seen)


def _manual(name: str, config: Config) -> Tensor:
    """A part computed by hand."""
    output, target, content = _pictures(2), _pictures(1), _pictures(0)
    if name in _PIXELS:
        loss = getattr(losses, name)
        return loss(output) if name == "total_variation" else loss(output, target)
    features = build_objective(config).features
    assert features is not None
    found = features(output)
    if name == "perceptual":
        return losses.perceptual(found, features(target), _LAYERS)
    if name == "content":
        return losses.content(found, features(content), _LAYERS)
    return losses.gram_distance(losses.grams(found, _LAYERS), losses.grams(features(target), _LAYERS), _LAYERS)


@pytest.mark.parametrize("name", [*_PIXELS, "perceptual", "style", "content"])
def test_a_part_is_the_loss_and_the_total_its_weight(name: str, config: Callable[..., Config]) -> None:
    key = f"losses.{name}" if name in _PIXELS else f"losses.{name}.weight"
    weighed = config(f"{key}=2.5")
    found = _computed(build_objective(weighed), weighed)
    assert set(found.computed()) == {"total", name}
    torch.testing.assert_close(getattr(found, name), _manual(name, weighed))
    torch.testing.assert_close(found.total, 2.5 * getattr(found, name))


def test_the_total_is_the_weighted_sum(config: Callable[..., Config]) -> None:
    weights = {"l1": 3.0, "color": 2.0, "total_variation": 0.5, "content.weight": 1.5}
    weighed = config(*(f"losses.{key}={value}" for key, value in weights.items()))
    found = _computed(build_objective(weighed), weighed)
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
    objective.generator(_pictures(2), _batch(), None, images_seen=0)
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
    output = _pictures(2).requires_grad_()
    found = objective.generator(output, _batch(), None, images_seen=0)
    assert len(seen) == 3  # output, target, content
    assert {one.numpy().tobytes() for one in map(Tensor.detach, seen)} == {
        _pictures(i).numpy().tobytes() for i in range(3)
    }
    found.total.backward()
    assert output.grad is not None


@pytest.mark.parametrize("kind", losses.ADVERSARIAL_KINDS)
@pytest.mark.parametrize("judge", ["patch", "multiscale", "pixel"])
def test_adversarial_parts_are_means_over_scales(kind: str, judge: str, config: Callable[..., Config]) -> None:
    weighed = config(
        "losses.adversarial.weight=0.5",
        f"losses.adversarial.kind={kind}",
        "losses.feature_matching=3",
        f"model.discriminator.kind={judge}",
    )
    network, objective, batch = _judge(weighed), build_objective(weighed), _batch()
    found = objective.generator(_pictures(2), batch, network, images_seen=0)
    fake, real = network(batch.content, _pictures(2)), network(batch.content, batch.target)
    assert len(fake) == (2 if judge == "multiscale" else 1)
    each = [losses.adversarial_generator(kind, f[-1], r[-1]) for f, r in zip(fake, real, strict=True)]
    assert found.adversarial is not None
    assert found.feature_matching is not None
    torch.testing.assert_close(found.adversarial, torch.stack(each).mean())
    torch.testing.assert_close(found.feature_matching, losses.feature_matching(fake, real))
    torch.testing.assert_close(found.total, 0.5 * found.adversarial + 3 * found.feature_matching)
    d = objective.discriminator(network, _pictures(2), batch)
    each = [losses.adversarial_discriminator(kind, r[-1], f[-1]) for f, r in zip(fake, real, strict=True)]
    torch.testing.assert_close(d.total, torch.stack(each).mean())
    assert 0 <= float(d.real_share_right) <= 1


def test_shares_right_are_counted(config: Callable[..., Config]) -> None:
    class Sure(nn.Module):
        def forward(self, photo: Tensor, picture: Tensor) -> list[list[Tensor]]:
            return [[picture.mean(dim=1, keepdim=True)]]

    batch = PairBatch(torch.zeros(1, 3, 32, 32), torch.ones(1, 3, 32, 32), None)
    output = torch.ones(1, 3, 32, 32)
    output[..., :8] = -1
    shares = {"hinge": (1.0, 0.25), "lsgan": (1.0, 0.25), "bce": (1.0, 0.25), "relativistic": (0.25, 0.25)}
    for kind, expected in shares.items():
        objective = build_objective(config("losses.adversarial.weight=1", f"losses.adversarial.kind={kind}"))
        d = objective.discriminator(Sure(), output, batch)
        assert (float(d.real_share_right), float(d.fake_share_right)) == expected


def test_the_game_begins_and_grows(config: Callable[..., Config]) -> None:
    weighed = config(
        "losses.l1=1",
        "losses.adversarial={weight: 2, kind: hinge, start_images: 100, ramp_images: 40}",
        "losses.feature_matching=1",
    )
    objective = build_objective(weighed)
    assert [objective.plays(seen) for seen in (0, 99, 100, 1000)] == [False, False, True, True]
    before = _computed(objective, weighed, 99)
    assert before.adversarial is None
    assert before.feature_matching is None
    at_start = _computed(objective, weighed, 100)
    assert at_start.adversarial is None  # weight 0: not computed
    assert at_start.feature_matching is not None
    for seen, share in ((110, 0.25), (120, 0.5), (140, 1.0), (1000, 1.0)):
        found = _computed(objective, weighed, seen)
        assert found.adversarial is not None
        assert found.feature_matching is not None
        assert found.l1 is not None
        expected = found.l1 + found.feature_matching + 2 * share * found.adversarial
        torch.testing.assert_close(found.total, expected)


def test_without_a_ramp_the_game_begins_at_full_weight(config: Callable[..., Config]) -> None:
    weighed = config("losses.adversarial={weight: 2, start_images: 4}")
    found = _computed(build_objective(weighed), weighed, 4)
    assert found.adversarial is not None
    torch.testing.assert_close(found.total, 2 * found.adversarial)


def test_without_an_adversary_nobody_plays(config: Callable[..., Config]) -> None:
    assert not build_objective(config("losses.l1=1")).plays(10**6)


def _penalised(config: Callable[..., Config], *changes: str) -> tuple[DiscriminatorLosses, nn.Module]:
    weighed = config("losses.adversarial={weight: 1, kind: relativistic, r1: 0.5, r2: 0.25}", *changes)
    network = _judge(weighed)
    return build_objective(weighed).discriminator(network, _pictures(2), _batch()), network


@pytest.mark.parametrize("judge", ["patch", "multiscale"])
def test_r1_and_r2_are_squared_gradients_at_the_pictures(judge: str, config: Callable[..., Config]) -> None:
    d, network = _penalised(config, f"model.discriminator.kind={judge}")
    batch = _batch()
    expected = []
    for given in (batch.target, _pictures(2)):
        assert given is not None
        picture = given.clone().requires_grad_()
        parts = []
        for scale in network(batch.content, picture):
            [gradient] = torch.autograd.grad(scale[-1].sum(), picture, retain_graph=True)
            parts.append(gradient.square().sum() / len(gradient) / scale[-1][0].numel())
        expected.append(torch.stack(parts).mean())
    assert d.r1 is not None
    assert d.r2 is not None
    torch.testing.assert_close(d.r1, expected[0])
    torch.testing.assert_close(d.r2, expected[1])
    plain = _penalised(
        config, f"model.discriminator.kind={judge}", "losses.adversarial.r1=0", "losses.adversarial.r2=0"
    )
    torch.testing.assert_close(d.total, plain[0].total + 0.5 * d.r1 + 0.25 * d.r2)
    assert plain[0].r1 is None
    assert plain[0].r2 is None


def test_penalties_teach_the_discriminator(config: Callable[..., Config]) -> None:
    for compiled in (False, True):
        weighed = config("losses.adversarial={weight: 1, kind: relativistic, r1: 0.5, r2: 0.5}")
        network = _judge(weighed)
        if compiled:
            network.compile(backend="aot_eager")  # has no double backward: its eager forward is taken
        d = build_objective(weighed).discriminator(network, _pictures(2), _batch())
        assert d.r1 is not None
        gradients = torch.autograd.grad(d.r1, [p for p in network.parameters() if p.ndim == 4])
        assert all(float(gradient.abs().sum()) > 0 for gradient in gradients)


def test_discriminator_sees_each_picture_once(config: Callable[..., Config]) -> None:
    weighed = config("losses.adversarial={weight: 1, kind: relativistic, r1: 1, r2: 1}", "losses.feature_matching=1")
    network, objective, seen = _judge(weighed), build_objective(weighed), list[int]()
    forward = network.forward

    def counting(photo: Tensor, picture: Tensor) -> Any:
        seen.append(1)
        return forward(photo, picture)

    network.forward = counting  # type: ignore[method-assign]
    objective.discriminator(network, _pictures(2), _batch())
    assert len(seen) == 2
    objective.generator(_pictures(2), _batch(), network, images_seen=0)
    assert len(seen) == 4


class _Recorder(nn.Module):
    """A judge that remembers what it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[Tensor, Tensor]] = []

    def forward(self, photo: Tensor, picture: Tensor) -> list[list[Tensor]]:
        self.seen.append((photo.detach(), picture.detach()))
        return [[picture, picture.mean(dim=1, keepdim=True)]]


def test_photo_and_both_pictures_are_varied_alike(config: Callable[..., Config]) -> None:
    weighed = config(
        "losses.adversarial={weight: 1, kind: relativistic}",
        "train.augment.discriminator=[color, translation, cutout]",
    )
    objective, judge, same = build_objective(weighed), _Recorder(), _pictures(0)
    batch = PairBatch(same, same, None)
    output = same.clone().requires_grad_()
    objective.discriminator(judge, output.detach(), batch)
    objective.generator(output, batch, judge, images_seen=0).total.backward()
    assert len(judge.seen) == 4
    for photo, picture in judge.seen:
        assert torch.equal(photo, picture)
        assert not torch.equal(photo, same)
    first, second, third, fourth = (photo for photo, _ in judge.seen)
    assert torch.equal(first, second)
    assert torch.equal(third, fourth)
    assert not torch.equal(first, third)  # each step draws anew
    assert output.grad is not None
    assert output.grad.abs().sum() > 0


def test_without_variation_nothing_is_drawn(config: Callable[..., Config]) -> None:
    weighed = config("losses.adversarial={weight: 1, kind: relativistic, r1: 1}", "losses.l1=1")
    objective, network, before = build_objective(weighed), _judge(weighed), torch.get_rng_state()
    objective.discriminator(network, _pictures(2), _batch())
    objective.generator(_pictures(2), _batch(), network, images_seen=0)
    assert torch.equal(torch.get_rng_state(), before)


_PAINTING = ("losses.style.weight=1", "losses.style.to=painting", "losses.style.painting_side_px=40")
_JOHNSON = (
    "losses.style.weight=2",
    "losses.style.to=painting",
    "losses.content.weight=1",
    "losses.total_variation=0.1",
)


def test_johnsons_objective_needs_no_targets(config: Callable[..., Config], paintings: list[Path]) -> None:
    weighed = config(*_JOHNSON, "train.unpaired=true")
    objective = build_objective(weighed)
    found = objective.generator(_pictures(2), PairBatch(_pictures(0), None, None), None, images_seen=0)
    assert set(found.computed()) == {"total", "style", "content", "total_variation"}
    features = objective.features
    assert features is not None
    expected = losses.gram_distance(
        losses.grams(features(_pictures(2)), _LAYERS), _grams_of(features, paintings[0]), _LAYERS
    )
    assert found.style is not None
    torch.testing.assert_close(found.style, expected)


def _grams_of(features: FeatureNetwork, file: Path) -> dict[str, Tensor]:
    """Of a painting whose shorter side is not scaled."""
    from pix2style.images import read_picture, to_batch

    return losses.grams(features(torch.from_numpy(to_batch([read_picture(file).rgb]))), _LAYERS)


def test_a_paired_loss_without_targets_says_so(config: Callable[..., Config]) -> None:
    objective = build_objective(config("losses.l1=1"))
    with pytest.raises(ValueError, match="this batch has none"):
        objective.generator(_pictures(2), PairBatch(_pictures(0), None, None), None, images_seen=0)


def test_a_blend_is_the_weighted_mean_of_gram_matrices(config: Callable[..., Config], paintings: list[Path]) -> None:
    blend = [{"paintings": [str(p) for p in paintings[:2]], "weights": [3, 1]}]
    weighed = config(*_PAINTING, pairs={"styles": blend})
    objective = build_objective(weighed)
    assert objective.features is not None
    a, b = (_grams_of(objective.features, p) for p in paintings[:2])
    mean = {name: 0.75 * a[name] + 0.25 * b[name] for name in a}
    found = losses.grams(objective.features(_pictures(2)), _LAYERS)
    torch.testing.assert_close(_computed(objective, weighed).style, losses.gram_distance(found, mean, _LAYERS))


def test_each_row_has_its_own_style(config: Callable[..., Config], paintings: list[Path]) -> None:
    styles = [{"paintings": [str(p)]} for p in paintings]
    weighed = config(*_PAINTING, "model.styles=3", pairs={"styles": styles})
    objective = build_objective(weighed)
    features = objective.features
    assert features is not None
    each = [_grams_of(features, p) for p in paintings]
    style = torch.tensor([[0.0, 0.0, 1.0], [0.5, 0.5, 0.0]])
    wanted = {n: torch.cat([each[2][n], (each[0][n] + each[1][n]) / 2]) for n in _LAYERS}
    found = objective.generator(_pictures(2), _batch(style=style), None, images_seen=0)
    expected = losses.gram_distance(losses.grams(features(_pictures(2)), _LAYERS), wanted, _LAYERS)
    torch.testing.assert_close(found.style, expected)
    with pytest.raises(ValueError, match=r"style must be \[batch, 3\], got None"):
        objective.generator(_pictures(2), _batch(), None, images_seen=0)


@pytest.mark.parametrize(
    ("pairs", "changes", "said"),
    [
        ({"style": "nowhere.jpg"}, (), r"pairs -> style.*nowhere\.jpg"),
        ({"styles": [{"paintings": ["a.jpg"]}, {"paintings": ["b.jpg"]}]}, (), r"pairs -> learn_style.*0 \(a\.jpg\)"),
        ({"styles": [{"paintings": ["a.jpg"]}]}, ("model.styles=2",), r"pairs -> styles.*1 for\s+model\.styles 2"),
        ({"styles": [{"paintings": ["a.jpg"], "strength": 0.5}]}, (), r"pairs -> styles.*strength 0\.5"),
    ],
)
def test_paintings_that_cannot_be_used(
    pairs: dict[str, Any], changes: tuple[str, ...], said: str, config: Callable[..., Config]
) -> None:
    weighed = config("losses.style.weight=1", "losses.style.to=painting", *changes, pairs=pairs)
    with pytest.raises(ConfigError, match=said):
        build_objective(weighed)


def test_learn_style_chooses_the_painting(config: Callable[..., Config], paintings: list[Path]) -> None:
    pairs = {"styles": [{"paintings": [str(p)]} for p in paintings], "learn_style": 1}
    weighed = config(*_PAINTING, pairs=pairs)
    objective = build_objective(weighed)
    assert objective.features is not None
    expected = losses.gram_distance(
        losses.grams(objective.features(_pictures(2)), _LAYERS), _grams_of(objective.features, paintings[1]), _LAYERS
    )
    torch.testing.assert_close(_computed(objective, weighed).style, expected)


def test_a_larger_painting_has_other_strokes(config: Callable[..., Config]) -> None:
    found = [
        _computed(build_objective(c), c).style
        for c in (
            config("losses.style.weight=1", "losses.style.to=painting", f"losses.style.painting_side_px={side}")
            for side in (32, 64)
        )
    ]
    assert found[0] != found[1]


def test_painting_must_be_named(config: Callable[..., Config]) -> None:
    with pytest.raises(ConfigError, match=r"set pairs\.style"):
        config("losses.style.weight=1", "losses.style.to=painting", pairs={})


def test_unpaired_names_the_losses_that_need_targets(config: Callable[..., Config]) -> None:
    with pytest.raises(ConfigError, match=r"losses\.ms_ssim, losses\.adversarial, losses\.style \(to: target\)"):
        config(
            "train.unpaired=true", "losses.ms_ssim=1", "losses.adversarial.weight=1", "losses.style.weight=1"
        )  # fmt: skip


def test_the_balance_holds_style_to_content(config: Callable[..., Config]) -> None:
    weighed = config(*_JOHNSON, "losses.balance.style_to_content=3")
    objective = build_objective(weighed)
    first = _computed(objective, weighed, 0)
    assert first.style_balance is not None
    assert float(first.style_balance) == 0
    found = _computed(objective, weighed, 2)
    assert found.style_balance is not None
    assert found.style is not None
    assert found.content is not None
    assert found.total_variation is not None
    assert float(found.style_balance * 2 * found.style) == pytest.approx(3 * float(found.content), rel=1e-5)
    expected = found.content + 0.1 * found.total_variation + found.style_balance * 2 * found.style
    torch.testing.assert_close(found.total, expected)


def test_the_balance_is_remembered(config: Callable[..., Config]) -> None:
    weighed = config(*_JOHNSON, "losses.balance.style_to_content=3")
    one, other = build_objective(weighed), build_objective(weighed)
    _computed(one, weighed, 0)
    other.remember(one.memory())
    assert torch.equal(_computed(one, weighed, 2).total, _computed(other, weighed, 2).total)


def test_without_a_balance_there_is_nothing_to_remember(config: Callable[..., Config]) -> None:
    assert build_objective(config("losses.l1=1")).memory() == {}


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
    objective, network = build_objective(weighed), _judge(weighed)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
        g = objective.generator(_pictures(2).to(dtype), _batch(), network, images_seen=0)
        d = objective.discriminator(network, _pictures(2).to(dtype), _batch())
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
    painter, judge, objective = build_generator(weighed.model), _judge(weighed), build_objective(weighed)
    assert objective.features is not None
    for network in (painter, judge, objective.features):
        network.compile(backend="aot_eager")
    for step in range(2):
        _check_a_round(painter, judge, objective, images_seen=2 * step)


def _check_a_round(painter: nn.Module, judge: nn.Module, objective: Objective, images_seen: int) -> None:
    batch = _batch()
    output = painter(batch.content)
    before = [p.detach().clone() for p in painter.parameters()]
    assert _moved(judge, lambda: objective.discriminator(judge, output.detach(), batch).total)
    assert all(torch.equal(a, b) for a, b in zip(before, painter.parameters(), strict=True))
    before = [p.detach().clone() for p in judge.parameters()]
    assert _moved(painter, lambda: objective.generator(output, batch, judge, images_seen=images_seen).total)
    assert all(torch.equal(a, b) for a, b in zip(before, judge.parameters(), strict=True))


@pytest.mark.parametrize(("every", "start"), [(1, 0), (3, 0), (3, 8), (1, 7)])
def test_the_feature_network_is_asked_seldom_and_so_many_times_as_loudly(
    config: Callable[..., Config], every: int, start: int
) -> None:
    extra = (f"losses.features.every={every}", f"losses.features.start_images={start}", "train.batch=2")
    objective = build_objective(config("losses.l1=1", "losses.style.weight=2", *extra))
    asked = []
    for images_seen in range(0, 24, 2):
        found = objective.generator(_pictures(2), _batch(), None, images_seen=images_seen)
        asked.append(found.style is not None)
        assert found.l1 is not None
        expected = found.l1 + (2 * every * found.style if found.style is not None else 0)
        torch.testing.assert_close(found.total, expected)
    steps = range(1, 13)
    assert asked == [step % every == 0 and 2 * (step - 1) >= start for step in steps]


def test_a_balance_needs_the_feature_network_in_every_step(config: Callable[..., Config]) -> None:
    for wrong in ("losses.features.every=2", "losses.features.start_images=1"):
        with pytest.raises(ConfigError, match=r"balance.style_to_content needs both in every step"):
            config(*_JOHNSON, "train.unpaired=true", "losses.balance.style_to_content=1", wrong)


def test_relative_gram_distance_is_chosen_by_the_configuration(config: Callable[..., Config]) -> None:
    objective = build_objective(config("losses.l1=1", "losses.style.weight=1", "losses.style.distance=relative"))
    features = objective.features
    assert features is not None
    found = objective.generator(_pictures(2), _batch(), None, images_seen=0)
    batch = _batch()
    assert batch.target is not None
    wanted = losses.relative_gram_distance(
        losses.grams(features(_pictures(2)), _LAYERS), losses.grams(features(batch.target), _LAYERS), _LAYERS
    )
    assert found.style is not None
    torch.testing.assert_close(found.style, wanted)
