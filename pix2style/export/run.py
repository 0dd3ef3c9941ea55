"""Export the generator of a run folder as a filter file that names its provenance."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pix2style.config import Config
from pix2style.export.choose_export import choose_export
from pix2style.export.export_filter import ExportReport, export_filter, folded_parameters
from pix2style.export.generator_export import Precision
from pix2style.export.photos import ExportPhotos, load_photos
from pix2style.files import sha256_json
from pix2style.nets.generator import Generator
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
    """Export the generator of a run as one filter file.

    Args:
        run: Run folder that `pix2style train` wrote.
        out: Path of the file; None for NAME.onnx in the run folder. NAME is the name of the experiment, followed by the
            style if one is chosen (NAME-style-1).
        checkpoint: `latest`, `best` (smallest difference on held-out photos), or a name such as `step-0012000`.
        weights: `ema` for the averaged weights, `raw` for those of the last step; None to follow the run's
            configuration (`export.weights`).
        licence: Licence of the filter; None to follow the run's configuration (`export.licence`).
        style: For a run of several styles: the id of a style, counted from 0, or a weight for each style. The file then
            holds this style or mixture only. None to hold all styles, which only the lightweight generator's file can.
        precision: Precision of the file; None to follow the run's configuration (`export.precision`).
        pairs: Folder of the pair set, if it is not where the run's configuration says (`pairs.path`); else None.

    Raises:
        ConfigError: A style has to be chosen, cannot be chosen, or does not exist.
        DataError: There are no photos, although `precision` is int8 or `pairs` was given.
        ArtifactError: The run or the checkpoint cannot be used, or the file would not reproduce the network.
    """
    source = open_run(run, checkpoint=checkpoint, weights=weights, licence=licence, style=style)
    return source.export(out or run / f"{source.spec.name}.onnx", precision or source.config.export.precision, pairs)


def export_precisions(
    source: ExportSource, out: Path, pairs: Path | None = None, *, for_opencv: bool = False
) -> list[ExportReport]:
    """Export a run in every precision that its generator supports: NAME.onnx, NAME.fp16.onnx and NAME.int8.onnx.

    Args:
        source: The run.
        out: Path of the fp32 file, NAME.onnx.
        pairs: Folder of the pair set; see `export_run`.
        for_opencv: Whether OpenCV must be able to run the int8 file; see `export_filter`.

    Returns:
        A report for each file.
    """
    paths = {"fp32": out, "fp16": out.with_suffix(".fp16.onnx"), "int8": out.with_suffix(".int8.onnx")}
    return [
        source.export(paths[precision], precision, pairs, for_opencv=for_opencv)
        for precision in choose_export(source.generator).precisions
    ]


@dataclass(frozen=True, slots=True)
class ExportSource:
    """The generator of a run, with what its files have to say about it.

    Attributes:
        generator: Generator in evaluation mode. It holds several styles only if its files can.
        spec: Description of the filter, without what depends on the file (precision, glimpse, quality).
        config: Configuration of the run.
        style: Id of the style that was selected from several; None if none was.
        mixed: Whether the generator holds a mixture of styles.
    """

    generator: Generator
    spec: GeneratorSpec
    config: Config
    style: int | None
    mixed: bool

    def photos(self, pairs: Path | None, *, needed: bool) -> ExportPhotos | None:
        """Load the photos for calibration and measuring.

        Args:
            pairs: Folder of the pair set; None for the one in the run's configuration.
            needed: Whether missing photos are an error. If not, and `pairs` is None, the result may be None.

        Raises:
            DataError: The photos are needed, or `pairs` was given, and they cannot be loaded.
        """
        folder = pairs or self.config.pairs.path
        if not needed and pairs is None and (folder is None or not folder.is_dir()):
            return None
        return load_photos(self.config, pairs, style=self.style, mixed=self.mixed)

    def export(self, out: Path, precision: Precision, pairs: Path | None, *, for_opencv: bool = False) -> ExportReport:
        """Write one filter file; see `export_run` and `export_filter`."""
        needs_calibration = precision == "int8" and "int8" in choose_export(self.generator).precisions
        return export_filter(
            self.generator,
            self.spec,
            out,
            precision=precision,
            photos=self.photos(pairs, needed=needs_calibration),
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
    """Load the generator of a run and describe it; arguments and errors as in `export_run`."""
    folder = RunFolder(run)
    config = folder.config
    generator, meta = load_generator(folder, checkpoint=checkpoint, weights=weights or config.export.weights)
    if style is not None or not choose_export(generator).holds_styles:
        generator, meta = select_style(generator, meta, style, run=run)
    name = config.name if style is None else f"{config.name}-style-{format_style(style).replace(',', '-')}"
    spec = build_spec(
        generator,
        config,
        meta,
        name=name,
        licence=licence or config.export.licence,
        config_sha256=folder.config_sha256,
    )
    return ExportSource(generator, spec, config, style if isinstance(style, int) else None, isinstance(style, tuple))


def build_spec(
    generator: Generator,
    config: Config,
    meta: CheckpointMeta,
    *,
    name: str,
    licence: str,
    config_sha256: str | None = None,
) -> GeneratorSpec:
    """Describe a filter by its generator and by the run that it comes from.

    Args:
        generator: Generator that is exported.
        config: Configuration of the run.
        meta: Metadata of the checkpoint.
        name: Name of the filter.
        licence: Licence of the filter.
        config_sha256: Digest of the configuration as the run stored it; None takes that of `config`.
    """
    return GeneratorSpec(
        name=name,
        architecture=generator.architecture,
        parameters=folded_parameters(generator),
        size_multiple=generator.size_multiple,
        receptive_field_px=generator.receptive_field_px,
        global_context=generator.global_context,
        trained_at_px=config.train.augment.crop or config.pairs.size,
        licence=licence,
        pix2style_version=__version__,
        styles=_style_names(generator, meta),
        provenance=Provenance(
            pairs_sha256=meta.pairs_sha256,
            teacher=meta.teacher,
            teacher_sha256=meta.teacher_sha256,
            style_sha256=meta.style_sha256,
            run_config_sha256=config_sha256 or sha256_json(config.model_dump(mode="json")),
            step=meta.step,
            images_seen=meta.images_seen,
        ),
    )


def _style_names(generator: Generator, meta: CheckpointMeta) -> tuple[str, ...]:
    """Return the names of the styles in a file of several styles: their ids, if the checkpoint recorded no names."""
    if generator.styles == 1:
        return ()
    return tuple(style.name for style in meta.styles) or tuple(map(str, range(generator.styles)))
