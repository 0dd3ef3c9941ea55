"""A run folder becomes a filter file with its provenance."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pix2style.config import Config
from pix2style.export.export_filter import ExportReport, export_filter
from pix2style.export.graph import Precision
from pix2style.export.photos import ExportPhotos, open_photos
from pix2style.files import sha256_json
from pix2style.nets.generator import Generator
from pix2style.nets.lite import Lite
from pix2style.runs.folder import CheckpointMeta, RunFolder
from pix2style.runs.generator import load_generator
from pix2style.runs.styles import select_style
from pix2style.spec import GeneratorSpec, Provenance
from pix2style.style_choice import StyleChoice, format_style
from pix2style.version import __version__


def export_run(
    run: Path,
    out: Path | None = None,
    *,
    checkpoint: str = "latest",
    weights: Literal["ema", "raw"] | None = None,
    licence: str | None = None,
    style: StyleChoice | None = None,
    precision: Precision | None = None,
    pairs: Path | None = None,
) -> ExportReport:
    """Export a run's generator as one file; see `export_precisions`, which takes the same.

    Args:
        run: the folder that `pix2style train` made.
        out: the file; None: NAME.onnx in the run folder, by the experiment's name (and the style's: NAME-style-1).
        checkpoint: `latest`, `best` (by difference on held-out photos) or a name such as `step-0012000`.
        weights: the averaged or the last ones; None: as the run's configuration says (`export.weights`).
        licence: of the filter; None: as the run's configuration says (`export.licence`).
        style: of a run that holds several: an id from 0 on, or a weight for each; becomes a part of the weights. None:
            the file holds them all, which only the lightweight generator's can.
        precision: of the file; None: as the run's configuration says (`export.precision`).
        pairs: the pair set, if it lies elsewhere than `pairs.path` says.

    Raises:
        ConfigError: a style is not given, not wanted, or not there.
        DataError: int8 is wanted, or `pairs` is given, and there are no photos.
        ArtifactError: the run or the checkpoint cannot be used, or the file would not repeat the network.
    """
    source = open_run(run, checkpoint=checkpoint, weights=weights, licence=licence, style=style)
    return source.export(out or run / f"{source.spec.name}.onnx", precision or source.config.export.precision, pairs)


def export_precisions(
    source: ExportSource, out: Path, pairs: Path | None = None, *, for_opencv: bool = False
) -> list[ExportReport]:
    """Export in each precision that the generator can have: NAME.onnx, NAME.fp16.onnx and, of lite, NAME.int8.onnx.

    Args:
        source: a run.
        out: NAME.onnx.
        pairs: see `export_run`.
        for_opencv: see `export_filter`.
    """
    names: dict[Precision, Path] = {"fp32": out, "fp16": out.with_suffix(".fp16.onnx")}
    if isinstance(source.generator, Lite):
        names["int8"] = out.with_suffix(".int8.onnx")
    return [source.export(path, precision, pairs, for_opencv=for_opencv) for precision, path in names.items()]


@dataclass(frozen=True, slots=True)
class ExportSource:
    """A run's generator, and what is known of it.

    Attributes:
        generator: in evaluation mode; of one style, or lite.
        spec: what its file will say of itself.
        config: of the run.
        style: the id of the style that was taken out of several.
        mixed: a mixture of styles was.
    """

    generator: Generator
    spec: GeneratorSpec
    config: Config
    style: int | None
    mixed: bool

    def photos(self, pairs: Path | None, *, needed: bool) -> ExportPhotos | None:
        """The pair set's photos; None if they are neither there nor needed nor named."""
        folder = pairs or self.config.pairs.path
        if not needed and pairs is None and (folder is None or not folder.is_dir()):
            return None
        return open_photos(self.config, pairs, style=self.style, mixed=self.mixed)

    def export(self, out: Path, precision: Precision, pairs: Path | None, *, for_opencv: bool = False) -> ExportReport:
        """Write one file; see `export_run`."""
        return export_filter(
            self.generator,
            self.spec,
            out,
            precision=precision,
            photos=self.photos(pairs, needed=precision == "int8" and isinstance(self.generator, Lite)),
            for_opencv=for_opencv,
            int8_min_psnr_db=self.config.export.int8_min_psnr_db,
        )


def open_run(
    run: Path,
    *,
    checkpoint: str = "latest",
    weights: Literal["ema", "raw"] | None = None,
    licence: str | None = None,
    style: StyleChoice | None = None,
) -> ExportSource:
    """Read a run's generator; see `export_run`."""
    folder = RunFolder(run)
    config = folder.config
    loaded = load_generator(folder, checkpoint=checkpoint, weights=weights or config.export.weights)
    # A lightweight file can hold all styles; for other generators the style has to be said.
    several = isinstance(loaded[0], Lite) and style is None
    generator, meta = loaded if several else select_style(*loaded, style, run=run)
    name = config.name if style is None else f"{config.name}-style-{format_style(style).replace(',', '-')}"
    spec = describe_generator(generator, config, meta, name=name, licence=licence or config.export.licence)
    return ExportSource(generator, spec, config, style if isinstance(style, int) else None, isinstance(style, tuple))


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
        styles=_style_names(generator, meta),
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


def _style_names(generator: Generator, meta: CheckpointMeta) -> tuple[str, ...]:
    """Of a file of several styles: of runs that recorded none, their numbers."""
    if generator.styles == 1:
        return ()
    return tuple(style.name for style in meta.styles) or tuple(map(str, range(generator.styles)))
