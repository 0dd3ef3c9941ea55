"""Strided convolutions of 4x4 as matrix products, for training on a CPU.

In the depths of pix2pix's U-Net a layer has millions of weights and a handful of pixels. There oneDNN spends its time
bringing weights and their gradients into layouts of its own; a matrix product reads and writes them as they lie. Each
window of 4x4 pixels is a row of a matrix; in channels_last the weights are the other matrix, without being moved.
Under autocast both are converted first, as autocast does for a convolution.

The modules are torch's own, with its parameters and names. Everywhere else (GPUs, inference, export, torch.compile,
other layouts, large pictures) torch's implementation runs.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

_KERNEL, _STRIDE, _PADDING = 4, 2, 1
# With more windows, or fewer weights, oneDNN is the faster one.
_MOST_WINDOWS = {torch.float32: 1024, torch.bfloat16: 256}
_FEWEST_WEIGHTS = 2**21


class Halving(nn.Conv2d):
    """A convolution of 4x4 with stride 2 and padding 1 that halves height and width, without bias."""

    def __init__(self, into: int, out: int) -> None:
        super().__init__(into, out, _KERNEL, stride=_STRIDE, padding=_PADDING, bias=False)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 (torch's name)
        """From [batch, into, 2 h, 2 w] to [batch, out, h, w]."""
        batch, _, height, width = input.shape
        windows = batch * (height // _STRIDE) * (width // _STRIDE)
        if height % _STRIDE or width % _STRIDE or not _suits(input, self.weight, windows):
            return super().forward(input)
        found: Tensor = _Halve.apply(*_converted(input, self.weight))
        return found


class Doubling(nn.ConvTranspose2d):
    """A transposed convolution of 4x4 with stride 2 and padding 1 that doubles height and width."""

    def __init__(self, into: int, out: int, *, bias: bool = False) -> None:
        super().__init__(into, out, _KERNEL, stride=_STRIDE, padding=_PADDING, bias=bias)

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:  # noqa: A002 (torch's name)
        """From [batch, into, h, w] to [batch, out, 2 h, 2 w]."""
        windows = input.shape[0] * input.shape[2] * input.shape[3]
        if output_size is not None or self.bias is not None or not _suits(input, self.weight, windows):
            return super().forward(input, output_size)
        found: Tensor = _Double.apply(*_converted(input, self.weight))
        return found


def _suits(pictures: Tensor, weight: Tensor, windows: int) -> bool:
    if torch.compiler.is_compiling() or not torch.is_grad_enabled():
        return False
    if pictures.device.type != "cpu" or weight.dtype != torch.float32 or not weight.requires_grad:
        return False
    dtype = _dtype()
    if pictures.dtype not in (torch.float32, dtype) or windows > _MOST_WINDOWS.get(dtype, 0):
        return False
    if weight.numel() < _FEWEST_WEIGHTS:
        return False
    return weight.is_contiguous(memory_format=torch.channels_last)


def _dtype() -> torch.dtype:
    """What products are to be computed in: autocast's, where it is on."""
    return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else torch.float32


def _converted(pictures: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    dtype = _dtype()
    return pictures.to(dtype), weight.to(dtype)  # their gradients are converted back


class _Halve(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, pictures: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(pictures, weight)
        batch, _, height, width = pictures.shape
        products = _windows(_last(pictures)) @ _matrix(weight).t()
        return _first(products.view(batch, height // _STRIDE, width // _STRIDE, -1))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        pictures, weight = ctx.saved_tensors
        rows = _last(gradient).reshape(-1, weight.shape[0])
        d_pictures = d_weight = None
        if ctx.needs_input_grad[0]:
            d_pictures = _first(_added(rows @ _matrix(weight), *_last(gradient).shape[:3]))
        if ctx.needs_input_grad[1]:
            d_weight = _as_weight(rows.t() @ _windows(_last(pictures)))
        return d_pictures, d_weight


class _Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, pictures: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(pictures, weight)
        rows = _last(pictures).reshape(-1, weight.shape[0])
        return _first(_added(rows @ _matrix(weight), *_last(pictures).shape[:3]))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        pictures, weight = ctx.saved_tensors
        windows = _windows(_last(gradient))
        d_pictures = d_weight = None
        if ctx.needs_input_grad[0]:
            batch, _, height, width = pictures.shape
            d_pictures = _first((windows @ _matrix(weight).t()).view(batch, height, width, -1))
        if ctx.needs_input_grad[1]:
            rows = _last(pictures).reshape(-1, weight.shape[0])
            d_weight = _as_weight(rows.t() @ windows)
        return d_pictures, d_weight


def _windows(pictures: Tensor) -> Tensor:
    """[batch, 2 h, 2 w, channels] to the windows [batch * h * w, 4 * 4 * channels], with a border of zeros."""
    padded = F.pad(pictures, (0, 0, _PADDING, _PADDING, _PADDING, _PADDING))
    batch, high, wide, channels = padded.shape
    each, row, pixel, _ = padded.stride()
    shape = (batch, high // _STRIDE - 1, wide // _STRIDE - 1, _KERNEL, _KERNEL * channels)
    windows = padded.as_strided(shape, (each, _STRIDE * row, _STRIDE * pixel, row, 1))
    return windows.reshape(-1, _KERNEL * _KERNEL * channels)


def _added(windows: Tensor, batch: int, height: int, width: int) -> Tensor:
    """The windows [batch * h * w, 4 * 4 * channels] laid over each other: [batch, 2 h, 2 w, channels].

    A window's quarters of 2x2 pixels lie next to those of its neighbours without overlap, so four sums are all.
    """
    each = windows.view(batch, height, width, 2, 2, 2, 2, -1)  # quarter's row, its pixel's, quarter's column, pixel's
    pictures = windows.new_zeros(batch, 2 * height + 2, 2 * width + 2, each.shape[-1])
    for down in (0, 1):
        for right in (0, 1):
            part = pictures[:, 2 * down : 2 * (down + height), 2 * right : 2 * (right + width)]
            part = part.view(batch, height, 2, width, 2, -1)
            part += each[:, :, :, down, :, right].permute(0, 1, 3, 2, 4, 5)
    return pictures[:, 1:-1, 1:-1].contiguous()


def _matrix(weight: Tensor) -> Tensor:
    """[a, b, 4, 4] in channels_last to [a, 4 * 4 * b], as it lies."""
    return weight.permute(0, 2, 3, 1).reshape(len(weight), -1)


def _as_weight(matrix: Tensor) -> Tensor:
    return matrix.view(len(matrix), _KERNEL, _KERNEL, -1).permute(0, 3, 1, 2)


def _last(pictures: Tensor) -> Tensor:
    return pictures.permute(0, 2, 3, 1).contiguous()


def _first(pictures: Tensor) -> Tensor:
    return pictures.permute(0, 3, 1, 2)
