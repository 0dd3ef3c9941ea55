"""Networks that export must refuse. Nothing is written then, and an existing file stays as it was."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pix2style.errors import ArtifactError
from pix2style.export import traced_export
from pix2style.export.export_filter import export_filter
from pix2style.export.synthetic_photo import synthetic_photo
from pix2style.nets.generator import Generator
from pix2style.nets.lite import Lite
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.spec import GeneratorSpec

Describe = Callable[[Generator], GeneratorSpec]


class OneByOne(Generator):
    """The smallest possible generator: a 1x1 convolution. Subclasses do something wrong."""

    architecture = "one-by-one"

    def __init__(self) -> None:
        super().__init__()
        self.size_multiple, self.receptive_field_px = 8, 0
        self.mix = nn.Conv2d(3, 3, 1, bias=False)
        with torch.no_grad():
            self.mix.weight.copy_(torch.eye(3)[..., None, None])

    def _generate(self, photo: Tensor, context: Tensor | None, style: Tensor | None) -> Tensor:
        return self.mix(photo)


class DiffersWhenExported(OneByOne):
    def _generate(self, photo: Tensor, context: Tensor | None, style: Tensor | None) -> Tensor:
        return self.mix(photo) + (0.02 if torch.compiler.is_exporting() else 0.0)


class DiffersSlightlyWhenExported(OneByOne):
    """About every 40th byte is wrong by one level: no byte is far off, but there are too many of them."""

    def _generate(self, photo: Tensor, context: Tensor | None, style: Tensor | None) -> Tensor:
        return self.mix(photo) + (0.48 / 127.5 if torch.compiler.is_exporting() else 0.0)


class OutputIsNaN(OneByOne):
    def _generate(self, photo: Tensor, context: Tensor | None, style: Tensor | None) -> Tensor:
        return torch.sqrt(self.mix(photo))  # of negative values


class UsesSizeAsConstant(OneByOne):
    """int() of a size while tracing makes the size of the example a constant of the graph."""

    def _generate(self, photo: Tensor, context: Tensor | None, style: Tensor | None) -> Tensor:
        return self.mix(photo) * math.sqrt(int(photo.shape[-1]) / int(photo.shape[-2]))


class BranchesOnPixels(OneByOne):
    """A Python branch that depends on pixel values cannot be exported."""

    def _generate(self, photo: Tensor, context: Tensor | None, style: Tensor | None) -> Tensor:
        return self.mix(photo) if photo.mean() > 0 else photo


def test_identity_network_keeps_every_level(describe: Describe, tmp_path: Path) -> None:
    """The conversions from and to bytes must not change colours, which users of pix2pix code often complain about."""
    path = export_filter(OneByOne(), describe(OneByOne()), tmp_path / "same.onnx").path
    every_level = np.stack([np.arange(256), np.arange(255, -1, -1), np.roll(np.arange(256), 77)], axis=-1)
    for photo in (every_level.astype(np.uint8)[None], synthetic_photo(37, 51)):
        assert np.array_equal(OnnxStylizer(path)(photo), photo)


def test_refuses_a_file_whose_output_differs(describe: Describe, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"its output differs from the network's: by up to 3 levels.*256x256"):
        export_filter(DiffersWhenExported(), describe(DiffersWhenExported()), tmp_path / "f.onnx")
    assert list(tmp_path.iterdir()) == []


def test_refuses_a_file_with_too_many_small_differences(describe: Describe, tmp_path: Path) -> None:
    class NearTies(DiffersSlightlyWhenExported):
        def _generate(self, photo: Tensor, context: Tensor | None, style: Tensor | None) -> Tensor:
            return super()._generate(photo * 0.9, context, style)

    with pytest.raises(ArtifactError, match=r"by up to 1 levels .* of bytes \(allowed: 0\.50%\)"):
        export_filter(NearTies(), describe(NearTies()), tmp_path / "f.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_refused_file_does_not_replace_an_existing_one(describe: Describe, tmp_path: Path) -> None:
    out = tmp_path / "f.onnx"
    out.write_bytes(b"the good one")
    with pytest.raises(ArtifactError):
        export_filter(DiffersWhenExported(), describe(DiffersWhenExported()), out)
    assert [path.name for path in tmp_path.iterdir()] == ["f.onnx"]
    assert out.read_bytes() == b"the good one"


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_refuses_weights_that_are_not_finite(describe: Describe, tmp_path: Path, value: float) -> None:
    generator = Lite(channels=8, blocks=1)
    with torch.no_grad():
        next(generator.parameters()).view(-1)[0] = value
    with pytest.raises(ArtifactError, match=r"the weights '.*' are not finite"):
        export_filter(generator, describe(generator), tmp_path / "f.onnx")
    assert list(tmp_path.iterdir()) == []


def test_refuses_outputs_that_are_not_finite(describe: Describe, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="the output of the network is not finite"):
        export_filter(OutputIsNaN(), describe(OutputIsNaN()), tmp_path / "f.onnx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (UsesSizeAsConstant, "its output differs from the network's"),
        (BranchesOnPixels, "cannot export BranchesOnPixels to ONNX"),
    ],
)
def test_refuses_a_network_that_cannot_be_traced(
    describe: Describe, tmp_path: Path, kind: type[OneByOne], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ArtifactError, match=message):
        export_filter(kind(), describe(kind()), tmp_path / "f.onnx")
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr().out == ""


def test_refuses_another_opset(describe: Describe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Asked for opset 17, torch silently writes 18: the easiest way to make it write an unexpected opset.
    monkeypatch.setattr(traced_export, "OPSET", 17)
    with pytest.raises(ArtifactError, match=r"wrote the opsets \{'': 18\} instead of 17"):
        export_filter(OneByOne(), describe(OneByOne()), tmp_path / "f.onnx")
    assert list(tmp_path.iterdir()) == []
