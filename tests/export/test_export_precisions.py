"""Files in fp16 and int8: how close they are to the network, what ONNX Runtime makes of them, and refused exports."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper

from pix2style.errors import ArtifactError
from pix2style.export.export_filter import ExportReport, export_filter
from pix2style.export.graph_session import GraphSession
from pix2style.export.lite.calibration import calibrate, min_max_params, minimum_mse_params
from pix2style.export.lite.int8_layers import Int8Layers
from pix2style.export.lite.lite_graph import lite_graph
from pix2style.export.photos import ExportPhotos, HeldOutPhoto
from pix2style.export.reference import generate
from pix2style.export.synthetic_photo import synthetic_photo
from pix2style.images import to_batch
from pix2style.images.difference import psnr_db
from pix2style.nets.generator import Generator
from pix2style.nets.lite import Lite
from pix2style.nets.resnet import Resnet
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.spec import GeneratorSpec

Describe = Callable[[Generator], GeneratorSpec]
PHOTOS = ExportPhotos(
    calibration=tuple(synthetic_photo(120, 96, seed) for seed in range(4)),
    held_out=tuple(
        HeldOutPhoto(synthetic_photo(96, 120, seed), synthetic_photo(96, 120, seed)[..., ::-1]) for seed in (10, 11)
    ),
)


def train_briefly(styles: int = 1, norm: str = "none") -> Lite:
    """A network after a short training: it has strong colours, and context and styles have an effect."""
    torch.manual_seed(0)
    network = Lite(channels=16, blocks=2, styles=styles, norm=norm)
    photo = torch.from_numpy(to_batch([synthetic_photo(64, 64, seed) for seed in range(4)]))
    adam = torch.optim.Adam(network.parameters(), 5e-3)
    style = torch.eye(styles).repeat(4, 1)[:4] if styles > 1 else None
    for _ in range(25):
        adam.zero_grad()
        (network(photo, style=style) - torch.tanh(3 * photo.flip(1))).abs().mean().backward()
        adam.step()
    return network.eval()


@pytest.fixture(scope="module", params=[(1, "none"), (1, "instance"), (3, "none")], ids=["lite", "instance", "styles"])
def network(request: pytest.FixtureRequest) -> Lite:
    return train_briefly(*request.param)


@pytest.fixture(scope="module")
def reports(network: Lite, describe: Describe, tmp_path_factory: pytest.TempPathFactory) -> dict[str, ExportReport]:
    folder = tmp_path_factory.mktemp("precisions")
    return {
        precision: export_filter(
            network, describe(network), folder / f"{precision}.onnx", precision=precision, photos=PHOTOS
        )
        for precision in ("fp32", "fp16", "int8")
    }


@pytest.mark.parametrize(("precision", "min_psnr_db"), [("fp32", 80.0), ("fp16", 60.0), ("int8", 35.0)])
def test_files_are_close_to_the_network(
    network: Lite, reports: dict[str, ExportReport], precision: str, min_psnr_db: float
) -> None:
    session = GraphSession(reports[precision].path.read_bytes())
    for size in ((96, 120), (61, 47)):
        photo = synthetic_photo(*size, seed=20)
        for style in range(network.styles):
            output = session.stylize([photo], style=style if network.styles > 1 else None)[0]
            assert psnr_db(output, generate(network, [photo], style=style)[0]) > min_psnr_db
            assert output.std() > 30  # on a uniform image the line above would prove nothing


def test_8_bits_are_unbiased(network: Lite, reports: dict[str, ExportReport]) -> None:
    # Reading or writing bytes half a level too low would shift the mean by 0.5. Calibration photos are used, because
    # the output of a single other photo may be shifted by a level.
    session = GraphSession(reports["int8"].path.read_bytes())
    style = 0 if network.styles > 1 else None
    output = np.stack([session.stylize([photo], style=style)[0] for photo in PHOTOS.calibration]).astype(float)
    expected = np.stack([generate(network, [photo])[0] for photo in PHOTOS.calibration])
    assert abs((output - expected).mean()) < 0.25


def test_sizes_shrink(reports: dict[str, ExportReport]) -> None:
    weights = 4 * reports["fp32"].parameters
    assert reports["fp32"].bytes > weights
    assert reports["fp32"].bytes - reports["fp16"].bytes > 0.4 * weights
    assert reports["int8"].bytes < reports["fp16"].bytes


def test_metadata_describes_the_files(reports: dict[str, ExportReport]) -> None:
    for precision, report in reports.items():
        assert OnnxStylizer(report.path).proof == "passed"
        metadata = {entry.key: entry.value for entry in onnx.load(report.path).metadata_props}
        spec = GeneratorSpec.from_json(metadata["pix2style.generator_spec"], source="x")
        assert (spec.precision, spec.glimpse_px, spec.quality) == (precision, 96, report.quality)
        assert report.quality["photos"] == 2
        assert report.quality["teacher_psnr_db"] > 5


def test_onnx_runtime_fuses_everything_into_8_bit_operators(
    reports: dict[str, ExportReport], network: Lite, tmp_path: Path
) -> None:
    """All convolutions on the image are fused, with channels last, and no float tensor is left between them."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    onnxruntime.InferenceSession(str(reports["int8"].path), options, providers=["CPUExecutionProvider"])
    graph = onnx.load(tmp_path / "optimized.onnx").graph
    kinds = Counter(node.op_type for node in graph.node)
    assert kinds["QLinearConv"] == 1 + 2 * 2 + 1
    assert kinds["QLinearAdd"] == 2
    assert kinds["QuantizeLinear"] == 0
    is_normalized = network.norm != "none"
    assert kinds["DequantizeLinear"] == (5 if is_normalized else 0)  # weights, for the convolutions of the glimpse
    assert kinds["Conv"] + kinds["FusedConv"] == (5 if is_normalized else 4)  # the glimpse
    assert kinds["Transpose"] == 1  # the glimpse
    assert all(n.domain == "com.microsoft" for n in graph.node if n.op_type == "QLinearConv")


