"""Write a package: a folder to publish, with filter files, weights for torch, a model card and an example image."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import save

from pix2style.errors import ArtifactError
from pix2style.export.card import card_text
from pix2style.export.choose_export import choose_export
from pix2style.export.export_filter import ExportReport
from pix2style.export.run import ExportSource, export_precisions
from pix2style.files import sha256_bytes, write_bytes, write_json
from pix2style.images import Image8, encode_jpeg, fit_within
from pix2style.nets.generator import Generator
from pix2style.pairs.exchange.atomic_folder import atomic_folder
from pix2style.runtime.onnx_stylizer import OnnxStylizer

WEIGHTS_NAME, CONFIG_NAME, CARD_NAME, PICTURE_NAME = "model.safetensors", "config.json", "README.md", "before-after.jpg"
_PICTURE_SIDE_PX = 480
_GAP_PX = 8


def export_package(
    source: ExportSource, folder: Path, pairs: Path | None = None, *, for_opencv: bool = False
) -> list[ExportReport]:
    """Write a package: a filter file in each precision, the weights and their configuration, and a model card.

    The folder appears when it is complete. `pix2style.hub.LiteHub.from_pretrained(folder)` loads the
    weights.

    Args:
        source: A run with the lightweight generator.
        folder: Folder of the package; new or empty.
        pairs: Folder of the pair set; see `run.export_run`.
        for_opencv: Whether OpenCV must be able to run the int8 file; see `export_filter`.

    Returns:
        A report for each filter file.

    Raises:
        ArtifactError: The run has another generator, the folder is not empty, or a file does not reproduce the network.
        DataError: The pair set was not found.
    """
    network = source.generator
    hub_config = choose_export(network).hub_config()
    if hub_config is None:
        raise ArtifactError(
            f"a package can only hold the lightweight generator, not {network.architecture}: export a single file"
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ArtifactError(f"{folder}: is not empty: name a new folder for the package")
    photos = source.photos(pairs, needed=True)
    assert photos is not None  # noqa: S101 (because of needed=True)
    with atomic_folder(folder, ArtifactError) as unfinished:
        reports = export_precisions(source, unfinished / f"{source.spec.name}.onnx", pairs, for_opencv=for_opencv)
        write_weights(network, {**hub_config, "name": source.spec.name}, unfinished)
        shown = OnnxStylizer(reports[-1].path)  # the smallest file, which most people will use
        write_bytes(unfinished / PICTURE_NAME, _before_after_jpeg(shown, photos.held_out[0].photo))
        write_bytes(unfinished / CARD_NAME, card_text(shown.spec, reports, PICTURE_NAME).encode())
    return [replace(report, path=folder / report.path.name) for report in reports]


def write_weights(network: Generator, config: dict[str, Any], folder: Path) -> None:
    """Write folded weights and the configuration of the network as `PyTorchModelHubMixin` reads them.

    Args:
        network: Network that is not folded.
        config: Content of the configuration file.
        folder: Folder of the package.
    """
    tensors = {key: value.detach().contiguous() for key, value in network.folded().state_dict().items()}
    data = save(tensors, metadata={"format": "pt"})
    write_bytes(folder / WEIGHTS_NAME, data)
    write_json(folder / CONFIG_NAME, {**config, "weights_sha256": sha256_bytes(data)})


def _before_after_jpeg(stylizer: OnnxStylizer, photo: Image8) -> bytes:
    photo = fit_within(photo, _PICTURE_SIDE_PX)
    gap = np.full((photo.shape[0], _GAP_PX, 3), 255, np.uint8)
    return encode_jpeg(np.hstack([photo, gap, stylizer(photo)]))
