"""The filter as one function, and as a teacher."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import numpy as np

from pix2style.images import Image8, as_array
from pix2style.stylizer import Setting, Stylizer, StylizerIdentity
from pix2style.teachers.watercolor.abstraction import Shapes, find_shapes, pixel_grid, read_at
from pix2style.teachers.watercolor.palette import expose, mix_paint, texture_lost
from pix2style.teachers.watercolor.paper import Sheet, make_sheet
from pix2style.teachers.watercolor.pigment import (
    apply_density,
    light_paper,
    pencil_transmission,
    pigment_density,
)
from pix2style.teachers.watercolor.settings import ALGORITHM_VERSION, WatercolorSettings

DEFAULT_SETTINGS = WatercolorSettings()
# cv2.remap counts pixels in signed 16 bits.
MAX_SIDE_PX = 32766


def watercolor(image: Image8, *, seed: int = 0, settings: WatercolorSettings = DEFAULT_SETTINGS) -> Image8:
    """Paint a photo in watercolour.

    The same photo, seed and settings give the same bytes on the same machine, whatever the number of threads.

    Args:
        image: uint8 [height, width, 3], RGB, any size from 1 x 1 to 32766 a side, contiguous or not.
        seed: of the paper's grain and the hand's wobble.
        settings: how to paint.

    Returns:
        uint8 [height, width, 3], RGB, a new array.

    Raises:
        TypeError: not an array, or not of bytes.
        ValueError: an array of another shape, or too large a side.
    """
    image = _checked(image)
    sheet = make_sheet(seed).cut(*image.shape[:2])
    photo = expose(np.ascontiguousarray(image, np.float32) / np.float32(255), settings.brush_radius_px)
    shapes = find_shapes(photo, settings.brush_radius_px)
    texture = texture_lost(photo, shapes, settings.brush_radius_px)
    shapes = _wobble(shapes, sheet, settings.wobble_px)
    paint = mix_paint(shapes, texture, sheet, settings)
    paint = apply_density(paint, pigment_density(paint, texture, sheet, settings))
    paint = light_paper(paint * pencil_transmission(shapes, settings), sheet, settings.paper)
    return np.rint(np.clip(paint, 0, 1) * 255).astype(np.uint8)


class WatercolorTeacher(Stylizer):
    """The watercolour filter as a stylizer: deterministic, offline, no weights.

    Args:
        settings: how to paint.
        seed: of the paper's grain and the hand's wobble.
    """

    def __init__(self, settings: WatercolorSettings = DEFAULT_SETTINGS, *, seed: int = 0) -> None:
        self._settings = settings
        self._seed = seed

    @property
    def identity(self) -> StylizerIdentity:
        """Name, and a digest of the algorithm's version, the settings and the seed."""
        settings: dict[str, Setting] = {**self._settings.as_dict(), "seed": self._seed}
        text = json.dumps({"algorithm": "watercolor", "version": ALGORITHM_VERSION, **settings}, sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()
        return StylizerIdentity(name="watercolor", sha256=digest, licence="Apache-2.0", settings=settings)

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        """Paint each picture; see `watercolor`."""
        return [watercolor(image, seed=self._seed, settings=self._settings) for image in images]


def _checked(image: Image8) -> Image8:
    image = as_array(image)
    height, width = image.shape[:2]
    if min(height, width) < 1 or max(height, width) > MAX_SIDE_PX:
        raise ValueError(f"a side must be from 1 to {MAX_SIDE_PX} px; got {width} x {height}")
    return image


def _wobble(shapes: Shapes, sheet: Sheet, wobble_px: float) -> Shapes:
    """Bend contours as a hand does that errs by `wobble_px`.

    Shapes are bent and not the photo: which sector a Kuwahara filter prefers in texture is close to chance, so bending
    its input would change the painting by noise that no network can foresee.
    """
    columns, rows = pixel_grid(*shapes.fine.shape[:2])
    x = columns + np.float32(wobble_px) * sheet.wobble_x
    y = rows + np.float32(wobble_px) * sheet.wobble_y
    return Shapes(read_at(shapes.sketch, x, y), read_at(shapes.fine, x, y), read_at(shapes.broad, x, y))
