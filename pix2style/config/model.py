"""The section `model`: generator and discriminator."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pix2style.config.section import Section


class UnetConfig(Section):
    """The modern U-Net: resize-convolutions, no normalisation, any size."""

    channels: int = Field(48, ge=8, le=512)
    """Channels at full resolution; each level doubles them up to eight times."""
    levels: int = Field(4, ge=1, le=7)
    """Halvings of the resolution."""
    upsample: Literal["resize", "shuffle"] = "resize"
    """resize: nearest neighbour, then a convolution; shuffle: pixel shuffle with ICNR. Neither makes checkerboards."""


class Unet2017Config(Section):
    """pix2pix's unet_256, as published: transposed convolutions, BatchNorm, dropout; sizes are padded to 256."""

    channels: int = Field(64, ge=4, le=256)
    """Filters of the outermost level (ngf)."""
    downsamplings: int = Field(8, ge=5, le=8)
    """Halvings of the resolution; 8 is unet_256."""
    dropout: bool = True
    """Dropout of 0.5 in the three inner decoder blocks while training; never while running."""


class LiteConfig(Section):
    """The lightweight generator: strided stem, re-parametrised blocks, pixel-shuffle head, thumbnail context."""

    channels: int = Field(32, ge=8, le=256)
    """Channels at the reduced resolution."""
    blocks: int = Field(6, ge=1, le=32)
    """3x3 blocks at the reduced resolution."""
    scale: Literal[2, 4, 8] = 4
    """The body works at 1/scale of the resolution."""


class DiscriminatorConfig(Section):
    """PatchGAN on photo and picture together: says of each patch whether the teacher painted it."""

    channels: int = Field(64, ge=4, le=512)
    """Filters of the first layer (ndf)."""
    layers: int = Field(3, ge=1, le=5)
    """Strided layers after the first; 3 sees patches of 70x70 pixels."""
    norm: Literal["batch", "instance", "none"] = "instance"
    """batch is the 2017 recipe's."""
    spectral_norm: bool = False
    """Limit each layer's Lipschitz constant (Miyato et al. 2018)."""


class ModelConfig(Section):
    """Which generator learns; only the section of the chosen one is used."""

    generator: Literal["unet", "unet-2017", "lite"] = "unet"
    """unet: the modern default; unet-2017: the baseline; lite: small and fast, for shipping."""
    unet: UnetConfig = UnetConfig()
    """Settings of generator: unet."""
    unet_2017: Unet2017Config = Unet2017Config()
    """Settings of generator: unet-2017."""
    lite: LiteConfig = LiteConfig()
    """Settings of generator: lite."""
    discriminator: DiscriminatorConfig = DiscriminatorConfig()
    """Settings of the PatchGAN."""
