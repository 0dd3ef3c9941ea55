"""The configuration's networks: the one place that knows which section builds which class."""

from __future__ import annotations

from pix2style.config import ModelConfig
from pix2style.config.losses import LossesConfig
from pix2style.errors import ConfigError
from pix2style.nets.autoencoder import load_autoencoder
from pix2style.nets.discriminator import Discriminator, MultiScalePatchGan, PatchGan, PixelGan
from pix2style.nets.features import FeatureNetwork, load_vgg
from pix2style.nets.generator import Generator
from pix2style.nets.lite import Lite
from pix2style.nets.nafnet import Nafnet
from pix2style.nets.resnet import Resnet
from pix2style.nets.unet import Unet
from pix2style.nets.unet_2017 import Unet2017


def build_generator(model: ModelConfig) -> Generator:
    """A generator with fresh weights, drawn from torch's global random state."""
    styles = model.styles
    if model.generator == "lite":
        return Lite(model.lite.channels, model.lite.blocks, model.lite.scale, styles)
    if model.generator == "unet-2017":
        old = model.unet_2017
        return Unet2017(old.channels, old.downsamplings, old.dropout, styles)
    if model.generator == "resnet":
        residual = model.resnet
        return Resnet(residual.channels, residual.blocks, residual.upsample, residual.norm, styles)
    if model.generator == "transformer":
        return Nafnet(model.transformer.channels, model.transformer.blocks, styles)
    return Unet(model.unet.channels, model.unet.levels, model.unet.upsample, model.unet.norm, styles)


def build_discriminator(model: ModelConfig) -> Discriminator:
    """A discriminator with fresh weights, drawn from torch's global random state."""
    d = model.discriminator
    if d.kind == "pixel":
        return PixelGan(d.channels, d.norm, d.spectral_norm)
    if d.kind == "multiscale":
        return MultiScalePatchGan(d.scales, d.channels, d.layers, d.norm, d.spectral_norm)
    return PatchGan(d.channels, d.layers, d.norm, d.spectral_norm)


def load_feature_network(losses: LossesConfig) -> FeatureNetwork | None:
    """The network of perceptual, style and content losses, cut after their deepest layer; None if none is computed.

    Raises:
        ConfigError: it does not have one of their layers.
        ArtifactError: its weights cannot be read or downloaded, or lack a layer.
    """
    if not losses.needs_features:
        return None
    layers, features = losses.feature_layers, losses.features
    if features.network != "autoencoder":
        return load_vgg(features.network, layers, features.weights)
    if features.weights is None:
        raise ConfigError("[losses -> features -> weights] is not set: name the file that train-features wrote")
    return load_autoencoder(layers, features.weights)
