"""Measure a filter on held-out photos: against the teacher's targets, and against its own network in float32."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx

from pix2style.errors import ArtifactError
from pix2style.export.graph_session import GraphSession
from pix2style.export.photos import HeldOutPhoto
from pix2style.export.reference import generate
from pix2style.fidelity import ssim
from pix2style.images import Image8
from pix2style.images.difference import psnr_db
from pix2style.nets.generator import Generator
from pix2style.progress import track

Quality = dict[str, float]


def measure_quality(network: Generator, graph: onnx.ModelProto, held_out: tuple[HeldOutPhoto, ...]) -> Quality:
    """Stylize held-out photos with a graph and with its network, and compare the results.

    Args:
        network: Network from which the graph was built, in evaluation mode, on the CPU.
        graph: Graph of the filter, with or without metadata.
        held_out: Photos, at least one.

    Returns:
        Means over the photos, rounded: `network_psnr_db` and `network_ssim` compare graph and network. If every photo
        has a target, `teacher_psnr_db` and `teacher_ssim` compare graph and target, and `network_teacher_ssim` compares
        network and target. `photos` is the number of photos.
    """
    session = GraphSession(graph)
    outputs, references = [], []
    for example in track("held-out photos", held_out):
        style = example.style if network.styles > 1 else None
        outputs.append(session.stylize([example.photo], style=style)[0])
        references.append(generate(network, [example.photo], style=example.style)[0])
    quality = {
        "network_psnr_db": _mean_psnr_db(outputs, references),
        "network_ssim": _mean_ssim(outputs, references),
    }
    targets = [example.target for example in held_out if example.target is not None]
    if len(targets) == len(held_out):
        quality["teacher_psnr_db"] = _mean_psnr_db(outputs, targets)
        quality["teacher_ssim"] = _mean_ssim(outputs, targets)
        quality["network_teacher_ssim"] = _mean_ssim(references, targets)
    return {**quality, "photos": float(len(held_out))}


def check_quality(quality: Quality, min_psnr_db: float) -> None:
    """Check that an int8 filter is close enough to its network.

    Args:
        quality: Result of `measure_quality`.
        min_psnr_db: Smallest allowed PSNR between filter and network (`export.int8_min_psnr_db`).

    Raises:
        ArtifactError: The filter is not close enough.
    """
    if quality["network_psnr_db"] >= min_psnr_db:
        return
    raise ArtifactError(
        f"the int8 filter was not written: on {quality['photos']:.0f} held-out photos its PSNR against the network in"
        f" float32 is {quality['network_psnr_db']:.1f} dB (SSIM {quality['network_ssim']:.3f}), less than"
        f" export.int8_min_psnr_db = {min_psnr_db:g}: export fp16, calibrate on more photos"
        " (export.calibration_photos), or lower the limit"
    )


def _mean_psnr_db(images: Sequence[Image8], references: Sequence[Image8]) -> float:
    return _mean([psnr_db(a, b) for a, b in zip(images, references, strict=True)], digits=2)


def _mean_ssim(images: Sequence[Image8], references: Sequence[Image8]) -> float:
    return _mean([ssim(a, b) for a, b in zip(images, references, strict=True)], digits=4)


def _mean(values: list[float], digits: int) -> float:
    return round(float(np.mean(values)), digits)
