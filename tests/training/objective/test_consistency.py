"""The consistency loss in training: which networks it asks to change, and when it is computed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from objective_parts import make_batch
from pydantic import ValidationError
from torch import Tensor

from pix2style.config import Config, parse_config
from pix2style.config.consistency import ConsistencyConfig
from pix2style.errors import ConfigError
from pix2style.training.batch import PairBatch
from pix2style.training.objective.objective import Objective, build_objective
from pix2style.training.step.build import build_state
from pix2style.training.step.train_step import train_step

Network = Callable[[Tensor], Tensor]


def _smooth_photos(batch: int = 2, side: int = 64) -> Tensor:
    noise = torch.rand(batch, 3, side // 8, side // 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return F.interpolate(noise, (side, side), mode="bicubic").clamp(-0.9, 0.9)


def _consistency(network: Network, objective: Objective, images_seen: int = 0) -> dict[str, Tensor]:
    batch = PairBatch(_smooth_photos(), None, None, None, images_seen)
    output = network(batch.content)
    result = objective.generator_losses(
        output, batch, None, images_seen=images_seen, regenerate=lambda moved: network(moved.content)
    )
    return dict(result.metrics())


def _mosaic(photos: Tensor) -> Tensor:
    """Draw every cell of 4x4 pixels in one colour: a picture that hangs on a grid."""
    return F.interpolate(F.avg_pool2d(photos, 4), scale_factor=4.0)


def test_it_is_0_for_a_network_that_moves_with_the_photo_and_not_for_one_on_a_grid(
    config: Callable[..., Config],
) -> None:
    objective = build_objective(config("losses.consistency={weight: 1, shift_px: 0.5, noise: 0}"))
    rounding = (1 / 127.5) ** 2 / 12  # of the moved photo to bytes
    for network in (lambda photos: photos, lambda photos: 0.5 - photos):
        assert float(_consistency(network, objective)["consistency"]) < 2 * rounding
    assert float(_consistency(_mosaic, objective)["consistency"]) > 20 * rounding


def test_it_measures_how_much_a_network_amplifies_noise(config: Callable[..., Config]) -> None:
    objective = build_objective(config("losses.consistency={weight: 1, shift_px: 0, noise: 4}"))
    for gain in (0.5, 1.0):
        metrics = _consistency(lambda photos, gain=gain: photos * gain, objective)  # type: ignore[misc]
        assert float(metrics["consistency"]) == pytest.approx((gain * 4 / 127.5) ** 2, rel=0.1)
    still = build_objective(config("losses.consistency={weight: 1, shift_px: 0, noise: 4}"))
    assert float(_consistency(torch.zeros_like, still)["consistency"]) == 0


def test_weight_0_computes_nothing(config: Callable[..., Config]) -> None:
    objective = build_objective(config("losses.l1=1"))
    batch = make_batch()
    result = objective.generator_losses(
        batch.content, batch, None, images_seen=0, regenerate=lambda _: pytest.fail("the generator ran")
    )
    assert set(result.metrics()) == {"total", "l1"}


def test_every_n_th_step_has_n_times_the_weight(config: Callable[..., Config]) -> None:
    consistency = "losses.consistency={weight: 2, every: 3, start_images: 8}"
    objective = build_objective(config(consistency, "losses.l1=0", "losses.total_variation=1", "train.batch=2"))
    for step in range(9):
        metrics = _consistency(_mosaic, objective, images_seen=2 * step)
        assert ("consistency" in metrics) == (step in (5, 8))
        if "consistency" in metrics:
            torch.testing.assert_close(metrics["total"], 6 * metrics["consistency"] + metrics["total_variation"])


@pytest.mark.parametrize("flow_px", [0, 1])
def test_both_outputs_get_gradients_but_one_alone_with_a_flow(flow_px: int, config: Callable[..., Config]) -> None:
    objective = build_objective(config(f"losses.consistency={{weight: 1, flow_px: {flow_px}}}", "losses.l1=1"))
    batch = PairBatch(_smooth_photos(), _smooth_photos(), None)
    outputs = [_smooth_photos().requires_grad_(), torch.zeros(2, 3, 64, 64, requires_grad=True)]
    objective.generator_losses(outputs[0], batch, None, images_seen=0, regenerate=lambda _: outputs[1]).total.backward()  # type: ignore[no-untyped-call]
    first, moved = (output.grad for output in outputs)
    assert first is not None
    assert moved is not None
    assert float(moved.abs().sum()) > 0
    assert bool(first.abs().sum() > 0) == (flow_px == 0)  # the mean absolute difference of equal images has none


def test_without_a_generator_it_says_so(config: Callable[..., Config]) -> None:
    objective = build_objective(config("losses.consistency.weight=1"))
    with pytest.raises(ValueError, match="there is no generator"):
        objective.generator_losses(_smooth_photos(), PairBatch(_smooth_photos(), None, None), None, images_seen=0)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("styles", [1, 3])
def test_a_step_trains_with_several_styles_in_any_precision(styles: int, precision: str) -> None:
    config = parse_config(
        {},
        overrides=[
            "losses={l1: 0, adversarial: {weight: 0}, perceptual: {weight: 0}, consistency: {weight: 1}}",
            "model.generator=lite",
            f"model.styles={styles}",
            "model.lite={channels: 8, blocks: 1, scale: 4}",
            "train={device: cpu, batch: 2, channels_last: true, images: 10}",
            f"train.precision={precision}",
            "train.augment.crop=64",
        ],
    )
    state = build_state(config)
    style = None if styles == 1 else F.one_hot(torch.tensor([0, 2]), styles).float()
    photos = _smooth_photos().to(memory_format=torch.channels_last)
    before = [parameter.detach().clone() for parameter in state.generator.parameters()]
    batch = PairBatch(photos, None, style, torch.zeros(2, 3, 96, 96))
    report = train_step(state, [batch], config.train)
    assert report.metrics()["generator/consistency"].dtype == torch.float32
    assert float(report.metrics()["generator/consistency"]) > 0
    assert any(not torch.equal(old, new) for old, new in zip(before, state.generator.parameters(), strict=True))


def test_settings_that_move_nothing_are_refused() -> None:
    with pytest.raises(ValidationError, match="does not change"):
        ConsistencyConfig(weight=1, shift_px=0, noise=0)
    ConsistencyConfig(weight=0, shift_px=0, noise=0)
    with pytest.raises(ConfigError, match="start_images and start_share"):
        parse_config({}, overrides=["losses.consistency={start_images: 4, start_share: 0.5}"])


def test_the_period_of_a_step_covers_all_losses_that_skip_steps() -> None:
    def period(*overrides: str) -> int:
        return parse_config({}, overrides=overrides).losses.period_steps

    assert period("losses.perceptual.weight=0", "losses.features.every=4") == 1
    assert period("losses.features.every=4") == 4
    assert period("losses.features.every=4", "losses.consistency={weight: 1, every: 6}") == 12
    assert period("losses.features.every=4", "losses.consistency={weight: 0, every: 6}") == 4
