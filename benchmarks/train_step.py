"""Measure how fast a training step with its loader is: `pix2style train` compared with a plain loop.

    python benchmarks/train_step.py --pairs PAIRS --device cpu [--rounds 5] [--seconds 4]
    python benchmarks/train_step.py --pairs PAIRS --device cuda

Both train configs/pix2pix-2017.yaml (unet_256, a 70x70 PatchGAN with BatchNorm, 256x256), and both again with VGG19's
activations to relu4_1 as a perceptual term. VGG's weights are random: they change the losses, not the speed.

* plain: benchmarks/plain_pix2pix.py. fp32, eager, batch 1, one loader process that opens PNGs, Adam as it comes.
* fast: `pix2style train`'s own loader and step, in bf16 where the processor or GPU multiplies it natively.

Each way runs in a process of its own, one at a time. Rounds are interleaved, ratios are taken in each round, and
figures are medians. Before that, the losses of the first two steps (without dropout) must agree, up to the rounding of
bf16: the mathematics is the same. The lower bound is the time that the multiplications of a step take at the measured
rate of their precision: that of a large matrix product or, on a CPU, of a convolution, whichever is faster.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from safetensors.torch import save_file
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode
from train_ways import PAIRS, VGG_LAYERS, VGG_WEIGHT, Way, serve

from pix2style.evaluation.machine import describe_machine, library_versions
from pix2style.images import Picture, write_picture
from pix2style.progress import print_note
from pix2style.training.data.sources import open_training_data
from pix2style.training.step.device import compute_dtype

_RESULTS = Path(__file__).parent / "results"
_VGG19_CONVS = {0: 64, 2: 64, 5: 128, 7: 128, 10: 256, 12: 256, 14: 256, 16: 256, 19: 512}  # up to conv4_1
_CPU = ("train.channels_last=true", "train.workers=0")
_CUDA = (*_CPU, "train.compile=true")
_LOADER_IMAGES = 64
_NAMES = {torch.float32: "fp32", torch.bfloat16: "bf16"}
_Rates = dict[torch.dtype, float]


def main() -> None:
    """Measure, print the table, and write it into benchmarks/results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, required=True, help="a pair set of 256x256")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each way in each round, about")
    parser.add_argument("--batches", type=int, nargs="+", help="of the fast ways; 1 is among them in any case")
    parser.add_argument("--cuda-graphs", action="store_true", help="the fast ways replay recorded kernels")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--precision", choices=("auto", "fp32", "bf16"), default="auto", help="of the fast ways")
    parser.add_argument("--only", default="", help="ways whose names hold this, and plain ones; writes nothing")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        every = _ways(options, Path(folder))
        fast = [way for way in every if way.fast and options.only in way.name]
        ways = [way for way in every if way in fast or (not way.fast and way.vgg in {one.vgg for one in fast})]
        _write_pngs(ways[0])
        _write_vgg(ways[0].weights)
        text = "\n".join(_document(options, ways))
    print(text)
    if options.only:
        return  # only the complete table is a result
    _RESULTS.mkdir(exist_ok=True)
    graphs = "_graphs" * options.cuda_graphs
    (_RESULTS / f"train_step_{options.device}{graphs}.md").write_text(text + "\n", encoding="utf-8")


def _ways(options: argparse.Namespace, folder: Path) -> list[Way]:
    """Return the ways; the first, and the first with VGG19, are the baselines of the others."""
    fast_batches = sorted({1, *(options.batches or ((4,) if options.device == "cpu" else (4, 16, 64)))})
    overrides = (*(_CPU if options.device == "cpu" else _CUDA), f"train.precision={options.precision}")
    overrides += (f"train.cuda_graphs={options.cuda_graphs}".lower(),)
    ways = []
    for vgg in (False, True):
        for fast, batch in ((False, 1), *((True, batch) for batch in fast_batches)):
            name = f"{'fast' if fast else 'plain'}{', VGG' if vgg else ''}, batch {batch}"
            given = (options.device, options.threads, options.pairs, folder / "pngs", folder / "vgg19.safetensors")
            ways.append(Way(name, fast, batch, vgg, *given, overrides if fast else ()))
    return ways


