"""How to make Gatys teachers elsewhere: plain values that a worker on another machine can be sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pix2style.errors import require
from pix2style.stylizer import Stylizer
from pix2style.teachers.gatys.settings import GatysSettings, preset
from pix2style.teachers.style import StyleBlend

DEFAULT_PRESET = "gatys-2015"


@dataclass(frozen=True)
class GatysRecipe:
    """Styles and settings; nothing is read before `load`.

    Attributes:
        styles: one teacher each; absolute paths, where the worker has another working directory.
        preset: a name of `settings.PRESETS`.
        changes: fields of `GatysSettings` that differ from the preset.
        weights: VGG19's, a safetensors file; nothing: torchvision's.
        device: "auto", or torch's name of a device.
    """

    styles: tuple[StyleBlend, ...]
    preset: str = DEFAULT_PRESET
    changes: Mapping[str, Any] = field(default_factory=dict)
    weights: Path | None = None
    device: str = "auto"

    @property
    def settings(self) -> GatysSettings:
        """The preset's with the changes; raises `ConfigError`."""
        return preset(self.preset, **self.changes)

    def load(self) -> list[Stylizer]:
        """One teacher a style; they share one network.

        Raises:
            ConfigError, ImageError, ArtifactError: see `GatysSettings` and `GatysTeacher`.
            MissingExtraError: torch is not installed.
        """
        require("train", "torch", "safetensors")
        from pix2style.teachers.gatys.network import load_network
        from pix2style.teachers.gatys.teacher import GatysTeacher, pick_device

        settings = self.settings
        network = load_network(settings, self.weights, pick_device(self.device))
        return [GatysTeacher(style, settings, network=network) for style in self.styles]
