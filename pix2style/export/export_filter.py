"""A generator becomes a filter file: one ONNX file that describes itself, checked before it gets its name."""

from __future__ import annotations

import copy
import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

import torch

from pix2style.errors import ArtifactError
from pix2style.export.graph import Precision, build_graph, describe
from pix2style.export.graph_builder import OPSET
from pix2style.export.graph_session import GraphSession
from pix2style.export.lite.calibration import Calibration, calibrate
from pix2style.export.lite.equalisation import equalised
from pix2style.export.opencv import verify_in_opencv
from pix2style.export.photos import ExportPhotos
from pix2style.export.quality import Quality, check_quality, measure
from pix2style.export.verify import verify
from pix2style.files import sha256_bytes, write_bytes
from pix2style.images.glimpse import GLIMPSE_SIDE_PX
from pix2style.nets.generator import Generator
from pix2style.nets.lite import Lite
from pix2style.spec import GeneratorSpec


@dataclass(frozen=True, slots=True)
class ExportReport:
    """A filter file, and how exactly it repeats the network.

    Attributes:
        path: of the file.
        bytes: its size.
        parameters: numbers in the shipped network, after folding.
        sha256: digest of the file.
        opset: of ONNX.
        sizes: (height, width) of the photos on which file and network were compared.
        max_difference_levels: between them, of any byte, in levels of 0..255.
        differing_share: of all bytes, 0 to 1.
        precision: fp32, fp16 or int8.
        quality: what was measured on held-out photos, see `quality.measure`; empty where there were none.
        opencv: one line about OpenCV's DNN; empty for other generators than the lightweight one.
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
    """Write a filter file, and compare it with the network in ONNX Runtime, and in OpenCV where that is installed.

    The file holds nothing of this machine; the same generator, spec and photos give the same bytes.

    Args:
        generator: trained; itself unchanged, whatever its mode and device. Of one style, but for the lightweight one.
        spec: the file's description of itself; precision, glimpse and quality are filled in.
        out: the file; replaced only by one that passed.
        precision: `fp16` keeps the weights in half the bytes, `int8` computes in 8 bits (lightweight generator).
        photos: to find the ranges of 8 bits on, which need them, and to measure the file on.
        for_opencv: make a file of 8 bits that OpenCV runs, which is slower elsewhere; other files are ones anyway.
        int8_min_psnr_db: how near to the network a file of 8 bits has to be on held-out photos.

    Raises:
        ArtifactError: it holds several styles, the weights are not numbers, torch cannot export the network, file and
            network differ (with the figures), or `out` cannot be written. Then nothing is written.
    """
    if out.is_dir():  # before minutes of work
        raise ArtifactError(f"{out}: is a folder: name the filter file, for example {out / spec.name}.onnx")
    if generator.styles > 1 and not isinstance(generator, Lite):
        raise ArtifactError(
            f"the network holds {generator.styles} styles, a filter one: export generator.with_fixed_style(...)"
        )
    network = copy.deepcopy(generator).cpu().float().eval()
    _refuse_broken_weights(network)
    folded = network.folded().eval()
    folded, calibration = _calibrated(folded, precision, photos)
    graph = build_graph(folded, precision, calibration, for_opencv=for_opencv)
    quality = measure(network, graph, photos.held_out) if photos else {}
    if precision == "int8":
        check_quality(quality, int8_min_psnr_db)
    glimpse_px = GLIMPSE_SIDE_PX if isinstance(generator, Lite) else 0
    describe(graph, dataclasses.replace(spec, precision=precision, glimpse_px=glimpse_px, quality=quality))
    data = graph.SerializeToString(deterministic=True)
    parity = verify(network, GraphSession(data), precision)
    opencv = _in_opencv(data, precision, for_opencv) if isinstance(generator, Lite) else ""
    try:
        write_bytes(out, data)
    except OSError as error:
        raise ArtifactError(f"{out}: cannot be written: {error.strerror or error}") from error
    return ExportReport(
        path=out,
        bytes=len(data),
        parameters=sum(weights.numel() for weights in folded.parameters()),
        sha256=sha256_bytes(data),
        opset=OPSET,
        sizes=parity.sizes,
        max_difference_levels=parity.max_difference_levels,
        differing_share=parity.differing_share,
        precision=precision,
        quality=quality,
        opencv=opencv,
    )


def _in_opencv(data: bytes, precision: Precision, for_opencv: bool) -> str:
    if precision == "int8" and not for_opencv:
        return "not checked in OpenCV, which runs int8 files that were exported for it (--for-opencv)"
    return verify_in_opencv(data, int8=precision == "int8")


def _calibrated(
    folded: Generator, precision: Precision, photos: ExportPhotos | None
) -> tuple[Generator, Calibration | None]:
    """What is to be written, and where it is to be in 8 bits, the ranges of its maps."""
    if precision != "int8" or not isinstance(folded, Lite):
        return folded, None
    if photos is None:
        raise ArtifactError("int8 needs photos to find the ranges of 8 bits on: name the pair set")
    even = equalised(folded, photos.calibration)
    return even, calibrate(even, photos.calibration)


def _refuse_broken_weights(network: Generator) -> None:
    for name, value in network.state_dict().items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise ArtifactError(
                f"the weights {name!r} hold values that are not numbers: the training diverged; export an earlier"
                " checkpoint"
            )
