"""Measure how fast filters run, beside Johnson's network in the same runtime, and where their time goes.

    python benchmarks/lite.py watercolor.int8.onnx watercolor.onnx [--magenta CONVERTED] [--unets] [--rounds 9]

Filters are timed as a caller uses them: `load_stylizer(file)(array)`, from uint8 to uint8. Johnson's network (with
random weights, which do not change its time), Magenta's transformer (`pix2style teacher convert`) and the U-Nets of
benchmarks/quality.md run in ONNX Runtime sessions with the same settings. Rounds are interleaved, so that a noisy
machine disturbs all networks alike. Times are medians, and ratios are medians of the ratios of each round. The times of
single operators come from ONNX Runtime's profile. The lower bound is the time at the rate that the same runtime reaches
for a product of two large matrices of bytes.

Writes benchmarks/results/lite_speed.md.
"""

from __future__ import annotations

import argparse
import collections
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from johnson_network import TransformerNet
from onnx import TensorProto, helper

from pix2style import load_stylizer
from pix2style.evaluation.machine import describe_machine, library_versions
from pix2style.export.choose_export import choose_export
from pix2style.nets.generator import Generator
from pix2style.nets.unet import Unet
from pix2style.nets.unet_2017 import Unet2017
from pix2style.processes import PAUSE_BEFORE_TIMING_S, usable_cores

RESULT = Path(__file__).parent / "results" / "lite_speed.md"
SIZES = ((512, 512), (1080, 1920))
_JOHNSON = "Johnson's TransformerNet"
_UNET_2017, _SMALL_UNET = "pix2pix's U-Net", "a small U-Net"
_SLOW = (_JOHNSON, _UNET_2017)
_Bytes = np.ndarray[Any, np.dtype[np.uint8]]
_Run = Callable[[_Bytes], object]


@dataclass(frozen=True)
class Contender:
    """A network that stylizes one photo, uint8 [height, width, 3].

    Attributes:
        run: Stylizes a photo.
        bytes: Size of the file.
        model: The ONNX graph.
        feed: Turns a photo into the inputs of the graph.
    """

    run: _Run
    bytes: int
    model: onnx.ModelProto
    feed: Callable[[_Bytes], dict[str, Any]]


