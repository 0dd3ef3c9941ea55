"""Exported graphs take images of any size, return the same size, and compute what torch computes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pix2style.nets.generator import Generator

ort = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")


class _Shipped(nn.Module):
    """uint8 NHWC in and out, as filters are: the exporter's guards depend on the layout too."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator.folded()

    def forward(self, photo: Tensor) -> Tensor:
        picture = self.generator(photo.permute(0, 3, 1, 2).float() / 127.5 - 1)
        return (picture * 127.5 + 127.5).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)


def test_exports_with_dynamic_sizes(kind: str, make: Callable[[str], Generator]) -> None:
    generator = make(kind)
    shipped = _Shipped(generator).eval()
    side = generator.example_side_px
    sizes = {axis: torch.export.Dim(name, min=1) for axis, name in enumerate(("batch", "height", "width"))}
    example = torch.zeros(2, side, side + 1, 3, dtype=torch.uint8)
    program = torch.onnx.export(
        shipped,
        (example,),
        dynamo=True,
        opset_version=20,
        dynamic_shapes=(sizes,),
        input_names=["photo"],
        verbose=False,
    )
    assert program is not None
    session = ort.InferenceSession(program.model_proto.SerializeToString(), providers=["CPUExecutionProvider"])
    assert session.get_outputs()[0].shape == ["batch", "height", "width", 3]
    random = np.random.default_rng(0)
    for shape in [(1, 1, 1), (1, 37, 63), (2, 64, 32), (1, 3, 101)]:
        photo = random.integers(0, 256, (*shape, 3), dtype=np.uint8)
        with torch.no_grad():
            expected = shipped(torch.from_numpy(photo)).numpy()
        [found] = session.run(None, {"photo": photo})
        assert found.shape == photo.shape
        difference = np.abs(found.astype(int) - expected)
        # Where torch lies within rounding error of a half, the two may round to neighbours.
        if shape == (1, 1, 1) and kind == "resnet":
            continue  # of a flat photo InstanceNorm leaves rounding errors alone, blown up
        assert difference.max() <= 1
        assert difference.mean() < 0.01
    assert _output_depends_on_input(session)


def _output_depends_on_input(session: object) -> bool:
    run: Callable[..., list[np.ndarray]] = session.run  # type: ignore[attr-defined]
    # Half of the photo stays, because networks with normalisation ignore the brightness of a photo of one colour.
    photos = [np.full((1, 9, 9, 3), 128, np.uint8) for _ in range(2)]
    photos[0][:, :, 5:], photos[1][:, :, 5:] = 20, 230
    dark, light = (run(None, {"photo": photo})[0] for photo in photos)
    return not np.array_equal(dark, light)
