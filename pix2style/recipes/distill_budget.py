"""`pix2style distill` with `distill.budget`: the generator's size by the time that its int8 filter takes."""

from __future__ import annotations

import dataclasses
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pix2style.config import Config
    from pix2style.nets.generator import Generator

BUDGET_FILE = "budget.json"
_ROUNDS, _CALLS, _WARM_UPS = 5, 5, 2
_CALIBRATED, _CALIBRATED_PX = 2, 64


def fitted(config: Config, run: Path, *, resume: bool) -> tuple[Config, dict[str, Any]]:
    """The experiment with the size that fits, and the run folder's document of what was measured.

    A run that goes on keeps the size that it began with: nothing is measured again.

    Raises:
        ArtifactError: there is no run to resume.
        ConfigError: no size is fast enough, or several processes would each find their own.
    """
    from pix2style.config import apply_overrides
    from pix2style.errors import ConfigError
    from pix2style.progress import print_note
    from pix2style.recipes.size_search import fit_budget
    from pix2style.runs.folder import RunFolder

    if resume:
        lite = RunFolder(run).config.model.lite
        return apply_overrides(config, [f"model.lite.{key}={getattr(lite, key)}" for key in ("channels", "blocks")]), {}
    if config.distill.budget.ms_512 is not None and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise ConfigError(
            "[distill -> budget -> ms_512] several processes would measure each its own: measure in one"
            " (distill --dry-run says what is chosen), then set model.lite and leave the budget out, or set gmacs_512"
        )
    fit = fit_budget(config, filters_ms)
    print_note(f"distill.budget: {fit.chosen}")
    return fit.config, {BUDGET_FILE: fit.to_json()}


def filters_ms(generators: Sequence[Generator]) -> list[float]:
    """Median milliseconds of each generator's int8 filter at 512x512, run in turns, so that noise is shared.

    Ranges come from noise, and no file is compared with its network, as `export` does: neither changes the time.
    """
    from pix2style.processes import PAUSE_BEFORE_TIMING_S
    from pix2style.progress import ProgressBar
    from pix2style.recipes.size_search import SIDE_PX
    from pix2style.runtime.onnx_stylizer import OnnxStylizer

    stylizers = []
    with tempfile.TemporaryDirectory() as folder, ProgressBar("candidates", len(generators)) as bar:
        for number, generator in enumerate(generators):
            file = Path(folder) / f"{number}.onnx"
            write_filter(generator, file)
            stylizers.append(OnnxStylizer(file, providers=["CPUExecutionProvider"]))
            bar.advance()
    photo = np.random.default_rng(0).integers(0, 256, (1, SIDE_PX, SIDE_PX, 3), np.uint8)
    spent: list[list[float]] = [[] for _ in stylizers]
    for _ in range(_ROUNDS):
        for stylizer, seconds in zip(stylizers, spent, strict=True):
            time.sleep(PAUSE_BEFORE_TIMING_S)
            for number in range(_WARM_UPS + _CALLS):
                began = time.perf_counter()
                stylizer.run(photo)
                if number >= _WARM_UPS:
                    seconds.append(time.perf_counter() - began)
    return [1e3 * statistics.median(each) for each in spent]


def write_filter(generator: Generator, file: Path) -> None:
    """Write the int8 filter of a generator with fresh weights, to measure how fast it runs.

    Args:
        generator: Folded lightweight generator; if it holds several styles, the filter holds the first.
        file: Path of the filter file.
    """
    from pix2style.config import Config
    from pix2style.export.choose_export import choose_export
    from pix2style.export.metadata import write_metadata
    from pix2style.export.run import build_spec
    from pix2style.files import write_bytes
    from pix2style.runs.folder import CheckpointMeta

    network = generator.with_fixed_style(0) if generator.styles > 1 else generator
    noise = np.random.default_rng(0).integers(0, 256, (_CALIBRATED, _CALIBRATED_PX, _CALIBRATED_PX, 3), np.uint8)
    meta = CheckpointMeta(0, 0, pairs_sha256="", teacher="", teacher_sha256="", style_sha256=())
    spec = build_spec(network, Config(), meta, name="candidate", licence="unspecified")
    exporter = choose_export(network)
    graph = exporter.build("int8", list(noise))
    write_metadata(graph, dataclasses.replace(spec, precision="int8", glimpse_px=exporter.glimpse_px))
    write_bytes(file, graph.SerializeToString(deterministic=True))