def main() -> None:
    """Measure, print the table, and write it into benchmarks/results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("filters", type=Path, nargs="+")
    parser.add_argument("--magenta", type=Path, help="folder that `pix2style teacher convert -o` wrote")
    parser.add_argument("--unets", action="store_true", help="also the U-Net of 2017, and a small one")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    contenders = {_JOHNSON: _johnson()} | {path.name: _filter(path) for path in options.filters}
    if options.magenta is not None:
        contenders["Magenta's transformer (26 styles)"] = _magenta(options.magenta)
    if options.unets:
        contenders |= {_UNET_2017: _unet(Unet2017()), _SMALL_UNET: _unet(Unet(channels=16, levels=3))}
    lines = [*_head(options), *_speeds(contenders, options.rounds), *_floor(contenders, options)]
    for path in options.filters:
        lines += _parts(path)
    RESULT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


def _filter(path: Path) -> Contender:
    stylizer = load_stylizer(path)
    return Contender(stylizer, path.stat().st_size, onnx.load(path), _fed)


def _johnson() -> Contender:
    torch.manual_seed(0)
    side = 4 * torch.export.Dim("quarter_height", min=4), 4 * torch.export.Dim("quarter_width", min=4)
    program = torch.onnx.export(
        TransformerNet().eval(),
        (torch.zeros(1, 64, 80, 3, dtype=torch.uint8),),
        dynamo=True,
        opset_version=20,
        input_names=["photo"],
        dynamic_shapes={"photo": {1: side[0], 2: side[1]}},
        verbose=False,
    )
    if program is None:
        raise RuntimeError("torch exported nothing")
    data = program.model_proto.SerializeToString()
    session = onnxruntime.InferenceSession(data, _options(), providers=["CPUExecutionProvider"])

    def feed(photo: _Bytes) -> dict[str, Any]:
        return {"photo": photo[None]}

    return Contender(lambda photo: session.run(None, feed(photo)), len(data), program.model_proto, feed)


def _unet(network: Generator) -> Contender:
    """Build a U-Net as it is exported: from bytes to bytes, of any size."""
    model = choose_export(network.eval()).build()
    data = model.SerializeToString()
    session = onnxruntime.InferenceSession(data, _options(), providers=["CPUExecutionProvider"])
    return Contender(lambda photo: session.run(None, _fed(photo)), len(data), model, _fed)


def _fed(photo: _Bytes) -> dict[str, Any]:
    return {"photo": photo[None]}


def _magenta(folder: Path) -> Contender:
    path = folder / "transformer.onnx"
    session = onnxruntime.InferenceSession(path, _options(), providers=["CPUExecutionProvider"])
    content, style = session.get_inputs()
    vector = np.zeros([1, 1, 1, style.shape[-1]], np.float32)
    vector[..., 0] = 1

    def feed(photo: _Bytes) -> dict[str, Any]:
        height, width = (size // 4 * 4 for size in photo.shape[:2])  # the network takes multiples of 4
        return {content.name: photo[None, :height, :width].astype(np.float32) / 255, style.name: vector}

    return Contender(lambda photo: session.run(None, feed(photo)), path.stat().st_size, onnx.load(path), feed)


def _options() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = usable_cores(), 1
    options.log_severity_level = 3
    return options


def _photo(height: int, width: int) -> _Bytes:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def _speeds(contenders: dict[str, Contender], rounds: int) -> list[str]:
    spent: dict[str, dict[tuple[int, int], list[float]]] = {name: {size: [] for size in SIZES} for name in contenders}
    for number in range(rounds + 1):
        for size in SIZES:
            photo = _photo(*size)
            for name, contender in contenders.items():
                if name in _SLOW and size == SIZES[1]:
                    continue  # takes seconds, and no figure needs it
                ms = _ms(contender.run, photo)
                if number > 0:  # the first round is a warm-up
                    spent[name][size].append(ms)
    peer = spent[_JOHNSON][SIZES[0]]
    columns = [
        "",
        "file, kB",
        "parameters",
        "GMAC at 512x512",
        "ms at 512x512",
        "Johnson's takes so many times as long",
    ]
    columns += ["ms at 1920x1080", "Johnson's at 512x512 takes so many times as long"]
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    for name, contender in contenders.items():
        small, large = (spent[name][size] for size in SIZES)
        row = [name, f"{contender.bytes / 1000:.0f}", f"{_parameters(contender.model):,}"]
        row += [f"{_macs(contender) / 1e9:.2f}", f"{statistics.median(small):.2f}", f"{_ratio(peer, small):.1f}"]
        row += [f"{statistics.median(large):.1f}", f"{_ratio(peer, large):.1f}"] if large else ["", ""]
        lines.append("| " + " | ".join(row) + " |")
    return lines


def _ms(run: _Run, photo: _Bytes) -> float:
    """Return the median time of a call in milliseconds, over 0.3 seconds or at least three calls."""
    time.sleep(PAUSE_BEFORE_TIMING_S)
    run(photo)
    times: list[float] = []
    while len(times) < 3 or sum(times) < 0.3:
        begin = time.perf_counter()
        run(photo)
        times.append(time.perf_counter() - begin)
    return 1000 * statistics.median(times)


def _ratio(peer: Sequence[float], own: Sequence[float]) -> float:
    return statistics.median(a / b for a, b in zip(peer, own, strict=True))


def _parameters(model: onnx.ModelProto) -> int:
    return sum(int(np.prod(one.dims)) for one in model.graph.initializer if len(one.dims) > 1)


def _macs(contender: Contender) -> int:
    """Count the multiply-adds of all convolutions for a photo of 512x512, by the shapes of a real run."""
    options = _options()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL  # keep the nodes of the file
    graph, found = contender.model.graph, 0
    held = {one.name: list(one.dims) for one in graph.initializer}
    # The session packs the weights of a ConvTranspose when it is created, so the profile does not show them.
    transposed = {f"{n.name}_kernel_time": held[n.input[1]] for n in graph.node if n.op_type == "ConvTranspose"}
    for event in _profile(contender.model.SerializeToString(), options, contender.feed(_photo(*SIZES[0])), runs=1):
        inputs, outputs = event["args"]["input_type_shape"], event["args"]["output_type_shape"]
        if (weight := transposed.get(event["name"])) is not None:
            found += int(np.prod(weight)) * int(np.prod(next(iter(inputs[0].values())))) // weight[0]
        elif event["args"]["op_name"] == "Conv":
            weight = next(iter(inputs[1].values()))
            found += int(np.prod(weight)) * int(np.prod(next(iter(outputs[0].values())))) // weight[0]
    return found


def _profile(
    model: bytes, options: onnxruntime.SessionOptions, feed: dict[str, Any], runs: int
) -> list[dict[str, Any]]:
    """Return ONNX Runtime's profile: one record for each run of a node."""
    with tempfile.TemporaryDirectory() as folder:
        options.enable_profiling, options.profile_file_prefix = True, str(Path(folder) / "profile")
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        for _ in range(runs):
            session.run(None, feed)
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    return [one for one in events if one.get("cat") == "Node" and one["name"].endswith("_kernel_time")]


