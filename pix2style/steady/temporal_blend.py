"""Blend each stylized frame with the one before, wherever the photo itself did not change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from pix2style.images import Image8
from pix2style.steady.block_motion import BlockMotion, find_block_motion, move_blocks

State = Mapping[str, NDArray[np.generic]]
# Shares of the frame before, in 1/128: of the photo and the stylized image at rest, and of moving things, whose strokes
# hang on the filter's grid and would be blurred by more.
_STILL_PHOTO, _STILL, _MOVING = 96, 102, 90
# Photos that differ by this many levels are blended by half of the share, by three times as many not at all: sensor
# noise differs by less, and things that come into view by more.
_CHANGE_LEVELS = 12
_LARGEST_SUM = 9 * 255
_ROWS = 32


@dataclass(frozen=True, slots=True)
class CalmPhoto:
    """A photo without most of its noise, and how what is made of it continues the frame before.

    Attributes:
        photo: uint8 [height, width, 3], on the grid of the scene.
        shift: By how many whole pixels the scene has moved in it since the photo before: down, to the right.
        motion: Blocks that moved since then; None if nothing is to be blended.
        shares: Share of the stylized frame before at each pixel, in 1/128, int16 [height, width]; None as above.
    """

    photo: Image8
    shift: tuple[int, int] = (0, 0)
    motion: BlockMotion | None = None
    shares: NDArray[np.int16] | None = None


class PhotoAverage:
    """Averages photos over time where they differ by noise only.

    Images are on the grid of the scene: `origin` says where the scene lies in them, in whole pixels.

    Args:
        state: What `state` returned; empty for the beginning of a clip.
    """

    def __init__(self, state: State) -> None:
        self._photo: Image8 | None = None
        self._origin = (0, 0)
        if state:
            self._photo = state["photo"].astype(np.uint8)
            down, right = state["origin"].tolist()
            self._origin = down, right

    def take(self, photo: Image8, origin: tuple[int, int], *, factor: int, starts_scene: bool) -> CalmPhoto:
        """Take the next photo, and average it with those before where it differs from them by noise only.

        Args:
            photo: uint8 [height, width, 3].
            origin: Where the scene lies in it: row and column.
            factor: Factor by which luminance is reduced to find motion.
            starts_scene: Whether the frame before shows another scene.
        """
        before = self._photo
        shift = origin[0] - self._origin[0], origin[1] - self._origin[1]
        self._origin = origin
        if starts_scene or before is None or before.shape != photo.shape:
            self._photo = photo
            return CalmPhoto(photo)
        before = _shift(before, shift)
        motion = find_block_motion(before, photo, factor)
        likeness = _likeness(photo, move_blocks(before, motion), shift)
        moving = _moving_pixels(photo.shape[:2], motion)
        shares = _scaled(likeness, np.where(moving, _MOVING, _STILL).astype(np.int16))
        still = _scaled(likeness, np.where(moving, 0, _STILL_PHOTO).astype(np.int16))
        self._photo = _mix(photo, before, still)
        return CalmPhoto(self._photo, shift, motion, shares)

    def state(self) -> State:
        """Return what the next photo depends on; empty before the first one."""
        if self._photo is None:
            return {}
        return {"photo": self._photo, "origin": np.array(self._origin, np.int64)}


class TemporalBlend:
    """Keeps the stylized frame before, and blends the next one with it.

    Args:
        stylized: The stylized frame before, uint8 [height, width, 3], on the grid of the scene; None if there is none.
    """

    def __init__(self, stylized: Image8 | None = None) -> None:
        self.stylized = stylized

    def blend(self, stylized: Image8, calm: CalmPhoto) -> Image8:
        """Blend what was made of a photo with what was made of the one before it."""
        before = self.stylized
        if before is not None and calm.motion is not None and calm.shares is not None:
            stylized = _mix(stylized, move_blocks(_shift(before, calm.shift), calm.motion), calm.shares)
        self.stylized = stylized
        return stylized


def _shift(image: Image8, shift: tuple[int, int]) -> Image8:
    """Shift an image by whole pixels, repeating its border."""
    if shift == (0, 0):
        return image
    shifted = image
    for axis, wanted in enumerate(shift):
        size = image.shape[axis]
        distance = max(-size + 1, min(wanted, size - 1))
        if distance:
            before, shifted = shifted, np.empty_like(image)
            to, come_from = (slice(max(part, 0), size + min(part, 0)) for part in (distance, -distance))
            new = slice(0, distance) if distance > 0 else slice(size + distance, size)
            edge = slice(0, 1) if distance > 0 else slice(size - 1, size)
            lead = (slice(None),) * axis
            shifted[(*lead, to)] = before[(*lead, come_from)]
            shifted[(*lead, new)] = before[(*lead, edge)]
    return shifted


def _likeness(photo: Image8, before: Image8, shift: tuple[int, int]) -> NDArray[np.int16]:
    """Return how alike two photos are, from 0 to 128, judged on 3 x 3 pixels; 0 in what has come into the frame."""
    differences = np.maximum(photo, before) - np.minimum(photo, before)
    largest = np.maximum(np.maximum(differences[..., 0], differences[..., 1]), differences[..., 2])
    sums = np.pad(largest, 1, mode="edge").astype(np.uint16)
    sums = sums[:-2] + sums[1:-1] + sums[2:]
    sums = sums[:, :-2] + sums[:, 1:-1] + sums[:, 2:]
    likeness = _likeness_of_sums()[sums]
    for axis, distance in enumerate(shift):
        outside = slice(0, distance) if distance > 0 else slice(photo.shape[axis] + distance, None)
        if distance:
            likeness[outside if axis == 0 else (slice(None), outside)] = 0
    return likeness


@lru_cache(maxsize=1)
def _likeness_of_sums() -> NDArray[np.int16]:
    sums = np.arange(_LARGEST_SUM + 1)
    return np.rint(128 * np.clip(1.5 - sums / (9 * _CHANGE_LEVELS), 0, 1)).astype(np.int16)


def _moving_pixels(size: tuple[int, ...], motion: BlockMotion) -> NDArray[np.bool_]:
    side = motion.block_px
    blocks = np.zeros((-(-size[0] // side), -(-size[1] // side)), bool)
    blocks[motion.blocks[:, 0], motion.blocks[:, 1]] = True
    return blocks.repeat(side, axis=0)[: size[0]].repeat(side, axis=1)[:, : size[1]]


def _scaled(likeness: NDArray[np.int16], shares: NDArray[np.int16]) -> NDArray[np.int16]:
    return (likeness * shares + np.int16(64)) >> np.int16(7)


def _mix(image: Image8, before: Image8, shares: NDArray[np.int16]) -> Image8:
    """Return `image` with its share of `before`, in 1/128, at each pixel."""
    mixed = np.empty_like(image)
    # Colours side by side: numpy is slow where its innermost loop has three steps.
    flat, flat_before, flat_mixed = (array.reshape(len(image), -1) for array in (image, before, mixed))
    for top in range(0, len(image), _ROWS):  # blocks of rows stay in the processor's cache
        rows = slice(top, top + _ROWS)
        difference = np.subtract(flat_before[rows], flat[rows], dtype=np.int16)
        difference *= np.repeat(shares[rows], image.shape[2], axis=1)
        difference += np.int16(64)
        difference >>= np.int16(7)
        difference += flat[rows]
        flat_mixed[rows] = difference
    return mixed
