"""Tests of presets, names of layers, and files of weights that are too short, damaged or missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from urllib.error import URLError

import pytest
import torch

from pix2style.errors import ArtifactError, ConfigError
from pix2style.nets.vgg.architecture import layer_indices
from pix2style.teachers.gatys import PRESETS, parse_layers, preset
from pix2style.teachers.gatys.network import deepest_layer, load_network, weights_digest
from pix2style.teachers.gatys.settings import format_layers, layer_names

CPU = torch.device("cpu")


def test_presets_have_the_values_of_their_sources() -> None:
    five = {f"conv{block}_1": 0.2 for block in range(1, 6)}
    paper, adam = PRESETS["gatys-2015"], PRESETS["adam-7000"]
    assert (dict(paper.content_layers), dict(paper.style_layers)) == ({"conv4_2": 1.0}, five)
    assert (paper.optimizer, paper.normalization) == ("lbfgs", "paper")
    assert paper.content_weight / paper.style_weight == 1e-3
    assert (dict(adam.content_layers), dict(adam.style_layers)) == ({"conv5_2": 1.0}, five)
    assert (adam.optimizer, adam.steps, adam.learning_rate) == ("adam", 7000, 0.001)
    assert (adam.content_weight, adam.style_weight) == (0.01, 1e7)


def test_changes_override_a_preset() -> None:
    changed = preset("gatys-2015", steps=7, style_layers=parse_layers("relu1_1,conv2_1=3"), seed=None)
    assert (changed.steps, changed.seed) == (7, 0)
    assert changed.style_layers == (("relu1_1", 0.5), ("conv2_1", 3.0))
    assert changed.content_layers == PRESETS["gatys-2015"].content_layers
    assert preset("gatys-2015", optimizer="adam").learning_rate == 0.02
    assert preset("gatys-2015", optimizer="adam", learning_rate=0.1).learning_rate == 0.1
    assert preset("adam-7000", optimizer="adam").learning_rate == 0.001
    assert preset("adam-7000", optimizer="lbfgs").learning_rate == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"optimizer": "sgd"}, r"optimizer.*lbfgs or adam"),
        ({"steps": 0}, r"steps.*from 1"),
        ({"style_weight": float("nan")}, "style_weight"),
        ({"content_weight": -1.0}, "content_weight"),
        ({"style_layers": (("conv1_9", 1.0),)}, r"no layer 'conv1_9': did you mean 'conv1_"),
        ({"style_layers": ()}, "at least one layer"),
        ({"content_layers": (("conv1_1", -1.0),)}, "must not be negative"),
        ({"content_layers": (("conv1_1", 1.0), ("conv1_1", 1.0))}, "named twice"),
    ],
)
def test_invalid_settings_name_the_key(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        preset("shallow", **changes)


def test_unknown_presets_and_weights_that_are_not_numbers() -> None:
    with pytest.raises(ConfigError, match="gatys-2015, adam-7000, shallow"):
        preset("gatys")
    with pytest.raises(ConfigError, match=r"conv1_1=0\.5"):
        parse_layers("conv1_1=much")


def test_layer_names_are_those_of_the_network() -> None:
    assert {name: index for index, name in enumerate(layer_names())} == layer_indices("vgg19")


def test_settings_are_plain_values_and_layers_can_be_read_back() -> None:
    settings = preset("adam-7000", style_layers=parse_layers("conv1_1=0.1,relu3_1=1e-7,pool2"))
    values = settings.as_dict()
    assert all(isinstance(value, str | int | float | bool) for value in values.values())
    assert parse_layers(str(values["style_layers"])) == settings.style_layers
    assert format_layers(PRESETS["gatys-2015"].style_layers).startswith("conv1_1=0.2,conv2_1=0.2,")


def test_the_message_for_a_file_that_is_too_short_names_layers_to_choose(vgg_to_conv3_1: Path) -> None:
    with pytest.raises(ArtifactError) as caught:
        load_network(PRESETS["gatys-2015"], vgg_to_conv3_1, CPU)
    text = str(caught.value)
    assert text.startswith(f"{vgg_to_conv3_1}: has no weights for conv4_1, conv4_2, conv5_1")
    assert "--content-layer conv3_1 --style-layers conv1_1,conv2_1,conv3_1" in text
    # What the message recommends works.
    advised = preset(
        "gatys-2015", content_layers=parse_layers("conv3_1"), style_layers=parse_layers("conv1_1,conv2_1,conv3_1")
    )
    assert load_network(advised, vgg_to_conv3_1, CPU).layers == ("conv1_1", "conv2_1", "conv3_1")
    assert deepest_layer(vgg_to_conv3_1) == "relu3_1"


def test_missing_damaged_and_other_networks_weights(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    with pytest.raises(ArtifactError, match="no such weights file"):
        load_network(PRESETS["shallow"], tmp_path / "no.safetensors", CPU)
    (tmp_path / "text.safetensors").write_text("not weights at all")
    with pytest.raises(ArtifactError, match="damaged or not a safetensors file"):
        load_network(PRESETS["shallow"], tmp_path / "text.safetensors", CPU)
    save_file({"encoder.weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(ArtifactError, match=r"features\.0\.weight"):
        load_network(PRESETS["shallow"], tmp_path / "other.safetensors", CPU)


def test_the_message_for_a_failed_download_says_what_to_do(monkeypatch: pytest.MonkeyPatch, no_vgg: None) -> None:
    def unreachable(*args: object, **kwargs: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr("torch.hub.urlopen", unreachable)
    with pytest.raises(ArtifactError, match=r"no route to host.*\[vgg\].*--weights FILE"):
        load_network(PRESETS["gatys-2015"], None, CPU)


def test_pooling_and_depth_follow_the_settings(vgg_to_conv3_1: Path) -> None:
    average = load_network(preset("shallow", pooling="average"), vgg_to_conv3_1, CPU)
    maximum = load_network(PRESETS["shallow"], vgg_to_conv3_1, CPU)
    assert [str(module) for module in average.body if "Pool" in str(module)] == [
        "AvgPool2d(kernel_size=2, stride=2, padding=0)"
    ] * 2
    assert all("Avg" not in str(module) for module in maximum.body)
    assert weights_digest(average) == weights_digest(maximum)
    short = preset("shallow", content_layers=(("conv2_1", 1.0),), style_layers=(("conv1_1", 1.0),))
    shorter = load_network(short, vgg_to_conv3_1, CPU)
    assert len(shorter.body) == 6
    assert weights_digest(shorter) != weights_digest(maximum)


def test_settings_need_no_torch() -> None:
    program = (
        "import sys, pix2style.teachers.gatys; print([m for m in ('torch', 'cv2', 'safetensors') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