def _floor(contenders: dict[str, Contender], options: argparse.Namespace) -> list[str]:
    rates = {"bytes": _matrix_rate(quantised=True), "float32": _matrix_rate(quantised=False)}
    said = ", ".join(f"{rate / 1e9:.0f} GMAC/s in {name}" for name, rate in rates.items())
    lines = ["", f"A large matrix product in ONNX Runtime: {said}."]
    for path in options.filters:
        contender = contenders[path.name]
        quantised = any(node.op_type == "QuantizeLinear" for node in contender.model.graph.node)
        floor = 1000 * _macs(contender) / rates["bytes" if quantised else "float32"]
        lines.append(f"{path.name}: at that rate its convolutions alone take {floor:.2f} ms at 512x512.")
    return lines


def _matrix_rate(*, quantised: bool) -> float:
    """Measure how many multiply-adds per second a large matrix product reaches."""
    rows, depth, columns = 4096, 1024, 1024
    random = np.random.default_rng(0)
    if quantised:
        a = random.integers(0, 256, (rows, depth), np.uint8)
        b = random.integers(-127, 128, (depth, columns), np.int8)
        node = helper.make_node("MatMulInteger", ["a", "b"], ["c"])
        kinds = TensorProto.UINT8, TensorProto.INT32
    else:
        a, b = random.random((rows, depth), np.float32), random.random((depth, columns), np.float32)
        node = helper.make_node("MatMul", ["a", "b"], ["c"])
        kinds = TensorProto.FLOAT, TensorProto.FLOAT
    graph = helper.make_graph(
        [node],
        "product",
        [helper.make_tensor_value_info("a", kinds[0], a.shape)],
        [helper.make_tensor_value_info("c", kinds[1], [rows, columns])],
        [onnx.numpy_helper.from_array(b, "b")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    session = onnxruntime.InferenceSession(model.SerializeToString(), _options(), providers=["CPUExecutionProvider"])
    ms = min(_ms(lambda _: session.run(None, {"a": a}), a) for _ in range(3))
    return rows * depth * columns / (ms / 1000)


def _parts(path: Path) -> list[str]:
    """Return the time of each kind of node at 512x512, and its share."""
    runs = 30
    spent: collections.Counter[str] = collections.Counter()
    for event in _profile(path.read_bytes(), _options(), {"photo": _photo(*SIZES[0])[None]}, runs):
        if event["args"]["op_name"] != "If":  # an If takes the time of the nodes inside, which are listed as well
            spent[event["args"]["op_name"]] += event["dur"]
    total = sum(spent.values())
    convolutions = sum(us for name, us in spent.items() if "Conv" in name)
    lines = ["", f"{path.name}: convolutions take {convolutions / total:.0%} of {total / runs / 1000:.2f} ms.", ""]
    lines += ["| node | ms | share |", "|---|---|---|"]
    lines += [f"| {name} | {us / runs / 1000:.3f} | {us / total:.0%} |" for name, us in spent.most_common(8)]
    return lines


def _head(options: argparse.Namespace) -> list[str]:
    machine, versions = describe_machine(), library_versions()
    libraries = ", ".join(f"{name} {version}" for name, version in versions.items())
    names = " ".join(path.name for path in options.filters)
    magenta = " --magenta CONVERTED" if options.magenta is not None else ""
    magenta += " --unets" if options.unets else ""
    command = f"`python benchmarks/lite.py {names}{magenta} --rounds {options.rounds}`"
    threads = f"{machine['processor']}, {machine['onnxruntime_threads']} threads"
    return ["# Filters: speed", "", command, "", f"{threads}; {libraries}. Medians of interleaved rounds.", ""]


if __name__ == "__main__":
    main()
