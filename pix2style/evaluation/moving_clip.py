"""A rendered clip with known motion: objects cut out of photos move over a background that moves, too."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pix2style.errors import DataError
from pix2style.images import Image8, resize
from pix2style.steady.resample import shift_image

Point = tuple[float, float]
Mask = NDArray[np.bool_]

_BACKGROUND = 0
_EDGE_PX = 3.0  # pixels so near to an object's outline belong to no layer
_BORDER_PX = 24  # pixels so near to the frame's border are left out: they depend on what is not in the frame
_OBJECT_SHARE = 0.17  # radius of an object in shares of the frame's height
# Room that the background's path needs beside the frame: down, to the right.
_ROOM_PX = (64, 96)
_MIN_SIDE_PX = 120
MAX_SIDE_PX = 448


@dataclass(frozen=True, slots=True)
class MovingClip:
    """Frames, and where everything in them is.

    Attributes:
        frames: uint8 [height, width, 3] each, all of one size.
        background: How far the background has moved since the first frame, for each frame: down, to the right.
        centres: For each object the centre of its disc in each frame: row, column.
        radius: Radius of the objects in pixels.
    """

    frames: list[Image8]
    background: list[Point]
    centres: list[list[Point]]
    radius: float

    def layers(self, frame: int) -> Iterator[tuple[Point, Mask]]:
        """Yield, for each layer, its motion since the frame before, and which of its pixels were visible there, too.

        Args:
            frame: Number of the frame, from 1.
        """
        paths = [self.background, *self.centres]
        for layer, path in enumerate(paths):
            motion = (path[frame][0] - path[frame - 1][0], path[frame][1] - path[frame - 1][1])
            visible = self._visible(layer, frame, (0.0, 0.0)) & self._visible(layer, frame - 1, motion)
            yield motion, visible

    def _visible(self, layer: int, frame: int, shift: Point) -> Mask:
        """Return the pixels at which a layer is visible in a frame whose content is moved by `shift`."""
        height, width = self.frames[0].shape[:2]
        rows, columns = np.arange(height)[:, None] - shift[0], np.arange(width) - shift[1]
        border_rows = (rows >= _BORDER_PX) & (rows < height - _BORDER_PX)
        visible: Mask = border_rows & (columns >= _BORDER_PX) & (columns < width - _BORDER_PX)
        for number, path in enumerate(self.centres, start=1):
            distance = np.hypot(rows - path[frame][0], columns - path[frame][1])
            if number == layer:
                visible &= distance < self.radius - _EDGE_PX
            elif number > layer:  # later objects lie above earlier ones
                visible &= distance > self.radius + _EDGE_PX
        return visible


def render_moving_clip(photos: Sequence[Image8], *, frames: int = 24, max_side_px: int = MAX_SIDE_PX) -> MovingClip:
    """Render a clip from photos.

    The first photo is the background: the camera moves over it at a changing speed of up to three pixels a frame, by
    parts of pixels. Discs with the content of the other photos (of the first, if there are no others) move over it on
    their own paths. All positions are known exactly; pixels between samples are computed with a windowed sinc.

    Args:
        photos: uint8 [height, width, 3] each.
        frames: Number of frames.
        max_side_px: The background is reduced to this longer side.

    Raises:
        DataError: The first photo is too small.
    """
    scene = _reduced(photos[0], max_side_px)
    # Even numbers, as most codecs want them.
    height, width = ((side - room) // 2 * 2 for side, room in zip(scene.shape, _ROOM_PX, strict=False))
    if not fits_a_clip(photos[0], max_side_px):
        raise DataError(
            f"a photo of {photos[0].shape[1]}x{photos[0].shape[0]} pixels is too small for a moving clip: give photos"
            f" of at least {_MIN_SIDE_PX + _ROOM_PX[1]}x{_MIN_SIDE_PX + _ROOM_PX[0]} pixels"
        )
    radius = _OBJECT_SHARE * height
    background = [_camera(frame / max(frames - 1, 1)) for frame in range(frames)]
    textures = [_reduced(photo, max_side_px) for photo in (photos[1:3] or photos[:1])]
    centres = [
        [_object_centre(number, frame, (height, width)) for frame in range(frames)] for number in range(len(textures))
    ]
    clip = MovingClip([], background, centres, radius)
    for frame in range(frames):
        image = shift_image(scene, background[frame])[:height, :width]
        for texture, path in zip(textures, centres, strict=True):
            image = _draw_disc(image, texture, path[frame], radius)
        clip.frames.append(np.clip(np.rint(image), 0, 255).astype(np.uint8))
    return clip


def fits_a_clip(photo: Image8, max_side_px: int = MAX_SIDE_PX) -> bool:
    """Whether a photo is large enough to be the background of a clip."""
    height, width = _reduced_size(photo, max_side_px)
    return min(height - _ROOM_PX[0], width - _ROOM_PX[1]) >= _MIN_SIDE_PX


def _camera(time: float) -> Point:
    """Return how far the background has moved at a time from 0 to 1: it ends 60 px above and 90 px to the left."""
    return -60 * time + 1.5 * math.sin(9 * time), -80 * time - 9 * math.sin(5 * time) ** 2


def _object_centre(number: int, frame: int, size: tuple[int, int]) -> Point:
    """Return the centre of an object: objects cross the frame in opposite directions, one or two pixels a frame."""
    height, width = size
    direction = 1 if number % 2 else -1
    column = width * (0.5 + 0.22 * -direction) + direction * 1.37 * frame
    row = height * (0.35 + 0.3 * (number % 2)) + direction * 0.61 * frame + 2 * math.sin(0.4 * frame)
    return row, column


def _draw_disc(image: NDArray[np.float32], texture: Image8, centre: Point, radius: float) -> NDArray[np.float32]:
    """Draw a disc whose middle shows the middle of the texture, with an edge of one pixel."""
    height, width = image.shape[:2]
    half = math.ceil(radius) + 2
    middle = texture.shape[0] // 2, texture.shape[1] // 2
    corner = math.floor(centre[0]) - half, math.floor(centre[1]) - half
    fraction = centre[0] - math.floor(centre[0]), centre[1] - math.floor(centre[1])
    cut = np.pad(texture, ((half, half), (half, half), (0, 0)), mode="edge")
    cut = cut[middle[0] : middle[0] + 2 * half + 1, middle[1] : middle[1] + 2 * half + 1]
    moved = shift_image(cut, fraction)
    rows, columns = (np.arange(2 * half + 1) - half - part for part in fraction)
    opacity = np.clip(radius + 0.5 - np.hypot(rows[:, None], columns), 0, 1).astype(np.float32)[..., None]
    top, left = max(corner[0], 0), max(corner[1], 0)
    bottom, right = min(corner[0] + 2 * half + 1, height), min(corner[1] + 2 * half + 1, width)
    if top >= bottom or left >= right:
        return image
    inside = np.s_[top - corner[0] : bottom - corner[0], left - corner[1] : right - corner[1]]
    area = image[top:bottom, left:right]
    image[top:bottom, left:right] = area + opacity[inside] * (moved[inside] - area)
    return image


def _reduced(photo: Image8, max_side_px: int) -> Image8:
    size = _reduced_size(photo, max_side_px)
    return photo if size == photo.shape[:2] else resize(photo, *size)


def _reduced_size(photo: Image8, max_side_px: int) -> tuple[int, int]:
    scale = min(1.0, max_side_px / max(photo.shape[:2]))
    height, width = (max(1, round(size * scale)) for size in photo.shape[:2])
    return height, width
