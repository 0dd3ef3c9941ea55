"""Files of float16 and 8 bits: how near they are to the network, what ONNX Runtime makes of them, and refusals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from pix2style.errors import ArtifactError
from pix2style.export.export_filter import ExportReport, export_filter
from pix2style.export.graph import build_graph
from pix2style.export.graph_session import GraphSession
from pix2style.export.lite.calibration import calibrate, least_error, whole_range
from pix2style.export.photos import ExportPhotos, HeldOut
from pix2style.export.reference import paint
from pix2style.export.verify import photo_like
from pix2style.images import to_batch
from pix2style.images.difference import psnr_db
from pix2style.nets.generator import Generator
from pix2style.nets.lite import Lite
from pix2style.nets.resnet import Resnet
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.spec import GeneratorSpec

Describe = Callable[[Generator], GeneratorSpec]
PHOTOS = ExportPhotos(
    calibration=tuple(photo_like(120, 96, seed) for seed in range(4)),
    held_out=tuple(HeldOut(photo_like(96, 120, seed), photo_like(96, 120, seed)[..., ::-1]) for seed in (10, 11)),
)


def learned(styles: int = 1) -> Lite:
    """After some real steps: strong colours, and a context and styles that matter."""
    torch.manual_seed(0)
    network = Lite(channels=16, blocks=2, styles=styles)
    photo = torch.from_numpy(to_batch([photo_like(64, 64, seed) for seed in range(4)]))
    adam = torch.optim.Adam(network.parameters(), 5e-3)
    style = torch.eye(styles).repeat(4, 1)[:4] if styles > 1 else None
    for _ in range(25):
        adam.zero_grad()
        (network(photo, style=style) - torch.tanh(3 * photo.flip(1))).abs().mean().backward()
        adam.step()
    return network.eval()


@pytest.fixture(scope="module", params=[1, 3], ids=["lite", "styles"])
def network(request: pytest.FixtureRequest) -> Lite:
    return learned(request.param)


@pytest.fixture(scope="module")
def reports(network: Lite, describe: Describe, tmp_path_factory: pytest.TempPathFactory) -> dict[str, ExportReport]:
    folder = tmp_path_factory.mktemp("precisions")
    return {
        precision: export_filter(
            network, describe(network), folder / f"{precision}.onnx", precision=precision, photos=PHOTOS
        )
        for precision in ("fp32", "fp16", "int8")
    }


@pytest.mark.parametrize(("precision", "least_db"), [("fp32", 80.0), ("fp16", 60.0), ("int8", 35.0)])
def test_files_are_near_to_the_network(
    network: Lite, reports: dict[str, ExportReport], precision: str, least_db: float
) -> None:
    session = GraphSession(reports[precision].path.read_bytes())
    for size in ((96, 120), (61, 47)):
        photo = photo_like(*size, seed=20)
        for style in range(network.styles):
            given = session.paint([photo], style=style if network.styles > 1 else None)[0]
            assert psnr_db(given, paint([photo], network, style=style)[0]) > least_db
            assert given.std() > 30  # not flat: else the line above would prove nothing


def test_8_bits_are_unbiased(network: Lite, reports: dict[str, ExportReport]) -> None:
    # Half a level too many at either end would be 0.5. On the photos that ranges and means were taken from: one picture
    # of another kind may be a level off.
    session = GraphSession(reports["int8"].path.read_bytes())
    style = 0 if network.styles > 1 else None
    given = np.stack([session.paint([photo], style=style)[0] for photo in PHOTOS.calibration]).astype(float)
    wanted = np.stack([paint([photo], network)[0] for photo in PHOTOS.calibration])
    assert abs((given - wanted).mean()) < 0.25


def test_sizes_shrink(reports: dict[str, ExportReport]) -> None:
    weights = 4 * reports["fp32"].parameters
    assert reports["fp32"].bytes > weights
    assert reports["fp32"].bytes - reports["fp16"].bytes > 0.4 * weights
    assert reports["int8"].bytes < reports["fp16"].bytes


def test_files_say_what_they_are(reports: dict[str, ExportReport]) -> None:
    for precision, report in reports.items():
        said = {one.key: one.value for one in onnx.load(report.path).metadata_props}
        spec = GeneratorSpec.from_json(said["pix2style.generator_spec"], source="x")
        assert (spec.precision, spec.glimpse_px, spec.quality) == (precision, 96, report.quality)
        assert report.quality["photos"] == 2
        assert report.quality["teacher_psnr_db"] > 5


def test_onnx_runtime_computes_all_of_it_in_8_bits(reports: dict[str, ExportReport], tmp_path: Path) -> None:
    """All convolutions of large maps merged, channels last, and no float map or conversion left between them."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    onnxruntime.InferenceSession(str(reports["int8"].path), options, providers=["CPUExecutionProvider"])
    graph = onnx.load(tmp_path / "optimized.onnx").graph
    kinds = Counter(node.op_type for node in graph.node)
    assert kinds["QLinearConv"] == 1 + 2 * 2 + 1
    assert kinds["QLinearAdd"] == 2
    assert kinds["QuantizeLinear"] == kinds["DequantizeLinear"] == 0
    assert kinds["Conv"] + kinds["FusedConv"] == 4  # the glimpse
    assert kinds["Transpose"] == 1  # the glimpse
    assert all(n.domain == "com.microsoft" for n in graph.node if n.op_type == "QLinearConv")


