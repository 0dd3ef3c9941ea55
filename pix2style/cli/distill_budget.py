"""`pix2style distill` with `distill.budget`: the generator's size by the time that its filter takes."""

from __future__ import annotations

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
_WARM_UPS, _ROUNDS = 3, 15


def fitted(config: Config, run: Path, *, resume: bool) -> tuple[Config, dict[str, Any]]:
    """The experiment with the size that fits, and the run folder's document of what was measured.

    A run that goes on keeps the size that it began with: nothing is measured again.

    Raises:
        ArtifactError: there is no run to resume.
        ConfigError: no size is fast enough, or several processes would each find their own.
    """
    from pix2style.config import apply_overrides
    from pix2style.errors import ConfigError
    from pix2style.progress import note
    from pix2style.runs.folder import RunFolder
    from pix2style.training.budget import fit_budget

    if resume:
        lite = RunFolder(run).config.model.lite
        return apply_overrides(config, [f"model.lite.{key}={getattr(lite, key)}" for key in ("channels", "blocks")]), {}
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise ConfigError(
            "[distill -> budget -> ms_512] several processes would measure each its own: measure in one"
            " (distill --dry-run says what is chosen), then set model.lite and leave the budget out"
        )
    fit = fit_budget(config, filters_ms)
    chosen = fit.chosen
    note(
        f"distill.budget: {chosen.channels} channels, {chosen.blocks} blocks: {chosen.ms:.2f} ms at 512x512,"
        f" {chosen.macs / 1e9:.2f} GMAC"
    )
    return fit.config, {BUDGET_FILE: fit.to_json()}


def filters_ms(generators: Sequence[Generator]) -> list[float]:
    """Median milliseconds of each generator's filter at 512x512: exported, run in turns, so that noise is shared."""
    from pix2style.config import Config
    from pix2style.export.onnx import export_filter
    from pix2style.export.run import describe_generator
    from pix2style.runs.folder import CheckpointMeta
    from pix2style.runtime.onnx import OnnxStylizer
    from pix2style.training.budget import SIDE_PX

    meta = CheckpointMeta(0, 0, pairs_sha256="", teacher="", teacher_sha256="", style_sha256=())
    stylizers = []
    with tempfile.TemporaryDirectory() as folder:
        for number, generator in enumerate(generators):
            network = generator.fixed(0) if generator.styles > 1 else generator
            spec = describe_generator(network, Config(), meta, name=f"candidate-{number}", licence="unspecified")
            report = export_filter(network, spec, Path(folder) / f"{number}.onnx")
            stylizers.append(OnnxStylizer(report.path, providers=["CPUExecutionProvider"]))
    photo = np.random.default_rng(0).integers(0, 256, (1, SIDE_PX, SIDE_PX, 3), np.uint8)
    rounds: list[list[float]] = []
    for _ in range(_WARM_UPS + _ROUNDS):
        seconds = []
        for stylizer in stylizers:
            began = time.perf_counter()
            stylizer.run(photo)
            seconds.append(time.perf_counter() - began)
        rounds.append(seconds)
    return [1e3 * statistics.median(each) for each in zip(*rounds[_WARM_UPS:], strict=True)]
