"""Degrade photos with the albumentations transforms that `train.augment.photo` lists.

This is the only module that imports albumentations. A configuration cannot name an albumentations class: each of its
entries is a section of `pix2style.config.augment`, and this module decides which class it becomes.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pix2style.config import augment
from pix2style.images import Image8

if TYPE_CHECKING:
    from pix2style.config.augment import PhotoTransformConfig

# When it is imported, albumentations asks PyPI for its newest version unless this variable is set.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")


class PhotoTransforms:
    """Apply a list of random transforms, in order; the outcome depends on the image and a seed alone.

    Args:
        configs: Entries of `train.augment.photo`.
    """

    def __init__(self, configs: Sequence[PhotoTransformConfig]) -> None:
        self._transforms = [_build(config) for config in configs]

    def __bool__(self) -> bool:
        """Whether there is any transform."""
        return bool(self._transforms)

    def __call__(self, image: Image8, seed: int) -> Image8:
        """Return a degraded copy of the image.

        Args:
            image: Image, uint8 [height, width, 3]; not changed.
            seed: Seed of all random numbers, 0 to 2^32 - 1.
        """
        # A copy, because the image may lie in the cache of decoded photos, and some transforms work in place.
        degraded = image.copy()
        for number, transform in enumerate(self._transforms):
            # A seed for each image: left alone, albumentations 2.x draws from a random stream for each worker process,
            # so that results would depend on the number of workers and on where a run was resumed.
            # A seed for each transform: Compose.set_random_seed gives all transforms the same seed, and with equal
            # probabilities they would then all be applied to the same images, with equally strong effects.
            transform.set_random_seed((seed + number) % 2**32)
            degraded = transform(image=degraded)["image"]
        return np.ascontiguousarray(degraded)


def _build(config: PhotoTransformConfig) -> Any:
    """Return the albumentations transform of a configuration entry."""
    import albumentations
    import cv2

    match config:
        case augment.GaussianNoiseConfig():
            return albumentations.GaussNoise(std_range=config.std, p=config.p)
        case augment.ShotNoiseConfig():
            return albumentations.ShotNoise(scale_range=config.scale, p=config.p)
        case augment.JpegConfig():
            return albumentations.ImageCompression(compression_type="jpeg", quality_range=config.quality, p=config.p)
        case augment.GaussianBlurConfig():
            return albumentations.GaussianBlur(blur_limit=0, sigma_limit=config.sigma, p=config.p)
        case augment.MotionBlurConfig():
            # Symmetric and centred: other kernels move the image, away from the target that it is compared with.
            return albumentations.MotionBlur(
                blur_limit=config.length_px, allow_shifted=False, direction_range=(0, 0), p=config.p
            )
        case augment.ColorJitterConfig():
            return albumentations.ColorJitter(
                config.brightness, config.contrast, config.saturation, config.hue, p=config.p
            )
        case augment.DownscaleConfig():
            # Averaging and then bilinear, as cameras and messengers do it; the default is nearest neighbours.
            interpolation = {"downscale": cv2.INTER_AREA, "upscale": cv2.INTER_LINEAR}
            return albumentations.Downscale(scale_range=config.scale, interpolation_pair=interpolation, p=config.p)
