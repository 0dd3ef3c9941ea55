"""Load Gatys teachers; see `pix2style.teachers.registry.TeacherModule`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pix2style.teachers.gatys.network import bfloat16_copy, has_weights_for, load_network
from pix2style.teachers.gatys.settings import GATYS_2015, SHALLOW, GatysSettings, preset
from pix2style.teachers.gatys.teacher import GatysTeacher, pick_device
from pix2style.teachers.style import StyleBlend

if TYPE_CHECKING:
    from pix2style.config.pairs import PairsConfig


def load_gatys(
    styles: Sequence[StyleBlend], settings: GatysSettings, weights: Path | None = None, *, device: str = "auto"
) -> list[GatysTeacher]:
    """Load one teacher for each style. The teachers share one network.

    Args:
        styles: Styles to optimise towards.
        settings: Settings of the optimisation, the same for all styles.
        weights: Safetensors file of VGG19's weights; None for the places that `load_vgg` names.
        device: "auto" for a GPU if there is one, or torch's name of a device.

    Raises:
        ImageError: If a painting is missing or cannot be read.
        ArtifactError: If the weights cannot be downloaded or read, or end before the deepest layer.
    """
    network = load_network(settings, weights, pick_device(device))
    fast_network = bfloat16_copy(network) if settings.precision == "bf16" else None
    return [GatysTeacher(style, settings, network=network, fast_network=fast_network) for style in styles]


def load_for_pairs(pairs: PairsConfig, styles: Sequence[StyleBlend]) -> list[GatysTeacher]:
    """Load the teachers with the settings of the section `pairs.gatys`."""
    gatys = pairs.gatys
    return load_gatys(styles, preset(gatys.preset, steps=gatys.steps, precision=gatys.precision), gatys.weights)


def load_by_name(styles: Sequence[StyleBlend], weights: str | None) -> GatysTeacher:
    """Load a teacher with the preset `gatys-2015`, or with `shallow` if the weights file ends before its layers."""
    [style] = styles
    file = Path(weights) if weights else None
    settings = GATYS_2015 if file is None or has_weights_for(file, GATYS_2015.layers) else SHALLOW
    return GatysTeacher(style, settings, file)
