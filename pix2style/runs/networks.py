"""Build the networks that a configuration names. No other module knows which section belongs to which class."""

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
    """Build a generator with fresh weights, which are drawn from torch's global random state.

    Raises:
        ConfigError: The architecture cannot hold as many styles as `model.styles` says.
    """
    generator = _construct_generator(model)
    if generator.styles != model.styles:
        raise ConfigError(
            f"[model -> styles] {model.styles}: the generator {model.generator} holds {generator.styles}: set"
            f" model.styles={generator.styles}, or choose another model.generator"
        )
    return generator


def _construct_generator(model: ModelConfig) -> Generator:
    styles = model.styles
    if model.generator == "lite":
        return Lite(model.lite.channels, model.lite.blocks, model.lite.scale, styles, model.lite.norm)
    if model.generator == "unet-2017":
        unet_2017 = model.unet_2017
        return Unet2017(unet_2017.channels, unet_2017.downsamplings, unet_2017.dropout, styles)
    if model.generator == "resnet":
        resnet = model.resnet
        return Resnet(resnet.channels, resnet.blocks, resnet.upsample, resnet.norm, styles)
    if model.generator == "transformer":
        return Nafnet(model.transformer.channels, model.transformer.blocks, styles)
    unet = model.unet
    shape = unet.model_dump(include={"scale", "blocks", "context", "colour_skip"})
    return Unet(unet.channels, unet.levels, unet.upsample, unet.norm, styles, **shape)


def build_discriminator(model: ModelConfig) -> Discriminator:
    """Build a discriminator with fresh weights, which are drawn from torch's global random state."""
    section = model.discriminator
    channels, norm, spectral_norm = section.channels, section.norm, section.spectral_norm
    if section.kind == "pixel":
        return PixelGan(channels, norm, spectral_norm)
    if section.kind == "multiscale":
        return MultiScalePatchGan(section.scales, channels, section.layers, norm, spectral_norm)
    return PatchGan(channels, section.layers, norm, spectral_norm)


def load_feature_network(losses: LossesConfig) -> FeatureNetwork | None:
    """Load the feature network of the perceptual, style and content losses, up to the deepest layer that they use.

    Returns:
        None if no loss needs features.

    Raises:
        ConfigError: The network lacks a layer that a loss names, or its file is not set.
        ArtifactError: The weights cannot be read or downloaded, or lack a layer.
    """
    if not losses.needs_features:
        return None
    layers, features = losses.feature_layers, losses.features
    if features.network != "autoencoder":
        return load_vgg(features.network, layers, features.weights)
    if features.weights is None:
        raise ConfigError("[losses -> features -> weights] is not set: name a file that pix2style train-features wrote")
    return load_autoencoder(layers, features.weights)
