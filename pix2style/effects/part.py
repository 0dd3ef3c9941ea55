"""Compute only a part of a stylized photo, with the same result there as for the whole photo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pix2style.effects.blend import Blend
from pix2style.effects.effect import Effect, PixelEffect
from pix2style.images import Image8
from pix2style.images.glimpse import glimpse
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.stylizer import Setting, Stylizer

Box = tuple[slice, slice]
# A part of nearly the whole photo would save nothing.
_LARGEST_SHARE = 0.9


def box_of(shares: Image8) -> Box | None:
    """Return the smallest box, as slices of rows and columns, with all pixels that are not 0; None if all are."""
    rows, columns = (np.flatnonzero(shares.any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return None
    return np.s_[int(rows[0]) : int(rows[-1]) + 1, int(columns[0]) : int(columns[-1]) + 1]


def only_part(stylizer: Stylizer, box: Box | None) -> Stylizer:
    """Return a stylizer whose outputs are those of another one inside of a box, and may be anything elsewhere.

    Filters that give the same in tiles compute only the box and the pixels around it on which it depends. Others
    compute the whole photo.

    Args:
        stylizer: The stylizer.
        box: Rows and columns of the part; None for no part, so that nothing is computed.
    """
    if box is None:
        return _Part(stylizer, None)
    if isinstance(stylizer, PixelEffect):
        return stylizer.around(only_part(stylizer.inner, box))
    if isinstance(stylizer, Blend):
        return stylizer.of([only_part(part, box) for part, _ in stylizer.parts])
    return _Part(stylizer, box) if isinstance(stylizer, OnnxStylizer) and stylizer.can_tile else stylizer


class _Part(Effect):
    """A filter file, of whose outputs only the pixels inside of a box are needed."""

    def __init__(self, inner: Stylizer, box: Box | None) -> None:
        super().__init__(inner)
        self._box = box

    @property
    def settings(self) -> Mapping[str, Setting]:
        """None: what is needed of the outputs stays the same."""
        return {}

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        """See `Stylizer.stylize`."""
        return [self._stylize_box(image) for image in images]

    def _stylize_box(self, image: Image8) -> Image8:
        if self._box is None:
            return image
        surroundings = self._surroundings(image)
        part = np.ascontiguousarray(image[surroundings])
        if part.size > _LARGEST_SHARE * image.size:
            [whole] = self.inner.stylize([image])
            return whole
        context = glimpse(image) if self.inner.takes_glimpse else None
        output = image.copy()
        output[surroundings] = self.inner.stylize_with_glimpse(part, context)
        return output

    def _surroundings(self, image: Image8) -> Box:
        """Return the box with a margin, such that the filter's grid lies on it as on the whole photo (`split_axis`)."""
        if not isinstance(self.inner, OnnxStylizer) or self._box is None:
            return np.s_[:, :]
        margin, multiple = self.inner.spec.receptive_field_px, self.inner.spec.size_multiple
        rows, columns = (
            slice(max(0, (span.start - margin) // multiple * multiple), min(size, span.stop + margin))
            for span, size in zip(self._box, image.shape, strict=False)
        )
        return rows, columns
