"""Networks that must not become filters, and what is left on disk then: nothing, or the file that was there."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pix2style.errors import ArtifactError
from pix2style.export import graph
from pix2style.export.export_filter import export_filter
from pix2style.export.verify import photo_like
from pix2style.nets.generator import Generator
from pix2style.nets.lite import Lite
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.spec import GeneratorSpec

Describe = Callable[[Generator], GeneratorSpec]


class OneByOne(Generator):
    """The least generator: each pixel's colours mixed by a matrix; subclasses do something wrong."""

    architecture = "one-by-one"

    def __init__(self) -> None:
        super().__init__()
        self.size_multiple, self.receptive_field_px = 8, 0
        self.mix = nn.Conv2d(3, 3, 1, bias=False)
        with torch.no_grad():
            self.mix.weight.copy_(torch.eye(3)[..., None, None])

    def _generate(self, photo: Tensor, context: Tensor | None, style: Tensor | None) -> Tensor:
        return self.mix(photo)


class OtherWhenExported(OneByOne):
    def _generate(self, photo: Tensor, context: Tensor | None, style: Tensor | None) -> Tensor:
        return self.mix(photo) + (0.02 if torch.compiler.is_exporting() else 0.0)


class SlightlyOtherWhenExported(OneByOne):
    """Every 40th byte or so is one level off: no single byte is far away, but there are too many."""

    def _generate(self, photo: Tensor, context: Tensor | None, style: Tensor | None) -> Tensor:
        return self.mix(photo) + (0.48 / 127.5 if torch.compiler.is_exporting() else 0.0)


class NotANumber(OneByOne):
    def _generate(self, photo: Tensor, context: Tensor | None, style: Tensor | None) -> Tensor:
        return torch.sqrt(self.mix(photo))  # of negative values


class SizeTakenForAConstant(OneByOne):
    """int() of a size while tracing: the graph keeps the example's."""

    def _generate(self, photo: Tensor, context: Tensor | None, style: Tensor | None) -> Tensor:
        return self.mix(photo) * math.sqrt(int(photo.shape[-1]) / int(photo.shape[-2]))


class LooksAtThePhoto(OneByOne):
    """A branch that depends on the photo cannot be in a graph."""

    def _generate(self, photo: Tensor, context: Tensor | None, style: Tensor | None) -> Tensor:
        return self.mix(photo) if photo.mean() > 0 else photo


def test_identity_leaves_colours(describe: Describe, tmp_path: Path) -> None:
    """Complaint 9 of the field: colours shift, invert, go grey. The ways in and out alone must change nothing."""
    path = export_filter(OneByOne(), describe(OneByOne()), tmp_path / "same.onnx").path
    every_level = np.stack([np.arange(256), np.arange(255, -1, -1), np.roll(np.arange(256), 77)], axis=-1)
    for photo in (every_level.astype(np.uint8)[None], photo_like(37, 51)):
        assert np.array_equal(OnnxStylizer(path)(photo), photo)


def test_refuses_a_file_that_paints_otherwise(describe: Describe, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"does not paint what the network paints.* 3 levels.*256x256"):
        export_filter(OtherWhenExported(), describe(OtherWhenExported()), tmp_path / "f.onnx")
    assert list(tmp_path.iterdir()) == []


def test_refuses_a_file_that_differs_by_one_level_too_often(describe: Describe, tmp_path: Path) -> None:
    class NearTies(SlightlyOtherWhenExported):
        def _generate(self, photo: Tensor, context: Tensor | None, style: Tensor | None) -> Tensor:
            return super()._generate(photo * 0.9, context, style)

    with pytest.raises(ArtifactError, match=r"up to 1 levels .* of bytes differing \(allowed: 0\.50%\)"):
        export_filter(NearTies(), describe(NearTies()), tmp_path / "f.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_refused_file_does_not_replace_the_one_before(describe: Describe, tmp_path: Path) -> None:
    out = tmp_path / "f.onnx"
    out.write_bytes(b"the good one")
    with pytest.raises(ArtifactError):
        export_filter(OtherWhenExported(), describe(OtherWhenExported()), out)
    assert [path.name for path in tmp_path.iterdir()] == ["f.onnx"]
    assert out.read_bytes() == b"the good one"


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_refuses_weights_that_are_not_numbers(describe: Describe, tmp_path: Path, value: float) -> None:
    generator = Lite(channels=8, blocks=1)
    with torch.no_grad():
        next(generator.parameters()).view(-1)[0] = value
    with pytest.raises(ArtifactError, match=r"the weights '.*' hold values that are not numbers"):
        export_filter(generator, describe(generator), tmp_path / "f.onnx")
    assert list(tmp_path.iterdir()) == []


def test_refuses_outputs_that_are_not_numbers(describe: Describe, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="values that are not numbers"):
        export_filter(NotANumber(), describe(NotANumber()), tmp_path / "f.onnx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (SizeTakenForAConstant, "does not paint what the network paints"),
        (LooksAtThePhoto, "cannot export LooksAtThePhoto to ONNX"),
    ],
)
def test_refuses_a_network_that_no_graph_can_repeat(
    describe: Describe, tmp_path: Path, kind: type[OneByOne], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ArtifactError, match=message):
        export_filter(kind(), describe(kind()), tmp_path / "f.onnx")
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr().out == ""


def test_refuses_another_opset(describe: Describe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # torch answers a wish for 17 with 18, and says nothing: the only way to see what it does unasked.
    monkeypatch.setattr(graph, "OPSET", 17)
    with pytest.raises(ArtifactError, match=r"wrote the opsets \{'': 18\} instead of 17"):
        export_filter(OneByOne(), describe(OneByOne()), tmp_path / "f.onnx")
    assert list(tmp_path.iterdir()) == []
