"""The command `pix2style export`."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pix2style import gallery
from pix2style.cli import export_options as opts
from pix2style.cli.app import app
from pix2style.cli.common_options import JsonOption
from pix2style.errors import ConfigError, require
from pix2style.progress import print_next
from pix2style.writable import check_can_write, check_can_write_folder

if TYPE_CHECKING:
    from pix2style.export.export_filter import ExportReport

_EDITORS = (opts.Program.darktable, opts.Program.comfyui)


@app.command("export")
def export_command(
    sources: opts.SourcesArgument,
    run: opts.RunOptions,
    page: opts.WebOptions,
    out: opts.OutOption = None,
    precision: opts.PrecisionOption = None,
    for_: opts.ForOption = None,
    for_opencv: opts.ForOpencvOption = False,
    package: opts.PackageOption = None,
    as_json: JsonOption = False,
) -> None:
    """Export a run as a filter file (ONNX) that takes photos of any size, as a web page, or for another program.

    The file is compared with the network before it is kept; a file that differs is refused.
    """
    for_opencv = for_opencv or for_ is opts.Program.opencv
    if page.web is not None:
        if out is not None or precision is not None or package is not None or for_opencv or for_:
            raise ConfigError("--web writes a page: leave out --out, --precision, --package and --for")
        from pix2style.cli.export_web import export_web

        export_web(sources, page.web, page.ort_web, run, as_json=as_json)
        return
    if page.ort_web is not None:
        raise ConfigError("--ort-web is for --web FOLDER: give both, or leave it out")
    if for_ in _EDITORS:
        if precision is not None or package is not None or for_opencv:
            raise ConfigError(f"--for {for_} has one form: leave out --precision, --package and --for-opencv")
        from pix2style.cli import export_editor

        write = export_editor.export_darktable if for_ is opts.Program.darktable else export_editor.export_comfyui
        write(sources, out, run, as_json=as_json)
        return
    if len(sources) > 1:
        raise ConfigError(f"{sources[1]}: export takes one run, and several only with --web: export them one by one")
    if sources[0].suffix == ".onnx" or (gallery.find(str(sources[0])) and not sources[0].exists()):
        if for_opencv:
            reason = "--for opencv takes a run, because an 8-bit file for OpenCV is made from the network"
            raise ConfigError(f"{sources[0]}: is a filter already: {reason}")
        forms = "--web FOLDER, --for darktable or --for comfyui"
        raise ConfigError(f"{sources[0]}: is a filter already: add {forms} to give it another form")
    _export_run(sources[0], run, out, precision, for_opencv=for_opencv, package=package, as_json=as_json)


def _export_run(
    folder: Path,
    run: opts.RunOptions,
    out: Path | None,
    precision: opts.Precision | None,
    *,
    for_opencv: bool,
    package: Path | None,
    as_json: bool,
) -> None:
    """Export a run as filter files, and print what they are."""
    require("train", "torch", "onnx", "onnxscript", "safetensors", "pydantic", "yaml")
    from pix2style.export.choose_export import choose_export
    from pix2style.export.package import export_package
    from pix2style.export.run import export_precisions

    if package is not None and (out is not None or precision is not None):
        raise ConfigError("--package writes a folder with a file of each precision: leave out --out and --precision")
    source = run.open(folder)
    exporter = choose_export(source.generator)
    if for_opencv and (package is not None or precision == opts.Precision.all):
        for unfit in (kind for kind in exporter.precisions if kind not in exporter.opencv_precisions):
            raise ConfigError(
                f"{folder}: OpenCV cannot run its {unfit} file, because of model.lite.norm: leave out --for opencv,"
                " which changes no other file"
            )
    path = out or folder / f"{source.spec.name}.onnx"
    if package is None:
        check_can_write(path)
    elif not package.exists():  # else `export_package` says what is wrong with it
        check_can_write_folder(package)
    if package is not None:
        reports = export_package(source, package, run.pairs, for_opencv=for_opencv)
    elif precision == opts.Precision.all:
        reports = export_precisions(source, path, run.pairs, for_opencv=for_opencv)
    else:
        chosen = _single_precision(precision) or source.config.export.precision
        if for_opencv and precision is None:
            # Files of the other precisions run in OpenCV anyway.
            chosen = "int8" if "int8" in exporter.opencv_precisions else "fp32" if chosen == "int8" else chosen
        reports = [source.export(path, chosen, run.pairs, for_opencv=for_opencv)]
    _print_reports(reports, as_list=package is not None or precision == opts.Precision.all, as_json=as_json)


def _single_precision(precision: opts.Precision | None) -> Literal["fp32", "fp16", "int8"] | None:
    """Return the precision as the export functions take it; None for `all`, or if there is no option."""
    match precision:
        case opts.Precision.fp32:
            return "fp32"
        case opts.Precision.fp16:
            return "fp16"
        case opts.Precision.int8:
            return "int8"
        case _:
            return None


def _print_reports(reports: Sequence[ExportReport], *, as_list: bool, as_json: bool) -> None:
    if as_json:
        values = [dataclasses.asdict(report) for report in reports]
        print(json.dumps(values if as_list else values[0], default=str))
        return
    print("\n".join(line for report in reports for line in _report_lines(report)))
    print_next("pix2style", "infer", reports[-1].path, "PHOTOS", "-o", "OUT")


def _report_lines(report: ExportReport) -> list[str]:
    sizes = ", ".join(f"{width}x{height}" for height, width in report.sizes)
    size = f"{report.bytes / 1e6:.2f} MB, {report.parameters:,} parameters"
    difference = f"at most {report.max_difference_levels} of 255 levels, in {report.differing_share:.3%} of the values"
    return [
        f"{report.path}: {report.precision}, {size}, opset {report.opset}",
        f"compared with the network at {sizes}: outputs differ by {difference}",
        *_quality_lines(report.quality),
        *([report.opencv] if report.opencv else []),
        f"sha256 {report.sha256}",
    ]


def _quality_lines(quality: Mapping[str, float]) -> list[str]:
    """Return a line about held-out photos, if the file was measured on some."""
    if not quality:
        return []
    teacher = f"; PSNR to the teacher {quality['teacher_psnr_db']:.1f} dB" if "teacher_psnr_db" in quality else ""
    network = f"PSNR to the network {quality['network_psnr_db']:.1f} dB, SSIM {quality['network_ssim']:.3f}"
    return [f"on {quality['photos']:.0f} held-out photos: {network}{teacher}"]
