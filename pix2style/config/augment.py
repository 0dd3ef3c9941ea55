"""The section `train.augment`: how pairs are cropped, mirrored and degraded before the networks see them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field, model_validator

from pix2style.config.section import Section

_Number = TypeVar("_Number", int, float)
_LEGACY_KEY = "color_jitter"


def _check_order(value: tuple[_Number, _Number]) -> tuple[_Number, _Number]:
    if value[0] > value[1]:
        raise ValueError("the first number of the range is larger than the second: exchange them")
    return value


def _check_odd(value: int) -> int:
    if value % 2 == 0:
        raise ValueError("must be an odd number")
    return value


_Ordered = AfterValidator(_check_order)
_Share = Annotated[float, Field(ge=0, le=1)]
_Factor = Annotated[float, Field(ge=0, le=4)]
_HueShift = Annotated[float, Field(ge=-0.5, le=0.5)]
_Quality = Annotated[int, Field(ge=1, le=100)]
_NoiseScale = Annotated[float, Field(gt=0, le=1)]
_Sigma = Annotated[float, Field(gt=0, le=32)]
_Length = Annotated[int, Field(ge=3, le=99), AfterValidator(_check_odd)]
_Scale = Annotated[float, Field(ge=0.1, le=1)]


class PhotoTransform(Section):
    """A random change of the photo; each range holds the smallest and the largest value that is drawn."""

    p: float = Field(0.5, ge=0, le=1)
    """Probability that the transform is applied to a photo."""


class GaussianNoiseConfig(PhotoTransform):
    """Independent Gaussian noise in each pixel and channel (albumentations' GaussNoise)."""

    name: Literal["gaussian_noise"]
    """Selects this transform."""
    std: Annotated[tuple[_Share, _Share], _Ordered] = (0.01, 0.06)
    """Range of the standard deviation, where 1 is the whole range from black to white."""


class ShotNoiseConfig(PhotoTransform):
    """Noise of a camera sensor in little light: the counted photons vary (albumentations' ShotNoise)."""

    name: Literal["shot_noise"]
    """Selects this transform."""
    scale: Annotated[tuple[_NoiseScale, _NoiseScale], _Ordered] = (0.0005, 0.01)
    """Range of the reciprocal of the number of photons in a white pixel: 0.01 is 100 photons, a very dark scene."""


class JpegConfig(PhotoTransform):
    """JPEG compression and decompression (albumentations' ImageCompression)."""

    name: Literal["jpeg"]
    """Selects this transform."""
    quality: Annotated[tuple[_Quality, _Quality], _Ordered] = (30, 90)
    """Range of the JPEG quality: 1 is the worst, 100 the best."""


class GaussianBlurConfig(PhotoTransform):
    """Blur of a photo that is out of focus (albumentations' GaussianBlur)."""

    name: Literal["gaussian_blur"]
    """Selects this transform."""
    sigma: Annotated[tuple[_Sigma, _Sigma], _Ordered] = (0.3, 1.5)
    """Range of the Gaussian's standard deviation in pixels."""


class MotionBlurConfig(PhotoTransform):
    """Blur of a shaken camera, in a random direction (albumentations' MotionBlur)."""

    name: Literal["motion_blur"]
    """Selects this transform."""
    length_px: Annotated[tuple[_Length, _Length], _Ordered] = (3, 9)
    """Range of the side of the blur's kernel in pixels; odd numbers."""


class ColorJitterConfig(PhotoTransform):
    """Other brightness, contrast, saturation and hue, in random order (albumentations' ColorJitter)."""

    name: Literal["color_jitter"]
    """Selects this transform."""
    brightness: Annotated[tuple[_Factor, _Factor], _Ordered] = (0.8, 1.2)
    """Range of the factor for the brightness: 1 leaves it as it is."""
    contrast: Annotated[tuple[_Factor, _Factor], _Ordered] = (0.8, 1.2)
    """Range of the factor for the contrast: 1 leaves it as it is."""
    saturation: Annotated[tuple[_Factor, _Factor], _Ordered] = (0.8, 1.2)
    """Range of the factor for the saturation: 1 leaves it as it is, 0 gives a grey photo."""
    hue: Annotated[tuple[_HueShift, _HueShift], _Ordered] = (0.0, 0.0)
    """Range of the shift of the hue, where 0.5 is half a turn of the colour wheel."""


class DownscaleConfig(PhotoTransform):
    """Lost resolution: the photo is made smaller and larger again (albumentations' Downscale)."""

    name: Literal["downscale"]
    """Selects this transform."""
    scale: Annotated[tuple[_Scale, _Scale], _Ordered] = (0.5, 0.9)
    """Range of the smaller photo's side as a share of the side of the photo."""


PhotoTransformConfig = Annotated[
    GaussianNoiseConfig
    | ShotNoiseConfig
    | JpegConfig
    | GaussianBlurConfig
    | MotionBlurConfig
    | ColorJitterConfig
    | DownscaleConfig,
    Field(discriminator="name"),
]


class AugmentConfig(Section):
    """Random changes of training pairs: geometry changes photo and target together, `photo` the photo alone."""

    resize: int | None = Field(None, ge=32, le=4096)
    """Side in pixels that pairs are resampled to, as squares, before they are cropped (the 2017 recipe: 286). null:
    pairs keep their size."""
    crop: int | None = Field(256, ge=32, le=4096)
    """Side in pixels of the random crop that is taken from a pair each time it is used. null: the whole pair, which
    networks with `norm: instance` need, because their statistics are those of the whole photo. Pairs of different
    sizes cannot share a micro-batch: set `train.batch` and `train.accumulate` to the same number then."""
    align_px: int = Field(4, ge=1, le=64)
    """Grid in pixels of the stored pair at which crops begin; 1: anywhere. A teacher that halves the resolution of its
    feature maps twice, as Magenta's does, places its strokes on a grid of 4 pixels. A crop off that grid would ask the
    generator for strokes between the grid's cells."""
    flip: bool = False
    """Mirror half of the crops left to right. Use it only with a teacher that turns a mirrored photo into the mirrored
    target. Neural teachers do not, and no generator can learn strokes in both directions from the same photo; use
    `pairs.variants`, with which the teacher stylizes mirrored photos."""
    photo: tuple[PhotoTransformConfig, ...] = ()
    """Transforms that degrade the photo, and never the target, so that the generator learns to stylize bad photos as
    if they were good ones. They are applied in this order, each with its probability `p`. Each entry has a `name`:
    gaussian_noise, shot_noise, jpeg, gaussian_blur, motion_blur, color_jitter or downscale. Validation uses photos as
    they are. Example: `[{name: jpeg, p: 0.5, quality: [30, 90]}]`."""
    discriminator: tuple[Literal["color", "translation", "cutout"], ...] = ()
    """Augmentation of everything that the discriminator sees, targets and outputs alike (DiffAugment, Zhao et al.
    2020). It helps with fewer than about a thousand pairs."""

    @model_validator(mode="before")
    @classmethod
    def _convert_legacy_color_jitter(cls, value: Any) -> Any:
        """Read `color_jitter`, a key of configurations and run folders of version 0.1, as an entry of `photo`."""
        if not isinstance(value, dict) or _LEGACY_KEY not in value:
            return value
        keys = {key: item for key, item in value.items() if key != _LEGACY_KEY}
        jitter = value[_LEGACY_KEY]
        if isinstance(jitter, bool) or not isinstance(jitter, int | float) or not 0 <= jitter <= 1:
            raise ValueError(f"{_LEGACY_KEY} must be a number from 0 to 1: leave it out, and use photo instead")
        if jitter > 0:
            factor = (1 - jitter, 1 + jitter)
            entry = {"name": "color_jitter", "p": 1.0, "brightness": factor, "contrast": factor, "saturation": factor}
            keys["photo"] = (*keys.get("photo", ()), entry)
        return keys
