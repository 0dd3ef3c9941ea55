"""What can be set about Gatys's optimisation, and the presets. No torch here."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any

from pix2style.errors import ConfigError
from pix2style.stylizer import Setting

# Enters the teacher's digest: raise it whenever the same photo would be painted differently.
ALGORITHM_VERSION = "1"

Layers = tuple[tuple[str, float], ...]

_CHOICES = {
    "normalization": ("paper", "mean"),
    "optimizer": ("lbfgs", "adam"),
    "start": ("content", "noise"),
    "pooling": ("max", "average"),
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
    """How to paint. Every field changes the result, so every field is in the teacher's identity.

    Attributes:
        content_layers: VGG19's layers ("conv4_2", "relu4_2", "pool4") whose activations stay the photo's, with weights.
        style_layers: layers whose Gram matrices become the painting's, with weights.
        content_weight: the paper's alpha.
        style_weight: the paper's beta.
        variation_weight: of total variation, the mean absolute difference of neighbours in [0, 1]; not in the paper.
        normalization: "paper": half the sum of squares (eq. 1) and a quarter of the squares over N^2 M^2 (eq. 4);
            "mean": means of squares of activations, and of Gram matrices over N M. See `objective`.
        activation_scale: activations are multiplied by it first; see `CAFFE_ACTIVATION_SCALE`.
        optimizer: "lbfgs" (a strong Wolfe line search, memory of 20) or "adam".
        learning_rate: Adam's, in units of the picture's range, which is [0, 1]: not [0, 255]. L-BFGS: of its first
            trial in each search; 1 is usual.
        steps: at the smallest size. One step of L-BFGS is one line search, mostly one evaluation.
        fine_steps: at each larger size.
        coarse_side_px: a photo with a longer side is halved until it fits, painted, enlarged and painted on; 0: never.
        start: "content" (the photo) or "noise" (uniform, from `seed`).
        seed: of the noise.
        pooling: "max" as VGG19 was trained, or "average", which the paper found slightly more appealing.
        painting_scale: longer side of the painting over that of the photo, as the network sees them.

    Raises:
        ConfigError: a value outside its range, or a layer that VGG19 does not have.
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

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise ConfigError(f"[gatys -> {name}] must be {' or '.join(choices)}, not {getattr(self, name)!r}")
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and low <= value <= high):
                raise ConfigError(f"[gatys -> {name}] must be from {low:g} to {high:g}, not {value}")
        for name in ("content_layers", "style_layers"):
            _check_layers(name, getattr(self, name))

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of all layers that are needed."""
        return tuple(dict(self.content_layers) | dict(self.style_layers))

    def as_dict(self) -> dict[str, Setting]:
        """Every field by name, as a plain value; layers as "conv1_1=0.2,conv2_1=0.2"."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: format_layers(one) if isinstance(one, tuple) else one for name, one in values.items()}


def layer_names() -> tuple[str, ...]:
    """VGG19's layers, shallow to deep."""
    names = []
    for block, convs in enumerate(_VGG19_CONVS, start=1):
        for conv in range(1, convs + 1):
            names += [f"conv{block}_{conv}", f"relu{block}_{conv}"]
        names.append(f"pool{block}")
    return tuple(names)


def parse_layers(text: str) -> Layers:
    """Layers from text: "conv1_1,conv2_1=0.5"; without weights each gets one over their number.

    Raises:
        ConfigError: a weight that is no number. (Unknown names: when they become settings.)
    """
    parts = [part.strip().partition("=") for part in text.split(",") if part.strip()]
    try:
        return tuple((name.strip(), float(weight) if equals else 1 / len(parts)) for name, equals, weight in parts)
    except ValueError as error:
        raise ConfigError(f"[gatys -> layers] {text!r}: write names and weights as conv1_1=0.5,conv2_1=0.5") from error


def format_layers(layers: Layers) -> str:
    """What `parse_layers` reads back."""
    return ",".join(f"{name}={weight!r}" for name, weight in layers)


def _check_layers(field: str, layers: Layers) -> None:
    known = layer_names()
    if not layers:
        raise ConfigError(f"[gatys -> {field}] name at least one layer of VGG19, for example conv3_1")
    for name, weight in layers:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0)
            raise ConfigError(f"[gatys -> {field}] VGG19 has no layer {name!r}: did you mean {near[0]!r}?")
        if not (math.isfinite(weight) and weight >= 0):
            raise ConfigError(f"[gatys -> {field}] the weight of {name} must not be negative, not {weight}")
    if len(dict(layers)) != len(layers):
        raise ConfigError(f"[gatys -> {field}] a layer is named twice: {format_layers(layers)}")


