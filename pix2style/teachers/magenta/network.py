"""Magenta's network in two halves, whatever runs them, and the pictures that go in and out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pix2style.errors import ArtifactError
from pix2style.images import Image8
from pix2style.stylizer import Setting

Backend = Literal["tensorflow", "onnx"]
Floats = NDArray[np.float32]

LICENCE = "Apache-2.0"
LICENCE_SOURCE = "https://www.kaggle.com/models/google/arbitrary-image-stylization-v1"
# "The recommended image size for the style image is 256x256 (this is the size used when training ...)":
# https://www.tensorflow.org/hub/tutorials/tf2_arbitrary_image_stylization
STYLE_SIDE_PX = 256
_RANGE_TOLERANCE = 1e-3
_SIZE_MULTIPLE = 4
# Its 9x9 convolutions reflect 4 pixels, its 3x3 ones 1 pixel at a quarter of the size; a 4x4 photo fails.
_SMALLEST_SIDE_PX = 8


class MagentaNetwork(ABC):
    """The style predictor (painting -> vector) and the transformer (photo, vector -> picture).

    Attributes:
        source_sha256: digest of the SavedModel's folder.
        style_length: K, the numbers in a style's vector.
        threads: how many photos are worth painting at the same time, each by a call of `transform` of its own.
        batch: how many photos of 256x256 a call may take; 1 where a photo's result would depend on the others.
    """

    source_sha256: str
    style_length: int
    threads: int = 1
    batch: int = 1

    @property
    @abstractmethod
    def settings(self) -> Mapping[str, Setting]:
        """What about this backend changes the result."""

    @abstractmethod
    def predict(self, paintings: Floats) -> Floats:
        """Paintings to vectors.

        Args:
            paintings: [batch, height, width, 3] in [0, 1].

        Returns:
            [batch, 1, 1, K].
        """

    @abstractmethod
    def transform(self, photos: Floats, vector: Floats) -> Floats:
        """Paint photos in one style.

        Args:
            photos: [batch, height, width, 3] in [0, 1], of a legal size (`padded`).
            vector: [1, 1, 1, K].

        Returns:
            [batch, height, width, 3].

        Raises:
            PhotoError: they need more memory than there is.
        """


def check_painted(painted: Floats, photos: Floats) -> None:
    """See that a network gave pictures for pictures.

    Raises:
        ArtifactError: another size, values outside [0, 1] or not finite.
    """
    if painted.shape != photos.shape:
        raise ArtifactError(f"the teacher painted {list(painted.shape)} for photos {list(photos.shape)}")
    low, high = painted.min(), painted.max()
    if not (low >= -_RANGE_TOLERANCE and high <= 1 + _RANGE_TOLERANCE):  # written so that NaN fails too
        raise ArtifactError(f"the teacher's values span {low} to {high}, not 0 to 1")


def to_unit(levels: Image8) -> Floats:
    """Bytes to [0, 1]."""
    return levels.astype(np.float32) / np.float32(255)


def from_unit(values: Floats) -> Image8:
    """[0, 1] to bytes, rounded; what lies outside is cut off."""
    levels: Image8 = np.rint(np.clip(values, 0, 1) * np.float32(255)).astype(np.uint8)
    return levels


def padded(image: Image8) -> Image8:
    """Grow to a size that the network keeps, at the bottom and right by reflection.

    The network rounds height and width up to a multiple of 4. (numpy repeats the edge of a side of 1 pixel.)
    """
    height, width = image.shape[:2]
    missing = ((0, _padded_side(height) - height), (0, _padded_side(width) - width), (0, 0))
    return np.pad(image, missing, mode="reflect")


def _padded_side(side: int) -> int:
    return max(_SMALLEST_SIDE_PX, -(-side // _SIZE_MULTIPLE) * _SIZE_MULTIPLE)


def reason(error: BaseException) -> str:
    """An error's words on one line, for inside a message of ours."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else f"{text[:200]} ..."
