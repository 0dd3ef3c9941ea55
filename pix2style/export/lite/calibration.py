"""Which range of numbers each feature map of the lightweight generator uses, measured on photos."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from pix2style.export.reference import run_watched
from pix2style.images import Image8
from pix2style.nets.lite import Lite

_LEVELS = 255
_KEPT_EVERY = 5  # values of a map, for its range; all of them count for the means
_SHARES = np.linspace(0.3, 1.0, 71)


@dataclass(frozen=True, slots=True)
class Step:
    """How a map is kept in 8 bits: value = (byte - zero) * scale.

    Attributes:
        scale: between two neighbouring bytes.
        zero: the byte of the value 0, from 0 to 255; 0 where nothing is negative.
    """

    scale: float
    zero: int


@dataclass(slots=True)
class Calibration:
    """What was measured.

    Maps are called `stem`, `told`, `features.0` (into the first block), `inner.0`, `added.0`, `features.1`, ...

    Attributes:
        steps: of each map.
        means: of each channel of each map, over photos.
    """

    steps: dict[str, Step] = field(default_factory=dict)
    means: dict[str, NDArray[np.float64]] = field(default_factory=dict)


def calibrate(network: Lite, photos: Iterable[Image8]) -> Calibration:
    """Measure a network's maps on photos. The same photos give the same numbers; nothing is drawn at random.

    Args:
        network: folded, in evaluation mode, on the CPU.
        photos: as large as the filter will meet them; those of several styles are looked at in turns.
    """
    seen: dict[str, list[NDArray[np.float32]]] = defaultdict(list)
    sums: dict[str, list[NDArray[np.float64]]] = defaultdict(list)

    def keep(name: str, values: Tensor) -> None:
        vector = values.ndim == 2
        seen[name].append(values.flatten()[:: 1 if vector else _KEPT_EVERY].numpy().copy())
        sums[name].append(values.double().mean(dim=0 if vector else (0, 2, 3)).numpy())

    handles = _watch(network, keep)
    run_watched(network, photos, handles)
    calibration = Calibration(means={name: np.mean(each, axis=0) for name, each in sums.items()})
    maps = {name: np.concatenate(parts) for name, parts in seen.items()}
    calibration.steps["told"] = whole_range(maps.pop("told"))
    # what is added to others comes after them
    for name, values in sorted(maps.items(), key=lambda one: one[0] in ("stem", *_added(network))):
        calibration.steps[name] = least_error(_that_matters(name, values, calibration.steps))
    return calibration


def _added(network: Lite) -> list[str]:
    return [f"added.{number}" for number in range(len(network.body))]


def _that_matters(name: str, values: NDArray[np.float32], steps: dict[str, Step]) -> NDArray[np.float32]:
    """Values of a map, those raised that are so low that the sum they go into is below zero, whatever else is in it.

    ReLU makes 0 of such sums: trained networks use values ten times as low as the features are high, and a range that
    held them would leave few bytes for the others.
    """
    other = {"stem": "told"}.get(name, name.replace("added", "features"))
    if other == name:
        return values
    step = steps[other]
    return np.maximum(values, np.float32(-(_LEVELS - step.zero) * step.scale))


def least_error(values: NDArray[np.float32]) -> Step:
    """The step with the least squared error: a narrower range is finer inside, and cuts off what lies beyond.

    Args:
        values: of a map.
    """
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    counts, edges = np.histogram(values, bins=4096, range=(low, high if high > low else low + 1))
    middles = (edges[1:] + edges[:-1]) / 2
    tried = [_step(low * share, high * share) for share in _SHARES]
    errors = [float((counts * np.square(_kept(middles, step) - middles)).sum()) for step in tried]
    return tried[int(np.argmin(errors))]


def whole_range(values: NDArray[np.float32], margin: float = 1.25) -> Step:
    """The step that cuts nothing off, nor what lies a little beyond."""
    return _step(margin * min(float(values.min()), 0.0), margin * max(float(values.max()), 0.0))


def _step(low: float, high: float) -> Step:
    scale = float(np.float32(max(high - low, 1e-6) / _LEVELS))
    return Step(scale, int(np.clip(np.rint(-low / scale), 0, _LEVELS)))


def _kept(values: NDArray[np.float64], step: Step) -> NDArray[np.float64]:
    """What is left of values after they were bytes."""
    bytes_of = np.clip(np.rint(values / step.scale) + step.zero, 0, _LEVELS)
    kept: NDArray[np.float64] = (bytes_of - step.zero) * step.scale
    return kept


def _watch(network: Lite, keep: Callable[[str, Tensor], None]) -> list[Any]:
    """Have `keep` called with every map while the network runs."""

    def output(name: str, *, relu: bool = False) -> Callable[[nn.Module, Any, Tensor], None]:
        return lambda _module, _inputs, given: keep(name, given.clamp(min=0) if relu else given)

    def first_input(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        keep("features.0", inputs[0])

    handles: list[Any] = [
        network.stem.register_forward_hook(output("stem")),
        network.observe.register_forward_hook(output("told")),
        (network.body[0] if len(network.body) else network.head).register_forward_pre_hook(first_input),
    ]
    for number, block in enumerate(network.body):
        handles += [
            block.first.register_forward_hook(output(f"inner.{number}", relu=True)),  # type: ignore[union-attr]
            block.second.register_forward_hook(output(f"added.{number}")),  # type: ignore[union-attr]
            block.register_forward_hook(output(f"features.{number + 1}")),
        ]
    return handles
