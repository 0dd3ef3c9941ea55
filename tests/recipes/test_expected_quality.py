"""What quickstart says about the quality to expect of the time."""

from __future__ import annotations

from pathlib import Path

import pytest

from pix2style.config import Config, load_config
from pix2style.recipes.quickstart.expectation import expectation


@pytest.fixture(scope="module")
def config() -> Config:
    return load_config(Path("finetune"))


def test_few_images_are_a_first_impression_and_a_time_for_strokes_is_named(config: Config) -> None:
    lines = expectation(config, images_per_s=10, seconds=100, minutes=3)
    assert lines[0] == "  about 1,000 images in 100 s, at 10 images/s on this machine"
    assert "first impression" in lines[1]
    assert lines[2:] == ["  for fine strokes, the same command with --minutes 18 goes on from here"]


def test_the_time_for_a_better_filter_is_named_with_what_it_gains(config: Config) -> None:
    comparison, better = expectation(config, images_per_s=50, seconds=240, minutes=5)[1:]
    assert "SSIM 0.58 and Gram distance 0.16 after 10,000 images, and SSIM 0.63" in comparison
    assert better == "  for a better filter, the same command with --minutes 22 goes on from here"


def test_nothing_is_advised_if_there_is_time_enough(config: Config) -> None:
    assert len(expectation(config, images_per_s=50, seconds=1800, minutes=31)) == 2