@pytest.mark.parametrize("grey", [0, 77, 200, 255])
def test_8_bits_paint_flat_places_flat(reports: dict[str, ExportReport], network: Lite, grey: int) -> None:
    """No checkerboard: also where weights are rounded, the pixels of a patch agree exactly."""
    flat = np.full((96, 96, 3), grey, np.uint8)
    session = GraphSession(reports["int8"].path.read_bytes())
    inside = session.paint([flat], style=0 if network.styles > 1 else None)[0][32:64, 32:64]
    assert (inside == inside[0, 0]).all()


def test_8_bits_take_one_photo_at_a_time_and_say_so(reports: dict[str, ExportReport], network: Lite) -> None:
    model = onnx.load(reports["int8"].path)
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_value == 1
    said = {one.key: one.value for one in model.metadata_props}
    assert "uint8 [1, height, width, 3]" in said["input"]
    photos = [photo_like(61, 47, seed) for seed in (20, 21)]
    stylizer = OnnxStylizer(reports["int8"].path, style=network.styles - 1 if network.styles > 1 else None)
    assert np.array_equal(stylizer.run(np.stack(photos)), np.stack(stylizer.stylize(photos)))


def test_biases_that_are_computed_go_with_weights_that_are_not_around_zero(reports: dict[str, ExportReport]) -> None:
    """ONNX Runtime before 1.30 silently leaves such a bias out where the weights' zero point is 0."""
    graph = onnx.load(reports["int8"].path).graph
    makers = {node.output[0]: node for node in graph.node}
    held = {one.name: onnx.numpy_helper.to_array(one) for one in graph.initializer}
    zeros: dict[bool, set[int]] = {True: set(), False: set()}
    for node in graph.node:
        weight = makers.get(node.input[1]) if node.op_type == "Conv" else None
        if weight is not None and weight.op_type == "DequantizeLinear":
            bias = makers[node.input[2]]
            zeros[bias.input[0] not in held] |= set(held[weight.input[2]].tolist())
    assert zeros == {True: {-1}, False: {0}}


def test_8_bits_for_opencv_take_several(network: Lite) -> None:
    folded = network.folded()
    graph = build_graph(folded, "int8", calibrate(folded, PHOTOS.calibration), for_opencv=True)
    session, photos = GraphSession(graph), [photo_like(61, 47, seed) for seed in (20, 21)]
    together = session.paint(photos)
    assert np.array_equal(together, np.concatenate([session.paint([photo]) for photo in photos]))


