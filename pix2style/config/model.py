"""The section `model`: the networks that are trained."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from pix2style.config.paths import UserPathText
from pix2style.config.section import Section


class UnetConfig(Section):
    """The U-Net: convolutions after upsampling by interpolation, photos of any size, no normalisation by default."""

    channels: int = Field(48, ge=8, le=512)
    """Channels of the upper level. Each level below has twice as many, up to eight times this number."""
    levels: int = Field(4, ge=1, le=7)
    """How often the resolution is halved."""
    upsample: Literal["resize", "shuffle"] = "resize"
    """How the decoder doubles the resolution. `resize`: nearest-neighbour upsampling, then a convolution. `shuffle`:
    pixel shuffle with ICNR initialisation. Neither gives checkerboard artefacts."""
    norm: Literal["none", "group", "instance"] = "none"
    """`instance`: InstanceNorm, whose statistics are those of the whole photo. Magenta's networks have it, and decide
    by such statistics where they paint what, so a U-Net that has it, too, learns from them far better. Train it on
    whole pairs (`train.augment.crop: null`). `group`: GroupNorm. With either, a photo processed in tiles differs from
    one processed at once. `none`: no normalisation."""
    scale: Literal[1, 2, 4] = 1
    """The upper level works at 1/scale of the photo's resolution. 4 fits teachers whose strokes hang on a grid of 4
    pixels, as Magenta's do, and costs a sixteenth of the work of that level."""
    blocks: int = Field(1, ge=1, le=16)
    """Number of residual blocks at each level, on the way down and on the way up."""
    context: bool = False
    """Whether the network also sees a glimpse (small patches from all over the photo), as the lightweight generator
    does. Training then learns from crops what a photo as a whole tells. With `norm` it is not needed."""
    colour_skip: bool = True
    """Whether the photo's pixels are added to the output. An untrained network then returns nearly the photo, but a
    painting does not have the photo's fine detail, so that strokes are learned faster without."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.context and self.norm != "none":
            raise ValueError(
                f"context: true is for networks that see crops or tiles, and norm: {self.norm} takes statistics of the"
                " whole photo: leave one of them out"
            )
        return self


class Unet2017Config(Section):
    """The U-Net of pix2pix (Isola et al. 2017) as published.

    It has transposed convolutions, BatchNorm and dropout. Photos are padded to multiples of 256 pixels.
    """

    channels: int = Field(64, ge=4, le=256)
    """Channels of the outermost level (`ngf` in the published code)."""
    downsamplings: int = Field(8, ge=5, le=8)
    """How often the resolution is halved; 8 is the published `unet_256`."""
    dropout: bool = True
    """Whether training applies dropout of 0.5 in the three innermost decoder blocks. A trained network never applies
    it."""


class ResnetConfig(Section):
    """The residual network of Johnson et al. (2016) and CycleGAN: residual blocks at a quarter of the resolution."""

    channels: int = Field(64, ge=4, le=256)
    """Channels at full resolution (`ngf` in the published code)."""
    blocks: int = Field(9, ge=1, le=32)
    """Number of residual blocks. CycleGAN has 9 for 256 pixels, the network of Johnson et al. has 5."""
    upsample: Literal["transposed", "resize"] = "transposed"
    """How the resolution is doubled. `transposed`: transposed convolutions, as published, with checkerboard artefacts.
    `resize`: nearest-neighbour upsampling, then a convolution."""
    norm: Literal["instance", "none"] = "instance"
    """`instance`: InstanceNorm, as published. `none`: no normalisation, so that a photo processed in tiles equals one
    processed at once."""


class TransformerConfig(Section):
    """NAFNet (Chen et al. 2022): a U-Net of blocks with depthwise convolutions and channel attention."""

    channels: int = Field(32, ge=8, le=256)
    """Channels at full resolution. Each level has twice as many."""
    blocks: tuple[Annotated[int, Field(ge=1, le=16)], ...] = Field((1, 1, 2, 2), min_length=2, max_length=6)
    """Number of blocks at each level of the encoder, from full resolution to the lowest. The decoder has as many,
    without the lowest level."""


class LiteConfig(Section):
    """The lightweight generator, made for shipping.

    It has residual blocks at a reduced resolution, and a glimpse (small patches from all over the photo) as global
    context.
    """

    channels: int = Field(48, ge=8, le=256)
    """Channels of the residual blocks."""
    blocks: int = Field(3, ge=1, le=32)
    """Number of residual blocks, each of two 3x3 convolutions."""
    scale: Literal[2, 4, 8] = 4
    """The residual blocks work at 1/scale of the photo's resolution."""
    norm: Literal["none", "instance"] = "none"
    """`instance`: features are normalised by statistics of the whole photo, which the same layers measure on the
    glimpse. It learns far more from a teacher that has InstanceNorm, as Magenta's networks do, and the 8-bit filter is
    as fast. Only with `styles: 1`. `none`: the glimpse only adds a vector to the first features."""


