"""Compare filters with other style networks, each in every public runtime for processors, at 512x512 and 1920x1080.

    pip install nncf
    python benchmarks/peers.py style08.int8.onnx style08.onnx --magenta CONVERTED [--rounds 3] [--result FILE]

It needs the extras `train` and `openvino`, and five minutes on a quiet machine.

Peers: Johnson's network, AnimeGANv2's and, with `--magenta`, the transformer of Magenta's network (mobile form). Each
runs in float32 and 8 bits in ONNX Runtime, and in float32, bf16 (OpenVINO's default where the processor multiplies it)
and 8 bits in OpenVINO. 8 bits are ONNX Runtime's static quantisation (QDQ, bytes times signed bytes, a scale for each
channel) and NNCF's; OpenVINO runs both. Johnson's and AnimeGANv2's weights are random, which changes no time: no layer
skips zeros. OpenVINO compiles all for the fixed size, which is faster than any size, and filters for both.

All ways take turns in every round, after a pause in which the threads of the previous way go to sleep. At 1920x1080
only those run that took less than 0.25 s at 512x512. The result says, too, how far a filter's pixels in OpenVINO are
from those in ONNX Runtime, which instructions OpenVINO's convolutions use, and how long it takes to compile a filter.
"""

from __future__ import annotations

import argparse
import collections
import functools
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from animegan_network import AnimeGenerator
from johnson_network import TransformerNet
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from pix2style import load_stylizer
from pix2style.evaluation.machine import describe_machine, library_versions
from pix2style.export.synthetic_photo import synthetic_photo
from pix2style.images import Image8
from pix2style.processes import PAUSE_BEFORE_TIMING_S, usable_cores

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # else importing openvino asks a host
import openvino  # noqa: E402

RESULT = Path(__file__).parent / "results" / "peers.md"
SIZES = ((512, 512), (1080, 1920))
_SLOW_MS = 250.0
_ORT, _OPENVINO = "ONNX Runtime", "OpenVINO"
_PRECISIONS = {"float32": "f32", "bf16": "bf16"}
"""Names of precisions, and OpenVINO's hint for each."""
_Feeds = dict[str, np.ndarray[Any, Any]]
_Feed = Callable[[Image8], _Feeds]
_Run = Callable[[Image8], Any]


@dataclass(frozen=True)
class Network:
    """A peer.

    Attributes:
        model: Its float32 ONNX graph of any size.
        feed: Turns a photo into the inputs of the graph.
    """

    model: onnx.ModelProto
    feed: _Feed


@dataclass
class Way:
    """A network in a runtime and a precision.

    Attributes:
        network: Name of the network, or of the filter's file.
        runtime: Name of the runtime.
        precision: What it computes in.
        open: Prepares it for photos of a size, (height, width).
        ms: Times in each round, by size.
    """

    network: str
    runtime: str
    precision: str
    open: Callable[[tuple[int, int]], _Run]
    ms: dict[tuple[int, int], list[float]] = field(default_factory=lambda: {size: [] for size in SIZES})

    def median(self, size: tuple[int, int]) -> float:
        """Return the median time in milliseconds, infinite if the way did not run at this size."""
        return statistics.median(self.ms[size]) if self.ms[size] else float("inf")