@pytest.mark.parametrize("grey", [0, 77, 200, 255])
def test_8_bits_keep_uniform_areas_uniform(reports: dict[str, ExportReport], network: Lite, grey: int) -> None:
    """No checkerboard: in spite of rounded weights all pixels of a patch get exactly the same value."""
    uniform = np.full((96, 96, 3), grey, np.uint8)
    session = GraphSession(reports["int8"].path.read_bytes())
    inside = session.stylize([uniform], style=0 if network.styles > 1 else None)[0][32:64, 32:64]
    assert (inside == inside[0, 0]).all()


def test_int8_files_take_one_photo_at_a_time_and_declare_it(reports: dict[str, ExportReport], network: Lite) -> None:
    model = onnx.load(reports["int8"].path)
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_value == 1
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert "uint8 [1, height, width, 3]" in metadata["input"]
    photos = [synthetic_photo(61, 47, seed) for seed in (20, 21)]
    stylizer = OnnxStylizer(reports["int8"].path, style=network.styles - 1 if network.styles > 1 else None)
    assert np.array_equal(stylizer.run(np.stack(photos)), np.stack(stylizer.stylize(photos)))


def test_weights_with_a_computed_bias_have_no_zero_point_of_0(reports: dict[str, ExportReport]) -> None:
    """ONNX Runtime before 1.30 silently ignores a bias that is not constant if the zero point of the weights is 0."""
    graph = onnx.load(reports["int8"].path).graph
    producers = {node.output[0]: node for node in graph.node}
    constants = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    zero_points: dict[bool, set[int]] = {True: set(), False: set()}  # by whether the bias is computed
    for node in graph.node:
        weight = producers.get(node.input[1]) if node.op_type == "Conv" else None
        if weight is not None and weight.op_type == "DequantizeLinear" and node.input[2] in producers:
            bias = producers[node.input[2]]
            zero_points[bias.input[0] not in constants] |= set(constants[weight.input[2]].tolist())
        if node.op_type == "QLinearConv":
            zero_points[node.input[8] not in constants] |= set(constants[node.input[5]].tolist())
    assert zero_points == {True: {-1}, False: {0}}


