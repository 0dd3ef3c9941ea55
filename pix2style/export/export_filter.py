"""Export a generator as a filter file: one ONNX file that describes itself, verified before it is written."""

from __future__ import annotations

import copy
import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

import torch

from pix2style.errors import ArtifactError
from pix2style.export.choose_export import choose_export
from pix2style.export.generator_export import Precision
from pix2style.export.graph_session import GraphSession
from pix2style.export.metadata import serialize_with_digest, write_metadata, write_proof
from pix2style.export.photos import ExportPhotos
from pix2style.export.quality import Quality, check_quality, measure_quality
from pix2style.export.verify import verify
from pix2style.files import sha256_bytes, write_bytes
from pix2style.nets.generator import Generator
from pix2style.plural import counted
from pix2style.spec import GeneratorSpec


@dataclass(frozen=True, slots=True)
class ExportReport:
    """A filter file, and how exactly it reproduces the network.

    Attributes:
        path: Path of the file.
        bytes: Size of the file in bytes.
        parameters: Number of weights in the file, after folding.
        sha256: Digest of the file.
        opset: ONNX opset of the file.
        sizes: Height and width of the photos on which file and network were compared.
        max_difference_levels: Largest difference of a byte between file and network, in levels of 0..255.
        differing_share: Share of the bytes that differ, 0 to 1.
        precision: Precision of the file: fp32, fp16 or int8.
        quality: Figures measured on held-out photos, see `quality.measure_quality`; empty if there were no photos.
        opencv: One line about the comparison in OpenCV; empty for generators that are not compared there.
    """

    path: Path
    bytes: int
    parameters: int
    sha256: str
    opset: int
    sizes: tuple[tuple[int, int], ...]
    max_difference_levels: int
    differing_share: float
    precision: Precision = "fp32"
    quality: Quality = field(default_factory=dict)
    opencv: str = ""


def export_filter(
    generator: Generator,
    spec: GeneratorSpec,
    out: Path,
    *,
    precision: Precision = "fp32",
    photos: ExportPhotos | None = None,
    int8_min_psnr_db: float = 30.0,
    for_opencv: bool = False,
) -> ExportReport:
    """Write a filter file, after comparing it with the network in ONNX Runtime and, if it is installed, in OpenCV.

    The file contains nothing about the machine on which it is made: the same generator, spec and photos give the same
    bytes everywhere.

    Args:
        generator: Trained generator, in any mode and on any device; it is not changed. Only the lightweight generator
            may hold several styles.
        spec: Description of the filter. Precision, size of the glimpse and quality are filled in here.
        out: Path of the file. An existing file is replaced only after the new one was verified.
        precision: `fp32`; `fp16` to store the weights in half the bytes; `int8` to compute in 8 bits (lightweight
            generator only).
        photos: Photos for calibration, which `int8` needs, and for measuring the quality; None to measure nothing.
        int8_min_psnr_db: Smallest allowed PSNR between an int8 file and the network, on the held-out photos.
        for_opencv: Make an int8 file that OpenCV can run, too; it is slower in ONNX Runtime. Files in the other
            precisions run in OpenCV anyway.

    Raises:
        ArtifactError: The generator holds several styles or weights that are not finite, it cannot be exported, file
            and network differ (the message gives figures), or `out` cannot be written. No file is written then.
    """
    if out.is_dir():  # checked first, because the export takes minutes
        raise ArtifactError(f"{out}: is a folder: name the filter file, for example {out / spec.name}.onnx")
    network = copy.deepcopy(generator).cpu().float().eval()
    exporter = choose_export(network)
    if network.styles > 1 and not exporter.holds_styles:
        raise ArtifactError(
            f"the network holds {counted(network.styles, 'style')}, but a filter of the kind {network.architecture}"
            " can hold only"
            " one: export generator.with_fixed_style(...)"
        )
    _refuse_broken_weights(network)
    graph = exporter.build(precision, photos.calibration if photos else None, for_opencv=for_opencv)
    quality = measure_quality(network, graph, photos.held_out) if photos else {}
    if precision == "int8":
        check_quality(quality, int8_min_psnr_db)
    spec = dataclasses.replace(spec, precision=precision, glimpse_px=exporter.glimpse_px, quality=quality)
    write_metadata(graph, spec)
    write_proof(graph)
    data = serialize_with_digest(graph)
    parity = verify(network, GraphSession(data), precision)
    opencv = exporter.verify_in_opencv(data, precision, for_opencv=for_opencv)
    try:
        write_bytes(out, data)
    except OSError as error:
        raise ArtifactError(f"{out}: cannot be written: {error.strerror or error}") from error
    return ExportReport(
        path=out,
        bytes=len(data),
        parameters=folded_parameters(network),
        sha256=sha256_bytes(data),
        opset=graph.opset_import[0].version,
        sizes=parity.sizes,
        max_difference_levels=parity.max_difference_levels,
        differing_share=parity.differing_share,
        precision=precision,
        quality=quality,
        opencv=opencv,
    )


def folded_parameters(generator: Generator) -> int:
    """Return the number of weights that a filter file of a generator contains."""
    return sum(weights.numel() for weights in generator.folded().parameters())


def _refuse_broken_weights(network: Generator) -> None:
    for name, value in network.state_dict().items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise ArtifactError(
                f"the weights {name!r} are not finite (NaN or infinity): the training diverged; export an earlier"
                " checkpoint"
            )