def _document(options: argparse.Namespace, ways: list[Way]) -> list[str]:
    with _processes(ways) as ends:
        _check_agreement({way: end.recv() for way, end in ends.items()})
        rates, loaders, matrix_rates = _measured(options, ends)
    peaks = {dtype: statistics.median(each) for dtype, each in matrix_rates.items()}
    operations = {way.vgg: _operations(way) for way in ways if not way.fast}
    machine, versions = describe_machine(), library_versions()
    gpu = f"; {torch.cuda.get_device_name()}" if options.device == "cuda" else ""
    command = f"--device {options.device} --precision {options.precision} --rounds {options.rounds}"
    command += f" --seconds {options.seconds:g}{' --cuda-graphs' * options.cuda_graphs}"
    command += f" --batches {' '.join(map(str, options.batches))}" if options.batches else ""
    said = [
        f"{options.rounds} rounds, interleaved; medians (lowest to highest round). A large product or convolution, in",
        f"TFLOP/s: {', '.join(f'{_NAMES[dtype]} {peak / 1e12:.2f}' for dtype, peak in peaks.items())}.",
        "One picture's step, in GFLOP:",
        "; ".join(f"{n / 1e9:.0f}{', with VGG (its weights are random)' * vgg}" for vgg, n in operations.items()) + ".",
    ]
    return [
        f"# A step of training, on {options.device}",
        "",
        f"`python benchmarks/train_step.py --pairs PAIRS {command} --threads {options.threads}`",
        "",
        *_table(ways, rates, loaders, operations, peaks),
        "",
        " ".join(said),
        "",
        f"{machine['processor']}, {machine['cores']} cores{gpu}; " + ", ".join(f"{k} {v}" for k, v in versions.items()),
    ]


@contextmanager
def _processes(ways: list[Way]) -> Iterator[dict[Way, Connection]]:
    """Start a process for each way; it ends when its connection is closed."""
    context = multiprocessing.get_context("spawn")
    ends: dict[Way, Connection] = {}
    try:
        for way in ways:
            ends[way], other = context.Pipe()
            context.Process(target=serve, args=(way, other)).start()
            other.close()
        yield ends
    finally:
        for end in ends.values():
            end.close()


