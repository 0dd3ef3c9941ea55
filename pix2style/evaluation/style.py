"""How far a picture's style is from another's: Gram matrices of a feature network's activations."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from pix2style.config.losses import FeaturesConfig
from pix2style.errors import ArtifactError, ConfigError
from pix2style.fidelity import pad_to_side
from pix2style.files import sha256_file
from pix2style.images import Image8, to_batch
from pix2style.losses import gram
from pix2style.nets.autoencoder import LAYERS as AUTOENCODER_LAYERS
from pix2style.nets.autoencoder import load_autoencoder
from pix2style.nets.features import FeatureNetwork, load_vgg19
from pix2style.nets.weights import read_tensors_and_metadata

# The shallow ones, where colour, stroke and texture are: so a figure means the same with the whole VGG19 and with a
# file that ends early.
VGG19_LAYERS = ("relu1_1", "relu2_1", "relu3_1")
# The autoencoder halves the size four times.
_SMALLEST_SIDE_PX = 16
_TORCHVISION_FILE = "vgg19-dcbb9e9d.pth"

Grams = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class StyleMetric:
    """Measures style with one feature network.

    Attributes:
        network: frozen.
        name: `vgg19` or `autoencoder`.
        sha256: digest of the weights' file; empty for torchvision's.
    """

    network: FeatureNetwork
    name: str
    sha256: str = ""

    @torch.inference_mode()
    def grams(self, picture: Image8) -> Grams:
        """Layer -> Gram matrix [channels, channels] in float64, of a uint8 picture [height, width, 3]."""
        pixels = torch.from_numpy(to_batch([pad_to_side(picture, _SMALLEST_SIDE_PX)]))
        return {layer: gram(features)[0].double() for layer, features in self.network(pixels).items()}

    @staticmethod
    def distance(picture: Grams, style: Grams) -> float:
        """Mean over layers of |G(picture) - G(style)| / |G(style)| in the Frobenius norm.

        Gatys et al. 2016 (arXiv 1508.06576) compare the same matrices; dividing by the style's own norm makes the
        figure independent of how a file scales its activations.

        Returns:
            0 for the same style; about 1 is as far as a picture without any features would be.
        """
        ratios = [(picture[layer] - matrix).norm() / matrix.norm() for layer, matrix in style.items()]
        return float(torch.stack(ratios).nan_to_num(0.0, posinf=1.0).mean())


def load_style_metric(
    features: str | None, configured: FeaturesConfig | None = None
) -> tuple[StyleMetric | None, str | None]:
    """The network that style is measured with, or a note that says why there is none.

    Args:
        features: `vgg19` (torchvision's, downloaded once: 548 MB), a safetensors file of VGG19 or of our autoencoder,
            `none`; or None: what `perceptual` names, else torchvision's if it was downloaded before.
        configured: `losses.features` of the experiment's configuration.

    Raises:
        ArtifactError, ConfigError: `features` was asked for and cannot be used.
    """
    if features == "none":
        return None, "style was not measured (--features none)"
    if features is not None:
        try:
            return (_torchvision() if features == "vgg19" else _from_file(Path(features))), None
        except (ArtifactError, ConfigError) as error:
            raise type(error)(f"--features {features}: {error}") from error
    how = "--features FILE with VGG19's or an autoencoder's weights, or --features vgg19 to download them (548 MB)"
    try:
        if configured is not None and configured.weights is not None:
            return _from_file(configured.weights), None
        if (Path(torch.hub.get_dir()) / "checkpoints" / _TORCHVISION_FILE).is_file():
            return _torchvision(), None
    except (ArtifactError, ConfigError) as error:
        return None, f"style was not measured ({error}): give {how}"
    return None, f"style was not measured: give {how}"


def _torchvision() -> StyleMetric:
    return StyleMetric(load_vgg19(VGG19_LAYERS), "vgg19")


def _from_file(path: Path) -> StyleMetric:
    _, metadata = read_tensors_and_metadata(path)
    if any(key.startswith("pix2style.") for key in metadata):  # our own networks say what they are
        return StyleMetric(load_autoencoder(AUTOENCODER_LAYERS, path), "autoencoder", sha256_file(path))
    return StyleMetric(load_vgg19(VGG19_LAYERS, path), "vgg19", sha256_file(path))
