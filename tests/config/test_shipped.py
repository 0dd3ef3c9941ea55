"""Configurations by name, the description of all keys, and the schema for editors."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from pix2style.config import load_config
from pix2style.config.describe import describe_sections
from pix2style.config.schema import json_schema
from pix2style.config.shipped import find_config, instead_on_cpu, shipped_configs, summary
from pix2style.errors import ConfigError


def test_a_name_finds_the_shipped_file_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "finetune").mkdir()  # a folder of this name is not meant
    for name in shipped_configs():
        assert load_config(Path(name)) == load_config(Path(f"{name}.yaml")) == load_config(shipped_configs()[name])


def test_a_file_of_ones_own_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("watercolor.yaml").write_text("name: mine\n")
    assert load_config(Path("watercolor.yaml")).name == "mine"
    assert load_config(Path("watercolor")).name == "watercolor"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("watercolour", "did you mean --config watercolor?"),
        ("fine-tune.yaml", "did you mean --config finetune?"),
        ("elsewhere/watercolor.yaml", "did you mean --config watercolor?"),
        ("xyz", "shipped are distill, finetune"),
        (".", "is a folder"),
    ],
)
def test_what_is_not_there_names_what_is(
    name: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as raised:
        find_config(Path(name))
    assert words in str(raised.value)


def test_every_shipped_configuration_says_what_it_is_for() -> None:
    for name, path in shipped_configs().items():
        text = summary(path)
        assert text.endswith("."), name
        assert len(text) > 20, name
        assert "--config" not in text, name
        assert all(other in shipped_configs() for other in instead_on_cpu(name))


def test_shipped_configurations_run_on_any_machine() -> None:
    """`device: auto` decides what depends on the device."""
    for name, path in shipped_configs().items():
        train = load_config(path).train
        assert train.device != "cuda", name
        assert train.precision != "fp16", name
        assert train.compile is not True, name


def test_every_key_is_described() -> None:
    keys = [key for section in describe_sections() for key in section.keys]
    assert len({key.key for key in keys}) == len(keys) > 100
    for key in keys:
        assert key.type, key
        assert key.meaning, key
        assert key.default, key
        if "integer" in key.type or "number" in key.type:
            assert key.unit, key
    by_key = {key.key: key for key in keys}
    assert by_key["pairs.size"].to_json() == {
        "key": "pairs.size",
        "type": "integer",
        "unit": "pixels",
        "range": "at least 32, at most 4096",
        "default": "256",
        "meaning": by_key["pairs.size"].meaning,
    }
    assert by_key["train.augment.crop"].type == "integer or null"
    assert by_key["pairs.teacher"].type == "watercolor, magenta, gatys"
    assert by_key["train.compile"].type == "true or false or auto"
    assert by_key["train.augment.photo[jpeg].quality"].type == "list of 2 integers"


# Numbers that are weights, factors, rates, seeds and ids.
WITHOUT_UNIT = {"weight", "seed", "learn_style", "weights", "features", "structure", "r1", "r2", "lr", "beta1", "beta2"}
WITHOUT_UNIT |= {"clip_norm", "brightness", "contrast", "saturation", "layers", "painting_layers", "painting_weight"}
WITHOUT_UNIT |= {"momentum", "l1", "charbonnier", "mse", "ms_ssim", "color", "total_variation", "feature_matching"}


def test_every_number_has_a_unit_or_is_known_to_have_none() -> None:
    for section in describe_sections():
        for key in section.keys:
            if key.unit == "none":
                assert key.key.rpartition(".")[2] in WITHOUT_UNIT, f"{key.key}: add its unit to config/units.py"


def test_editors_accept_every_shipped_file_and_refuse_mistakes() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json_schema()
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)

    def messages(text: str) -> list[str]:
        return [error.message for error in validator.iter_errors(yaml.load(text, Loader=_Yaml12))]

    for name, path in shipped_configs().items():
        assert messages(path.read_text()) == [], name
    assert messages("train: {images: 400_000, batch: 4}") == []
    assert messages("train: {batchsize: 4}")
    assert messages("train: {batch: 0}")
    assert messages("model: {generator: unett}")
    assert "Unit: pixels." in schema["$defs"]["AugmentConfig"]["properties"]["crop"]["description"]
    assert "Unit: JPEG quality." in schema["$defs"]["JpegConfig"]["properties"]["quality"]["description"]


class _Yaml12(yaml.SafeLoader):
    """Reads `off` and `400_000` as texts and `1e-3` as a number, as editors do."""


_Yaml12.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.rpartition(":")[2] not in ("bool", "int", "float")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Yaml12.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|false)$"), list("tf"))
_Yaml12.add_implicit_resolver("tag:yaml.org,2002:int", re.compile("^[-+]?[0-9]+$"), list("-+0123456789"))
_Yaml12.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?$"), list("-+0123456789")
)