def test_the_same_photos_give_the_same_bytes(network: Lite, describe: Describe, tmp_path: Path) -> None:
    digests = {
        export_filter(network, describe(network), tmp_path / f"{n}.onnx", precision="int8", photos=PHOTOS).sha256
        for n in range(2)
    }
    assert len(digests) == 1


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_opencv_paints_the_same(reports: dict[str, ExportReport], precision: str) -> None:
    cv2 = pytest.importorskip("cv2")
    if int(cv2.__version__.split(".")[0]) < 5:
        pytest.skip("measured with OpenCV 5")
    assert "checked in OpenCV" in reports[precision].opencv
    assert "runs int8 files that were exported for it" in reports["int8"].opencv


def test_8_bits_for_opencv(network: Lite, describe: Describe, tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    if int(cv2.__version__.split(".")[0]) < 5:
        pytest.skip("measured with OpenCV 5")
    spec = describe(network)
    out = tmp_path / "f.onnx"
    report = export_filter(network, spec, out, precision="int8", photos=PHOTOS, for_opencv=True)
    assert "checked in OpenCV" in report.opencv
    photo = photo_like(40, 56)
    given = GraphSession(out.read_bytes()).paint([photo], strength=np.zeros(1, np.float32))[0]
    assert np.array_equal(given, photo)


def test_refuses_8_bits_that_are_too_far(describe: Describe, tmp_path: Path) -> None:
    network = learned()
    with pytest.raises(ArtifactError, match=r"on 2 held-out photos it is .* dB .*int8_min_psnr_db is 90"):
        export_filter(
            network,
            describe(network),
            tmp_path / "f.onnx",
            precision="int8",
            photos=PHOTOS,
            int8_min_psnr_db=90,
        )
    assert list(tmp_path.iterdir()) == []


def test_refuses_8_bits_without_photos_and_of_others(describe: Describe, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="int8 needs photos"):
        export_filter(Lite(8, 1), describe(Lite(8, 1)), tmp_path / "f.onnx", precision="int8")
    other = Resnet(channels=4, blocks=1)
    with pytest.raises(ArtifactError, match="the kind resnet cannot be exported as int8, only lite"):
        export_filter(other, describe(other), tmp_path / "f.onnx", precision="int8", photos=PHOTOS)


def test_other_generators_have_half_weights(describe: Describe, tmp_path: Path) -> None:
    torch.manual_seed(0)
    other = Resnet(channels=8, blocks=1)
    whole = export_filter(other, describe(other), tmp_path / "32.onnx")
    half = export_filter(other, describe(other), tmp_path / "16.onnx", precision="fp16")
    assert half.bytes < 0.7 * whole.bytes
    assert half.max_difference_levels <= 2


def test_calibration_watches_every_map(network: Lite) -> None:
    found = calibrate(network.folded(), PHOTOS.calibration)
    names = {"stem", "told", "features.0", "inner.0", "added.0", "features.1", "inner.1", "added.1", "features.2"}
    assert set(found.steps) == set(found.means) == names
    for name, step in found.steps.items():
        assert step.scale > 0
        assert step.zero == 0 or not name.startswith(("features", "inner"))
    assert all(len(means) == 16 for means in found.means.values())


def test_a_rare_large_value_is_cut_off() -> None:
    values = np.concatenate([np.random.default_rng(0).uniform(0, 1, 1_000_000), [3.0]]).astype(np.float32)
    assert least_error(values).scale * 255 < 2
    assert whole_range(values, 1.0).scale * 255 == pytest.approx(3, rel=1e-3)


def test_values_that_relu_makes_zero_anyway_take_no_bytes() -> None:
    network = learned().folded()
    plain = calibrate(network, PHOTOS.calibration)
    with torch.no_grad():
        for block in network.body:
            block.second.bias[0] -= 500.0  # type: ignore[union-attr,index]
    for number, block in enumerate(network.body):
        assert torch.isfinite(block.second.bias).all()  # type: ignore[union-attr,arg-type]
        found = calibrate(network, PHOTOS.calibration).steps[f"added.{number}"]
        assert found.scale < 4 * plain.steps[f"added.{number}"].scale
        assert found.zero > 0
