"""Real generators of every kind, exported: what is in the file, and that it paints what the network paints."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import io
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from pix2style.export.export_filter import ExportReport, export_filter
from pix2style.export.graph import local_paths
from pix2style.export.verify import photo_like
from pix2style.files import sha256_file
from pix2style.nets.generator import Generator
from pix2style.nets.lite import Lite
from pix2style.runs.stylizer import stylize_with
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.spec import SPEC_KEY, GeneratorSpec


@dataclass(frozen=True)
class Exported:
    generator: Generator
    spec: GeneratorSpec
    report: ExportReport
    printed: str

    @property
    def path(self) -> Path:
        return self.report.path


@pytest.fixture(scope="module")
def exported(
    trained: Generator, describe: Callable[[Generator], GeneratorSpec], tmp_path_factory: pytest.TempPathFactory
) -> Exported:
    spec, out, printed = describe(trained), tmp_path_factory.mktemp("export") / "deeper" / "f.onnx", io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        report = export_filter(trained, spec, out)
    return Exported(trained, spec, report, printed.getvalue())


# Odd, prime, tiny, one-pixel and non-square (complaints 3 and 4 of the field), and not the sizes that export checks.
@pytest.mark.parametrize(("height", "width"), [(64, 64), (321, 241), (97, 53), (2, 7), (1, 31), (128, 8)])
def test_file_and_network_agree(exported: Exported, height: int, width: int) -> None:
    photo = photo_like(height, width, seed=7)
    [wanted] = stylize_with(copy.deepcopy(exported.generator).eval(), [photo])
    given = OnnxStylizer(exported.path)(photo)
    assert given.shape == photo.shape
    assert given.dtype == np.uint8
    difference = np.abs(given.astype(int) - wanted)
    assert difference.max() <= 1
    # Measured over all kinds: 1.2e-5 of bytes. A whole picture of a few bytes may hold one of them.
    assert (difference > 0).mean() <= max(1e-3, 1 / difference.size)


def test_the_pictures_compared_are_not_flat(exported: Exported) -> None:
    # Else the test above would prove nothing.
    given = OnnxStylizer(exported.path)(photo_like(128, 128, seed=7))
    assert given.std() > 40


def test_a_batch_equals_its_photos(exported: Exported) -> None:
    photos = [photo_like(50, 70, seed) for seed in range(3)]
    stylizer = OnnxStylizer(exported.path)
    difference = np.abs(stylizer.run(np.stack(photos)).astype(int) - np.stack(stylizer(photos)))
    assert difference.max() <= 1
    assert (difference > 0).mean() <= 1e-3


def test_report(exported: Exported) -> None:
    report = exported.report
    assert report.bytes == report.path.stat().st_size
    assert report.sha256 == sha256_file(report.path)
    assert report.opset == 20
    assert report.max_difference_levels <= 1
    assert report.differing_share <= 1e-3  # measured: 1.2e-5
    assert len(report.sizes) >= 3
    assert any(height % 2 and width % 2 for height, width in report.sizes)
    assert 0 < report.parameters <= sum(p.numel() for p in exported.generator.parameters())


def test_graph_is_what_the_spec_promises(exported: Exported) -> None:
    model = onnx.load(exported.path, load_external_data=False)
    onnx.checker.check_model(model, full_check=True)
    assert {one.domain: one.version for one in model.opset_import} == {"": 20}
    assert not any(tensor.external_data for tensor in model.graph.initializer)
    optional = {one.name for one in model.graph.initializer}
    required = [one for one in model.graph.input if one.name not in optional]
    for value, name in ((required[0], "photo"), (model.graph.output[0], "stylized")):
        assert value.name == name
        assert value.type.tensor_type.elem_type == onnx.TensorProto.UINT8
        sizes = [one.dim_param or one.dim_value for one in value.type.tensor_type.shape.dim]
        assert sizes == ["batch", "height", "width", 3]
    assert len(required) == len(model.graph.output) == 1


def test_graph_does_no_work_twice(exported: Exported) -> None:
    # One transposition and one cast in, one out: each is a walk over the whole picture. Weights as float32.
    if isinstance(exported.generator, Lite):
        pytest.skip("written by hand: see test_lite_graph.py")
    model = onnx.load(exported.path)
    kinds = [node.op_type for node in model.graph.node]
    orders = [list(node.attribute[0].ints) for node in model.graph.node if node.op_type == "Transpose"]
    around = kinds.count("LayerNormalization")  # wants channels last, and is the faster for it
    assert orders.count([0, 3, 1, 2]) == orders.count([0, 2, 3, 1]) == 1 + around
    assert [node.attribute[0].i for node in model.graph.node if node.op_type == "Cast"].count(
        onnx.TensorProto.UINT8
    ) == 1
    assert "Dropout" not in kinds
    floats = {t.data_type for t in model.graph.initializer} - {onnx.TensorProto.INT64}
    assert floats == {onnx.TensorProto.FLOAT}


def test_file_describes_itself(exported: Exported) -> None:
    model = onnx.load(exported.path)
    said = {one.key: one.value for one in model.metadata_props}
    wanted = dataclasses.replace(exported.spec, glimpse_px=96 if isinstance(exported.generator, Lite) else 0)
    assert GeneratorSpec.from_json(said[SPEC_KEY], source="x") == wanted
    assert (said["name"], said["licence"]) == ("test", "CC0-1.0")
    assert OnnxStylizer(exported.path).spec == wanted
    assert model.producer_name == "pix2style"


def test_file_says_nothing_of_this_machine(exported: Exported) -> None:
    model = onnx.load(exported.path)
    for weights in model.graph.initializer:
        weights.ClearField("raw_data")  # random bytes, which spell ".py" now and then
    data = model.SerializeToString()
    for local in (*local_paths(), str(Path(__file__).parents[2]), str(exported.path.parent), "pkg.torch", ".py"):
        assert local.encode() not in data, local
    model = onnx.load(exported.path)
    graph = model.graph
    for one in (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        assert not one.doc_string
        assert one is model or not one.metadata_props
    assert not graph.value_info


def test_export_prints_nothing(exported: Exported) -> None:
    assert exported.printed == ""


def test_generator_is_left_as_it_was(exported: Exported) -> None:
    assert exported.generator.training
    assert all(weights.requires_grad for weights in exported.generator.parameters())


def test_same_bytes_from_another_process(tmp_path: Path, describe: Callable[[Generator], GeneratorSpec]) -> None:
    """Another working folder, home and hash seed, and no exports before it."""
    program = (
        "import sys, torch; from pathlib import Path; torch.manual_seed(0)\n"
        "from pix2style.nets.lite import Lite; from pix2style.export.export_filter import export_filter\n"
        "from pix2style.spec import GeneratorSpec\n"
        "spec = GeneratorSpec.from_json(sys.argv[1], source='')\n"
        "print(export_filter(Lite(channels=8, blocks=1, scale=4), spec, Path('x.onnx')).sha256)\n"
    )
    torch.manual_seed(0)
    generator = Lite(channels=8, blocks=1, scale=4)
    spec = describe(generator)
    here = export_filter(generator, spec, tmp_path / "here.onnx")
    there = subprocess.run(
        [sys.executable, "-c", program, spec.to_json()],
        cwd=tmp_path,
        env={**os.environ, "PYTHONHASHSEED": "7", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert there.stdout == here.sha256 + "\n"
    assert str(tmp_path).encode() not in (tmp_path / "x.onnx").read_bytes()
