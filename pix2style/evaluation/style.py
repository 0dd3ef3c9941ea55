"""Style distance of two images: relative distance of the Gram matrices of a feature network's activations."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from pix2style.config.losses import FeaturesConfig
from pix2style.errors import ArtifactError, ConfigError
from pix2style.evaluation.structure import STRUCTURE_LAYER
from pix2style.fidelity import pad_to_side
from pix2style.images import Image8, fit_within, resize_shorter_side, to_batch
from pix2style.installation import install_extras
from pix2style.losses import gram
from pix2style.nets.autoencoder import LAYERS as AUTOENCODER_LAYERS
from pix2style.nets.autoencoder import load_autoencoder
from pix2style.nets.features import FeatureNetwork, load_vgg19
from pix2style.nets.precision import has_fast_bfloat16
from pix2style.nets.vgg.find_weights import has_local_weights
from pix2style.nets.weights import WeightsRecord, read_tensors_and_metadata

# The shallow layers, which represent colour, brush strokes and texture. A weights file may end after them, so that
# distances are comparable between the whole VGG19 and such a file.
VGG19_LAYERS = ("relu1_1", "relu2_1", "relu3_1")
# The layers of Gatys et al. 2016, which also represent larger patterns and shapes.
DEEP_LAYERS = (*VGG19_LAYERS, "relu4_1", "relu5_1")
# The autoencoder halves the resolution four times, and each layer needs at least one pixel.
_MIN_SIDE_PX = 16

# Scans of paintings have any size, and Gram matrices depend on the size of the strokes. For the shallow distance
# paintings are shrunk to this longer side, about the size of the photos.
PAINTING_SIDE_PX = 512
# For the deep distance they get this shorter side: the size of Magenta's style input, and so the size of the strokes
# that it makes. Its images are nearest to the painting in this size, at every layer but relu5_1.
DEEP_PAINTING_SIDE_PX = 256

# Layer -> Gram matrix [channels, channels].
GramMatrices = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class ImageFeatures:
    """What the metrics compare of one image.

    Attributes:
        grams: Gram matrix of each layer.
        structure: Activations [channels, h, w] at `STRUCTURE_LAYER`; None if the network has no such layer.
    """

    grams: GramMatrices
    structure: Tensor | None


@dataclass(frozen=True, slots=True)
class PaintingFeatures:
    """Gram matrices of a painting, in the size that each style distance compares with.

    Attributes:
        grams: Gram matrices of the painting at about the size of the photos (`PAINTING_SIDE_PX`).
        deep_grams: Gram matrices of the painting in the size in which teachers see it (`DEEP_PAINTING_SIDE_PX`); None
            if the weights do not reach as deep as relu5_1.
    """

    grams: GramMatrices
    deep_grams: GramMatrices | None


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

    @property
    def style_layers(self) -> tuple[str, ...]:
        """Layers of `distance`, from shallow to deep."""
        return _shallow(self.network.layers)

    @property
    def deep_layers(self) -> tuple[str, ...]:
        """Layers of `deep_distance`; empty if the weights do not reach as deep as relu5_1."""
        return DEEP_LAYERS if DEEP_LAYERS[-1] in self.network.layers else ()

    @property
    def layers_by_figure(self) -> dict[str, tuple[str, ...]]:
        """Layers that each figure of the report compares, by the figure's name."""
        figures = {"style_to_target": self.style_layers, "style_to_painting": self.style_layers}
        if self.deep_layers:
            figures |= {"deep_style_to_target": self.deep_layers, "deep_style_to_painting": self.deep_layers}
        if STRUCTURE_LAYER in self.network.layers:
            figures["structure_distance"] = (STRUCTURE_LAYER,)
        return figures

    @torch.inference_mode()
    def features(self, image: Image8) -> ImageFeatures:
        """Return what the metrics compare of an image uint8 [height, width, 3]."""
        batch = torch.from_numpy(to_batch([pad_to_side(image, _MIN_SIDE_PX)]))
        # bfloat16 changes Gram matrices by less than 1 %, and halves the time of the deep layers, which is most of it.
        with torch.autocast("cpu", torch.bfloat16, enabled=bool(self.deep_layers) and has_fast_bfloat16(batch.device)):
            activations = self.network(batch)
            grams = {layer: gram(features)[0].double() for layer, features in activations.items()}
        structure = activations.get(STRUCTURE_LAYER)
        return ImageFeatures(grams, None if structure is None else structure[0].float())

    def painting(self, painting: Image8) -> PaintingFeatures:
        """Return the Gram matrices of a painting, uint8 [height, width, 3] in any size."""
        deep_grams = self.grams(resize_shorter_side(painting, DEEP_PAINTING_SIDE_PX)) if self.deep_layers else None
        return PaintingFeatures(self.grams(fit_within(painting, PAINTING_SIDE_PX)), deep_grams)

    def grams(self, image: Image8) -> GramMatrices:
        """Return the Gram matrix of each layer, in float64, for an image uint8 [height, width, 3]."""
        return self.features(image).grams

    @staticmethod
    def distance(grams: GramMatrices, style: GramMatrices) -> float:
        """Return the mean over the shallow layers of |G(image) - G(style)| / |G(style)| in the Frobenius norm.

        Gatys et al. 2016 (arXiv 1508.06576) compare the same matrices. Dividing by the norm of the style's matrix makes
        the distance independent of the scale of the activations, which differs between weights files.

        Args:
            grams: Gram matrices of the image.
            style: Gram matrices of the image whose style is the reference; distances are relative to them.

        Returns:
            0 for the same style; an image without any activations has the distance 1.
        """
        return _mean_distance(grams, style, _shallow(tuple(style)))

    @staticmethod
    def deep_distance(grams: GramMatrices, style: GramMatrices) -> float:
        """Return the same mean over the layers relu1_1 to relu5_1 of VGG19; args are those of `distance`.

        Raises:
            KeyError: The matrices are of a network that does not have these layers.
        """
        return _mean_distance(grams, style, DEEP_LAYERS)


def _shallow(layers: tuple[str, ...]) -> tuple[str, ...]:
    """Return the layers without those of VGG19 that only some weights files have."""
    return tuple(layer for layer in layers if layer not in DEEP_LAYERS[len(VGG19_LAYERS) :])


def _mean_distance(grams: GramMatrices, style: GramMatrices, layers: tuple[str, ...]) -> float:
    ratios = [(grams[layer] - style[layer]).norm() / style[layer].norm() for layer in layers]
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
        f"install VGG19 with {install_extras('vgg')} (18 MB), add --features vgg19 to download it (548 MB), or add"
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
    return StyleMetric(load_vgg19_layers(None), "vgg19")


def load_vgg19_layers(weights: Path | None) -> FeatureNetwork:
    """Load VGG19 with the layers to relu5_1, or to relu3_1 if the weights file ends before."""
    try:
        return load_vgg19(DEEP_LAYERS, weights)
    except ArtifactError:
        return load_vgg19(VGG19_LAYERS, weights)


def _from_file(path: Path) -> StyleMetric:
    _, metadata = read_tensors_and_metadata(path)
    # Only weights that pix2style wrote have metadata of this kind, and of those only autoencoders are feature networks.
    if any(key.startswith("pix2style.") for key in metadata):
        return StyleMetric(load_autoencoder(AUTOENCODER_LAYERS, path), "autoencoder")
    return StyleMetric(load_vgg19_layers(path), "vgg19")