def main() -> None:
    """Measure, print the tables, and write them into the result file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("filters", type=Path, nargs="+")
    parser.add_argument("--magenta", type=Path, help="folder of the converted mobile network, with transformer.onnx")
    parser.add_argument("--peers", default="johnson,animegan", help="which of johnson, animegan; empty for none")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--result", type=Path, default=RESULT)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ways = [*_filter_ways(options.filters), *_peer_ways(_peers(options), Path(folder))]
        _measure(ways, options.rounds)
    lines = [*_head(options), *_table(ways), *_verdict(ways), *_facts(options.filters)]
    options.result.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


def _peers(options: argparse.Namespace) -> dict[str, Network]:
    found: dict[str, Network] = {}
    chosen = options.peers.split(",")
    if "johnson" in chosen:
        found["Johnson's network"] = Network(_exported(TransformerNet()), _bytes)
    if "animegan" in chosen:
        found["AnimeGANv2's network"] = Network(_exported(AnimeGenerator()), _bytes)
    if options.magenta is not None:
        found["Magenta's transformer"] = _magenta(options.magenta / "transformer.onnx")
    return found


def _exported(network: torch.nn.Module) -> onnx.ModelProto:
    torch.manual_seed(0)
    program = torch.onnx.export(
        network.eval(),
        (torch.zeros(1, 64, 80, 3, dtype=torch.uint8),),
        dynamo=True,
        opset_version=20,
        input_names=["photo"],
        dynamic_shapes={"photo": {1: 4 * torch.export.Dim("h", min=4), 2: 4 * torch.export.Dim("w", min=4)}},
        verbose=False,
    )
    if program is None:
        raise RuntimeError("torch exported nothing")
    return program.model_proto


def _bytes(photo: Image8) -> _Feeds:
    return {"photo": photo[None]}


def _magenta(path: Path) -> Network:
    model = onnx.load(path)
    content, style = model.graph.input
    length = style.type.tensor_type.shape.dim[-1].dim_value
    vector = np.random.default_rng(0).normal(0, 0.3, (1, 1, 1, length)).astype(np.float32)

    def feed(photo: Image8) -> _Feeds:
        height, width = (size // 4 * 4 for size in photo.shape[:2])  # the network takes multiples of 4
        return {content.name: photo[None, :height, :width].astype(np.float32) / 255, style.name: vector}

    return Network(model, feed)


def _filter_ways(paths: list[Path]) -> Iterator[Way]:
    for path in paths:
        stylizer, data = load_stylizer(path, tile=0), path.read_bytes()
        is_8_bit = stylizer.spec.precision == "int8"  # type: ignore[attr-defined]
        yield Way(path.name, _ORT, "8 bits" if is_8_bit else "float32", lambda _, run=stylizer: run)  # type: ignore[misc]
        if not _is_readable(data):
            continue
        for rest, hint in _PRECISIONS.items():
            text = f"8 bits, the rest in {rest}" if is_8_bit else rest
            yield Way(path.name, _OPENVINO, text, _opened(lambda data=data: _read(data), _bytes, hint))
        text = "8 bits, the rest in float32" if is_8_bit else "float32"
        yield Way(path.name, _OPENVINO, f"{text}, any size", lambda _, data=data: _compiled(_read(data), _bytes, "f32"))  # type: ignore[misc]


def _peer_ways(networks: dict[str, Network], folder: Path) -> Iterator[Way]:
    for name, network in networks.items():
        feed, floats, quantized = network.feed, network.model.SerializeToString(), _quantized(network, folder)
        for text, data in (("float32", floats), ("8 bits", quantized)):
            yield Way(name, _ORT, text, lambda _, data=data, feed=feed: _session(data, feed))  # type: ignore[misc]
        models: dict[str, Callable[[], Any]] = {
            "{}": lambda data=floats: _read(data),  # type: ignore[misc]
            "8 bits (ONNX Runtime's), the rest in {}": lambda data=quantized: _read(data),  # type: ignore[misc]
            "8 bits (NNCF's), the rest in {}": functools.cache(functools.partial(_quantized_by_nncf, network)),
        }
        for text, read in models.items():
            for rest, hint in _PRECISIONS.items():
                yield Way(name, _OPENVINO, text.format(rest), _opened(read, feed, hint))


def _quantized_by_nncf(network: Network) -> Any:
    import nncf

    model = _read(network.model.SerializeToString())
    photos = [network.feed(photo) for photo in _calibration_photos()]
    model.reshape(_shapes(photos[0]))
    preset = nncf.QuantizationPreset.PERFORMANCE
    return nncf.quantize(model, nncf.Dataset(photos), preset=preset, subset_size=len(photos))


def _read(data: bytes) -> Any:
    return openvino.Core().read_model(data)


def _is_readable(data: bytes) -> bool:
    """Return whether OpenVINO reads a file. It does not read normalised 8-bit filters, whose scales are computed."""
    try:
        _read(data)
    except RuntimeError:
        return False
    return True


def _opened(read: Callable[[], Any], feed: _Feed, hint: str) -> Callable[[tuple[int, int]], _Run]:
    def open_(size: tuple[int, int]) -> _Run:
        model = read().clone()
        model.reshape(_shapes(feed(_photo(*size))))
        return _compiled(model, feed, hint)

    return open_


def _shapes(feeds: _Feeds) -> dict[str, list[int]]:
    return {name: list(array.shape) for name, array in feeds.items()}


def _compiled(model: Any, feed: _Feed, hint: str) -> _Run:
    settings = {
        "INFERENCE_NUM_THREADS": usable_cores(),
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": hint,
    }
    request = openvino.Core().compile_model(model, "CPU", settings).create_infer_request()

    def run(photo: Image8) -> Any:
        return request.infer(feed(photo), share_inputs=True, share_outputs=True)[0]

    run.request = request  # type: ignore[attr-defined]
    return run


def _session(data: bytes, feed: _Feed) -> _Run:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = usable_cores(), 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return lambda photo: session.run(None, feed(photo))[0]


def _quantized(network: Network, folder: Path) -> bytes:
    onnx.save(network.model, folder / "float.onnx")

    class Photos(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._feeds = iter([network.feed(photo) for photo in _calibration_photos()])

        def get_next(self) -> _Feeds | None:
            return next(self._feeds, None)

    quantize_static(
        folder / "float.onnx",
        folder / "bytes.onnx",
        Photos(),
        quant_format=QuantFormat.QDQ,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        per_channel=True,
        op_types_to_quantize=["Conv", "Add", "Relu", "LeakyRelu", "Resize"],
    )
    return (folder / "bytes.onnx").read_bytes()


def _calibration_photos() -> list[Image8]:
    return [_photo(*SIZES[0]), np.random.default_rng(1).integers(0, 256, (*SIZES[0], 3), np.uint8)]


def _photo(height: int, width: int) -> Image8:
    return synthetic_photo(height, width)


def _measure(ways: list[Way], rounds: int) -> None:
    for size in SIZES:
        photo = _photo(*size)
        taking_part = [way for way in ways if size == SIZES[0] or way.median(SIZES[0]) < _SLOW_MS]
        runs = []
        for way in taking_part:
            began = time.perf_counter()
            runs.append(way.open(size))
            name = f"{way.network}, {way.runtime}, {way.precision}"
            print(f"{name}: ready in {time.perf_counter() - began:.1f} s", file=sys.stderr)
        for _ in range(rounds):
            for way, run in zip(taking_part, runs, strict=True):
                way.ms[size].append(_ms(run, photo))


def _ms(run: _Run, photo: Image8) -> float:
    """Return the median time of a call in milliseconds, over 0.3 seconds, after a pause and a warm-up."""
    time.sleep(PAUSE_BEFORE_TIMING_S)
    run(photo)
    times: list[float] = []
    while sum(times) < 0.3:
        begin = time.perf_counter()
        run(photo)
        times.append(time.perf_counter() - begin)
    return 1000 * statistics.median(times)


def _head(options: argparse.Namespace) -> list[str]:
    machine, versions = describe_machine(), library_versions()
    versions |= {name: version(name) for name in ("openvino", "nncf")}
    libraries = ", ".join(f"{name} {text}" for name, text in versions.items())
    names = " ".join(path.name for path in options.filters)
    magenta = " --magenta CONVERTED" if options.magenta is not None else ""
    capabilities = ", ".join(openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))
    return [
        "# Filters and other networks, each in its best runtime",
        "",
        f"`python benchmarks/peers.py {names}{magenta} --rounds {options.rounds}`",
        "",
        f"{machine['processor']}, {usable_cores()} threads; {libraries}. OpenVINO: {capabilities}.",
        "Medians of interleaved rounds. Weights of Johnson's and AnimeGANv2's networks are random.",
        "",
    ]


def _table(ways: list[Way]) -> list[str]:
    lines = ["| network | runtime | precision | ms at 512x512 | ms at 1920x1080 |", "|---|---|---|---|---|"]
    for way in ways:
        times = [f"{statistics.median(way.ms[size]):.1f}" if way.ms[size] else "" for size in SIZES]
        lines.append("| " + " | ".join([way.network, way.runtime, way.precision, *times]) + " |")
    return lines


def _verdict(ways: list[Way]) -> list[str]:
    lines = [""]
    for own in (way for way in ways if way.runtime == _ORT and way.network.endswith(".onnx")):
        for size in SIZES:
            lines += _ratios(own, ways, size)
    return lines


def _ratios(own: Way, ways: list[Way], size: tuple[int, int]) -> list[str]:
    """Compare a filter with each peer at one size; no lines if it was too slow to be measured there."""
    if not own.ms[size]:
        return []
    peers = [way for way in ways if not way.network.endswith(".onnx") and way.ms[size]]
    lines = []
    for name in dict.fromkeys(way.network for way in peers):
        best = min((way for way in peers if way.network == name), key=lambda way: way.median(size))
        ratio = statistics.median(a / b for a, b in zip(best.ms[size], own.ms[size], strict=True))
        how = f"{best.runtime}, {best.precision}: {best.median(size):.1f} ms"
        lines.append(
            f"* {own.network} in {own.runtime} at {size[1]}x{size[0]}: {ratio:.1f} times as fast as {name} at its best"
            f" ({how})"
        )
    return lines


def _facts(paths: list[Path]) -> list[str]:
    """Return how filters behave in OpenVINO: pixels, instructions and the time to compile them."""
    columns = ["filter in OpenVINO", "largest difference, levels", "share above 1 level", "compile, s", "convolutions"]
    lines = ["", "| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    photo = _photo(*SIZES[0])
    for path in paths:
        if not _is_readable(path.read_bytes()):
            lines.append(f"| {path.name} | is not read | | | |")
            continue
        expected = load_stylizer(path, tile=0)(photo).astype(int)
        for rest, hint in _PRECISIONS.items():
            began = time.perf_counter()
            run = _opened(functools.partial(_read, path.read_bytes()), _bytes, hint)(SIZES[0])
            seconds = time.perf_counter() - began
            differences = np.abs(np.asarray(run(photo))[0].astype(int) - expected)
            row = [f"{path.name}, {rest}", str(differences.max()), f"{(differences > 1).mean():.3%}"]
            lines.append("| " + " | ".join([*row, f"{seconds:.2f}", _instructions(run)]) + " |")
    return lines


def _instructions(run: _Run) -> str:
    kinds: collections.Counter[str] = collections.Counter()
    request = run.request  # type: ignore[attr-defined]
    for operation in request.get_compiled_model().get_runtime_model().get_ops():
        facts = operation.get_rt_info()
        if str(facts["layerType"].value) == "Convolution":
            kinds[str(facts["primitiveType"].value)] += 1
    return ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())


if __name__ == "__main__":
    main()
