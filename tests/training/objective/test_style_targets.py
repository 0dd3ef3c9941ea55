"""Style losses that compare with paintings: one style, several, blends, and training without targets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from objective_parts import JOHNSON_LOSSES, LAYERS, compute_losses, make_batch, seeded_images
from torch import Tensor

from pix2style import losses
from pix2style.config import Config
from pix2style.errors import ConfigError
from pix2style.nets.features import FeatureNetwork
from pix2style.training.batch import PairBatch
from pix2style.training.objective.objective import build_objective

_PAINTING = ("losses.style.weight=1", "losses.style.to=painting", "losses.style.painting_side_px=40")


def test_johnsons_objective_needs_no_targets(config: Callable[..., Config], paintings: list[Path]) -> None:
    weighted = config(*JOHNSON_LOSSES, "train.unpaired=true")
    objective = build_objective(weighted)
    result = objective.generator_losses(seeded_images(2), PairBatch(seeded_images(0), None, None), None, images_seen=0)
    assert set(result.metrics()) == {"total", "style", "content", "total_variation"}
    features = objective.feature_network
    assert features is not None
    expected = losses.gram_distance(
        losses.grams(features(seeded_images(2)), LAYERS), _grams_of(features, paintings[0]), LAYERS
    )
    torch.testing.assert_close(result.terms["style"], expected)


def _grams_of(features: FeatureNetwork, file: Path) -> dict[str, Tensor]:
    """Gram matrices of a painting that is not resized."""
    from pix2style.images import read_picture, to_batch

    return losses.grams(features(torch.from_numpy(to_batch([read_picture(file).rgb]))), LAYERS)


def test_a_paired_loss_without_targets_says_so(config: Callable[..., Config]) -> None:
    objective = build_objective(config("losses.l1=1"))
    with pytest.raises(ValueError, match="this batch has none"):
        objective.generator_losses(seeded_images(2), PairBatch(seeded_images(0), None, None), None, images_seen=0)


def test_a_blend_is_the_weighted_mean_of_gram_matrices(config: Callable[..., Config], paintings: list[Path]) -> None:
    blend = [{"paintings": [str(p) for p in paintings[:2]], "weights": [3, 1]}]
    weighted = config(*_PAINTING, pairs={"styles": blend})
    objective = build_objective(weighted)
    assert objective.feature_network is not None
    a, b = (_grams_of(objective.feature_network, p) for p in paintings[:2])
    mean = {name: 0.75 * a[name] + 0.25 * b[name] for name in a}
    result = losses.grams(objective.feature_network(seeded_images(2)), LAYERS)
    torch.testing.assert_close(
        compute_losses(objective, weighted).terms["style"], losses.gram_distance(result, mean, LAYERS)
    )


def test_each_image_has_its_own_style(config: Callable[..., Config], paintings: list[Path]) -> None:
    styles = [{"paintings": [str(p)]} for p in paintings]
    weighted = config(*_PAINTING, "model.styles=3", pairs={"styles": styles})
    objective = build_objective(weighted)
    features = objective.feature_network
    assert features is not None
    grams = [_grams_of(features, p) for p in paintings]
    style = torch.tensor([[0.0, 0.0, 1.0], [0.5, 0.5, 0.0]])
    expected_grams = {n: torch.cat([grams[2][n], (grams[0][n] + grams[1][n]) / 2]) for n in LAYERS}
    result = objective.generator_losses(seeded_images(2), make_batch(style=style), None, images_seen=0)
    expected = losses.gram_distance(losses.grams(features(seeded_images(2)), LAYERS), expected_grams, LAYERS)
    torch.testing.assert_close(result.terms["style"], expected)
    with pytest.raises(ValueError, match=r"style must be \[batch, 3\], got None"):
        objective.generator_losses(seeded_images(2), make_batch(), None, images_seen=0)


@pytest.mark.parametrize(
    ("pairs", "changes", "message"),
    [
        ({"style": "nowhere.jpg"}, (), r"pairs -> style.*nowhere\.jpg"),
        ({"styles": [{"paintings": ["a.jpg"]}, {"paintings": ["b.jpg"]}]}, (), r"pairs -> learn_style.*0 \(a\.jpg\)"),
        (
            {"styles": [{"paintings": ["a.jpg"]}]},
            ("model.styles=2",),
            r"pairs -> styles.*names 1 style,.*model\.styles is 2",
        ),
        ({"styles": [{"paintings": ["a.jpg"], "strength": 0.5}]}, (), r"pairs -> styles.*strength 0\.5"),
    ],
)
def test_unusable_paintings_are_errors(
    pairs: dict[str, Any], changes: tuple[str, ...], message: str, config: Callable[..., Config]
) -> None:
    weighted = config("losses.style.weight=1", "losses.style.to=painting", *changes, pairs=pairs)
    with pytest.raises(ConfigError, match=message):
        build_objective(weighted)


def test_learn_style_chooses_the_painting(config: Callable[..., Config], paintings: list[Path]) -> None:
    pairs = {"styles": [{"paintings": [str(p)]} for p in paintings], "learn_style": 1}
    weighted = config(*_PAINTING, pairs=pairs)
    objective = build_objective(weighted)
    assert objective.feature_network is not None
    expected = losses.gram_distance(
        losses.grams(objective.feature_network(seeded_images(2)), LAYERS),
        _grams_of(objective.feature_network, paintings[1]),
        LAYERS,
    )
    torch.testing.assert_close(compute_losses(objective, weighted).terms["style"], expected)


def test_the_size_of_the_painting_changes_the_style(config: Callable[..., Config]) -> None:
    result = [
        compute_losses(build_objective(c), c).terms["style"]
        for c in (
            config("losses.style.weight=1", "losses.style.to=painting", f"losses.style.painting_side_px={side}")
            for side in (32, 64)
        )
    ]
    assert result[0] != result[1]


def test_style_of_target_and_painting_together(config: Callable[..., Config], paintings: list[Path]) -> None:
    changes = ("losses.style.weight=2", "losses.style.painting_weight=3", "losses.style.painting_side_px=40")
    weighted = config(*changes, "losses.style.distance=relative")
    objective = build_objective(weighted)
    features = objective.feature_network
    assert features is not None
    output, target = (losses.grams(features(seeded_images(seed)), LAYERS) for seed in (2, 1))
    result = compute_losses(objective, weighted)
    torch.testing.assert_close(result.terms["style"], losses.relative_gram_distance(output, target, LAYERS))
    painting = _grams_of(features, paintings[0])
    torch.testing.assert_close(result.terms["painting_style"], losses.relative_gram_distance(output, painting, LAYERS))
    torch.testing.assert_close(result.total, 2 * result.terms["style"] + 3 * result.terms["painting_style"])


def test_style_of_the_painting_only(config: Callable[..., Config]) -> None:
    weighted = config("losses.style.painting_weight=1", "train.unpaired=true")
    objective = build_objective(weighted)
    result = objective.generator_losses(seeded_images(2), PairBatch(seeded_images(0), None, None), None, images_seen=0)
    assert set(result.metrics()) == {"total", "painting_style"}


def test_painting_weight_is_refused_if_style_compares_with_the_painting_already(config: Callable[..., Config]) -> None:
    with pytest.raises(ConfigError, match=r"painting_weight: 0"):
        config("losses.style.weight=1", "losses.style.to=painting", "losses.style.painting_weight=1")


@pytest.mark.parametrize("change", ["losses.style={weight: 1, to: painting}", "losses.style.painting_weight=1"])
def test_a_style_loss_on_the_painting_needs_a_painting(change: str, config: Callable[..., Config]) -> None:
    with pytest.raises(ConfigError, match=r"set pairs\.style"):
        config(change, pairs={})
