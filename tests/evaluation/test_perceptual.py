"""LPIPS and DISTS through torchmetrics, on stand-ins for the networks that torchvision downloads."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from pix2style.errors import ArtifactError, MissingExtraError
from pix2style.evaluation import perceptual
from pix2style.evaluation.dataset import PhotoDataset
from pix2style.evaluation.evaluate import evaluate
from pix2style.evaluation.perceptual import load_perceptual_metrics
from pix2style.evaluation.table import render_table
from pix2style.images import Image8, encode_png
from pix2style.stylizer import Stylizer, StylizerIdentity

FILES = ("alexnet-owt-7be5be79.pth", "vgg16-397923af.pth")


@pytest.fixture
def backbones(monkeypatch: pytest.MonkeyPatch, no_torchvision_cache: Path) -> Path:
    """Both networks downloaded, as far as their layers for features: those of torchvision with random weights."""
    torchvision = pytest.importorskip("torchvision")
    dists = pytest.importorskip("torchmetrics.functional.image.dists")

    def features(build: Callable[..., torch.nn.Module]) -> Callable[..., SimpleNamespace]:
        with torch.device("meta"):
            body = build(weights=None).features
        torch.manual_seed(0)
        body = body.to_empty(device="cpu")
        for module in body:
            if isinstance(module, torch.nn.Conv2d):
                torch.nn.init.kaiming_normal_(module.weight)
                torch.nn.init.zeros_(module.bias)
        return lambda **_: SimpleNamespace(features=body)

    monkeypatch.setattr(torchvision.models, "alexnet", features(torchvision.models.alexnet))
    monkeypatch.setattr(dists, "vgg16", features(torchvision.models.vgg16))
    folder = no_torchvision_cache / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    for name in FILES:
        (folder / name).write_bytes(name.encode())
    return folder


def test_equal_images_have_the_distance_0_and_blurred_ones_more(
    backbones: Path, photos: Callable[..., list[Image8]]
) -> None:
    metrics, note = load_perceptual_metrics()
    assert metrics is not None
    assert note is None
    [photo] = photos(1, 40, 72)
    soft = (photo // 2 + np.roll(photo, 1, 1) // 2).astype(np.uint8)
    softer = (photo // 4 + np.roll(photo, 2, 1) // 4 + soft // 2).astype(np.uint8)
    equal, near, far = (metrics.measure(image, photo) for image in (photo, soft, softer))
    assert set(equal) == {"lpips", "dists"}
    for name in equal:
        assert equal[name] == pytest.approx(0, abs=1e-5)
        assert 1e-4 < near[name] < far[name]


class Inverted(Stylizer):
    """Returns the negative."""

    @property
    def identity(self) -> StylizerIdentity:
        return StylizerIdentity("inverted", "0" * 64)

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        return [255 - image for image in images]


@pytest.mark.usefixtures("backbones")
def test_the_report_has_their_columns(tmp_path: Path, photos: Callable[..., list[Image8]]) -> None:
    (tmp_path / "photo.png").write_bytes(encode_png(photos(1, 40, 56)[0]))
    metrics, _ = load_perceptual_metrics()
    report = evaluate(
        {"a": Inverted()}, PhotoDataset([tmp_path / "photo.png"]), reference=Inverted(), perceptual=metrics
    )
    row, unchanged = report.stylizers
    assert row.lpips is not None
    assert row.lpips.mean == pytest.approx(0, abs=1e-5)
    assert unchanged.dists is not None
    assert unchanged.dists.mean > 0.01
    assert report.perceptual["dists"].network == "torchvision's VGG16"
    assert "torchmetrics" in report.versions
    assert " LPIPS " in render_table(report)


def test_only_what_is_at_hand_is_measured(backbones: Path) -> None:
    (backbones / FILES[1]).unlink()
    metrics, note = load_perceptual_metrics()
    assert metrics is not None
    assert list(metrics.distances) == ["lpips"]
    assert metrics.weights["lpips"].name == "torchvision's AlexNet"
    assert note == "DISTS was not measured: add --perceptual to download VGG16 (528 MB)"
    (backbones / FILES[0]).unlink()
    metrics, note = load_perceptual_metrics()
    assert metrics is None
    assert note == (
        "LPIPS and DISTS were not measured: add --perceptual to download AlexNet (233 MB) and VGG16 (528 MB)"
    )


def test_without_the_extra_a_note_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        perceptual.importlib.util, "find_spec", lambda name: None if name == "torchmetrics" else find_spec(name)
    )
    metrics, note = load_perceptual_metrics()
    assert metrics is None
    assert "[metrics]" in (note or "")
    assert "--perceptual" in (note or "")
    monkeypatch.setitem(sys.modules, "torchmetrics", None)
    with pytest.raises(MissingExtraError, match=r"torchmetrics.*\[metrics\]"):
        load_perceptual_metrics(wanted=True)
    assert load_perceptual_metrics(wanted=False) == (None, "LPIPS and DISTS were not measured (--no-perceptual)")


def test_a_failed_download_and_a_damaged_file(
    monkeypatch: pytest.MonkeyPatch, no_torchvision_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torchmetrics")
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # a place that refuses: no network is needed or used
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    advice = rf"LPIPS needs torchvision's AlexNet.*leave out --perceptual, or put {FILES[0]} \(233 MB\) into"
    with pytest.raises(ArtifactError, match=advice):
        load_perceptual_metrics(wanted=True)
    assert capsys.readouterr().out == ""
    folder = no_torchvision_cache / "hub" / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILES[0]).write_bytes(b"no weights")
    metrics, note = load_perceptual_metrics()
    assert metrics is None
    assert "AlexNet" in (note or "")
