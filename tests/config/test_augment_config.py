"""The section `train.augment`: its list of photo transforms, and configurations of version 0.1."""

from __future__ import annotations

import pytest

from pix2style.config import Config, parse_config
from pix2style.config.augment import ColorJitterConfig, JpegConfig
from pix2style.errors import ConfigError


def parse(photo: str) -> Config:
    return parse_config({}, overrides=[f"train.augment.photo={photo}"])


def test_a_list_of_transforms_survives_json() -> None:
    config = parse("[{name: jpeg, p: 0.3, quality: [20, 60]}, {name: color_jitter, hue: [-0.1, 0.1]}]")
    jpeg, jitter = config.train.augment.photo
    assert jpeg == JpegConfig(name="jpeg", p=0.3, quality=(20, 60))
    assert isinstance(jitter, ColorJitterConfig)
    assert (jitter.p, jitter.hue, jitter.contrast) == (0.5, (-0.1, 0.1), (0.8, 1.2))
    assert parse_config(config.model_dump(mode="json")) == config


@pytest.mark.parametrize(
    ("photo", "message"),
    [
        ("[{name: jpegg}]", r"train -> augment -> photo -> 0\].*'jpegg'.*'gaussian_noise', .*'jpeg'"),
        ("[{p: 0.5}]", r"train -> augment -> photo -> 0\].*'name'"),
        ("[{name: jpeg}, {name: jpeg, qualty: [1, 2]}]", r"photo -> 1 -> jpeg -> qualty\] unknown key 'qualty'"),
        ("[{name: jpeg, quality: [0, 50]}]", r"photo -> 0 -> jpeg -> quality -> 0\].*greater than or equal to 1"),
        ("[{name: jpeg, quality: [90, 50]}]", r"photo -> 0 -> jpeg -> quality\] the first number .* is larger"),
        ("[{name: jpeg, quality: 50}]", r"photo -> 0 -> jpeg -> quality\].*\(the value is 50\)"),
        ("[{name: jpeg, p: 1.5}]", r"photo -> 0 -> jpeg -> p\]"),
        ("[{name: motion_blur, length_px: [4, 9]}]", r"photo -> 0 -> motion_blur -> length_px -> 0\] must be an odd"),
        ("[jpeg]", r"train -> augment -> photo -> 0\]"),
        ("jpeg", r"train -> augment -> photo\]"),
    ],
)
def test_errors_name_the_key(photo: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse(photo)


def test_color_jitter_of_version_0_1_becomes_an_entry() -> None:
    without = parse_config({"train": {"augment": {"color_jitter": 0.0, "crop": 128}}})
    assert without == parse_config({"train": {"augment": {"crop": 128}}})
    config = parse_config({"train": {"augment": {"color_jitter": 0.2}}})
    [jitter] = config.train.augment.photo
    assert isinstance(jitter, ColorJitterConfig)
    assert (jitter.p, jitter.brightness, jitter.contrast, jitter.saturation) == (1, (0.8, 1.2), (0.8, 1.2), (0.8, 1.2))
    assert jitter.hue == (0, 0)
    assert "color_jitter" not in config.model_dump(mode="json")["train"]["augment"]
    for wrong in (-0.1, 1.5, "strong", True):
        with pytest.raises(ConfigError, match=r"train -> augment\] color_jitter must be a number from 0 to 1"):
            parse_config({"train": {"augment": {"color_jitter": wrong}}})
