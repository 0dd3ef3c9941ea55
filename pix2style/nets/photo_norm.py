"""Normalisation of a part of a photo by statistics of the whole photo, which are computed from its glimpse.

A network that normalises a crop or a tile by its own statistics computes something else than for the whole photo. So
the statistics come from features of the photo's glimpse (`measure`), and are then applied to features of any part of
the photo.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

# Added to variances and mean squares before the square root. It is larger than torch's 1e-5, so that a photo of one
# colour, whose variances are 0, is not multiplied by more than about 30, and rounding errors of 8 bits with it.
NORM_EPSILON = 1e-3


class PhotoNorm(nn.Module):
    """Instance normalisation (Ulyanov et al. 2016, arXiv 1607.08022) by given statistics.

    Args:
        channels: Number of channels of input and output.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def measure(self, features: Tensor, style: Tensor | None = None) -> Tensor:
        """Compute by what features [batch, channels, h, w] are multiplied, and what is added to them afterwards.

        Args:
            features: The features.
            style: Style code, [batch, codes], for a `StyledPhotoNorm`.

        Returns:
            float32 (or float64) [batch, 2, channels]: factors and summands of each channel.
        """
        weight, bias = self.in_style(style)
        variance, mean = torch.var_mean(_as_float(features), dim=(2, 3), correction=0)
        factor = weight * (variance + NORM_EPSILON).rsqrt()
        return torch.stack([factor, bias - mean * factor], dim=1)

    def in_style(self, style: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return weight and bias, [channels] or [batch, channels]; the same for all styles here."""
        del style
        return self.weight, self.bias

    def forward(self, features: Tensor, measured: Tensor) -> Tensor:
        """Normalise features [batch, channels, h, w] by what `measure` returned."""
        factor, summand = measured.to(features.dtype)[:, :, :, None, None].unbind(dim=1)
        return torch.addcmul(summand, features, factor)


class PhotoScale(nn.Module):
    """`PhotoNorm` without the mean: features are divided by their root mean square over the photo.

    (As RMSNorm does over the channels of a token, Zhang and Sennrich 2019, arXiv 1910.07467.) It costs 0.1 dB of
    fidelity in comparison (benchmarks/LOG.md). But in 8 bits the factors become part of a convolution's scales, whereas
    a bias that is not constant would make ONNX Runtime choose a slower convolution.

    Args:
        channels: Number of channels of input and output.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))

    def measure(self, features: Tensor, style: Tensor | None = None) -> Tensor:
        """Compute by what features [batch, channels, h, w] are multiplied.

        Args:
            features: The features.
            style: Style code, [batch, codes], for a `StyledPhotoScale`.

        Returns:
            float32 (or float64) [batch, channels].
        """
        mean_square = _as_float(features).square().mean(dim=(2, 3))
        factor: Tensor = self.in_style(style) * (mean_square + NORM_EPSILON).rsqrt()
        return factor

    def in_style(self, style: Tensor | None) -> Tensor:
        """Return the weight, [channels] or [batch, channels]; the same for all styles here."""
        del style
        return self.weight

    def forward(self, features: Tensor, measured: Tensor) -> Tensor:
        """Multiply features [batch, channels, h, w] by what `measure` returned."""
        return features * measured.to(features.dtype)[:, :, None, None]


class StyledPhotoNorm(PhotoNorm):
    """A `PhotoNorm` whose weight and bias depend on a style code (conditional instance normalisation).

    (Dumoulin et al. 2017, arXiv 1610.07629.)

    Args:
        channels: Number of channels of input and output.
        codes: Length of a style code.
    """

    def __init__(self, channels: int, codes: int) -> None:
        super().__init__(channels)
        self.table = nn.Parameter(torch.zeros(codes, 2 * channels))

    def in_style(self, style: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return weight and bias in a style, [batch, channels] each, or [channels] for one code [codes]."""
        scale, shift = _style_numbers(style, self.table).chunk(2, dim=-1)
        return self.weight * (1 + scale), self.bias + shift


class StyledPhotoScale(PhotoScale):
    """A `PhotoScale` whose weight depends on a style code.

    Args:
        channels: Number of channels of input and output.
        codes: Length of a style code.
    """

    def __init__(self, channels: int, codes: int) -> None:
        super().__init__(channels)
        self.table = nn.Parameter(torch.zeros(codes, channels))

    def in_style(self, style: Tensor | None) -> Tensor:
        """Return the weight in a style, [batch, channels], or [channels] for one code [codes]."""
        return self.weight * (1 + _style_numbers(style, self.table))


def _style_numbers(style: Tensor | None, table: Tensor) -> Tensor:
    if style is None:
        raise ValueError("this normalisation depends on the style: give a style code")
    return style @ table


def _as_float(features: Tensor) -> Tensor:
    """Convert features to float32 at least: bfloat16 has too few digits for statistics."""
    return features.to(torch.promote_types(features.dtype, torch.float32))
