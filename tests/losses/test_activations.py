"""Losses of activations against naive loops."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from pix2style import losses

Draw = Callable[..., Tensor]
Features = dict[str, Tensor]


def _grams_apart(output: Features, target: Features, weights: dict[str, float]) -> Tensor:
    return losses.gram_distance(losses.grams(output, weights), losses.grams(target, weights), weights)


_DISTANCES = [losses.perceptual, losses.content, _grams_apart]


@pytest.fixture
def features(noise: Draw) -> Callable[..., Features]:
    def draw(seed: int, height: int = 4, width: int = 5) -> Features:
        return {"shallow": noise(2, 3, height, width, seed=seed), "deep": noise(2, 6, height, width, seed=seed + 9)}

    return draw


def test_perceptual_is_the_weighted_sum_of_mean_absolute_differences(features: Callable[..., Features]) -> None:
    output, target = features(0), features(1)
    naive = sum(
        weight * np.abs(output[name].numpy() - target[name].numpy()).mean()
        for name, weight in {"shallow": 0.25, "deep": 2.0}.items()
    )
    assert float(losses.perceptual(output, target, {"shallow": 0.25, "deep": 2.0})) == pytest.approx(naive, rel=1e-5)


def test_content_is_the_weighted_sum_of_mean_squared_differences(features: Callable[..., Features]) -> None:
    output, photo = features(0), features(1)
    naive = sum(
        weight * ((output[name].numpy() - photo[name].numpy()) ** 2).mean()
        for name, weight in {"shallow": 0.25, "deep": 2.0}.items()
    )
    assert float(losses.content(output, photo, {"shallow": 0.25, "deep": 2.0})) == pytest.approx(naive, rel=1e-5)
    with pytest.raises(ValueError, match="must have the same shape"):
        losses.content(output, {name: one[:1] for name, one in photo.items()}, {"deep": 1.0})


def test_gram_equals_a_loop(noise: Draw) -> None:
    features = noise(2, 3, 4, 5)
    found = losses.gram(features)
    for picture in range(2):
        for i in range(3):
            for j in range(3):
                naive = sum(
                    float(features[picture, i, y, x] * features[picture, j, y, x]) for y in range(4) for x in range(5)
                )
                assert float(found[picture, i, j]) == pytest.approx(naive / (3 * 4 * 5), abs=1e-6)


def test_gram_does_not_depend_on_the_size_of_the_picture(noise: Draw) -> None:
    features = noise(1, 3, 4, 5)
    torch.testing.assert_close(losses.gram(features.repeat(1, 1, 3, 2)), losses.gram(features))


def test_gram_is_computed_in_float32() -> None:
    # FIELD, complaint 18: sums overflow float16.
    features = torch.full((1, 2, 64, 64), 100.0)
    expected = torch.full((1, 2, 2), 100.0**2 / 2)
    assert torch.equal(losses.gram(features.half()), expected)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = losses.gram(features + 1)
    torch.testing.assert_close(found, torch.full((1, 2, 2), 101.0**2 / 2))


def test_bfloat16_is_multiplied_as_it_comes_and_hardly_differs(noise: Draw) -> None:
    """As under autocast, in both layouts; only the sums are rounded."""
    layers = {"one": 1.0}
    output, target = (noise(2, 16, 24, 24, seed=seed).relu().bfloat16() for seed in (0, 1))
    output = output + 0.5 * target  # nearer than two strangers: differences of sums, not sums, are compared
    exact = _grams_apart({"one": output.float()}, {"one": target.float()}, layers)
    for layout in (torch.contiguous_format, torch.channels_last):
        ours = {"one": output.contiguous(memory_format=layout)}
        assert losses.gram(ours["one"]).dtype == torch.float32
        found = _grams_apart(ours, {"one": target.contiguous(memory_format=layout)}, layers)
        assert float(found) == pytest.approx(float(exact), rel=1e-2)


def test_gram_distance_is_the_squared_frobenius_norm(features: Callable[..., Features]) -> None:
    output, style = features(0), features(1, 7, 3)
    weights = {"shallow": 0.5, "deep": 3.0}
    naive = 0.0
    for name, weight in weights.items():
        difference = losses.gram(output[name]).numpy() - losses.gram(style[name]).numpy()
        naive += weight * np.mean([np.linalg.norm(one) ** 2 for one in difference])
    assert float(_grams_apart(output, style, weights)) == pytest.approx(naive, rel=1e-4)


def test_one_style_serves_a_batch(features: Callable[..., Features]) -> None:
    output, style = losses.grams(features(0), ["deep"]), losses.grams(features(1), ["deep"])
    one = {"deep": style["deep"][:1]}
    repeated = {"deep": style["deep"][:1].repeat(2, 1, 1)}
    weights = {"deep": 1.0}
    assert losses.gram_distance(output, one, weights) == losses.gram_distance(output, repeated, weights)
    with pytest.raises(ValueError, match="must have the same shape"):
        losses.gram_distance(output, {"deep": style["deep"].repeat(2, 1, 1)}, weights)


@pytest.mark.parametrize("distance", _DISTANCES)
def test_layers_must_have_been_computed(distance: Callable[..., Tensor], features: Callable[..., Features]) -> None:
    with pytest.raises(ValueError, match="relu9_9 was not computed; computed were shallow, deep"):
        distance(features(0), features(1), {"relu9_9": 1.0})
    with pytest.raises(ValueError, match="at least one layer"):
        distance(features(0), features(1), {})


@pytest.mark.parametrize("distance", _DISTANCES)
def test_equal_activations_cost_nothing(distance: Callable[..., Tensor], features: Callable[..., Features]) -> None:
    assert float(distance(features(0), features(0), {"shallow": 1.0, "deep": 1.0})) == 0


@pytest.mark.parametrize("distance", _DISTANCES)
def test_gradients_are_those_of_the_function(distance: Callable[..., Tensor], noise: Draw) -> None:
    output = noise(2, 3, 4, 4, dtype=torch.float64).requires_grad_()
    target = {"layer": noise(2, 3, 4, 4, seed=3, dtype=torch.float64)}
    assert torch.autograd.gradcheck(lambda x: distance({"layer": x}, target, {"layer": 1.5}), (output,))


@pytest.mark.parametrize("distance", _DISTANCES)
def test_following_the_gradient_comes_closer(distance: Callable[..., Tensor], noise: Draw) -> None:
    output = noise(1, 3, 6, 6).requires_grad_()
    target = {"layer": noise(1, 3, 6, 6, seed=3)}
    before = distance({"layer": output}, target, {"layer": 1.0})
    before.backward()
    assert output.grad is not None
    step = 1e-2 * output.grad / output.grad.norm()
    assert distance({"layer": output.detach() - step}, target, {"layer": 1.0}) < before.detach()


def _scales(noise: Draw, seed: int) -> list[list[Tensor]]:
    """Two scales of two layers and logits."""
    return [
        [noise(2, 4, 8 // s, 6 // s, seed=seed + s), noise(2, 5, 4, 3, seed=seed + 10 * s), noise(2, 1, 3, 2)]
        for s in (1, 2)
    ]


def test_feature_matching_sums_layers_and_averages_scales(noise: Draw) -> None:
    output, target = _scales(noise, 0), _scales(noise, 50)
    naive = np.mean(
        [
            sum(np.abs(a.numpy() - b.numpy()).mean() for a, b in zip(o[:-1], t[:-1], strict=True))
            for o, t in zip(output, target, strict=True)
        ]
    )
    assert float(losses.feature_matching(output, target)) == pytest.approx(naive, rel=1e-5)
    assert float(losses.feature_matching(output, output)) == 0


def test_feature_matching_leaves_logits_out(noise: Draw) -> None:
    output, target = _scales(noise, 0), _scales(noise, 50)
    shouting = [[*scale[:-1], scale[-1] + 100] for scale in output]
    assert losses.feature_matching(shouting, target) == losses.feature_matching(output, target)


def test_gradient_of_feature_matching(noise: Draw) -> None:
    layer = noise(1, 2, 3, 3, dtype=torch.float64).requires_grad_()
    target = [[noise(1, 2, 3, 3, seed=1, dtype=torch.float64), torch.zeros(1)]]
    assert torch.autograd.gradcheck(lambda x: losses.feature_matching([[x, torch.zeros(1)]], target), (layer,))


def test_feature_matching_wants_the_same_layers(noise: Draw) -> None:
    output = _scales(noise, 0)
    for wrong in (output[:1], [scale[1:] for scale in output]):
        with pytest.raises(ValueError, match=r"the same scales.*got \[3, 3\]"):
            losses.feature_matching(output, wrong)
    logits_alone = [[scale[-1]] for scale in output]
    with pytest.raises(ValueError, match="at least one layer before the logits"):
        losses.feature_matching(logits_alone, logits_alone)


def test_relative_gram_distance_is_each_layers_share_of_its_own_size(noise: Draw) -> None:
    output = {"shallow": noise(2, 3, 8, 8), "deep": noise(2, 5, 4, 4)}
    target = {"shallow": noise(2, 3, 8, 8, seed=1), "deep": noise(2, 5, 4, 4, seed=2)}
    found, wanted = losses.grams(output, output), losses.grams(target, target)
    shares = {
        name: np.mean(
            [
                np.linalg.norm(a - b) / np.linalg.norm(b)
                for a, b in zip(found[name].numpy(), wanted[name].numpy(), strict=True)
            ]
        )
        for name in output
    }
    distance = losses.relative_gram_distance(found, wanted, {"shallow": 3.0, "deep": 1.0})
    assert float(distance) == pytest.approx((3 * shares["shallow"] + shares["deep"]) / 4, rel=1e-5)


def test_relative_gram_distance_does_not_depend_on_how_large_activations_are(noise: Draw) -> None:
    output, target = {"layer": noise(2, 3, 8, 8)}, {"layer": noise(2, 3, 8, 8, seed=1)}
    small, large = (
        losses.relative_gram_distance(
            losses.grams({"layer": output["layer"] * size}, ["layer"]),
            losses.grams({"layer": target["layer"] * size}, ["layer"]),
            {"layer": 1.0},
        )
        for size in (1, 30)
    )
    torch.testing.assert_close(small, large, rtol=1e-4, atol=0)


def test_relative_gram_distance_of_the_same_has_a_gradient(noise: Draw) -> None:
    output = noise(1, 3, 4, 4).requires_grad_()
    grams = losses.grams({"layer": output}, ["layer"])
    distance = losses.relative_gram_distance(grams, {"layer": grams["layer"].detach()}, {"layer": 1.0})
    distance.backward()
    assert float(distance.detach()) < 1e-6
    assert output.grad is not None
    assert torch.isfinite(output.grad).all()
