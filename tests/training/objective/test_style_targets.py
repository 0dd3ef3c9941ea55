"""Styles of paintings: one, several, blends; and without a teacher's pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from objective_parts import JOHNSON, LAYERS, batch_of, computed, pictures_of
from torch import Tensor

from pix2style import losses
from pix2style.config import Config
from pix2style.errors import ConfigError
from pix2style.nets.features import FeatureNetwork
from pix2style.training.batch import PairBatch
from pix2style.training.objective.objective import build_objective

_PAINTING = ("losses.style.weight=1", "losses.style.to=painting", "losses.style.painting_side_px=40")


def test_johnsons_objective_needs_no_targets(config: Callable[..., Config], paintings: list[Path]) -> None:
    weighed = config(*JOHNSON, "train.unpaired=true")
    objective = build_objective(weighed)
    found = objective.generator_losses(pictures_of(2), PairBatch(pictures_of(0), None, None), None, images_seen=0)
    assert set(found.computed()) == {"total", "style", "content", "total_variation"}
    features = objective.features
    assert features is not None
    expected = losses.gram_distance(
        losses.grams(features(pictures_of(2)), LAYERS), _grams_of(features, paintings[0]), LAYERS
    )
    assert found.style is not None
    torch.testing.assert_close(found.style, expected)


def _grams_of(features: FeatureNetwork, file: Path) -> dict[str, Tensor]:
    """Of a painting whose shorter side is not scaled."""
    from pix2style.images import read_picture, to_batch

    return losses.grams(features(torch.from_numpy(to_batch([read_picture(file).rgb]))), LAYERS)


def test_a_paired_loss_without_targets_says_so(config: Callable[..., Config]) -> None:
    objective = build_objective(config("losses.l1=1"))
    with pytest.raises(ValueError, match="this batch has none"):
        objective.generator_losses(pictures_of(2), PairBatch(pictures_of(0), None, None), None, images_seen=0)


def test_a_blend_is_the_weighted_mean_of_gram_matrices(config: Callable[..., Config], paintings: list[Path]) -> None:
    blend = [{"paintings": [str(p) for p in paintings[:2]], "weights": [3, 1]}]
    weighed = config(*_PAINTING, pairs={"styles": blend})
    objective = build_objective(weighed)
    assert objective.features is not None
    a, b = (_grams_of(objective.features, p) for p in paintings[:2])
    mean = {name: 0.75 * a[name] + 0.25 * b[name] for name in a}
    found = losses.grams(objective.features(pictures_of(2)), LAYERS)
    torch.testing.assert_close(computed(objective, weighed).style, losses.gram_distance(found, mean, LAYERS))


def test_each_row_has_its_own_style(config: Callable[..., Config], paintings: list[Path]) -> None:
    styles = [{"paintings": [str(p)]} for p in paintings]
    weighed = config(*_PAINTING, "model.styles=3", pairs={"styles": styles})
    objective = build_objective(weighed)
    features = objective.features
    assert features is not None
    each = [_grams_of(features, p) for p in paintings]
    style = torch.tensor([[0.0, 0.0, 1.0], [0.5, 0.5, 0.0]])
    wanted = {n: torch.cat([each[2][n], (each[0][n] + each[1][n]) / 2]) for n in LAYERS}
    found = objective.generator_losses(pictures_of(2), batch_of(style=style), None, images_seen=0)
    expected = losses.gram_distance(losses.grams(features(pictures_of(2)), LAYERS), wanted, LAYERS)
    torch.testing.assert_close(found.style, expected)
    with pytest.raises(ValueError, match=r"style must be \[batch, 3\], got None"):
        objective.generator_losses(pictures_of(2), batch_of(), None, images_seen=0)


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
        losses.grams(objective.features(pictures_of(2)), LAYERS), _grams_of(objective.features, paintings[1]), LAYERS
    )
    torch.testing.assert_close(computed(objective, weighed).style, expected)


def test_a_larger_painting_has_other_strokes(config: Callable[..., Config]) -> None:
    found = [
        computed(build_objective(c), c).style
        for c in (
            config("losses.style.weight=1", "losses.style.to=painting", f"losses.style.painting_side_px={side}")
            for side in (32, 64)
        )
    ]
    assert found[0] != found[1]


def test_a_picture_may_be_held_to_target_and_painting(config: Callable[..., Config], paintings: list[Path]) -> None:
    changes = ("losses.style.weight=2", "losses.style.painting_weight=3", "losses.style.painting_side_px=40")
    weighed = config(*changes, "losses.style.distance=relative")
    objective = build_objective(weighed)
    features = objective.features
    assert features is not None
    known, target = (losses.grams(features(pictures_of(seed)), LAYERS) for seed in (2, 1))
    found = computed(objective, weighed)
    assert found.style is not None
    assert found.painting_style is not None
    torch.testing.assert_close(found.style, losses.relative_gram_distance(known, target, LAYERS))
    painting = _grams_of(features, paintings[0])
    torch.testing.assert_close(found.painting_style, losses.relative_gram_distance(known, painting, LAYERS))
    torch.testing.assert_close(found.total, 2 * found.style + 3 * found.painting_style)


def test_the_painting_alone(config: Callable[..., Config]) -> None:
    weighed = config("losses.style.painting_weight=1", "train.unpaired=true")
    objective = build_objective(weighed)
    found = objective.generator_losses(pictures_of(2), PairBatch(pictures_of(0), None, None), None, images_seen=0)
    assert set(found.computed()) == {"total", "painting_style"}


def test_the_painting_is_not_compared_with_twice(config: Callable[..., Config]) -> None:
    with pytest.raises(ConfigError, match=r"painting_weight: 0"):
        config("losses.style.weight=1", "losses.style.to=painting", "losses.style.painting_weight=1")


@pytest.mark.parametrize("change", ["losses.style={weight: 1, to: painting}", "losses.style.painting_weight=1"])
def test_painting_must_be_named(change: str, config: Callable[..., Config]) -> None:
    with pytest.raises(ConfigError, match=r"set pairs\.style"):
        config(change, pairs={})
