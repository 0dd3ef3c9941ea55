"""The U-Net of pix2pix as published in 2017, kept as a baseline."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from pix2style.nets.generator import Generator
from pix2style.nets.matmul_conv import MatmulConv2d, MatmulConvTranspose2d
from pix2style.nets.receptive import Span, receptive_radius
from pix2style.nets.style_condition import ConditionalSequential, conditional


class Unet2017(Generator):
    """The unet_256 of Isola et al. 2017 (arXiv 1611.07004, appendix 6.1), as in the authors' PyTorch version.

    It has 54,413,955 parameters, and 6.05 GMAC at 256x256 with transposed convolutions counted by the area of their
    input. Its plain transposed convolutions are known for checkerboards. It is kept unchanged as a baseline; for new
    filters use `Unet`.

    The paper and the PyTorch version differ in three points, in which this class follows the PyTorch version. Dropout:
    the paper has it in the innermost decoder block and the two after it, the PyTorch version in the three blocks after
    the innermost. Innermost code: the paper normalises it, the PyTorch version does not (at batch 1, a normalised 1x1
    map is zero). Skips: they carry values from before the activation; the LeakyReLU of the PyTorch version changes them
    in place, which makes no difference, because ReLU(LeakyReLU(x)) = ReLU(x).

    In eval mode dropout is off and BatchNorm uses its running statistics, so the output for an image does not depend on
    its batch. The 2017 recipe left both active at test time, which users reported as "test differs from training"
    (pix2pix #285, #555).

    Args:
        channels: Filters of the outermost level (ngf).
        downsamplings: Number of strided convolutions, at least 5. Sizes are padded to a multiple of 2 ** downsamplings.
        dropout: Whether `downsamplings` - 5 decoder blocks have dropout of 0.5 in training.
        styles: Number of styles. With more than one, every normalisation is conditional.

    Raises:
        ValueError: There are fewer than 5 downsamplings.
    """

    architecture: ClassVar[str] = "unet-2017"

    def __init__(self, channels: int = 64, downsamplings: int = 8, dropout: bool = True, styles: int = 1) -> None:
        super().__init__()
        self.styles = styles
        if downsamplings < 5:
            raise ValueError(f"downsamplings must be at least 5, got {downsamplings}")
        widths = [channels * min(2**level, 8) for level in range(downsamplings)]
        inner = downsamplings - 1
        self.downs = nn.ModuleList(
            _down(into, out, activate=level > 0, norm=0 < level < inner, styles=styles)
            for level, (into, out) in enumerate(zip([3, *widths[:-1]], widths, strict=True))
        )
        # From the innermost block outwards. Every block but the innermost also gets a skip, which doubles its input.
        inputs = [widths[-1], *(2 * width for width in reversed(widths[:-1]))]
        outs = [*reversed(widths[:-1]), 3]
        self.ups = nn.ModuleList(
            _up(into, out, last=level == inner, dropout=dropout and 0 < level <= downsamplings - 5, styles=styles)
            for level, (into, out) in enumerate(zip(inputs, outs, strict=True))
        )
        self.size_multiple = 2**downsamplings
        self.receptive_field_px = receptive_radius(self._span, self.size_multiple)
        self.apply(init_normal)

    def _generate(self, photo: Tensor, context: Tensor | None, style: Tensor | None) -> Tensor:
        del context
        skips: list[Tensor] = []
        features = photo
        for down in self.downs:
            features = down(features, style)
            skips.append(features)
        features = self.ups[0](skips.pop(), style)
        for up, skip in zip(self.ups[1:], reversed(skips), strict=True):
            features = up(
                torch.cat([_with_channels_last_gradient(skip), _with_channels_last_gradient(features)], dim=1), style
            )
        output: Tensor = features
        return output

    def _span(self, span: Span) -> Span:
        seen = span
        for _ in self.ups:
            seen = seen.input_of_transposed_conv(kernel=4, stride=2, padding=1)
        for _ in self.downs:
            seen = seen.input_of_conv(kernel=4, stride=2, padding=1)
        return seen  # the path through the innermost code; the spans of all skips lie inside it


def _with_channels_last_gradient(features: Tensor) -> Tensor:
    """Return the same tensor, and have its gradient copied to a dense channels_last tensor in the backward pass.

    The gradient of `torch.cat` is a slice of a larger tensor. Its strides have gaps, which make the backward pass of
    BatchNorm slow on a CPU.
    """
    last = torch.channels_last
    if torch.compiler.is_compiling() or features.device.type != "cpu" or not features.requires_grad:
        return features
    if features.is_contiguous(memory_format=last):
        features.register_hook(lambda grad: grad.contiguous(memory_format=last))  # type: ignore[no-untyped-call]
    return features


def _down(into: int, out: int, *, activate: bool, norm: bool, styles: int) -> ConditionalSequential:
    layers: list[nn.Module] = [nn.LeakyReLU(0.2)] if activate else []
    layers.append(MatmulConv2d(into, out))
    if norm:
        layers.append(conditional(nn.BatchNorm2d(out), out, styles))
    return ConditionalSequential(*layers)


def _up(into: int, out: int, *, last: bool, dropout: bool, styles: int) -> ConditionalSequential:
    layers: list[nn.Module] = [nn.ReLU()]
    layers.append(MatmulConvTranspose2d(into, out, bias=last))
    layers.append(nn.Tanh() if last else conditional(nn.BatchNorm2d(out), out, styles))
    if dropout:
        layers.append(nn.Dropout(0.5))
    return ConditionalSequential(*layers)


def init_normal(module: nn.Module) -> None:
    """Initialise as pix2pix does (Isola et al. 2017, appendix 6.2). Pass this function to `nn.Module.apply`.

    Weights come from normal(0, 0.02), scales of normalisations from normal(1, 0.02); biases are 0.
    """
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d | nn.InstanceNorm2d) and module.affine:
        nn.init.normal_(module.weight, 1.0, 0.02)
    else:
        return
    if module.bias is not None:
        nn.init.zeros_(module.bias)
