"""The section `model`: generator and discriminator."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pix2style.config.section import Section


class UnetConfig(Section):
    """The modern U-Net: resize-convolutions, any size; no normalisation unless asked for."""

    channels: int = Field(48, ge=8, le=512)
    """Channels at full resolution; each level doubles them up to eight times."""
    levels: int = Field(4, ge=1, le=7)
    """Halvings of the resolution."""
    upsample: Literal["resize", "shuffle"] = "resize"
    """resize: nearest neighbour, then a convolution; shuffle: pixel shuffle with ICNR. Neither makes checkerboards."""
    norm: Literal["none", "group"] = "none"
    """group: GroupNorm, whose statistics are taken over the whole picture, so that tiles differ from the whole."""


class Unet2017Config(Section):
    """pix2pix's unet_256, as published: transposed convolutions, BatchNorm, dropout; sizes are padded to 256."""

    channels: int = Field(64, ge=4, le=256)
    """Filters of the outermost level (ngf)."""
    downsamplings: int = Field(8, ge=5, le=8)
    """Halvings of the resolution; 8 is unet_256."""
    dropout: bool = True
    """Dropout of 0.5 in the three inner decoder blocks while training; never while running."""


class ResnetConfig(Section):
    """The residual generator of Johnson et al. (2016) and CycleGAN: two halvings, residual blocks, two doublings."""

    channels: int = Field(64, ge=4, le=256)
    """Channels at full resolution (ngf)."""
    blocks: int = Field(9, ge=1, le=32)
    """Residual blocks at a quarter of the resolution; 9 is CycleGAN's for 256 px, Johnson's network has 5."""
    upsample: Literal["transposed", "resize"] = "transposed"
    """transposed: as published (checkerboards); resize: nearest neighbour, then a convolution."""
    norm: Literal["instance", "none"] = "instance"
    """instance: as published; none: no statistics over the picture, so that tiles equal the whole."""


class TransformerConfig(Section):
    """An efficient restoration-style transformer, in U shape."""

    channels: int = Field(32, ge=8, le=256)
    """Channels at full resolution; each level doubles them."""
    blocks: tuple[Annotated[int, Field(ge=1, le=16)], ...] = Field((1, 1, 2, 2), min_length=2, max_length=6)
    """Blocks at each level, from full resolution down; as many in the way up, the deepest once."""


class LiteConfig(Section):
    """The lightweight generator: patch stem, residual blocks, a head that unfolds pixels, a glimpse for context."""

    channels: int = Field(48, ge=8, le=256)
    """Channels at the reduced resolution."""
    blocks: int = Field(3, ge=1, le=32)
    """Residual blocks of two 3x3 convolutions at the reduced resolution."""
    scale: Literal[2, 4, 8] = 4
    """The body works at 1/scale of the resolution."""


class DiscriminatorConfig(Section):
    """Judges photo and picture together: says of each patch whether the teacher painted it."""

    kind: Literal["patch", "multiscale", "pixel"] = "patch"
    """patch: PatchGAN (70x70 with 3 layers); multiscale: several of them on halved pictures (pix2pixHD); pixel: 1x1."""
    scales: int = Field(2, ge=1, le=4)
    """Of kind: multiscale."""
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

    generator: Literal["unet", "unet-2017", "resnet", "transformer", "lite"] = "unet"
    """unet: the modern default; unet-2017, resnet: the baselines; transformer: attention over channels; lite: small
    and fast, for shipping."""
    styles: int = Field(1, ge=1, le=1024)
    """Styles that one network holds; with more than 1, pairs of all the set's styles are learned."""
    unet: UnetConfig = UnetConfig()
    """Settings of generator: unet."""
    unet_2017: Unet2017Config = Unet2017Config()
    """Settings of generator: unet-2017."""
    resnet: ResnetConfig = ResnetConfig()
    """Settings of generator: resnet."""
    transformer: TransformerConfig = TransformerConfig()
    """Settings of generator: transformer."""
    lite: LiteConfig = LiteConfig()
    """Settings of generator: lite."""
    discriminator: DiscriminatorConfig = DiscriminatorConfig()
    """Settings of the discriminator."""
