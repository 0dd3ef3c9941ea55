"""Our own feature network: small, saved, loaded, scaled."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from pix2style.errors import ArtifactError, ConfigError
from pix2style.nets.autoencoder import Autoencoder, load_autoencoder, save_autoencoder

_ALL = ["enc1", "enc2", "enc3", "enc4"]


@pytest.fixture
def model() -> Autoencoder:
    model = Autoencoder((4, 6, 8, 10))
    model.measure_mean_activations([torch.rand(2, 3, 32, 32) * 2 - 1, torch.rand(1, 3, 32, 32) * 2 - 1])
    return model


def test_encoder_is_small() -> None:
    weights = sum(weight.numel() for weight in Autoencoder().encoder.parameters())
    assert weights == 329_536
    assert weights * 4 < 1.5e6  # bytes


def test_shapes_and_range(model: Autoencoder) -> None:
    picture = torch.rand(2, 3, 48, 32) * 2 - 1
    found = model.encode(picture)
    assert {name: tuple(features.shape[1:]) for name, features in found.items()} == {
        "enc1": (4, 24, 16),
        "enc2": (6, 12, 8),
        "enc3": (8, 6, 4),
        "enc4": (10, 3, 2),
    }
    assert all((features >= 0).all() for features in found.values())
    again = model(picture)
    assert again.shape == picture.shape
    assert again.abs().max() <= 1


def test_learns_to_rebuild_a_picture(model: Autoencoder) -> None:
    y, x = torch.meshgrid(torch.linspace(-1, 1, 32), torch.linspace(-1, 1, 32), indexing="ij")
    picture = torch.stack([x, y, x * y])[None]
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    before = float((model(picture) - picture).abs().mean().detach())
    for _ in range(30):
        optimizer.zero_grad()
        loss = (model(picture) - picture).abs().mean()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.6 * before


def test_saved_and_loaded_gives_the_same_activations_at_mean_1(model: Autoencoder, tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    save_autoencoder(path, model)
    network = load_autoencoder(["enc3", "enc1"], path)
    picture = torch.rand(2, 3, 33, 40) * 2 - 1
    found, expected = network(picture), model.encode(picture)
    assert list(found) == ["enc1", "enc3"]
    assert len(network.body) == 6
    for name, index in {"enc1": 0, "enc3": 2}.items():
        torch.testing.assert_close(found[name], expected[name].detach() / model.mean_activation[index])


def test_measured_layers_have_mean_activation_1(model: Autoencoder, tmp_path: Path) -> None:
    pictures = [torch.rand(3, 3, 32, 32), -torch.rand(1, 3, 32, 32)]
    model.measure_mean_activations(pictures)
    save_autoencoder(tmp_path / "own.safetensors", model)
    found = load_autoencoder(_ALL, tmp_path / "own.safetensors")(torch.cat(pictures))
    assert {name: float(features.mean()) for name, features in found.items()} == pytest.approx(
        dict.fromkeys(_ALL, 1.0), rel=1e-4
    )


def test_file_is_the_same_every_time(model: Autoencoder, tmp_path: Path) -> None:
    first, second = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    save_autoencoder(first, model)
    save_autoencoder(second, model)
    assert first.read_bytes() == second.read_bytes()


def test_frozen(model: Autoencoder, tmp_path: Path) -> None:
    save_autoencoder(tmp_path / "own.safetensors", model)
    network = load_autoencoder(_ALL, tmp_path / "own.safetensors").train()
    picture = torch.rand(1, 3, 32, 32, requires_grad=True)
    sum(features.sum() for features in network(picture).values()).backward()
    assert picture.grad is not None
    assert picture.grad.any()
    assert not any(weight.requires_grad for weight in network.parameters())
    assert all(weight.requires_grad for weight in model.parameters())


def test_files_that_cannot_be_used(model: Autoencoder, tmp_path: Path) -> None:
    good = tmp_path / "good.safetensors"
    save_autoencoder(good, model)
    tensors = load_file(good)
    meta = {"schema_version": 1, "channels": [4, 6, 8, 10]}
    cases = {
        "foreign": (tensors, None, "not an autoencoder"),
        "newer": (tensors, meta | {"schema_version": 2}, "schema version 2, this pix2style reads 1"),
        "wider": (tensors, meta | {"channels": [4, 6, 8, 12]}, "damaged"),
        "nonsense": (tensors, meta | {"channels": "many"}, "damaged"),
        "list": (tensors, [1, 2], "damaged"),
        "lacking": ({k: v for k, v in tensors.items() if k != "encoder.0.weight"}, meta, "damaged"),
        "dead": (tensors | {"mean_activation": torch.tensor([1.0, 0, 1, 1])}, meta, "not positive"),
    }
    for name, (content, description, reason) in cases.items():
        path = tmp_path / f"{name}.safetensors"
        save_file(content, path, description and {"pix2style.autoencoder": json.dumps(description)})
        with pytest.raises(ArtifactError, match=f"{name}.safetensors: .*{reason}"):
            load_autoencoder(_ALL, path)
    with pytest.raises(ArtifactError, match="this weights file does not exist"):
        load_autoencoder(_ALL, tmp_path / "missing.safetensors")


def test_wrong_arguments(model: Autoencoder, tmp_path: Path) -> None:
    save_autoencoder(tmp_path / "own.safetensors", model)
    with pytest.raises(ConfigError, match="no layer 'enc5': did you mean 'enc"):
        load_autoencoder(["enc5"], tmp_path / "own.safetensors")
    with pytest.raises(ValueError, match="4 numbers"):
        Autoencoder((8, 8))
    with pytest.raises(ValueError, match="at least 16 px"):
        model.encode(torch.zeros(1, 3, 16, 15))
    with pytest.raises(ValueError, match="empty"):
        model.measure_mean_activations([])
    assert isinstance(model.decoder, nn.Sequential)
