from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from pix2style import load_stylizer
from pix2style.config import Config
from pix2style.errors import ConfigError, DataError, TrainingError
from pix2style.images import read_picture
from pix2style.pairs.reader import PairReader
from pix2style.runs.folder import RunFolder
from pix2style.runs.generator import load_generator
from pix2style.training.advance import advance
from pix2style.training.data import PairBatch
from pix2style.training.loop import train
from pix2style.training.state import build_state, compile_networks, set_learning_rates


def files(run: Path) -> set[str]:
    return {p.relative_to(run).as_posix() for p in run.rglob("*") if p.is_file()}


def test_a_run_leaves_exactly_these_files(tmp_path: Path, experiment: Callable[..., Config]) -> None:
    train(experiment(), tmp_path / "run")
    names = ("generator.safetensors", "generator.ema.safetensors", "discriminator.safetensors", "trainer.pt")
    assert files(tmp_path / "run") == {
        "config.json",
        "metrics.jsonl",
        "samples/step-0000012.png",
        "checkpoints/latest",
        "checkpoints/best",
        *(f"checkpoints/step-0000012/{name}" for name in (*names, "meta.json")),
    }


@pytest.mark.parametrize("generator", ["lite", "unet"])
@pytest.mark.parametrize("kind", ["bce", "lsgan", "hinge"])
def test_it_learns(tmp_path: Path, experiment: Callable[..., Config], generator: str, kind: str) -> None:
    config = experiment(
        f"model.generator={generator}",
        f"losses.adversarial.kind={kind}",
        "train.images=320",
        "train.validate_every_images=8",
        "train.validate_photos=2",
        "losses.adversarial.weight=0.1",
    )
    report = train(config, tmp_path / "run")
    lines = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    l1 = [line["validation/l1_levels"] for line in lines if "validation/l1_levels" in line]
    assert report.val_l1 == l1[-1]
    assert l1[-1] < 0.5 * l1[0]


def test_every_part_is_logged_and_sums_up(tmp_path: Path, experiment: Callable[..., Config]) -> None:
    train(experiment("losses.adversarial.weight=0.5"), tmp_path / "run")
    first = json.loads((tmp_path / "run/metrics.jsonl").read_text().splitlines()[0])
    assert first["generator/total"] == pytest.approx(
        10 * first["generator/l1"] + 0.5 * first["generator/adversarial"], rel=1e-5
    )
    assert 0 <= first["discriminator/real_share_right"] <= 1
    assert first["images_seen"] == 4


def test_what_the_grid_shows_is_what_the_filter_does(tmp_path: Path, experiment: Callable[..., Config]) -> None:
    """Complaint 1: BatchNorm and dropout must not make the test's pictures differ from training's."""
    run = tmp_path / "run"
    train(experiment("model.generator=unet-2017", "train.images=12"), run)
    assert experiment().pairs.path is not None
    reader = PairReader(experiment().pairs.path)  # type: ignore[arg-type]
    content, _ = reader.read(reader.entries("val")[0])
    stylize = load_stylizer(run)
    alone, again = stylize(content), stylize(content)
    np.testing.assert_array_equal(alone, again)
    in_company = stylize([read_picture(run / "samples/step-0000003.png").rgb, content])[1]
    np.testing.assert_array_equal(alone, in_company)
    sheet = read_picture(run / "samples/step-0000003.png").rgb
    top, left, side = 18 + 16, 8 + 48 + 8, 48
    np.testing.assert_array_equal(sheet[top : top + side, left : left + side], alone)


def test_the_averaged_weights_are_an_average(tmp_path: Path, experiment: Callable[..., Config]) -> None:
    train(experiment(), tmp_path / "run")
    run = RunFolder(tmp_path / "run")
    (ema, _), (raw, _) = (load_generator(run, weights=w) for w in ("ema", "raw"))
    assert not ema.training
    assert any(not torch.equal(a, b) for a, b in zip(ema.parameters(), raw.parameters(), strict=True))


def test_no_adversary_no_discriminator(tmp_path: Path, experiment: Callable[..., Config]) -> None:
    train(experiment("losses.adversarial.weight=0"), tmp_path / "run")
    assert not list((tmp_path / "run").rglob("discriminator.safetensors"))
    assert "discriminator" not in (tmp_path / "run/metrics.jsonl").read_text()


