"""4x4 convolutions with stride 2, computed as matrix products where that is faster: in training on a CPU.

The deep layers of pix2pix's U-Net have millions of weights and a handful of pixels. There oneDNN spends most of its
time converting weights and gradients to its own memory layouts, while a matrix product reads and writes them in place.
Each window of 4x4 pixels becomes a row of a matrix (im2col); in channels_last the weights are the other matrix without
being moved. Under autocast both are converted first, as autocast does for a convolution.

The modules are subclasses of torch's, with the same parameters and state-dict keys. In all other cases (GPU, inference,
export, torch.compile, other memory layouts, large images) they run torch's own implementation.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

_KERNEL, _STRIDE, _PADDING = 4, 2, 1
# oneDNN is faster when there are more windows, or fewer weights, than these (measured with benchmarks/train_step.py).
_MAX_WINDOWS = {torch.float32: 1024, torch.bfloat16: 256}
_MIN_WEIGHTS = 2**21


class MatmulConv2d(nn.Conv2d):
    """A 4x4 convolution with stride 2, padding 1 and no bias, which halves height and width."""

    def __init__(self, into: int, out: int) -> None:
        super().__init__(into, out, _KERNEL, stride=_STRIDE, padding=_PADDING, bias=False)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 (torch's name)
        """Convert [batch, into, 2 h, 2 w] to [batch, out, h, w]."""
        batch, _, height, width = input.shape
        windows = batch * (height // _STRIDE) * (width // _STRIDE)
        if height % _STRIDE or width % _STRIDE or not _use_matmul(input, self.weight, windows):
            return super().forward(input)
        output: Tensor = _MatmulConv.apply(*_to_compute_dtype(input, self.weight))
        return output


class MatmulConvTranspose2d(nn.ConvTranspose2d):
    """A transposed 4x4 convolution with stride 2 and padding 1, which doubles height and width."""

    def __init__(self, into: int, out: int, *, bias: bool = False) -> None:
        super().__init__(into, out, _KERNEL, stride=_STRIDE, padding=_PADDING, bias=bias)

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:  # noqa: A002 (torch's name)
        """Convert [batch, into, h, w] to [batch, out, 2 h, 2 w]."""
        windows = input.shape[0] * input.shape[2] * input.shape[3]
        if output_size is not None or self.bias is not None or not _use_matmul(input, self.weight, windows):
            return super().forward(input, output_size)
        output: Tensor = _MatmulConvTranspose.apply(*_to_compute_dtype(input, self.weight))
        return output


def _use_matmul(images: Tensor, weight: Tensor, windows: int) -> bool:
    """Return whether the matrix product supports this call and is faster than oneDNN."""
    if torch.compiler.is_compiling() or not torch.is_grad_enabled():
        return False
    if images.device.type != "cpu" or weight.dtype != torch.float32 or not weight.requires_grad:
        return False
    dtype = _compute_dtype()
    if images.dtype not in (torch.float32, dtype) or windows > _MAX_WINDOWS.get(dtype, 0):
        return False
    if weight.numel() < _MIN_WEIGHTS:
        return False
    return weight.is_contiguous(memory_format=torch.channels_last)


def _compute_dtype() -> torch.dtype:
    """Return the type to compute in: that of autocast if it is active, else float32."""
    return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else torch.float32


def _to_compute_dtype(images: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    dtype = _compute_dtype()
    return images.to(dtype), weight.to(dtype)  # autograd converts the gradients back


class _MatmulConv(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(images, weight)
        batch, _, height, width = images.shape
        products = _im2col(_to_nhwc(images)) @ _weight_matrix(weight).t()
        return _to_nchw(products.view(batch, height // _STRIDE, width // _STRIDE, -1))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        images, weight = ctx.saved_tensors
        rows = _to_nhwc(gradient).reshape(-1, weight.shape[0])
        grad_images = grad_weight = None
        if ctx.needs_input_grad[0]:
            grad_images = _to_nchw(_col2im(rows @ _weight_matrix(weight), *_to_nhwc(gradient).shape[:3]))
        if ctx.needs_input_grad[1]:
            grad_weight = _weight_from_matrix(rows.t() @ _im2col(_to_nhwc(images)))
        return grad_images, grad_weight


class _MatmulConvTranspose(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(images, weight)
        rows = _to_nhwc(images).reshape(-1, weight.shape[0])
        return _to_nchw(_col2im(rows @ _weight_matrix(weight), *_to_nhwc(images).shape[:3]))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        images, weight = ctx.saved_tensors
        windows = _im2col(_to_nhwc(gradient))
        grad_images = grad_weight = None
        if ctx.needs_input_grad[0]:
            batch, _, height, width = images.shape
            grad_images = _to_nchw((windows @ _weight_matrix(weight).t()).view(batch, height, width, -1))
        if ctx.needs_input_grad[1]:
            rows = _to_nhwc(images).reshape(-1, weight.shape[0])
            grad_weight = _weight_from_matrix(rows.t() @ windows)
        return grad_images, grad_weight


def _im2col(images: Tensor) -> Tensor:
    """Copy the 4x4 windows of [batch, 2 h, 2 w, channels], padded by zeros, to [batch * h * w, 4 * 4 * channels]."""
    padded = F.pad(images, (0, 0, _PADDING, _PADDING, _PADDING, _PADDING))
    batch, padded_height, padded_width, channels = padded.shape
    batch_stride, row_stride, pixel_stride, _ = padded.stride()
    shape = (batch, padded_height // _STRIDE - 1, padded_width // _STRIDE - 1, _KERNEL, _KERNEL * channels)
    # Overlapping windows as a view; the four pixels of a window's row lie next to each other in memory.
    windows = padded.as_strided(shape, (batch_stride, _STRIDE * row_stride, _STRIDE * pixel_stride, row_stride, 1))
    return windows.reshape(-1, _KERNEL * _KERNEL * channels)


def _col2im(windows: Tensor, batch: int, height: int, width: int) -> Tensor:
    """Add up overlapping windows [batch * h * w, 4 * 4 * channels] to [batch, 2 h, 2 w, channels].

    Split each window into quarters of 2x2 pixels. The quarters at one position (for example top left) of all windows do
    not overlap, so four sums of whole tensors are enough.
    """
    # Axes: batch, h, w, row of the quarter, row in the quarter, column of the quarter, column in the quarter, channel.
    quarters = windows.view(batch, height, width, 2, 2, 2, 2, -1)
    images = windows.new_zeros(batch, 2 * height + 2, 2 * width + 2, quarters.shape[-1])
    for down in (0, 1):
        for right in (0, 1):
            part = images[:, 2 * down : 2 * (down + height), 2 * right : 2 * (right + width)]
            part = part.view(batch, height, 2, width, 2, -1)
            part += quarters[:, :, :, down, :, right].permute(0, 1, 3, 2, 4, 5)
    return images[:, 1:-1, 1:-1].contiguous()


def _weight_matrix(weight: Tensor) -> Tensor:
    """View a weight [a, b, 4, 4] in channels_last as a matrix [a, 4 * 4 * b], without copying."""
    return weight.permute(0, 2, 3, 1).reshape(len(weight), -1)


def _weight_from_matrix(matrix: Tensor) -> Tensor:
    return matrix.view(len(matrix), _KERNEL, _KERNEL, -1).permute(0, 3, 1, 2)


def _to_nhwc(images: Tensor) -> Tensor:
    return images.permute(0, 2, 3, 1).contiguous()


def _to_nchw(images: Tensor) -> Tensor:
    return images.permute(0, 3, 1, 2)
