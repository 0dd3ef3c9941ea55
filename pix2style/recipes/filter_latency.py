"""Measure how long the int8 filter of a generator would take, before the generator is trained."""

from __future__ import annotations

import dataclasses
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pix2style.config import Config
from pix2style.export.choose_export import choose_export
from pix2style.export.metadata import write_metadata
from pix2style.export.run import build_spec
from pix2style.files import write_bytes
from pix2style.nets.generator import Generator
from pix2style.processes import PAUSE_BEFORE_TIMING_S
from pix2style.progress import ProgressBar
from pix2style.recipes.size_search import SIDE_PX
from pix2style.runs.folder import CheckpointMeta
from pix2style.runtime.onnx_stylizer import OnnxStylizer

_ROUNDS, _CALLS_PER_ROUND, _WARM_UP_CALLS = 5, 5, 2
_CALIBRATION_IMAGES, _CALIBRATION_SIDE_PX = 2, 64


def filter_latencies_ms(generators: Sequence[Generator]) -> list[float]:
    """Return the median milliseconds of each generator's int8 filter for a 512x512 photo, in ONNX Runtime on the CPU.

    The filters take turns over several rounds, so that a disturbance of the machine affects all of them alike.

    Args:
        generators: Lightweight generators with folded weights; their weights do not influence the time.
    """
    photo = np.random.default_rng(0).integers(0, 256, (1, SIDE_PX, SIDE_PX, 3), np.uint8)
    stylizers = _load_filters(generators)
    milliseconds: list[list[float]] = [[] for _ in stylizers]
    for _ in range(_ROUNDS):
        for stylizer, values in zip(stylizers, milliseconds, strict=True):
            values.extend(_timed_calls_ms(stylizer, photo))
    return [statistics.median(values) for values in milliseconds]


def _load_filters(generators: Sequence[Generator]) -> list[OnnxStylizer]:
    stylizers = []
    with tempfile.TemporaryDirectory() as folder, ProgressBar("candidates", len(generators)) as bar:
        for number, generator in enumerate(generators):
            file = Path(folder) / f"{number}.onnx"
            write_untrained_filter(generator, file)
            stylizers.append(OnnxStylizer(file, providers=["CPUExecutionProvider"]))
            bar.advance()
    return stylizers


def _timed_calls_ms(stylizer: OnnxStylizer, photo: np.ndarray) -> list[float]:
    """Time calls after a pause, in which the threads of the previous session's calls go to sleep, and a warm-up."""
    time.sleep(PAUSE_BEFORE_TIMING_S)
    milliseconds = [_call_ms(stylizer, photo) for _ in range(_WARM_UP_CALLS + _CALLS_PER_ROUND)]
    return milliseconds[_WARM_UP_CALLS:]


def _call_ms(stylizer: OnnxStylizer, photo: np.ndarray) -> float:
    start = time.perf_counter()
    stylizer.run(photo)
    return 1e3 * (time.perf_counter() - start)


def write_untrained_filter(generator: Generator, file: Path) -> None:
    """Write a generator with fresh weights as an int8 filter of one style, as `export` would.

    Activation ranges come from noise, and the file is not compared with the network: neither changes its speed.

    Args:
        generator: Lightweight generator with folded weights.
        file: The ONNX file to write.
    """
    network = generator.with_fixed_style(0) if generator.styles > 1 else generator
    shape = (_CALIBRATION_IMAGES, _CALIBRATION_SIDE_PX, _CALIBRATION_SIDE_PX, 3)
    noise = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    meta = CheckpointMeta(0, 0, pairs_sha256="", teacher="", teacher_sha256="", style_sha256=())
    spec = build_spec(network, Config(), meta, name="candidate", licence="unspecified")
    exporter = choose_export(network)
    graph = exporter.build("int8", list(noise))
    write_metadata(graph, dataclasses.replace(spec, precision="int8", glimpse_px=exporter.glimpse_px))
    write_bytes(file, graph.SerializeToString(deterministic=True))