# --- presets -------------------------------------------------------------------------------------------------------

# The paper's network (Caffe's VGG19) sees levels 0..255 less their mean. Ours sees them divided by 255 and ImageNet's
# deviation, 0.226 on average: 57.6 times smaller. Convolutions, ReLUs and pooling scale with their input, up to biases,
# so this brings activations to about the units in which the paper's weights were chosen. It matters: the style's
# gradient grows with the cube of the activations, the content's with the first power.
CAFFE_ACTIVATION_SCALE = 255 * (0.229 + 0.224 + 0.225) / 3


def _equally(*names: str) -> Layers:
    return tuple((name, 1 / len(names)) for name in names)


_FIVE_BLOCKS = _equally("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")

GATYS_2015 = GatysSettings(
    content_layers=_equally("conv4_2"),
    style_layers=_FIVE_BLOCKS,
    content_weight=1.0,
    style_weight=1e3,
    activation_scale=CAFFE_ACTIVATION_SCALE,
    pooling="average",
    start="noise",
)
"""Gatys et al. 2015, arXiv 1508.06576: section "Methods", and figure 2 B to D for alpha over beta = 1e-3.

Layers, weights (0.2 each), average pooling and the start from white noise are the paper's, and the losses its equations
1 and 4. L-BFGS is the CVPR 2016 paper's; 500 steps, then 200 at each larger size, are the authors' notebook's
(https://github.com/leongatys/PytorchNeuralStyleTransfer). Differences: the paper's layers are seen after the ReLU
(which works in place in Caffe); here `conv4_2` means before it and `relu4_2` after it. The weights are torchvision's,
rescaled by one number (`CAFFE_ACTIVATION_SCALE`) and not, as the authors' were in 2016, filter by filter.
"""

ADAM_7000 = GatysSettings(
    content_layers=_equally("conv5_2"),
    style_layers=_FIVE_BLOCKS,
    content_weight=0.01,
    style_weight=1e7,
    normalization="mean",
    optimizer="adam",
    learning_rate=0.001,
    steps=7000,
    fine_steps=2000,
)
"""A recipe in use (issue 3): Adam, 7000 steps at 0.001, alpha 0.01, beta 1e7, content conv5_2, style 0.2 a layer.

The picture's range is [0, 1]: with [0, 255] so small a rate would move it by 7 levels in all. The recipe says nothing
about normalisation; weights so far apart go with means over entries, so "mean" it is, and the start is the photo.
"""

SHALLOW = GatysSettings(
    content_layers=_equally("conv2_2"),
    style_layers=_equally("conv1_1", "conv2_1", "conv3_1"),
    content_weight=1.0,
    style_weight=1e5,
    variation_weight=20.0,
    normalization="mean",
    steps=200,
    fine_steps=100,
)
"""For weights that end at conv3_1; see tests/teachers/test_gatys_real.py for what it was tried on. Not from a paper.

Such layers see patches of some 24 px: strokes and colours become the painting's, its larger shapes do not.
"""

PRESETS: Mapping[str, GatysSettings] = MappingProxyType(
    {"gatys-2015": GATYS_2015, "adam-7000": ADAM_7000, "shallow": SHALLOW}
)


def preset(name: str, **changes: Any) -> GatysSettings:
    """A preset's settings, with changes.

    Args:
        name: one of `PRESETS`.
        changes: by field; None leaves the preset's value. Another optimizer without a learning rate gets 1 (L-BFGS) or
            0.02 (Adam).

    Raises:
        ConfigError: no such preset, or a value that is not possible.
    """
    if name not in PRESETS:
        raise ConfigError(f"[gatys -> preset] there is no preset {name!r}: choose {', '.join(PRESETS)}")
    base, given = PRESETS[name], {key: value for key, value in changes.items() if value is not None}
    if given.get("optimizer", base.optimizer) != base.optimizer:
        # A rate of one optimizer means nothing to the other.
        given.setdefault("learning_rate", _LEARNING_RATES.get(given["optimizer"], base.learning_rate))
    return replace(base, **given)
