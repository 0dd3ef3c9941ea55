"""Settings of Gatys's optimisation, and presets. This module imports no torch."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any

from pix2style.errors import ConfigError
from pix2style.nets.vgg.scale import CAFFE_ACTIVATION_SCALE
from pix2style.stylizer import Setting

# Part of the teacher's digest: raise it whenever the same photo would be stylized differently.
ALGORITHM_VERSION = "2"

Layers = tuple[tuple[str, float], ...]

_CHOICES = {
    "normalization": ("paper", "mean"),
    "optimizer": ("lbfgs", "adam"),
    "start": ("content", "noise"),
    "pooling": ("max", "average"),
    "precision": ("fp32", "bf16"),
}
_RANGES: dict[str, tuple[float, float]] = {
    "content_weight": (0.0, math.inf),
    "style_weight": (0.0, math.inf),
    "variation_weight": (0.0, math.inf),
    "activation_scale": (1e-6, 1e6),
    "learning_rate": (1e-9, 1e3),
    "steps": (1, 1_000_000),
    "fine_steps": (1, 1_000_000),
    "coarse_side_px": (0, 100_000),
    "painting_scale": (0.05, 4.0),
    "seed": (0, 2**63 - 1),
}
_VGG19_CONVS = (2, 2, 4, 4, 4)
_LEARNING_RATES = {"lbfgs": 1.0, "adam": 0.02}


@dataclass(frozen=True, slots=True, kw_only=True)
class GatysSettings:
    """Settings of the optimisation. Every field changes the result, so every field is in the teacher's identity.

    Attributes:
        content_layers: VGG19's layers ("conv4_2", "relu4_2", "pool4") whose activations are compared with the photo's,
            with weights.
        style_layers: Layers whose Gram matrices are compared with the painting's, with weights.
        content_weight: Weight of the content loss, the paper's alpha.
        style_weight: Weight of the style loss, the paper's beta.
        variation_weight: Weight of total variation, the mean absolute difference of neighbouring pixels in [0, 1]; not
            in the paper.
        normalization: "paper" for half the sum of squares (eq. 1) and a quarter of the squares over N^2 M^2 (eq. 4);
            "mean" for mean squares of activations, and of Gram matrices over N M. See `objective`.
        activation_scale: Factor on the activations before the losses; see `CAFFE_ACTIVATION_SCALE`.
        optimizer: "lbfgs" (strong Wolfe line search, history of 20 steps) or "adam".
        learning_rate: For Adam, in units of the image's range, which is [0, 1] and not [0, 255]. For L-BFGS, the step
            length of the first trial in each line search; 1 is usual.
        steps: Steps at the smallest level of the pyramid. One step of L-BFGS is one line search, mostly one evaluation.
        fine_steps: Steps at each larger level.
        coarse_side_px: A photo with a longer side is halved until it fits, stylized, enlarged and refined; 0 to never
            halve it.
        start: "content" (the photo) or "noise" (uniform, from `seed`).
        seed: Seed of the noise.
        pooling: "max", as VGG19 was trained, or "average", which the paper found slightly more appealing.
        painting_scale: Longer side of the painting divided by that of the photo, at each level.
        precision: "fp32", or "bf16" for VGG19 in bfloat16 in all steps but the last tenth of each level.

    Raises:
        ConfigError: If a value is outside its range, or VGG19 has no such layer.
    """

    content_layers: Layers
    style_layers: Layers
    content_weight: float
    style_weight: float
    variation_weight: float = 0.0
    normalization: str = "paper"
    activation_scale: float = 1.0
    optimizer: str = "lbfgs"
    learning_rate: float = 1.0
    steps: int = 500
    fine_steps: int = 200
    coarse_side_px: int = 512
    start: str = "content"
    seed: int = 0
    pooling: str = "max"
    painting_scale: float = 1.0
    precision: str = "fp32"

    def __post_init__(self) -> None:
        self._check_choices()
        self._check_ranges()
        for name in ("content_layers", "style_layers"):
            _check_layers(name, getattr(self, name))

    def _check_choices(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise ConfigError(f"[gatys -> {name}] must be {' or '.join(choices)}, not {getattr(self, name)!r}")

    def _check_ranges(self) -> None:
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and low <= value <= high):
                raise ConfigError(f"[gatys -> {name}] must be from {low:g} to {high:g}, not {value}")

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of all layers whose activations are needed."""
        return tuple(dict(self.content_layers) | dict(self.style_layers))

    def as_dict(self) -> dict[str, Setting]:
        """Return every field by name, as a plain value; layers as "conv1_1=0.2,conv2_1=0.2"."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: format_layers(value) if isinstance(value, tuple) else value for name, value in values.items()}


def layer_names() -> tuple[str, ...]:
    """Return the names of VGG19's layers, from shallow to deep."""
    names = []
    for block, convs in enumerate(_VGG19_CONVS, start=1):
        for conv in range(1, convs + 1):
            names += [f"conv{block}_{conv}", f"relu{block}_{conv}"]
        names.append(f"pool{block}")
    return tuple(names)


