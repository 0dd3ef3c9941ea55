"""The interface of Magenta's network, whichever backend runs it, and the conversion of images for it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pix2style.errors import ArtifactError
from pix2style.images import Image8
from pix2style.stylizer import Setting

Backend = Literal["tensorflow", "onnx"]
Floats = NDArray[np.float32]

# "The recommended image size for the style image is 256x256 (this is the size used when training ...)":
# https://www.tensorflow.org/hub/tutorials/tf2_arbitrary_image_stylization
STYLE_SIDE_PX = 256
_RANGE_TOLERANCE = 1e-3
# The network halves height and width twice, rounding up, and doubles them twice: its output has the size of the input
# rounded up to a multiple of 4.
_SIZE_MULTIPLE = 4
# The 9x9 convolutions reflect 4 pixels and the 3x3 ones reflect 1 pixel at a quarter of the size. Reflection needs
# more pixels than it adds, so a photo of 4x4 pixels fails.
_SMALLEST_SIDE_PX = 8


@dataclass(frozen=True, slots=True)
class NetworkLabel:
    """What a network is, for manifests, filters and people.

    Attributes:
        name: Name of the network.
        licence: Its licence.
        licence_source: Address of the page that states the licence.
        source_files: SHA-256 of each file that the network was made from, by name. Empty for Magenta's SavedModel,
            which one digest of the whole folder identifies.
    """

    name: str
    licence: str
    licence_source: str
    source_files: Mapping[str, str] = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, Setting]:
        """Name and source files as settings of a teacher's identity; empty for Magenta's SavedModel."""
        return {"network": self.name, **self.source_files} if self.source_files else {}


SAVED_MODEL_LABEL = NetworkLabel(
    "Google Magenta's arbitrary image stylization, v1, 256",
    "Apache-2.0",
    "https://www.kaggle.com/models/google/arbitrary-image-stylization-v1",
)


class MagentaNetwork(ABC):
    """The style prediction network (painting -> style vector) and the style transfer network (photo, vector -> image).

    Attributes:
        source_sha256: Digest of what the network was made from, for example of the SavedModel's folder.
        label: What the network is.
        origin: Where it came from, for people; empty if unknown.
        style_length: Number of values in a style vector, K.
        threads: Number of photos that are worth stylizing at the same time, each by its own call of `transfer_style`.
        batch: Number of photos of 256x256 pixels that one call may take; 1 where the result for a photo would depend
            on the other photos in the batch.
    """

    source_sha256: str
    label: NetworkLabel = SAVED_MODEL_LABEL
    origin: str = ""
    style_length: int
    threads: int = 1
    batch: int = 1

    @property
    @abstractmethod
    def settings(self) -> Mapping[str, Setting]:
        """Whatever about this backend changes the result; part of the teacher's identity."""

    @property
    def description(self) -> str:
        """Which network this is, where it came from, and what runs it, on one line for people."""
        origin = f", from {self.origin}" if self.origin and not self.label.source_files else ""
        runner = "TensorFlow" if self.settings["backend"] == "tensorflow" else "ONNX Runtime"
        return f"{self.label.name}{origin}, run by {runner}"

    @abstractmethod
    def predict_style(self, paintings: Floats) -> Floats:
        """Compute the style vectors of paintings.

        Args:
            paintings: Images [batch, height, width, 3] in [0, 1].

        Returns:
            Style vectors [batch, 1, 1, K].
        """

    @abstractmethod
    def transfer_style(self, photos: Floats, vector: Floats) -> Floats:
        """Stylize photos, all in the same style.

        Args:
            photos: Images [batch, height, width, 3] in [0, 1], of a size that the network keeps; see
                `pad_to_valid_size`.
            vector: Style vector [1, 1, 1, K].

        Returns:
            Stylized images [batch, height, width, 3], in [0, 1] up to rounding.

        Raises:
            PhotoError: If there is not enough memory.
        """


def check_output(output: Floats, photos: Floats) -> None:
    """Check that a network's output has the photos' shape and values in [0, 1].

    Raises:
        ArtifactError: If the shape differs, or values are outside [0, 1] or not finite.
    """
    if output.shape != photos.shape:
        raise ArtifactError(f"the teacher's output has shape {list(output.shape)} for photos {list(photos.shape)}")
    low, high = output.min(), output.max()
    if not (low >= -_RANGE_TOLERANCE and high <= 1 + _RANGE_TOLERANCE):  # written so that NaN fails too
        raise ArtifactError(f"the teacher's values span {low} to {high}, not 0 to 1")


def to_unit(image: Image8) -> Floats:
    """Convert 8-bit values to floats in [0, 1]."""
    return image.astype(np.float32) / np.float32(255)


def from_unit(values: Floats) -> Image8:
    """Convert floats in [0, 1] to 8-bit values, rounded; values outside are clipped."""
    image: Image8 = np.rint(np.clip(values, 0, 1) * np.float32(255)).astype(np.uint8)
    return image


def pad_to_valid_size(image: Image8) -> Image8:
    """Pad an image at the bottom and right, by reflection, to a size that the network keeps."""
    height, width = image.shape[:2]
    padding = ((0, _valid_side(height) - height), (0, _valid_side(width) - width), (0, 0))
    # Where a side of 1 pixel leaves nothing to reflect, numpy repeats the edge.
    return np.pad(image, padding, mode="reflect")


def _valid_side(side: int) -> int:
    rounded_up = -(-side // _SIZE_MULTIPLE) * _SIZE_MULTIPLE
    return max(_SMALLEST_SIDE_PX, rounded_up)


def one_line_message(error: BaseException) -> str:
    """Return an error's message on one line of at most about 200 characters, to be quoted in a message of ours."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else f"{text[:200]} ..."