def test_int8_graphs_for_opencv_take_batches(network: Lite) -> None:
    if network.norm != "none":
        pytest.skip("there is no such graph: see test_normalized_networks_are_refused_for_opencv_in_8_bits")
    folded = network.folded()
    layers = Int8Layers(folded, calibrate(folded, PHOTOS.calibration), for_opencv=True)
    graph = lite_graph(folded, layers)
    session, photos = GraphSession(graph), [synthetic_photo(61, 47, seed) for seed in (20, 21)]
    together = session.stylize(photos)
    assert np.array_equal(together, np.concatenate([session.stylize([photo]) for photo in photos]))


def test_the_same_photos_give_the_same_bytes(network: Lite, describe: Describe, tmp_path: Path) -> None:
    digests = {
        export_filter(network, describe(network), tmp_path / f"{n}.onnx", precision="int8", photos=PHOTOS).sha256
        for n in range(2)
    }
    assert len(digests) == 1


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_opencv_agrees(reports: dict[str, ExportReport], precision: str) -> None:
    cv2 = pytest.importorskip("cv2")
    if int(cv2.__version__.split(".")[0]) < 5:
        pytest.skip("measured with OpenCV 5")
    assert "checked in OpenCV" in reports[precision].opencv
    assert "runs int8 files only if they were exported for it" in reports["int8"].opencv