def batch_of(value: float) -> PairBatch:
    return PairBatch(torch.full((2, 3, 32, 32), value), torch.zeros(2, 3, 32, 32))


def test_both_networks_learn_and_neither_teaches_the_other(experiment: Callable[..., Config]) -> None:
    config = experiment()
    state = build_state(config)
    assert state.discriminator is not None
    before_g, before_d = ([p.clone() for p in net.parameters()] for net in (state.generator, state.discriminator))
    advance(state, batch_of(0.5), config)
    assert any(not torch.equal(a, b) for a, b in zip(before_g, state.generator.parameters(), strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(before_d, state.discriminator.parameters(), strict=True))


def test_a_step_that_is_not_finite_is_left_out_and_many_stop_the_run(experiment: Callable[..., Config]) -> None:
    config = experiment()
    state = build_state(config)
    before = [p.clone() for p in state.generator.parameters()]
    advance(state, batch_of(float("nan")), config)
    assert all(torch.equal(a, b) for a, b in zip(before, state.generator.parameters(), strict=True))
    for _ in range(18):
        advance(state, batch_of(float("nan")), config)
    with pytest.raises(TrainingError, match="20 times in a row"):
        advance(state, batch_of(float("nan")), config)


def test_one_bad_step_does_no_harm(experiment: Callable[..., Config]) -> None:
    config = experiment()
    state = build_state(config)
    for value in [float("nan"), 0.5] * 15:
        advance(state, batch_of(value), config)
    assert all(bool(torch.isfinite(p).all()) for p in state.generator.parameters())


def test_learning_rates_fall_to_nothing(experiment: Callable[..., Config]) -> None:
    config = experiment("train.images=100", "train.decay_from=0.5")
    state = build_state(config)
    shares = []
    for seen in (0, 50, 75, 100):
        state.images_seen = seen
        shares.append(set_learning_rates(state, config.train))
        assert state.generator_optimizer.param_groups[0]["lr"] == pytest.approx(2e-3 * shares[-1])
    assert shares == pytest.approx([1, 1, 0.5, 0])


def test_bf16_trains_too(tmp_path: Path, experiment: Callable[..., Config]) -> None:
    assert train(experiment("train.precision=bf16"), tmp_path / "run").val_l1 is not None


def test_compiled_networks_still_learn(experiment: Callable[..., Config]) -> None:
    """pytorch #139476: a compiled discriminator must not be left without gradients."""
    config = experiment()
    state = build_state(config)
    assert state.discriminator is not None
    compile_networks(state, backend="aot_eager")  # traces and splits as the real one does, without a C++ compiler
    before = [p.clone() for p in state.discriminator.parameters()]
    advance(state, batch_of(0.5), config)
    assert any(not torch.equal(a, b) for a, b in zip(before, state.discriminator.parameters(), strict=True))
    assert not any("_orig_mod" in name for name in state.generator.state_dict())


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ("train.augment.crop=64", ConfigError, "larger than the smallest pair, 48x48"),
        ("train.device=cuda", ConfigError, "finds no GPU"),
        ("pairs.path=nowhere", DataError, "nowhere"),
        ("pairs.path=null", ConfigError, "is not set"),
    ],
)
def test_what_would_fail_is_said_before_anything_is_written(
    tmp_path: Path, experiment: Callable[..., Config], change: str, error: type[Exception], said: str
) -> None:
    if change == "train.device=cuda" and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(error, match=said):
        train(experiment(change), tmp_path / "run")
    assert not list((tmp_path / "run").rglob("*.safetensors"))


def test_checkpoints_do_not_fill_the_disk(tmp_path: Path, experiment: Callable[..., Config]) -> None:
    config = experiment("train.images=80", "train.checkpoint_every_images=4", "train.keep_checkpoints=2")
    train(config, tmp_path / "run")
    folder = tmp_path / "run/checkpoints"
    kept = sorted(p.name for p in folder.glob("step-*"))
    assert kept[-2:] == ["step-0000019", "step-0000020"]
    assert len(kept) <= 3
    assert (folder / (folder / "best").read_text().strip()).is_dir()