def _measured(
    options: argparse.Namespace, ends: dict[Way, Connection]
) -> tuple[dict[Way, list[float]], dict[Way, list[float]], dict[torch.dtype, list[float]]]:
    """Measure images per second of each way and of its loader in each round, and the rate of each precision."""
    counts = {}
    for way, end in ends.items():
        print_note(way.name)
        _asked(end, "steps", 3)  # warm-up and compilation
        counts[way] = max(1, round(options.seconds / (_asked(end, "steps", 2) / 2)))
        _asked(end, "loader", 4)
    rates: dict[Way, list[float]] = defaultdict(list)
    loaders: dict[Way, list[float]] = defaultdict(list)
    peaks: dict[torch.dtype, list[float]] = {_dtype(way): [] for way in ends}
    for number in range(options.rounds):
        print_note(f"round {number + 1} of {options.rounds}")
        for dtype, found in peaks.items():
            found.append(_matrix_rate(options.device, options.threads, dtype))
        for way, end in ends.items():
            rates[way].append(counts[way] * way.batch / _asked(end, "steps", counts[way]))
            batches = -(-_LOADER_IMAGES // way.batch) * (8 if way.fast else 1)
            loaders[way].append(batches * way.batch / _asked(end, "loader", batches))
    return rates, loaders, peaks


def _asked(end: Connection, what: str, count: int) -> float:
    end.send((what, count))
    return float(end.recv())


def _table(
    ways: list[Way],
    rates: dict[Way, list[float]],
    loaders: dict[Way, list[float]],
    operations: dict[bool, float],
    peaks: _Rates,
) -> list[str]:
    lines = ["| | | images/s | times plain | floor, ms an image | share of that rate | loader alone, images/s |"]
    lines += ["|---|---|---|---|---|---|---|"]
    for way in ways:
        plain = next(other for other in ways if other.vgg == way.vgg and not other.fast)
        speed, load = statistics.median(rates[way]), statistics.median(loaders[way])
        needed, rate = operations[way.vgg], peaks[_dtype(way)]
        times = _ratio(rates[way], rates[plain])
        own = _ratio(loaders[way], loaders[plain])
        cells = [_NAMES[_dtype(way)], f"{speed:.2f}", times, f"{1000 * needed / rate:.2f}"]
        cells.append(f"{needed * speed / rate:.0%}")
        lines.append(f"| {way.name} | {' | '.join(cells)} | {load:.0f}, {own} times plain |")
    return lines


def _ratio(ones: list[float], others: list[float]) -> str:
    ratios = [one / other for one, other in zip(ones, others, strict=True)]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def _check_agreement(losses: dict[Way, tuple[float, ...]]) -> None:
    """Compare the losses of the first two steps of both ways at batch 1."""
    for way, found in losses.items():
        plain = next(other for other in losses if other.vgg == way.vgg and not other.fast)
        tolerance = 0.02 if _dtype(way) == torch.bfloat16 else 1e-3  # in fp32 only the order of sums differs
        if way.batch == 1 and not np.allclose(found, losses[plain], rtol=tolerance):
            raise SystemExit(f"{way.name}: losses {found} differ from the plain loop's {losses[plain]}")


def _operations(way: Way) -> float:
    """Count the floating-point operations of a step per image: products and convolutions, forward and backward."""
    from plain_pix2pix import PlainPix2Pix

    learner = PlainPix2Pix(way.config("train.device=cpu"), torch.device("cpu"), None, VGG_LAYERS, VGG_WEIGHT)
    if way.vgg:
        from pix2style.nets.features import load_vgg19

        learner._features = load_vgg19(VGG_LAYERS, way.weights)
    pictures = torch.zeros(2, 1, 3, 256, 256).unbind()
    with FlopCounterMode(display=False) as counter:
        learner.step(*pictures)
    return float(counter.get_total_flops())


def _dtype(way: Way) -> torch.dtype:
    """Return the precision in which a way multiplies."""
    return compute_dtype(way.config().train, torch.device(way.device)) if way.fast else torch.float32


def _matrix_rate(device: str, threads: int, dtype: torch.dtype) -> float:
    """Measure the floating-point operations per second of a large product or a convolution, whichever is faster.

    A convolution is measured on the CPU only: on some processors its library is faster than that of products.
    """
    torch.set_num_threads(threads)
    torch.backends.cuda.matmul.allow_tf32 = True  # as for cuDNN's float32 convolutions by default
    side = 8192 if device == "cuda" else 2048
    one = torch.randn(side, side, device=device, dtype=dtype)
    rate = 2 * side**3 / _fewest_seconds(lambda: one @ one, device)
    if device == "cuda":
        return rate
    pictures = torch.randn(1, 256, 128, 128, dtype=dtype).contiguous(memory_format=torch.channels_last)
    kernels = torch.randn(256, 256, 3, 3, dtype=dtype).contiguous(memory_format=torch.channels_last)
    seconds = _fewest_seconds(lambda: F.conv2d(pictures, kernels, padding=1), device)
    return max(rate, 2 * 128 * 128 * 256 * 256 * 9 / seconds)


def _fewest_seconds(act: Callable[[], Tensor], device: str) -> float:
    seconds = []
    for _ in range(6):
        begun = time.perf_counter()
        act()
        if device == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - begun)
    return min(seconds)


def _write_pngs(way: Way) -> None:
    """Write the pairs side by side, as pix2pix reads them."""
    material = open_training_data(way.config())
    way.pngs.mkdir()
    for entry in material.entries[:PAIRS]:
        write_picture(
            way.pngs / f"{entry.key}.png", Picture(np.hstack([p for p in material.read_pair(entry) if p is not None]))
        )


def _write_vgg(path: Path) -> None:
    generator, tensors, into = torch.Generator().manual_seed(0), {}, 3
    for index, out in _VGG19_CONVS.items():
        deviation = (2 / (9 * into)) ** 0.5
        tensors[f"features.{index}.weight"] = torch.randn(out, into, 3, 3, generator=generator) * deviation
        tensors[f"features.{index}.bias"] = torch.zeros(out)
        into = out
    save_file(tensors, path)


if __name__ == "__main__":
    main()
