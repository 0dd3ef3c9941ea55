"""The interface of everything that stylizes images: teachers, checkpoints and exported filters.

Making pairs, applying filters and evaluating them share code because they all take a `Stylizer`.
`pix2style.load_stylizer` (in `pix2style.loading`) loads one from a name, a run folder or a file.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path
from types import MappingProxyType
from typing import overload

from pix2style.images import (
    Image8,
    Picture,
    PillowImage,
    as_array,
    as_picture,
    as_pillow,
    is_pillow,
    stylized_in,
    to_srgb,
)
from pix2style.light_dataclass import dataclass

Setting = str | int | float | bool
NO_SETTINGS: Mapping[str, Setting] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class StylizerIdentity:
    """Identity of a stylizer, which is recorded in manifests, filters and reports.

    Attributes:
        name: Name for people, for example `watercolor` or `magenta:style08.jpg`.
        sha256: Digest of the weights, or of the algorithm's version and settings if there are no weights.
        style_sha256: Digests of the style images' files, in order; empty if there are none.
        licence: Licence of the weights and the code.
        settings: All settings that change the result.
    """

    name: str
    sha256: str
    style_sha256: tuple[str, ...] = ()
    licence: str = ""
    settings: Mapping[str, Setting] = field(default_factory=lambda: NO_SETTINGS)


class Stylizer(ABC):
    """Turns images into stylized images of the same sizes."""

    @property
    @abstractmethod
    def identity(self) -> StylizerIdentity:
        """Name, digests, licence and settings of this stylizer."""

    @property
    def description(self) -> str:
        """What stylizes, on one line for people, where the name does not say it; else empty."""
        return ""

    @property
    def strength(self) -> float:
        """Share of the style in the outputs, from 0 (the image itself) to 1."""
        return 1.0

    @property
    def grid_px(self) -> int:
        """Distance in pixels of the grid on which strokes hang; 1 if there is no grid, or it is not known.

        A photo that is shifted by a multiple of it gives the shifted result.
        """
        return 1

    @property
    def takes_glimpse(self) -> bool:
        """Whether `stylize_with_glimpse` makes use of the glimpse."""
        return False

    @abstractmethod
    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        """Stylize images of any sizes.

        Args:
            images: uint8 arrays [height, width, 3], RGB.

        Returns:
            One uint8 array [height, width, 3] per image, of the image's size.
        """

    def stylize_with_glimpse(self, image: Image8, glimpse: Image8 | None) -> Image8:
        """Stylize an image with a given global context, for example that of another frame of the same scene.

        Args:
            image: uint8 [height, width, 3].
            glimpse: Small patches of the whole photo (see `images.glimpse`); None for those of the image. Without
                effect if `takes_glimpse` is False.
        """
        del glimpse
        [stylized] = self.stylize([image])
        return stylized

    def for_source(self, path: Path) -> Stylizer:  # noqa: ARG002 - of use to stylizers with a mask for each file
        """Return the stylizer for the photo or clip in a file: this one, unless it treats files differently.

        Raises:
            DataError: It cannot stylize this file. The message says why.
        """
        return self

    @property
    def max_frames_at_once(self) -> int:
        """How many threads may call it at the same time, each with a frame of a clip; 1 unless a stylizer says more."""
        return 1

    def copy_for_clips(self, frames_at_once: int = 1) -> Stylizer:  # noqa: ARG002 - of use to stylizers with threads
        """Return a stylizer for the frames of a clip, whose changes do not change this one; this one if none can.

        Args:
            frames_at_once: Number of threads that call it at the same time, each with a frame. At most
                `max_frames_at_once`.
        """
        return self

    def stylize_picture(self, picture: Picture) -> Picture:
        """Stylize a picture in sRGB, which networks are trained on, and return it in the colour space of the picture.

        Transparency stays as it is. At strength 0 the pixels of the picture come back exactly.
        """
        in_srgb = to_srgb(picture.rgb, picture.icc_profile)
        [stylized] = self.stylize([in_srgb])
        rgb = stylized_in(picture.icc_profile, picture.rgb, stylized, self.strength, in_srgb=in_srgb)
        return replace(picture, rgb=rgb)

    @overload
    def __call__(self, image: Image8) -> Image8: ...
    @overload
    def __call__(self, image: PillowImage) -> PillowImage: ...
    @overload
    def __call__(self, image: Sequence[Image8]) -> list[Image8]: ...
    @overload
    def __call__(self, image: Sequence[PillowImage]) -> list[PillowImage]: ...

    def __call__(
        self, image: Image8 | PillowImage | Sequence[Image8] | Sequence[PillowImage]
    ) -> Image8 | PillowImage | list[Image8] | list[PillowImage]:
        """Stylize one image or a list of images. Arrays give arrays, and Pillow images give Pillow images.

        Args:
            image: uint8 array [height, width, 3] in RGB, or a Pillow image of any mode, or a list of either.

        Raises:
            TypeError, ValueError: If it is not an image. The message says what was given and what is expected.
        """
        if not isinstance(image, list | tuple):
            return self._stylize_given(image)
        if any(is_pillow(item) for item in image):
            return [self._stylize_given(item) for item in image]  # type: ignore[return-value]
        return self.stylize([as_array(item) for item in image]) if image else []

    def _stylize_given(self, image: object) -> Image8 | PillowImage:
        """Stylize one image of a caller, and return it as an image of the same type."""
        if is_pillow(image):
            return as_pillow(self.stylize_picture(as_picture(image)))
        [output] = self.stylize([as_array(image)])
        return output