def test_int8_file_for_opencv(network: Lite, describe: Describe, tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    if int(cv2.__version__.split(".")[0]) < 5:
        pytest.skip("measured with OpenCV 5")
    if network.norm != "none":
        pytest.skip("there is no such file: see test_normalized_networks_are_refused_for_opencv_in_8_bits")
    spec = describe(network)
    out = tmp_path / "f.onnx"
    report = export_filter(network, spec, out, precision="int8", photos=PHOTOS, for_opencv=True)
    assert "checked in OpenCV" in report.opencv
    photo = synthetic_photo(40, 56)
    output = GraphSession(out.read_bytes()).stylize([photo], strength=np.zeros(1, np.float32))[0]
    assert np.array_equal(output, photo)


def test_8_bit_weights_fit_processors_without_vnni(network: Lite, describe: Describe, tmp_path: Path) -> None:
    """With AVX2 alone, products of two features (up to 255) and their weights are added in 16 bits."""
    export_filter(network, describe(network), tmp_path / "f.onnx", precision="int8", photos=PHOTOS)
    tensors = map(numpy_helper.to_array, onnx.load(tmp_path / "f.onnx").graph.initializer)
    kernels = [tensor for tensor in tensors if tensor.dtype == np.int8 and tensor.ndim == 4]
    assert len(kernels) == 2 + 2 * len(network.body)
    for kernel in kernels:
        rows = kernel.astype(int).transpose(0, 2, 3, 1).reshape(len(kernel), -1, 2)
        assert (255 * np.maximum(rows, 0).sum(axis=2)).max() <= 32_767
        assert (255 * np.minimum(rows, 0).sum(axis=2)).min() >= -32_768


def test_normalized_networks_are_refused_for_opencv_in_8_bits(describe: Describe, tmp_path: Path) -> None:
    network = train_briefly(norm="instance")
    with pytest.raises(ArtifactError, match=r"OpenCV cannot run the 8-bit file .* export --precision fp32"):
        export_filter(network, describe(network), tmp_path / "f.onnx", precision="int8", photos=PHOTOS, for_opencv=True)
    assert not list(tmp_path.iterdir())


def test_refuses_an_int8_file_that_is_not_close_enough(describe: Describe, tmp_path: Path) -> None:
    network = train_briefly()
    with pytest.raises(ArtifactError, match=r"on 2 held-out photos its PSNR .* dB .*int8_min_psnr_db = 90"):
        export_filter(
            network,
            describe(network),
            tmp_path / "f.onnx",
            precision="int8",
            photos=PHOTOS,
            int8_min_psnr_db=90,
        )
    assert list(tmp_path.iterdir()) == []


def test_refuses_int8_without_photos_and_for_other_generators(describe: Describe, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="int8 needs photos"):
        export_filter(Lite(8, 1), describe(Lite(8, 1)), tmp_path / "f.onnx", precision="int8")
    other = Resnet(channels=4, blocks=1)
    with pytest.raises(ArtifactError, match="the kind resnet cannot be exported as int8, only as fp32 or fp16"):
        export_filter(other, describe(other), tmp_path / "f.onnx", precision="int8", photos=PHOTOS)


def test_other_generators_can_be_exported_as_fp16(describe: Describe, tmp_path: Path) -> None:
    torch.manual_seed(0)
    other = Resnet(channels=8, blocks=1)
    fp32 = export_filter(other, describe(other), tmp_path / "32.onnx")
    fp16 = export_filter(other, describe(other), tmp_path / "16.onnx", precision="fp16")
    assert fp16.bytes < 0.7 * fp32.bytes
    assert fp16.max_difference_levels <= 2


def test_calibration_measures_every_tensor(network: Lite) -> None:
    calibration = calibrate(network.folded(), PHOTOS.calibration)
    blocks = {f"{kind}.{number}" for kind in ("features", "hidden", "residual") for number in range(2)}
    stem = {"stem", "context"} if network.norm == "none" else set()
    assert set(calibration.params) == set(calibration.means) == {"features.2", *stem, *blocks}
    for name, params in calibration.params.items():
        assert params.scale > 0
        assert params.zero_point == 0 or not name.startswith(("features", "hidden"))
    assert all(len(means) == 16 for means in calibration.means.values())


def test_calibration_keeps_every_fifth_value_of_usual_photos() -> None:
    """Up to 512 pixels a side, so that files stay the same."""
    network, inputs = train_briefly().folded(), list[np.ndarray]()
    photos = [synthetic_photo(512, 512, 1), synthetic_photo(384, 512, 2)]
    calibration = calibrate(network, photos)
    hook = network.head.register_forward_pre_hook(lambda _, given: inputs.append(given[0].flatten()[::5].numpy()))
    for photo in photos:
        generate(network, [photo])
    hook.remove()
    assert calibration.params["features.2"] == minimum_mse_params(np.concatenate(inputs))


def test_each_large_photo_for_calibration_needs_little_memory() -> None:
    network, photo, peaks = train_briefly().folded(), synthetic_photo(2048, 1536, 1), list[int]()
    for count in (1, 5):
        tracemalloc.start()
        calibrate(network, [photo] * count)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    every_fifth = 7 * 4 * 16 * (2048 // 4) * (1536 // 4) // 5  # bytes of such samples of all seven tensors of a photo
    assert (peaks[1] - peaks[0]) / 4 < every_fifth / 4


def test_minimum_mse_clips_a_rare_large_value() -> None:
    values = np.concatenate([np.random.default_rng(0).uniform(0, 1, 1_000_000), [3.0]]).astype(np.float32)
    assert minimum_mse_params(values).scale * 255 < 2
    assert min_max_params(values, 1.0).scale * 255 == pytest.approx(3, rel=1e-3)


def test_values_below_relu_do_not_widen_the_range() -> None:
    network = train_briefly().folded()
    before = calibrate(network, PHOTOS.calibration).params
    with torch.no_grad():
        for block in network.body:
            block.second.bias[0] -= 500.0  # type: ignore[union-attr,index]
    for number, block in enumerate(network.body):
        assert torch.isfinite(block.second.bias).all()  # type: ignore[union-attr,arg-type]
        after = calibrate(network, PHOTOS.calibration).params[f"residual.{number}"]
        assert after.scale < 4 * before[f"residual.{number}"].scale
        assert after.zero_point > 0
