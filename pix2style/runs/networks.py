"""The configuration's networks: the one place that knows which section builds which class."""

from __future__ import annotations

from pix2style.config import ModelConfig
from pix2style.nets.generator import Generator
from pix2style.nets.lite import Lite
from pix2style.nets.patchgan import PatchGan
from pix2style.nets.unet import Unet
from pix2style.nets.unet_2017 import Unet2017


def build_generator(model: ModelConfig) -> Generator:
    """A generator with fresh weights, drawn from torch's global random state."""
    if model.generator == "lite":
        return Lite(channels=model.lite.channels, blocks=model.lite.blocks, scale=model.lite.scale)
    if model.generator == "unet-2017":
        old = model.unet_2017
        return Unet2017(channels=old.channels, downsamplings=old.downsamplings, dropout=old.dropout)
    return Unet(channels=model.unet.channels, levels=model.unet.levels, upsample=model.unet.upsample)


def build_discriminator(model: ModelConfig) -> PatchGan:
    """A discriminator with fresh weights, drawn from torch's global random state."""
    d = model.discriminator
    return PatchGan(channels=d.channels, layers=d.layers, norm=d.norm, spectral_norm=d.spectral_norm)