class DiscriminatorConfig(Section):
    """The discriminator of the adversarial loss.

    It sees a photo together with the teacher's or the generator's image, and tells for each patch which of the two it
    is.
    """

    kind: Literal["patch", "multiscale", "pixel"] = "patch"
    """`patch`: PatchGAN (Isola et al. 2017). `multiscale`: several PatchGANs on successively halved images (pix2pixHD).
    `pixel`: a PatchGAN with patches of one pixel."""
    scales: int = Field(2, ge=1, le=4)
    """Number of PatchGANs, with `kind: multiscale`."""
    channels: int = Field(64, ge=4, le=512)
    """Channels of the first layer (`ndf` in the published code)."""
    layers: int = Field(3, ge=1, le=5)
    """Number of strided layers after the first. With 3, patches have 70x70 pixels."""
    norm: Literal["batch", "instance", "none"] = "instance"
    """Normalisation: `batch` (BatchNorm, as in pix2pix 2017), `instance` (InstanceNorm) or `none`."""
    spectral_norm: bool = False
    """Whether layers have spectral normalisation (Miyato et al. 2018), which limits their Lipschitz constant."""


class ModelConfig(Section):
    """The networks that are trained. Only the section of the chosen generator is used."""

    generator: Literal["unet", "unet-2017", "resnet", "transformer", "lite"] = "unet"
    """Architecture of the generator. `unet`: the default, of high quality. `lite`: the lightweight generator, small and
    fast, for shipping. `transformer`: NAFNet, with channel attention. `unet-2017` and `resnet`: baselines from the
    literature."""
    styles: int = Field(1, ge=1, le=1024)
    """Number of styles that one generator holds. With more than 1, it is trained on the pairs of all styles of the
    set."""
    start_from: UserPathText | None = None
    """Weights that the training starts from. `base`: the weights of the lightweight generator that come with pix2style,
    in the style of the painting; a generator of another kind or size starts from random weights, with a note. A run
    folder: that run's averaged weights. null or `none`: random weights."""
    unet: UnetConfig = UnetConfig()
    """Settings of `generator: unet`."""
    unet_2017: Unet2017Config = Unet2017Config()
    """Settings of `generator: unet-2017`."""
    resnet: ResnetConfig = ResnetConfig()
    """Settings of `generator: resnet`."""
    transformer: TransformerConfig = TransformerConfig()
    """Settings of `generator: transformer`."""
    lite: LiteConfig = LiteConfig()
    """Settings of `generator: lite`."""
    discriminator: DiscriminatorConfig = DiscriminatorConfig()
    """Settings of the discriminator."""

    @field_validator("start_from")
    @classmethod
    def _none_is_null(cls, value: str | None) -> str | None:
        return None if value in ("none", "") else value

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.generator == "lite" and self.lite.norm != "none" and self.styles > 1:
            raise ValueError(f"lite.norm: {self.lite.norm} holds one style: set styles: 1, or lite.norm: none")
        return self
