"""A run folder becomes a filter file with its provenance."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pix2style.config import Config
from pix2style.export.onnx import ExportReport, export_filter
from pix2style.files import sha256_json
from pix2style.nets.generator import Generator
from pix2style.nets.lite import Lite
from pix2style.runs.folder import CheckpointMeta, RunFolder
from pix2style.runs.generator import load_generator
from pix2style.runs.styles import hold_style
from pix2style.spec import GeneratorSpec, Provenance
from pix2style.style_choice import StyleChoice, style_text
from pix2style.version import __version__


def export_run(
    run: Path,
    out: Path | None = None,
    *,
    checkpoint: str = "latest",
    weights: Literal["ema", "raw"] | None = None,
    licence: str | None = None,
    style: StyleChoice | None = None,
) -> ExportReport:
    """Export a run's generator.

    Args:
        run: the folder that `pix2style train` made.
        out: the file; None: NAME.onnx in the run folder, by the experiment's name (and the style's: NAME-style-1).
        checkpoint: `latest`, `best` (by difference on held-out photos) or a name such as `step-0012000`.
        weights: the averaged or the last ones; None: as the run's configuration says (`export.weights`).
        licence: of the filter; None: as the run's configuration says (`export.licence`).
        style: of a run that holds several: an id from 0 on, or a weight for each; becomes a part of the weights. None:
            the file holds them all, which only the lightweight generator's can.

    Raises:
        ConfigError: a style is not given, not wanted, or not there.
        ArtifactError: the run or the checkpoint cannot be used, or the file would not repeat the network.
    """
    folder = RunFolder(run)
    config = folder.config
    loaded = load_generator(folder, checkpoint=checkpoint, weights=weights or config.export.weights)
    # A lightweight file can hold all styles; for other generators the style has to be said.
    several = isinstance(loaded[0], Lite) and style is None
    generator, meta = loaded if several else hold_style(*loaded, style, run=run)
    name = config.name if style is None else f"{config.name}-style-{style_text(style).replace(',', '-')}"
    spec = describe_generator(generator, config, meta, name=name, licence=licence or config.export.licence)
    return export_filter(generator, spec, out or run / f"{name}.onnx")


def describe_generator(
    generator: Generator, config: Config, meta: CheckpointMeta, *, name: str, licence: str
) -> GeneratorSpec:
    """What a filter says of itself, put together from the run that it came from."""
    return GeneratorSpec(
        name=name,
        architecture=generator.architecture,
        parameters=sum(weights.numel() for weights in generator.folded().parameters()),  # what the file holds
        size_multiple=generator.size_multiple,
        receptive_field_px=generator.receptive_field_px,
        global_context=generator.global_context,
        trained_at_px=config.train.augment.crop,
        licence=licence,
        pix2style_version=__version__,
        provenance=Provenance(
            pairs_sha256=meta.pairs_sha256,
            teacher=meta.teacher,
            teacher_sha256=meta.teacher_sha256,
            style_sha256=meta.style_sha256,
            run_config_sha256=sha256_json(config.model_dump(mode="json")),
            step=meta.step,
            images_seen=meta.images_seen,
        ),
    )
