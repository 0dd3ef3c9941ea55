"""Calibration: measure the activations of the lightweight generator on photos, to choose how to quantise them.

Activations are quantised per tensor to uint8 with an affine mapping (`QuantParams`); the values of each activation
tensor are collected while the network runs on calibration photos.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from pix2style.export.reference import run_with_hooks
from pix2style.images import Image8
from pix2style.nets.lite import Lite, ResidualBlock

_QUANT_MAX = 255
_SAMPLING_STEP = 5  # every 5th value of a feature map is enough to choose its range; means use all values
# Of larger photos a smaller share is kept: samples of 64 photos in the sizes of cameras would fill tens of gigabytes.
_MOST_SAMPLED_PIXELS = 1 << 19
_RANGE_SHARES = np.linspace(0.3, 1.0, 71)  # candidates for the clipping range, as shares of the full range
_HISTOGRAM_BINS = 4096


@dataclass(frozen=True, slots=True)
class QuantParams:
    """Affine quantisation of a tensor to uint8: real value = (byte - zero_point) * scale.

    Attributes:
        scale: Difference between the real values of two neighbouring bytes.
        zero_point: Byte that stands for the real value 0, from 0 to 255; 0 if the tensor has no negative values.
    """

    scale: float
    zero_point: int


@dataclass(slots=True)
class Calibration:
    """Quantisation parameters and means of the network's activations.

    The tensors are named `stem` (output of the stem's convolution), `context` (what the glimpse contributes to the
    stem's channels), and for each block N `features.N` (its input), `hidden.N` (after its first convolution and ReLU)
    and `residual.N` (output of its second convolution). The last `features.N` is the input of the head. Networks with
    normalisation have no `stem` and `context`, and the others are measured behind the normalisation.

    Attributes:
        params: Quantisation parameters of each tensor.
        means: Mean of each channel of each tensor, over all pixels and photos.
    """

    params: dict[str, QuantParams] = field(default_factory=dict)
    means: dict[str, NDArray[np.float64]] = field(default_factory=dict)


def calibrate(network: Lite, photos: Iterable[Image8]) -> Calibration:
    """Choose quantisation parameters for a network. The same photos always give the same parameters.

    Args:
        network: Folded network in evaluation mode, on the CPU. If it holds several styles, the photos take turns with
            them.
        photos: Photos of the size at which the filter will be used.
    """
    samples: dict[str, list[NDArray[np.float32]]] = defaultdict(list)
    channel_means: dict[str, list[NDArray[np.float64]]] = defaultdict(list)

    def record(name: str, values: Tensor) -> None:
        is_vector = values.ndim == 2
        step = 1 if is_vector else _sampling_step(values.shape[2] * values.shape[3] * network.scale**2)
        samples[name].append(values.flatten()[::step].numpy().copy())
        channel_means[name].append(values.double().mean(dim=0 if is_vector else (0, 2, 3)).numpy())

    run_with_hooks(network, photos, _register_hooks(network, record))
    calibration = Calibration(means={name: np.mean(means, axis=0) for name, means in channel_means.items()})
    if "context" in samples:
        calibration.params["context"] = min_max_params(np.concatenate(samples.pop("context")))
    # Tensors that are added to others come last, because their range depends on the parameters of those others. The
    # samples of each tensor are joined and dropped in turn, because all of them together need much memory.
    for name in sorted(samples, key=lambda name: _other_summand(name) is not None):
        relevant = _clamp_below_relu(name, np.concatenate(samples.pop(name)), calibration.params)
        calibration.params[name] = minimum_mse_params(relevant)
    return calibration


def _sampling_step(pixels: int) -> int:
    """Return the step between the values of a feature map that are kept, for a photo of this many pixels."""
    # An odd factor, so that the step has no further factor in common with the widths of most feature maps.
    return _SAMPLING_STEP * (-(-pixels // _MOST_SAMPLED_PIXELS) | 1)


def minimum_mse_params(values: NDArray[np.float32]) -> QuantParams:
    """Return the parameters with the smallest mean squared quantisation error.

    A narrower range has a finer resolution inside but clips the values outside. The best compromise is searched among
    shares of the full range, on a histogram.

    Args:
        values: Values of a tensor.
    """
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    counts, edges = np.histogram(values, bins=_HISTOGRAM_BINS, range=(low, high if high > low else low + 1))
    centres = (edges[1:] + edges[:-1]) / 2
    candidates = [_params_of_range(low * share, high * share) for share in _RANGE_SHARES]
    errors = [float((counts * np.square(_fake_quantize(centres, params) - centres)).sum()) for params in candidates]
    return candidates[int(np.argmin(errors))]


def min_max_params(values: NDArray[np.float32], margin: float = 1.25) -> QuantParams:
    """Return parameters for `margin` times the range of the values, so that photos not measured fit too."""
    return _params_of_range(margin * min(float(values.min()), 0.0), margin * max(float(values.max()), 0.0))


def _params_of_range(low: float, high: float) -> QuantParams:
    """Return the parameters that map [low, high] to 0..255; the range includes 0."""
    scale = float(np.float32(max(high - low, 1e-6) / _QUANT_MAX))  # float32, as the file stores it
    return QuantParams(scale, int(np.clip(np.rint(-low / scale), 0, _QUANT_MAX)))


def _fake_quantize(values: NDArray[np.float64], params: QuantParams) -> NDArray[np.float64]:
    """Quantise values and convert them back."""
    quantized = np.clip(np.rint(values / params.scale) + params.zero_point, 0, _QUANT_MAX)
    dequantized: NDArray[np.float64] = (quantized - params.zero_point) * params.scale
    return dequantized


def _clamp_below_relu(name: str, values: NDArray[np.float32], params: dict[str, QuantParams]) -> NDArray[np.float32]:
    """Raise those values of a summand for which the sum is below zero in any case, so that ReLU makes it 0.

    Trained networks produce negative values that are ten times as large as the features. A range that included them
    would leave few of the 256 bytes for the values that matter.

    Args:
        name: Name of the tensor. Tensors that are no summand in front of a ReLU are returned unchanged.
        values: Values of the tensor.
        params: Parameters of the tensors that are already known, among them the other summand.
    """
    other = _other_summand(name)
    if other is None:
        return values
    largest_other = (_QUANT_MAX - params[other].zero_point) * params[other].scale
    return np.maximum(values, np.float32(-largest_other))


def _other_summand(name: str) -> str | None:
    """Return the name of the tensor that is added to this one in front of a ReLU; None if there is no such sum."""
    if name == "stem":
        return "context"
    return name.replace("residual", "features") if name.startswith("residual.") else None


def _register_hooks(network: Lite, record: Callable[[str, Tensor], None]) -> list[RemovableHandle]:
    """Have `record` called with the name and the values of every activation tensor when the network runs."""

    def record_output(name: str, *, relu: bool = False) -> Callable[[nn.Module, Any, Tensor], None]:
        return lambda _module, _inputs, output: record(name, output.clamp(min=0) if relu else output)

    def record_first_input(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        record("features.0", inputs[0])

    first_layer = network.body[0] if len(network.body) else network.head
    hooks: list[RemovableHandle] = [first_layer.register_forward_pre_hook(record_first_input)]
    if network.context_network is not None:
        hooks += [
            network.stem.register_forward_hook(record_output("stem")),
            network.context_network.register_forward_hook(record_output("context")),
        ]
    for number, block in enumerate(network.body):
        assert isinstance(block, ResidualBlock)  # noqa: S101 (ModuleList has no element type)
        # With normalisation, 8-bit values begin behind it.
        first, second = block.first_norm or block.first, block.second_norm or block.second
        hooks += [
            first.register_forward_hook(record_output(f"hidden.{number}", relu=True)),
            second.register_forward_hook(record_output(f"residual.{number}")),
            block.register_forward_hook(record_output(f"features.{number + 1}")),
        ]
    return hooks
