"""Distillation: a small generator learns from the generator of a trained run."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from pix2style import losses
from pix2style.config import Config
from pix2style.errors import ArtifactError, ConfigError
from pix2style.nets.unet import Unet
from pix2style.runs.folder import RunFolder
from pix2style.runs.generator import load_generator
from pix2style.training.batch import PairBatch
from pix2style.training.objective.distillation import Distiller, _same_places
from pix2style.training.run.train import train
from pix2style.training.step.build import build_state, compile_networks
from pix2style.training.step.state import TrainingState
from pix2style.training.step.train_step import train_step

Experiment = Callable[..., Config]


@pytest.fixture(scope="module")
def teacher_run(experiment: Experiment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny U-Net, trained for two steps."""
    run = tmp_path_factory.mktemp("teacher") / "unet"
    train(experiment("model.generator=unet", "train.images=8", "losses.adversarial.weight=0"), run)
    return run


@pytest.fixture
def distilling(experiment: Experiment, teacher_run: Path) -> Experiment:
    """`distilling("distill.features=0", ...)`: a tiny lite that learns from `teacher_run`, without a discriminator."""

    def build(*changes: str) -> Config:
        return experiment(f"distill.teacher_run='{teacher_run}'", "losses.adversarial.weight=0", *changes)

    return build


def make_batch(size: int, seed: int = 0) -> PairBatch:
    noise = torch.Generator().manual_seed(seed)
    coarse = torch.rand(2 * size, 3, 6, 6, generator=noise) * 2 - 1
    content, target = torch.nn.functional.interpolate(coarse, size=(32, 32), mode="bilinear").chunk(2)
    return PairBatch(content, target, None, torch.rand(size, 3, 96, 96, generator=noise) * 2 - 1)


def get_distiller(state: TrainingState) -> Distiller:
    assert state.objective.distiller is not None
    return state.objective.distiller


