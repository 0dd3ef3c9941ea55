"""Exported generators of every kind: the content of the file, and that its output equals the network's."""

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
from pix2style.export.local_paths import local_paths
from pix2style.export.synthetic_photo import synthetic_photo
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


# Odd, prime, tiny, one-pixel and non-square sizes, other than those that the export itself verifies.
@pytest.mark.parametrize(("height", "width"), [(64, 64), (321, 241), (97, 53), (2, 7), (1, 31), (128, 8)])
def test_file_and_network_agree(exported: Exported, height: int, width: int) -> None:
    photo = synthetic_photo(height, width, seed=7)
    [expected] = stylize_with(copy.deepcopy(exported.generator).eval(), [photo])
    output = OnnxStylizer(exported.path)(photo)
    assert output.shape == photo.shape
    assert output.dtype == np.uint8
    difference = np.abs(output.astype(int) - expected)
    assert difference.max() <= 1
    # Measured over all kinds of generators: 1.2e-5 of the bytes. In an image of a few bytes one of them may differ.
    assert (difference > 0).mean() <= max(1e-3, 1 / difference.size)


def test_the_compared_outputs_are_not_uniform(exported: Exported) -> None:
    # On uniform outputs the test above would prove nothing.
    output = OnnxStylizer(exported.path)(synthetic_photo(128, 128, seed=7))
    assert output.std() > 40


def test_a_batch_equals_its_photos(exported: Exported) -> None:
    photos = [synthetic_photo(50, 70, seed) for seed in range(3)]
    stylizer = OnnxStylizer(exported.path)
    difference = np.abs(stylizer.run(np.stack(photos)).astype(int) - np.stack(stylizer(photos)))
    assert difference.max() <= 1
    assert (difference > 0).mean() <= 1e-3


def test_report(exported: Exported) -> None:
    report = exported.report
    assert report.bytes == report.path.stat().st_size
    assert report.sha256 == sha256_file(report.path)
    assert report.opset == 17
    assert report.max_difference_levels <= 1
    assert report.differing_share <= 1e-3  # measured: 1.2e-5
    assert len(report.sizes) >= 3
    assert any(height % 2 and width % 2 for height, width in report.sizes)
    assert 0 < report.parameters <= sum(p.numel() for p in exported.generator.parameters())


def test_interface_of_the_graph(exported: Exported) -> None:
    model = onnx.load(exported.path, load_external_data=False)
    onnx.checker.check_model(model, full_check=True)
    assert {opset.domain: opset.version for opset in model.opset_import} == {"": 17}
    assert not any(tensor.external_data for tensor in model.graph.initializer)
    optional = {tensor.name for tensor in model.graph.initializer}
    required = [value for value in model.graph.input if value.name not in optional]
    for value, name in ((required[0], "photo"), (model.graph.output[0], "stylized")):
        assert value.name == name
        assert value.type.tensor_type.elem_type == onnx.TensorProto.UINT8
        sizes = [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
        assert sizes == ["batch", "height", "width", 3]
    assert len(required) == len(model.graph.output) == 1


def test_graph_does_no_work_twice(exported: Exported) -> None:
    # One transposition and one cast at the input, one at the output: each is a pass over the whole image.
    if isinstance(exported.generator, Lite):
        pytest.skip("written by hand: see test_lite_graph.py")
    model = onnx.load(exported.path)
    kinds = [node.op_type for node in model.graph.node]
    orders = [list(node.attribute[0].ints) for node in model.graph.node if node.op_type == "Transpose"]
    # LayerNormalization takes channels last; transposing around it is faster than writing it with other operators.
    around_norms = kinds.count("LayerNormalization")
    in_depth_to_space = orders.count([0, 4, 1, 5, 2, 3])
    assert orders.count([0, 3, 1, 2]) - in_depth_to_space == orders.count([0, 2, 3, 1]) == 1 + around_norms
    assert [node.attribute[0].i for node in model.graph.node if node.op_type == "Cast"].count(
        onnx.TensorProto.UINT8
    ) == 1
    assert "Dropout" not in kinds
    # Sizes are integers, and the exporter writes their division with comparisons.
    floats = {t.data_type for t in model.graph.initializer} - {onnx.TensorProto.INT64, onnx.TensorProto.BOOL}
    assert floats == {onnx.TensorProto.FLOAT}


def test_metadata_describes_the_filter(exported: Exported) -> None:
    model = onnx.load(exported.path)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    expected = dataclasses.replace(exported.spec, glimpse_px=96 if isinstance(exported.generator, Lite) else 0)
    assert GeneratorSpec.from_json(metadata[SPEC_KEY], source="x") == expected
    assert (metadata["name"], metadata["licence"]) == ("test", "CC0-1.0")
    assert OnnxStylizer(exported.path).spec == expected
    assert model.producer_name == "pix2style"


def test_file_contains_nothing_about_this_machine(exported: Exported) -> None:
    model = onnx.load(exported.path)
    for weights in model.graph.initializer:
        weights.ClearField("raw_data")  # random bytes, which contain ".py" by chance
    data = model.SerializeToString()
    for local in (*local_paths(), str(Path(__file__).parents[2]), str(exported.path.parent), "pkg.torch", ".py"):
        assert local.encode() not in data, local
    model = onnx.load(exported.path)
    graph = model.graph
    for message in (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        assert not message.doc_string
        assert message is model or not message.metadata_props
    assert not graph.value_info


def test_export_prints_nothing(exported: Exported) -> None:
    assert exported.printed == ""


def test_generator_is_not_changed(exported: Exported) -> None:
    assert exported.generator.training
    assert all(weights.requires_grad for weights in exported.generator.parameters())


def test_same_bytes_from_another_process(tmp_path: Path, describe: Callable[[Generator], GeneratorSpec]) -> None:
    """With another working folder, home folder and hash seed, and without an export before it in the process."""
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
    other_process = subprocess.run(
        [sys.executable, "-c", program, spec.to_json()],
        cwd=tmp_path,
        env={**os.environ, "PYTHONHASHSEED": "7", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert other_process.stdout == here.sha256 + "\n"
    assert str(tmp_path).encode() not in (tmp_path / "x.onnx").read_bytes()