def parse_layers(text: str) -> Layers:
    """Read layers and weights from a text such as "conv1_1,conv2_1=0.5".

    A layer without a weight gets 1 divided by the number of layers. Names are checked by `GatysSettings`, not here.

    Raises:
        ConfigError: If a weight is not a number.
    """
    entries = [entry.strip().partition("=") for entry in text.split(",") if entry.strip()]
    try:
        return tuple((name.strip(), float(weight) if equals else 1 / len(entries)) for name, equals, weight in entries)
    except ValueError as error:
        raise ConfigError(f"[gatys -> layers] {text!r}: write names and weights as conv1_1=0.5,conv2_1=0.5") from error


def format_layers(layers: Layers) -> str:
    """Return the text that `parse_layers` reads back."""
    return ",".join(f"{name}={weight!r}" for name, weight in layers)


def _check_layers(field: str, layers: Layers) -> None:
    names = layer_names()
    if not layers:
        raise ConfigError(f"[gatys -> {field}] name at least one layer of VGG19, for example conv3_1")
    for name, weight in layers:
        if name not in names:
            [nearest] = difflib.get_close_matches(name, names, n=1, cutoff=0)
            raise ConfigError(f"[gatys -> {field}] VGG19 has no layer {name!r}: did you mean {nearest!r}?")
        if not (math.isfinite(weight) and weight >= 0):
            raise ConfigError(f"[gatys -> {field}] the weight of {name} must not be negative, not {weight}")
    if len(dict(layers)) != len(layers):
        raise ConfigError(f"[gatys -> {field}] a layer is named twice: {format_layers(layers)}")


# --- presets -------------------------------------------------------------------------------------------------------


def _equal_weights(*names: str) -> Layers:
    return tuple((name, 1 / len(names)) for name in names)


_FIVE_BLOCKS = _equal_weights("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")

GATYS_2015 = GatysSettings(
    content_layers=_equal_weights("conv4_2"),
    style_layers=_FIVE_BLOCKS,
    content_weight=1.0,
    style_weight=1e3,
    # To about the units for which the paper's weights were chosen. This matters: the gradient of the style loss grows
    # with the cube of the activations, that of the content loss with the first power.
    activation_scale=CAFFE_ACTIVATION_SCALE,
    pooling="average",
    start="noise",
)
"""Gatys et al. 2015, arXiv 1508.06576: section "Methods", and figure 2 B to D for alpha over beta = 1e-3.

Layers, weights (0.2 each), average pooling and the start from white noise are the paper's, and the losses are its
equations 1 and 4. L-BFGS is from the CVPR 2016 paper. 500 steps, then 200 at each larger size, are from the authors'
notebook (https://github.com/leongatys/PytorchNeuralStyleTransfer).

Differences: the paper takes activations after the ReLU (which works in place in Caffe); here `conv4_2` is before it and
`relu4_2` after it. The weights are torchvision's, scaled by one number (`CAFFE_ACTIVATION_SCALE`); the authors scaled
theirs filter by filter in 2016.
"""

ADAM_7000 = GatysSettings(
    content_layers=_equal_weights("conv5_2"),
    style_layers=_FIVE_BLOCKS,
    content_weight=0.01,
    style_weight=1e7,
    normalization="mean",
    optimizer="adam",
    learning_rate=0.001,
    steps=7000,
    fine_steps=2000,
)
"""Settings in use by a user (issue 3): Adam, 7000 steps at 0.001, alpha 0.01, beta 1e7, content conv5_2, five style
layers of weight 0.2.

The image's range is [0, 1], because in [0, 255] so small a learning rate could change a pixel by only 7 of 255 in all.
The issue does not name the normalisation; weights that differ so much fit means, so it is "mean", and the start is the
photo.
"""

SHALLOW = GatysSettings(
    content_layers=_equal_weights("conv2_2"),
    style_layers=_equal_weights("conv1_1", "conv2_1", "conv3_1"),
    content_weight=1.0,
    style_weight=1e5,
    variation_weight=20.0,
    normalization="mean",
    steps=200,
    fine_steps=100,
)
"""For files of weights that end at conv3_1. Not from a paper; tests/teachers/test_gatys_real.py says how it was tested.

These layers have a receptive field of about 24 px: they transfer strokes and colours, but not larger shapes.
"""

PRESETS: Mapping[str, GatysSettings] = MappingProxyType(
    {"gatys-2015": GATYS_2015, "adam-7000": ADAM_7000, "shallow": SHALLOW}
)


def preset(name: str, **changes: Any) -> GatysSettings:
    """Return the settings of a preset, with changes.

    Args:
        name: Name of a preset, a key of `PRESETS`.
        changes: New values by field; None leaves the preset's value. Another optimizer without a learning rate gets
            the learning rate 1 (L-BFGS) or 0.02 (Adam).

    Raises:
        ConfigError: If there is no such preset, or a value is not allowed.
    """
    if name not in PRESETS:
        raise ConfigError(f"[gatys -> preset] there is no preset {name!r}: choose {', '.join(PRESETS)}")
    base, values = PRESETS[name], {field: value for field, value in changes.items() if value is not None}
    if values.get("optimizer", base.optimizer) != base.optimizer:
        # The preset's learning rate was chosen for the other optimizer.
        values.setdefault("learning_rate", _LEARNING_RATES.get(values["optimizer"], base.learning_rate))
    return replace(base, **values)
