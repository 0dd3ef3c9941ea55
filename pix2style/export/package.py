"""A folder to publish: the filter's files, its weights for torch, and a model card with a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors.torch import save_file

from pix2style.errors import ArtifactError
from pix2style.export.card import card_text
from pix2style.export.export_filter import ExportReport
from pix2style.export.run import ExportSource, export_precisions
from pix2style.files import write_bytes, write_json
from pix2style.images import encode_jpeg, fit_within
from pix2style.nets.lite import Lite
from pix2style.runtime.onnx_stylizer import OnnxStylizer

WEIGHTS_NAME, CONFIG_NAME, CARD_NAME, PICTURE_NAME = "model.safetensors", "config.json", "README.md", "before-after.jpg"
_PICTURE_SIDE_PX = 480
_GAP_PX = 8


def export_package(source: ExportSource, folder: Path, pairs: Path | None = None) -> list[ExportReport]:
    """Write `folder`: a file of each precision, weights and their description, and a card.

    `pix2style.hub.LiteHub.from_pretrained(folder)` reads the weights.

    Args:
        source: a run with the lightweight generator.
        folder: new or empty.
        pairs: see `export_run`.

    Raises:
        ArtifactError: another generator, or something lies in the folder; or a file would not repeat the network.
        DataError: the pair set is not there.
    """
    network = source.generator
    if not isinstance(network, Lite):
        raise ArtifactError(f"a package holds the lightweight generator, not {network.architecture}: export one file")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ArtifactError(f"{folder}: is not empty: name a new folder for the package")
    photos = source.photos(pairs, needed=True)
    assert photos is not None  # noqa: S101 (needed)
    reports = export_precisions(source, folder / f"{source.spec.name}.onnx", pairs)
    write_weights(network, folder, source.spec.name)
    best = OnnxStylizer(reports[-1].path)
    shown = fit_within(photos.held_out[0].photo, _PICTURE_SIDE_PX)
    gap = np.full((shown.shape[0], _GAP_PX, 3), 255, np.uint8)
    write_bytes(folder / PICTURE_NAME, encode_jpeg(np.hstack([shown, gap, best(shown)])))
    write_bytes(folder / CARD_NAME, card_text(best.spec, reports, PICTURE_NAME).encode())
    return reports


def write_weights(network: Lite, folder: Path, name: str) -> None:
    """Write the weights, folded, and what they fit, as `PyTorchModelHubMixin` reads them."""
    folded = network.folded()
    write_json(
        folder / CONFIG_NAME,
        {
            "architecture": network.architecture,
            "channels": network.channels,
            "blocks": len(network.body),
            "scale": network.scale,
            "styles": network.styles,
            "name": name,
        },
    )
    tensors = {key: value.detach().contiguous() for key, value in folded.state_dict().items()}
    save_file(tensors, folder / WEIGHTS_NAME, metadata={"format": "pt"})
