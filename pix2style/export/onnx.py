"""A generator becomes a filter file: one ONNX file that describes itself, checked before it gets its name."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path

import torch

from pix2style.errors import ArtifactError
from pix2style.export.graph import build_graph
from pix2style.export.graph_parts import OPSET
from pix2style.export.verify import verify
from pix2style.files import atomic_path, sha256_file
from pix2style.nets.generator import Generator
from pix2style.nets.lite import Lite
from pix2style.runtime.onnx import OnnxStylizer
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
    """

    path: Path
    bytes: int
    parameters: int
    sha256: str
    opset: int
    sizes: tuple[tuple[int, int], ...]
    max_difference_levels: int
    differing_share: float


def export_filter(generator: Generator, spec: GeneratorSpec, out: Path) -> ExportReport:
    """Write a filter file, and compare it with the network through the runtime that people use.

    The file holds its weights as float32 and nothing of this machine; the same generator and spec give the same bytes.

    Args:
        generator: trained, of one style; itself unchanged, whatever its mode and device.
        spec: the file's description of itself.
        out: the file; replaced only by one that passed.

    Raises:
        ArtifactError: it holds several styles, the weights are not numbers, torch cannot export the network, file and
            network differ (with the figures), or `out` cannot be written. Then nothing is written.
    """
    if out.is_dir():  # before minutes of work
        raise ArtifactError(f"{out}: is a folder: name the filter file, for example {out / spec.name}.onnx")
    if generator.styles > 1 and not isinstance(generator, Lite):
        raise ArtifactError(f"the network holds {generator.styles} styles, a filter one: export generator.fixed(...)")
    network = copy.deepcopy(generator).cpu().float().eval()
    _refuse_broken_weights(network)
    folded = network.folded().eval()
    graph = build_graph(folded, spec)
    try:
        with atomic_path(out) as temporary:
            temporary.write_bytes(graph.SerializeToString(deterministic=True))
            parity = verify(network, OnnxStylizer(temporary, providers=["CPUExecutionProvider"]))
    except OSError as error:
        raise ArtifactError(f"{out}: cannot be written: {error.strerror or error}") from error
    return ExportReport(
        path=out,
        bytes=out.stat().st_size,
        parameters=sum(weights.numel() for weights in folded.parameters()),
        sha256=sha256_file(out),
        opset=OPSET,
        sizes=parity.sizes,
        max_difference_levels=parity.max_difference_levels,
        differing_share=parity.differing_share,
    )


def _refuse_broken_weights(network: Generator) -> None:
    for name, value in network.state_dict().items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise ArtifactError(
                f"the weights {name!r} hold values that are not numbers: the training diverged; export an earlier"
                " checkpoint"
            )
