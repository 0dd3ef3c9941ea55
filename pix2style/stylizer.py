"""The one interface of everything that turns a picture into a styled picture.

Teachers, checkpoints and exported filters are all `Stylizer`s, so making pairs, running and comparing share code.
`pix2style.load_stylizer` (in `pix2style.loading`) turns a name, a run folder or a file into one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import overload

from pix2style.images import Image8, PillowImage, as_array, as_pillow, is_pillow

Setting = str | int | float | bool
NO_SETTINGS: Mapping[str, Setting] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class StylizerIdentity:
    """What made a picture: goes into manifests, filters and reports.

    Attributes:
        name: for people, for example `watercolor` or `magenta:style08.jpg`.
        sha256: digest of the weights; of the algorithm's version and settings where there are none.
        style_sha256: digests of the style pictures' files, in order; empty if there are none.
        licence: of the weights and the code that painted.
        settings: whatever changes the result.
    """

    name: str
    sha256: str
    style_sha256: tuple[str, ...] = ()
    licence: str = ""
    settings: Mapping[str, Setting] = field(default_factory=lambda: NO_SETTINGS)


class Stylizer(ABC):
    """A picture in, the same picture in another style out, of the same size."""

    @property
    @abstractmethod
    def identity(self) -> StylizerIdentity:
        """What this stylizer is, exactly."""

    @abstractmethod
    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        """Stylize pictures of any sizes.

        Args:
            images: uint8 arrays [height, width, 3], RGB.

        Returns:
            As many uint8 arrays, each of its input's height and width.
        """

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
        """Stylize one picture or a list of them; arrays give arrays, Pillow images give Pillow images.

        Args:
            image: uint8 array [height, width, 3] in RGB, or a Pillow image of any mode, or a list of either.

        Raises:
            TypeError, ValueError: not a picture, with what was given and what is wanted.
        """
        if isinstance(image, list | tuple):
            styled = self.stylize([as_array(one) for one in image]) if image else []
            return [_in_kind_of(one, out) for one, out in zip(image, styled, strict=True)]  # type: ignore[return-value]
        [out] = self.stylize([as_array(image)])
        return _in_kind_of(image, out)


def _in_kind_of(given: object, styled: Image8) -> Image8 | PillowImage:
    return as_pillow(styled, like=given) if is_pillow(given) else styled
