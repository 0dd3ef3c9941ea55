"""The style distance, by an own computation and by eye-level facts; and where its network comes from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from pix2style.config.losses import FeaturesConfig
from pix2style.errors import ArtifactError
from pix2style.evaluation.style import VGG19_LAYERS, StyleMetric, load_style_metric
from pix2style.files import sha256_file
from pix2style.images import Image8, find_images, fit_within, read_picture, to_batch
from pix2style.nets.autoencoder import Autoencoder, save_autoencoder


@pytest.fixture
def autoencoder_file(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    save_autoencoder(tmp_path / "autoencoder.safetensors", Autoencoder(channels=(4, 6, 8, 8)))
    return tmp_path / "autoencoder.safetensors"


@pytest.fixture
def meter(autoencoder_file: Path) -> StyleMetric:
    meter, note = load_style_metric(str(autoencoder_file))
    assert meter is not None
    assert note is None
    return meter


@pytest.fixture
def vgg19_file(assets: Path) -> Path:
    path = assets / "assets" / "vgg" / "vgg19_to_conv3_1.safetensors"
    if not path.is_file():
        pytest.skip(f"no {path}")
    return path


@pytest.fixture
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


def test_distance_equals_the_formula(meter: StyleMetric, photos: Callable[..., list[Image8]]) -> None:
    first, second = photos(2, 48, 64)
    expected = []
    with torch.no_grad():
        a, b = (meter.network(torch.from_numpy(to_batch([one]))) for one in (first, second))
    for layer in a:
        g, h = (
            np.einsum("ihw,jhw->ij", x.numpy().astype(np.float64), x.numpy().astype(np.float64)) / x.numel()
            for x in (a[layer][0], b[layer][0])
        )
        expected.append(np.sqrt(((g - h) ** 2).sum()) / np.sqrt((h**2).sum()))
    assert len(expected) == 4
    distance = meter.distance(meter.grams(first), meter.grams(second))
    assert distance == pytest.approx(np.mean(expected), rel=1e-4)


def test_a_picture_is_at_no_distance_from_itself(meter: StyleMetric, photos: Callable[..., list[Image8]]) -> None:
    for photo in (*photos(1), *photos(1, 1, 1), np.zeros((16, 16, 3), np.uint8)):
        assert meter.distance(meter.grams(photo), meter.grams(photo)) == 0


def test_style_is_nearer_to_the_same_painting_than_to_another(vgg19_file: Path, assets: Path) -> None:
    meter, _ = load_style_metric(str(vgg19_file))
    assert meter is not None
    first, other = (
        fit_within(read_picture(assets / "data" / "styles" / name).rgb, 256) for name in ("style08.jpg", "style19.jpg")
    )
    half = first.shape[1] // 2
    left, right, far = (meter.grams(one) for one in (first[:, :half], first[:, half:], other))
    assert meter.distance(left, right) < 0.6 * meter.distance(left, far)


def test_the_scale_of_a_files_activations_does_not_matter(
    vgg19_file: Path, tmp_path: Path, photos: Callable[..., list[Image8]]
) -> None:
    """Gatys's normalised weights and torchvision's give one figure: each layer is scaled by its own constant."""
    tensors = load_file(vgg19_file)
    for number, factor in ((0, 3.0), (2, 0.5), (5, 7.0)):
        names = sorted((k for k in tensors if k.endswith(".weight")), key=lambda k: int(k.split(".")[-2]))
        name = next(k for k in names if int(k.split(".")[-2]) == number)
        bias = name.replace("weight", "bias")
        tensors[name], tensors[bias] = tensors[name] * factor, tensors[bias] * factor
        for later in names[names.index(name) + 1 :][:1]:
            tensors[later] = tensors[later] / factor
    save_file(tensors, tmp_path / "scaled.safetensors")
    distances = []
    for path in (vgg19_file, tmp_path / "scaled.safetensors"):
        meter, _ = load_style_metric(str(path))
        assert meter is not None
        grams = [meter.grams(photo) for photo in photos(2)]
        distances.append(meter.distance(*grams))
    assert distances[0] == pytest.approx(distances[1], rel=1e-4)


def test_the_kind_of_file_is_seen(vgg19_file: Path, meter: StyleMetric) -> None:
    vgg19, note = load_style_metric(str(vgg19_file))
    assert vgg19 is not None
    assert note is None
    assert (vgg19.name, vgg19.network.layers, vgg19.sha256) == ("vgg19", VGG19_LAYERS, sha256_file(vgg19_file))
    assert meter.name == "autoencoder"


@pytest.mark.usefixtures("empty_cache")
def test_without_any_network_there_is_a_note(tmp_path: Path) -> None:
    meter, note = load_style_metric(None)
    assert meter is None
    assert "--features" in (note or "")
    missing = FeaturesConfig(weights=tmp_path / "missing.safetensors")
    meter, note = load_style_metric(None, missing)
    assert meter is None
    assert "missing.safetensors" in (note or "")
    assert load_style_metric("none")[0] is None


def test_the_configurations_network_is_used(autoencoder_file: Path) -> None:
    meter, note = load_style_metric(None, FeaturesConfig(network="autoencoder", weights=autoencoder_file))
    assert meter is not None
    assert (meter.name, note) == ("autoencoder", None)


def test_a_network_that_was_asked_for_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"--features .*missing.safetensors"):
        load_style_metric(str(tmp_path / "missing.safetensors"))
    (tmp_path / "noise.safetensors").write_bytes(b"noise")
    with pytest.raises(ArtifactError, match="noise"):
        load_style_metric(str(tmp_path / "noise.safetensors"))


def test_all_paintings_can_be_measured(vgg19_file: Path, assets: Path) -> None:
    meter, _ = load_style_metric(str(vgg19_file))
    assert meter is not None
    for found in find_images([assets / "data" / "styles"])[:3]:
        grams = meter.grams(fit_within(read_picture(found.path).rgb, 64))
        assert all(matrix.isfinite().all() for matrix in grams.values())
