"""How well a filter paints, in figures: against the teacher's pictures, and against its own network in float32."""

from __future__ import annotations

import numpy as np
import onnx

from pix2style.errors import ArtifactError
from pix2style.export.graph_session import GraphSession
from pix2style.export.photos import HeldOut
from pix2style.export.reference import paint
from pix2style.fidelity import ssim
from pix2style.images.difference import psnr_db
from pix2style.nets.generator import Generator

Quality = dict[str, float]


def measure(network: Generator, graph: onnx.ModelProto, held_out: tuple[HeldOut, ...]) -> Quality:
    """Paint held-out photos with a graph.

    Args:
        network: what the graph should paint.
        graph: without a description.
        held_out: at least one.

    Returns:
        Means over photos, rounded: `network_psnr_db` and `network_ssim` against the network; where the teacher painted
        the photos, `teacher_psnr_db` and `teacher_ssim` against that, and `network_teacher_ssim`, the network's own;
        and `photos`, how many.
    """
    session, given, wanted = GraphSession(graph), [], []
    for one in held_out:
        given.append(session.paint([one.photo], style=one.style if network.styles > 1 else None)[0])
        wanted.append(paint([one.photo], network, style=one.style)[0])
    figures = {
        "network_psnr_db": [psnr_db(a, b) for a, b in zip(given, wanted, strict=True)],
        "network_ssim": [ssim(a, b) for a, b in zip(given, wanted, strict=True)],
    }
    targets = [one.target for one in held_out]
    if all(target is not None for target in targets):
        known = [target for target in targets if target is not None]
        figures["teacher_psnr_db"] = [psnr_db(a, b) for a, b in zip(given, known, strict=True)]
        figures["teacher_ssim"] = [ssim(a, b) for a, b in zip(given, known, strict=True)]
        figures["network_teacher_ssim"] = [ssim(a, b) for a, b in zip(wanted, known, strict=True)]
    means = {name: round(float(np.mean(values)), 2 if name.endswith("_db") else 4) for name, values in figures.items()}
    return {**means, "photos": float(len(held_out))}


def check_quality(quality: Quality, least_db: float) -> None:
    """Refuse a file of 8 bits that paints too far from its network.

    Raises:
        ArtifactError: with the figures.
    """
    if quality["network_psnr_db"] >= least_db:
        return
    raise ArtifactError(
        f"the int8 filter was not kept: on {quality['photos']:.0f} held-out photos it is"
        f" {quality['network_psnr_db']:.1f} dB (SSIM {quality['network_ssim']:.3f}) from the network in float32, and"
        f" export.int8_min_psnr_db is {least_db:g}: export fp16, calibrate on more photos (export.calibration_photos),"
        " or lower the bound"
    )
