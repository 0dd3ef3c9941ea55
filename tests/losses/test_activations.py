"""Losses that compare activations: compared with naive loops; layers, shapes, gradients and precision."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from pix2style import losses

Draw = Callable[..., Tensor]
Features = dict[str, Tensor]


def _gram_distance(output: Features, target: Features, weights: dict[str, float]) -> Tensor:
    return losses.gram_distance(losses.grams(output, weights), losses.grams(target, weights), weights)


_DISTANCES = [losses.perceptual, losses.content, _gram_distance]


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
    result = losses.gram(features)
    for image in range(2):
        for i in range(3):
            for j in range(3):
                naive = sum(
                    float(features[image, i, y, x] * features[image, j, y, x]) for y in range(4) for x in range(5)
                )
                assert float(result[image, i, j]) == pytest.approx(naive / (3 * 4 * 5), abs=1e-6)


def test_gram_does_not_depend_on_the_size_of_the_image(noise: Draw) -> None:
    features = noise(1, 3, 4, 5)
    torch.testing.assert_close(losses.gram(features.repeat(1, 1, 3, 2)), losses.gram(features))


def test_gram_is_computed_in_float32() -> None:
    # The sums of a Gram matrix overflow float16.
    features = torch.full((1, 2, 64, 64), 100.0)
    expected = torch.full((1, 2, 2), 100.0**2 / 2)
    assert torch.equal(losses.gram(features.half()), expected)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = losses.gram(features + 1)
    torch.testing.assert_close(result, torch.full((1, 2, 2), 101.0**2 / 2))


def test_gram_of_bfloat16_is_close_to_that_of_float32(noise: Draw) -> None:
    """bfloat16, as under autocast, is multiplied directly, in both memory layouts; only the sums are rounded."""
    layers = {"one": 1.0}
    output, target = (noise(2, 16, 24, 24, seed=seed).relu().bfloat16() for seed in (0, 1))
    output = output + 0.5 * target  # similar activations, so that the distance is a small difference of large sums
    exact = _gram_distance({"one": output.float()}, {"one": target.float()}, layers)
    for layout in (torch.contiguous_format, torch.channels_last):
        in_layout = {"one": output.contiguous(memory_format=layout)}
        assert losses.gram(in_layout["one"]).dtype == torch.float32
        result = _gram_distance(in_layout, {"one": target.contiguous(memory_format=layout)}, layers)
        assert float(result) == pytest.approx(float(exact), rel=1e-2)


def test_gram_distance_is_the_squared_frobenius_norm(features: Callable[..., Features]) -> None:
    output, style = features(0), features(1, 7, 3)
    weights = {"shallow": 0.5, "deep": 3.0}
    naive = 0.0
    for name, weight in weights.items():
        difference = losses.gram(output[name]).numpy() - losses.gram(style[name]).numpy()
        naive += weight * np.mean([np.linalg.norm(matrix) ** 2 for matrix in difference])
    assert float(_gram_distance(output, style, weights)) == pytest.approx(naive, rel=1e-4)


def test_one_style_is_compared_with_every_image(features: Callable[..., Features]) -> None:
    output, style = losses.grams(features(0), ["deep"]), losses.grams(features(1), ["deep"])
    single = {"deep": style["deep"][:1]}
    repeated = {"deep": style["deep"][:1].repeat(2, 1, 1)}
    weights = {"deep": 1.0}
    assert losses.gram_distance(output, single, weights) == losses.gram_distance(output, repeated, weights)
    with pytest.raises(ValueError, match="must have the same shape"):
        losses.gram_distance(output, {"deep": style["deep"].repeat(2, 1, 1)}, weights)


@pytest.mark.parametrize("distance", _DISTANCES)
def test_missing_layers_are_errors(distance: Callable[..., Tensor], features: Callable[..., Features]) -> None:
    with pytest.raises(ValueError, match="relu9_9 was not computed; computed were shallow, deep"):
        distance(features(0), features(1), {"relu9_9": 1.0})
    with pytest.raises(ValueError, match="at least one layer"):
        distance(features(0), features(1), {})


@pytest.mark.parametrize("distance", _DISTANCES)
def test_equal_activations_have_loss_0(distance: Callable[..., Tensor], features: Callable[..., Features]) -> None:
    assert float(distance(features(0), features(0), {"shallow": 1.0, "deep": 1.0})) == 0


@pytest.mark.parametrize("distance", _DISTANCES)
def test_gradients_equal_finite_differences(distance: Callable[..., Tensor], noise: Draw) -> None:
    output = noise(2, 3, 4, 4, dtype=torch.float64).requires_grad_()
    target = {"layer": noise(2, 3, 4, 4, seed=3, dtype=torch.float64)}
    assert torch.autograd.gradcheck(lambda x: distance({"layer": x}, target, {"layer": 1.5}), (output,))


@pytest.mark.parametrize("distance", _DISTANCES)
def test_a_gradient_step_lowers_the_loss(distance: Callable[..., Tensor], noise: Draw) -> None:
    output = noise(1, 3, 6, 6).requires_grad_()
    target = {"layer": noise(1, 3, 6, 6, seed=3)}
    before = distance({"layer": output}, target, {"layer": 1.0})
    before.backward()
    assert output.grad is not None
    step = 1e-2 * output.grad / output.grad.norm()
    assert distance({"layer": output.detach() - step}, target, {"layer": 1.0}) < before.detach()


def _scales(noise: Draw, seed: int) -> list[list[Tensor]]:
    """Activations of a discriminator with two scales, of two layers and logits each."""
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


def test_feature_matching_ignores_logits(noise: Draw) -> None:
    output, target = _scales(noise, 0), _scales(noise, 50)
    other_logits = [[*scale[:-1], scale[-1] + 100] for scale in output]
    assert losses.feature_matching(other_logits, target) == losses.feature_matching(output, target)


def test_gradient_of_feature_matching_equals_finite_differences(noise: Draw) -> None:
    layer = noise(1, 2, 3, 3, dtype=torch.float64).requires_grad_()
    target = [[noise(1, 2, 3, 3, seed=1, dtype=torch.float64), torch.zeros(1)]]
    assert torch.autograd.gradcheck(lambda x: losses.feature_matching([[x, torch.zeros(1)]], target), (layer,))


def test_feature_matching_needs_the_same_layers(noise: Draw) -> None:
    output = _scales(noise, 0)
    for wrong in (output[:1], [scale[1:] for scale in output]):
        with pytest.raises(ValueError, match=r"the same scales.*got \[3, 3\]"):
            losses.feature_matching(output, wrong)
    only_logits = [[scale[-1]] for scale in output]
    with pytest.raises(ValueError, match="at least one layer before the logits"):
        losses.feature_matching(only_logits, only_logits)


def test_relative_gram_distance_is_relative_to_the_norm_of_each_layer(noise: Draw) -> None:
    output = {"shallow": noise(2, 3, 8, 8), "deep": noise(2, 5, 4, 4)}
    target = {"shallow": noise(2, 3, 8, 8, seed=1), "deep": noise(2, 5, 4, 4, seed=2)}
    output_grams, target_grams = losses.grams(output, output), losses.grams(target, target)
    relative = {
        name: np.mean(
            [
                np.linalg.norm(a - b) / np.linalg.norm(b)
                for a, b in zip(output_grams[name].numpy(), target_grams[name].numpy(), strict=True)
            ]
        )
        for name in output
    }
    distance = losses.relative_gram_distance(output_grams, target_grams, {"shallow": 3.0, "deep": 1.0})
    assert float(distance) == pytest.approx((3 * relative["shallow"] + relative["deep"]) / 4, rel=1e-5)


def test_relative_gram_distance_does_not_depend_on_the_scale_of_activations(noise: Draw) -> None:
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


def test_relative_gram_distance_of_equal_matrices_has_a_finite_gradient(noise: Draw) -> None:
    output = noise(1, 3, 4, 4).requires_grad_()
    grams = losses.grams({"layer": output}, ["layer"])
    distance = losses.relative_gram_distance(grams, {"layer": grams["layer"].detach()}, {"layer": 1.0})
    distance.backward()
    assert float(distance.detach()) < 1e-6
    assert output.grad is not None
    assert torch.isfinite(output.grad).all()
