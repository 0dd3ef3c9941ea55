"""Stylize photos in another size, so that strokes have the size that a person wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pix2style.effects.effect import Effect
from pix2style.effects.stroke_detail import enlarge_with_detail
from pix2style.errors import ConfigError, DataError
from pix2style.images import MAX_PIXELS, Image8, resize
from pix2style.stylizer import Setting, Stylizer

MIN_STROKE, MAX_STROKE = 0.5, 4.0
MIN_LOOK_PX = 64
_PIXELS_PER_STRIP = 100_000


class StrokeSize(Effect):
    """Stylizes each photo in another size, and returns it in its own size.

    A photo is shrunk, stylized, and enlarged with its own detail (see `stroke_detail`); or, for strokes that are
    smaller than in the plain way, it is enlarged, stylized and shrunk.

    Args:
        inner: What stylizes. Effects that have to do with the photo's own pixels, such as its colours or a mask, belong
            around this one.
        stroke: Size of the strokes relative to the plain way, from 0.5 to 4; None for 1.
        look_px: Longer side in pixels of the version whose strokes a photo gets; None for the photo's own size. Smaller
            photos are not enlarged. `stroke` multiplies the strokes of that version.
        threads: Number of threads that enlarge; see `stroke_detail.enlarge_with_detail`.

    Raises:
        ConfigError: A value is out of its range.
    """

    def __init__(
        self,
        inner: Stylizer,
        *,
        stroke: float | None = None,
        look_px: int | None = None,
        threads: int | None = None,
    ) -> None:
        super().__init__(inner)
        self._threads = threads
        # Written so that they refuse NaN and what is no number as well.
        if stroke is not None and not (_is_number(stroke) and MIN_STROKE <= stroke <= MAX_STROKE):
            raise ConfigError(
                f"stroke is {stroke!r}: give a number from {MIN_STROKE:g} (strokes half as large as in the plain way)"
                f" to {MAX_STROKE:g} (four times as large)"
            )
        if look_px is not None and not (_is_number(look_px) and float(look_px).is_integer() and look_px >= MIN_LOOK_PX):
            raise ConfigError(
                f"look is {look_px!r}: give the longer side, in pixels, of the version whose strokes the photo gets, at"
                f" least {MIN_LOOK_PX}, for example 1024"
            )
        self._stroke = 1.0 if stroke is None else float(stroke)
        self._look_px = None if look_px is None else int(look_px)

    @property
    def settings(self) -> Mapping[str, Setting]:
        """Stroke and look, as far as they change anything."""
        stroke: dict[str, Setting] = {} if self._stroke == 1 else {"stroke": self._stroke}
        return stroke if self._look_px is None else {**stroke, "look": self._look_px}

    @property
    def grid_px(self) -> int:
        """1: the distance of grid lines in a photo depends on the photo's size, and is rarely a whole number."""
        return 1

    @property
    def takes_glimpse(self) -> bool:
        """False: a glimpse of the photo is none of its version. Clips are stylized by `version` and `finish`."""
        return False

    def size_of_version(self, height: int, width: int) -> tuple[int, int]:
        """Return height and width in which a photo of `height` x `width` pixels is stylized."""
        longer = max(height, width)
        scale = min(self._look_px or longer, longer) / longer / self._stroke
        return max(1, round(height * scale)), max(1, round(width * scale))

    def version(self, photo: Image8) -> Image8:
        """Return a photo in the size in which it is stylized.

        Raises:
            DataError: It would be too large.
        """
        height, width = self.size_of_version(*photo.shape[:2])
        if height * width > max(MAX_PIXELS, photo.shape[0] * photo.shape[1]):
            raise DataError(
                f"at stroke {self._stroke:g} it would be stylized in {width}x{height} pixels, which are more than"
                f" {MAX_PIXELS:,}: give a larger stroke, or make the photo smaller"
            )
        return resize(photo, height, width)

    def finish(self, photo: Image8, version: Image8, stylized: Image8) -> Image8:
        """Return what the inner stylizer made of the `version` of a photo in the size of the photo.

        Args:
            photo: uint8 [height, width, 3].
            version: `version(photo)`.
            stylized: What the inner stylizer made of it.
        """
        if version.shape == photo.shape:
            return stylized
        if version.shape[0] <= photo.shape[0] and version.shape[1] <= photo.shape[1]:
            return enlarge_with_detail(photo, version, stylized, self.strength, threads=self._threads)
        shrunk = resize(stylized, *photo.shape[:2])
        return shrunk if self.strength == 1 else self._with_lost_share(photo, version, shrunk)

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        """See `Stylizer.stylize`; raises what the inner stylizer raises."""
        versions = [self.version(image) for image in images]
        stylized = self.inner.stylize(versions)
        return [self.finish(*parts) for parts in zip(images, versions, stylized, strict=True)]

    def _with_lost_share(self, photo: Image8, version: Image8, shrunk: Image8) -> Image8:
        """Add to a result what enlarging and shrinking has changed in the photo's share of it."""
        result, there_and_back = np.empty_like(shrunk), resize(version, *photo.shape[:2])
        rows = max(1, _PIXELS_PER_STRIP // photo.shape[1])
        for top in range(0, photo.shape[0], rows):
            strip = np.s_[top : top + rows]
            lost = photo[strip].astype(np.float32) - there_and_back[strip]
            result[strip] = np.clip(np.rint(shrunk[strip] + np.float32(1 - self.strength) * lost), 0, 255)
        return result


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
