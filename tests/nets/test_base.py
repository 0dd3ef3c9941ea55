"""The base weights: folding a style into a plain generator, and the file that comes with pix2style."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from pix2style.errors import ArtifactError
from pix2style.nets.base import BASE_FILE, BaseGenerator, base_description, load_base, save_base

_LARGEST_BYTES = 350_000


@pytest.fixture
def base() -> BaseGenerator:
    torch.manual_seed(0)
    generator = BaseGenerator(8, 2, 4, codes=3, vector_length=5).eval()
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
        generator.mean_code.copy_(torch.randn(3))
    return generator


def photo(height: int = 40, width: int = 52) -> torch.Tensor:
    return torch.rand((1, 3, height, width), generator=torch.Generator().manual_seed(1)) * 2 - 1


def in_style(base: BaseGenerator, code: torch.Tensor) -> torch.Tensor:
    context = base.context_from_glimpse(base.glimpse(photo()), code)
    image: torch.Tensor = base(photo(), context, code)
    return image


def test_without_a_style_there_is_no_context(base: BaseGenerator) -> None:
    with pytest.raises(ValueError, match="give a style code"):
        base.context_from_glimpse(base.glimpse(photo()))


@torch.no_grad()
def test_a_plain_generator_computes_what_the_base_computes_in_that_style(base: BaseGenerator) -> None:
    vector = torch.randn(5)
    expected = in_style(base, base.style_encoder(vector[None]))
    lite = base.for_style(vector).eval()
    torch.testing.assert_close(lite(photo()), expected, rtol=0, atol=1e-5)
    other = base.for_style(torch.randn(5)).eval()
    assert (other(photo()) - expected).abs().max() > 0.01, "another vector must give another image"


@torch.no_grad()
def test_without_a_vector_it_is_the_mean_style(base: BaseGenerator) -> None:
    expected = in_style(base, base.mean_code[None])
    torch.testing.assert_close(base.for_style().eval()(photo()), expected, rtol=0, atol=1e-5)


def test_a_vector_of_another_length_is_refused(base: BaseGenerator) -> None:
    with pytest.raises(ValueError, match=r"\[5\], got \[4\]"):
        base.for_style(torch.zeros(4))


@torch.no_grad()
def test_a_base_survives_its_file(base: BaseGenerator, tmp_path: Path) -> None:
    file = tmp_path / "base.safetensors"
    save_base(base, file, {"licence": "Apache-2.0"})
    vector = torch.randn(5)
    expected = base.for_style(vector).eval()(photo())
    # float16 has 11 bits: weights of about 0.3 are off by up to 1e-4.
    torch.testing.assert_close(load_base(file).for_style(vector).eval()(photo()), expected, rtol=0, atol=0.02)
    assert base_description(file)["licence"] == "Apache-2.0"
    assert not [key for key in load_file(file) if key.endswith(".point")]


def test_other_files_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(3)}, file)
    with pytest.raises(ArtifactError, match="holds no base weights"):
        load_base(file)


def test_the_weights_that_come_with_pix2style() -> None:
    base = load_base()
    assert BASE_FILE.stat().st_size <= _LARGEST_BYTES
    assert (base.channels, len(base.body), base.scale) == (48, 3, 4), "must fit configs/distill.yaml and finetune.yaml"
    description = base_description()
    assert {"pair_sets", "images", "styles", "licence", "sha256"} <= set(description)
