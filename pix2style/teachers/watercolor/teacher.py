"""The watercolour filter as one function, and as a teacher."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import numpy as np

from pix2style.images import Image8, as_array
from pix2style.stylizer import Setting, Stylizer, StylizerIdentity
from pix2style.teachers.watercolor.abstraction import Shapes, find_shapes, pixel_grid, sample_at
from pix2style.teachers.watercolor.palette import expose, lost_texture, mix_paint
from pix2style.teachers.watercolor.paper import Sheet, make_sheet
from pix2style.teachers.watercolor.pigment import (
    apply_density,
    light_paper,
    pencil_transmission,
    pigment_density,
)
from pix2style.teachers.watercolor.settings import ALGORITHM_VERSION, WatercolorSettings

DEFAULT_SETTINGS = WatercolorSettings()
# cv2.remap stores positions in signed 16-bit integers.
MAX_SIDE_PX = 32766


def watercolor(image: Image8, *, seed: int = 0, settings: WatercolorSettings = DEFAULT_SETTINGS) -> Image8:
    """Stylize a photo as a watercolour painting.

    The same photo, seed and settings give the same bytes on the same machine, with any number of threads.

    Args:
        image: uint8 [height, width, 3], RGB, with sides from 1 to 32766 px; it need not be contiguous.
        seed: Seed of the paper's grain and the hand's wobble.
        settings: Settings of the filter.

    Returns:
        uint8 [height, width, 3], RGB, a new array.

    Raises:
        TypeError: If the image is not a uint8 array.
        ValueError: If it has another shape, or too large a side.
    """
    image = _check_image(image)
    sheet = make_sheet(seed).cut(*image.shape[:2])
    photo = expose(np.ascontiguousarray(image, np.float32) / np.float32(255), settings.brush_radius_px)
    shapes = find_shapes(photo, settings.brush_radius_px)
    texture = lost_texture(photo, shapes, settings.brush_radius_px)
    shapes = _wobble(shapes, sheet, settings.wobble_px)
    paint = mix_paint(shapes, texture, sheet, settings)
    paint = apply_density(paint, pigment_density(paint, texture, sheet, settings))
    paint = light_paper(paint * pencil_transmission(shapes, settings), sheet, settings.paper)
    return np.rint(np.clip(paint, 0, 1) * 255).astype(np.uint8)


class WatercolorTeacher(Stylizer):
    """The watercolour filter as a stylizer: deterministic, offline, no weights.

    Args:
        settings: Settings of the filter.
        seed: Seed of the paper's grain and the hand's wobble.
    """

    def __init__(self, settings: WatercolorSettings = DEFAULT_SETTINGS, *, seed: int = 0) -> None:
        self._settings = settings
        self._seed = seed

    @property
    def identity(self) -> StylizerIdentity:
        """Name, and digest of the algorithm's version, the settings and the seed."""
        settings: dict[str, Setting] = {**self._settings.as_dict(), "seed": self._seed}
        text = json.dumps({"algorithm": "watercolor", "version": ALGORITHM_VERSION, **settings}, sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()
        return StylizerIdentity(name="watercolor", sha256=digest, licence="Apache-2.0", settings=settings)

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        """Stylize each image; see `watercolor`."""
        return [watercolor(image, seed=self._seed, settings=self._settings) for image in images]


def _check_image(image: Image8) -> Image8:
    image = as_array(image)
    height, width = image.shape[:2]
    if min(height, width) < 1 or max(height, width) > MAX_SIDE_PX:
        raise ValueError(f"a side must be from 1 to {MAX_SIDE_PX} px; got {width} x {height}")
    return image


def _wobble(shapes: Shapes, sheet: Sheet, wobble_px: float) -> Shapes:
    """Displace contours as a hand does that misses them by `wobble_px`.

    The shapes are displaced and not the photo. In texture, small changes decide which sector a Kuwahara filter takes,
    so a displacement of its input would change the result by noise that no network could predict.
    """
    columns, rows = pixel_grid(*shapes.fine.shape[:2])
    x = columns + np.float32(wobble_px) * sheet.wobble_x
    y = rows + np.float32(wobble_px) * sheet.wobble_y
    return Shapes(sample_at(shapes.sketch, x, y), sample_at(shapes.fine, x, y), sample_at(shapes.broad, x, y))