def test_the_output_is_compared_with_that_of_the_teacher(distilling: Experiment, teacher_run: Path) -> None:
    config = distilling("distill.features=0", "distill.output={weight: 2, structure: 0.25}")
    state, batch = build_state(config), make_batch(4)
    teacher, _ = load_generator(RunFolder(teacher_run))
    with torch.no_grad():
        teacher_output = teacher(batch.content)
        output = state.generator(batch.content, context=state.generator.context_from_glimpse(batch.glimpse))
        l1 = losses.l1(output, batch.target)
    results = train_step(state, [batch], config.train).generator_losses
    expected = losses.l1(output, teacher_output) + 0.25 * losses.ms_ssim(output, teacher_output)
    assert "distill_features" not in results.terms
    torch.testing.assert_close(results.terms["distill_output"], expected, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(results.total, 10 * l1 + 2 * expected, rtol=1e-4, atol=1e-6)


def test_student_and_maps_learn_and_the_teacher_does_not(distilling: Experiment) -> None:
    config = distilling("train.images=1000", "train.generator.lr=0.01", "losses.l1=0.01")
    state, batch = build_state(config), make_batch(4)
    teacher = [weight.clone() for weight in get_distiller(state).teacher.parameters()]
    maps = [weight.clone() for weight in get_distiller(state).maps.parameters()]
    results = [train_step(state, [batch], config.train).generator_losses.metrics() for _ in range(60)]
    for term in ("distill_output", "distill_features"):
        assert results[-1][term] < 0.9 * results[0][term], term
    assert all(map(torch.equal, teacher, get_distiller(state).teacher.parameters()))
    assert not any(map(torch.equal, maps, get_distiller(state).maps.parameters()))
    assert not any("distill" in name or "maps" in name for name in state.generator.state_dict())


@pytest.mark.parametrize("changes", [(), ("losses.adversarial.weight=0.5",)])
def test_micro_batches_equal_one_batch(distilling: Experiment, changes: tuple[str, ...]) -> None:
    """With a discriminator the forward pass is repeated for its gradient; features must belong to their micro-batch."""
    config, batch = distilling(*changes), make_batch(4)
    halves = _halves(batch)
    results = []
    for micro_batches in ([batch], halves):
        state = build_state(config)
        metrics = train_step(state, micro_batches, config.train).generator_losses.metrics()
        results.append(
            (metrics, [weight.grad.clone() for weight in state.generator_parameters if weight.grad is not None])
        )
    (whole, gradients), (split, others) = results
    # Features are compared relative to the magnitude in their own micro-batch, so the mean is only close to the whole.
    torch.testing.assert_close(split["distill_features"], whole["distill_features"], rtol=0.05, atol=0)
    torch.testing.assert_close(split["distill_output"], whole["distill_output"], rtol=1e-4, atol=1e-6)
    assert len(gradients) == len(others)


def _halves(batch: PairBatch) -> list[PairBatch]:
    assert batch.target is not None
    assert batch.glimpse is not None
    return [
        PairBatch(batch.content[i : i + 2], batch.target[i : i + 2], None, batch.glimpse[i : i + 2]) for i in (0, 2)
    ]


def test_a_compiled_generator_learns_the_same(distilling: Experiment) -> None:
    config, results = distilling(), []
    for compiled in (False, True):
        state = build_state(config)
        if compiled:
            compile_networks(state, backend="eager")
        results.append(
            [float(train_step(state, [make_batch(4, i)], config.train).generator_losses.total) for i in range(3)]
        )
    assert results[0] == pytest.approx(results[1], rel=1e-4)


@pytest.mark.parametrize("changes", [(), ("losses.adversarial.weight=0.5", "train.accumulate=2")])
def test_resumed_equals_uninterrupted(distilling: Experiment, tmp_path: Path, changes: tuple[str, ...]) -> None:
    config = distilling("train.images=24", "train.checkpoint_every_images=8", "train.keep_last=9", *changes)
    train(config, tmp_path / "whole")
    shutil.copytree(tmp_path / "whole", tmp_path / "resumed")
    checkpoints = tmp_path / "resumed" / "checkpoints"
    for later in ("step-0000004", "step-0000006"):
        shutil.rmtree(checkpoints / later)
    (checkpoints / "latest").write_text("step-0000002\n")
    train(config, tmp_path / "resumed", resume=True)
    for file in ("generator.safetensors", "generator.ema.safetensors"):
        whole, resumed = (tmp_path / run / "checkpoints" / "step-0000006" / file for run in ("whole", "resumed"))
        assert whole.read_bytes() == resumed.read_bytes(), file
    states = [
        torch.load(tmp_path / run / "checkpoints" / "step-0000006" / "trainer.pt", weights_only=True)["objective"]
        for run in ("whole", "resumed")
    ]
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_resuming_with_other_weights_of_the_teacher_is_an_error(
    distilling: Experiment, teacher_run: Path, experiment: Experiment, tmp_path: Path
) -> None:
    copy = tmp_path / "teacher"
    shutil.copytree(teacher_run, copy)
    config = distilling(f"distill.teacher_run='{copy}'", "train.images=8")
    train(config, tmp_path / "run")
    train(experiment("model.generator=unet", "train.images=12", "losses.adversarial.weight=0"), copy, resume=True)
    with pytest.raises(ArtifactError, match="trained further"):
        train(distilling(f"distill.teacher_run='{copy}'", "train.images=12"), tmp_path / "run", resume=True)


def test_a_lite_teacher_gets_the_glimpse_of_the_whole_photo(experiment: Experiment, tmp_path: Path) -> None:
    not_adversarial = "losses.adversarial.weight=0"
    train(
        experiment("model.lite={channels: 12, blocks: 2, scale: 4}", "train.images=8", not_adversarial),
        tmp_path / "teacher",
    )
    config = experiment(f"distill.teacher_run='{tmp_path / 'teacher'}'", "train.images=8", not_adversarial)
    assert train(config, tmp_path / "student").step == 2
    state = build_state(config)
    assert state.uses_glimpse
    # The maps go from the 8 channels of the student to the 12 of the teacher.
    assert [weight.shape[:2] for weight in get_distiller(state).maps.parameters() if weight.dim() == 4] == [(12, 8)] * 2


def test_generators_that_cannot_be_compared_are_errors(
    experiment: Experiment, distilling: Experiment, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"\[distill -> features\] .*model.generator=lite"):
        build_state(distilling("model.generator=unet"))
    assert build_state(distilling("model.generator=unet", "distill.features=0")).objective.distiller is not None
    with pytest.raises(ConfigError, match=r"holds 1 style,.*model.styles=1"):
        build_state(distilling("model.styles=2"))
    with pytest.raises(ArtifactError):
        build_state(experiment(f"distill.teacher_run='{tmp_path / 'nowhere'}'"))
    train(experiment("model.generator=resnet", "model.resnet={channels: 4, blocks: 1}", "train.images=4",
                     "losses.adversarial.weight=0"), tmp_path / "resnet")  # fmt: skip
    with pytest.raises(ConfigError, match="a resnet, whose features cannot be compared"):
        build_state(distilling(f"distill.teacher_run='{tmp_path / 'resnet'}'"))


def test_a_teacher_with_statistics_of_the_whole_photo_needs_whole_pairs(
    experiment: Experiment, distilling: Experiment, tmp_path: Path
) -> None:
    train(experiment("model.generator=unet", "model.unet={channels: 8, levels: 1, scale: 4, norm: instance}",
                     "train.images=4", "losses.adversarial.weight=0"), tmp_path / "unet")  # fmt: skip
    from_unet = (f"distill.teacher_run='{tmp_path / 'unet'}'", "train.images=8")
    with pytest.raises(ConfigError, match=r"cannot stylize crops: set train.augment.crop=null train.batch=1"):
        build_state(distilling(*from_unet))
    whole = distilling(*from_unet, "train.augment.crop=null", "train.batch=1")
    assert train(whole, tmp_path / "student").step == 8


def test_with_weights_of_0_no_teacher_is_loaded(distilling: Experiment) -> None:
    state = build_state(distilling("distill.features=0", "distill.output.weight=0"))
    assert state.objective.distiller is None
    assert list(state.objective.trainable_parameters()) == []


def test_distillation_needs_no_targets(distilling: Experiment, tmp_path: Path) -> None:
    config = distilling("train.unpaired=true", "losses.l1=0", "train.images=8")
    assert train(config, tmp_path / "run").step == 2


@pytest.mark.parametrize(("height", "width", "scale"), [(340, 511, 4), (7, 9, 8), (38, 21, 2), (64, 48, 4)])
def test_features_of_the_same_place_are_compared(height: int, width: int, scale: int) -> None:
    """Both networks pad to multiples of their own; a student that equals its teacher has a distance of 0."""
    noise = torch.Generator().manual_seed(0)
    places = torch.rand(1, 3, 64 * 4, 64 * 4, generator=noise).repeat_interleave(8, 2).repeat_interleave(8, 3)

    def features(scale: int, multiple: int) -> torch.Tensor:
        padded = [-(-side // multiple) * multiple for side in (height, width)]
        return torch.nn.functional.avg_pool2d(places[..., : padded[0], : padded[1]], scale)

    output, target = _same_places(features(4, 4), features(scale, 2 * scale), 4, scale)
    assert output.shape == target.shape
    assert tuple(output.shape[-2:]) == (-(-height // 4), -(-width // 4))
    torch.testing.assert_close(output, target)


def test_stages_know_their_scale() -> None:
    photo = torch.zeros(1, 3, 64, 96)
    for levels, scale in ((1, 4), (3, 1), (2, 2)):
        unet = Unet(channels=4, levels=levels, scale=scale)
        stages = unet.stages_at_scale(4)
        features = unet(photo, None, None, tuple(stage.index for stage in stages)).features
        for stage in stages:
            assert features[stage.index].shape[1:] == (stage.channels, 64 // stage.scale, 96 // stage.scale)
