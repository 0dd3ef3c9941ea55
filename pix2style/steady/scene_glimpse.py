"""The glimpse that all frames of a scene are stylized with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pix2style.images import Image8
from pix2style.images.glimpse import GLIMPSE_CELLS, GLIMPSE_PATCH_PX, glimpse

# A glimpse is held until the scene's mean brightness or contrast (of a colour) differs by so many levels: about as much
# as changes the look of a stylized picture visibly. Then it is replaced patch by patch.
_CHANGE_LEVELS = 16.0
# A generator that is normalised by the glimpse divides what it sees by the glimpse's contrast. In a clip that fades in,
# a glimpse of the first dark frames would make all later ones glaring. So brightness and contrast of the glimpse follow
# those of the scene, and lag behind by so much at most, in units of contrast (`_compare`). A short pan stays below.
# Once they follow, the lag shrinks by a share in each frame down to the smallest one.
_LARGEST_LAG, _SMALLEST_LAG, _LAG_DECAY = 0.2, 0.03, 0.85
# A glimpse of a frame that is nearly black shows nothing of the scene. As soon as there is light, the glimpse of the
# frame itself takes its place.
_DARK_CONTRAST = 8.0  # levels
_LIGHT_DISTANCE = 1.0
_SMALLEST_CONTRAST = 2.0  # levels; contrast below it is noise
# Patches that are replaced in each frame: all 576 within 3 seconds at 24 frames/s.
_PATCHES = 8
_ORDER = np.random.default_rng(0).permutation(GLIMPSE_CELLS**2)
ALL_PATCHES = GLIMPSE_CELLS**2


def next_glimpse(held: Image8, frame: Image8, replaced: int) -> tuple[Image8, int]:
    """Return the glimpse for the next frame of a scene.

    Held, it lets every stroke be as it was. Where the scene has become darker, lighter or of another contrast, the
    glimpse follows as fast as the scene does, and patches of the new frame replace old ones, a few in each frame.
    Averages over time would not do: they would blur patches, and the generator takes the roughness of a photo from
    them.

    Args:
        held: The glimpse of the frame before.
        frame: The next frame.
        replaced: How many patches were replaced so far; ALL_PATCHES while the glimpse is held.

    Returns:
        The glimpse, and the new number of replaced patches.
    """
    current = glimpse(frame)
    change_levels, distance, contrast = _compare(held, current)
    if contrast < _DARK_CONTRAST and distance >= _LIGHT_DISTANCE:
        return current, ALL_PATCHES
    if replaced >= ALL_PATCHES:
        if change_levels <= _CHANGE_LEVELS and distance <= _LARGEST_LAG:
            return held, ALL_PATCHES
        replaced = 0
    lag = max(_SMALLEST_LAG, _LARGEST_LAG * _LAG_DECAY ** (replaced / _PATCHES))
    rows, columns = np.divmod(_ORDER[replaced : replaced + _PATCHES], GLIMPSE_CELLS)
    mixed = held.copy() if distance <= lag else _expose(held, current, 1 - lag / distance)
    _patches(mixed)[rows, :, columns] = _patches(current)[rows, :, columns]
    return mixed, min(replaced + _PATCHES, ALL_PATCHES)


def _patches(image: Image8) -> Image8:
    """Return a view [row of patches, row in the patch, column of patches, column in the patch, 3]."""
    return image.reshape(GLIMPSE_CELLS, GLIMPSE_PATCH_PX, GLIMPSE_CELLS, GLIMPSE_PATCH_PX, 3)


def _compare(held: Image8, current: Image8) -> tuple[float, float, float]:
    """Return by how much brightness or contrast differs, in levels and in units of contrast; and the held contrast.

    The first number is of the colour that differs most. The second one is of all colours together: the logarithm of the
    ratio of both contrasts, or the difference of both means divided by the smaller contrast, whichever is larger. The
    contrast is the standard deviation.
    """
    (then, spread_then), (now, spread_now) = _brightness_and_contrast(held), _brightness_and_contrast(current)
    means, spreads = np.abs(now - then), np.abs(spread_now - spread_then)
    contrasts = [max(float(np.sqrt((spread**2).mean())), _SMALLEST_CONTRAST) for spread in (spread_then, spread_now)]
    ratio = abs(float(np.log(contrasts[1] / contrasts[0])))
    levels, distance = float(max(means.max(), spreads.max())), max(ratio, float(means.mean()) / min(contrasts))
    return levels, distance, contrasts[0]


def _brightness_and_contrast(image: Image8) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return mean and standard deviation of each colour, [3] each."""
    pixels = image[::2, ::2].reshape(-1, 3).astype(np.float32)
    return pixels.mean(axis=0), pixels.std(axis=0)


def _expose(held: Image8, current: Image8, share: float) -> Image8:
    """Bring brightness and contrast of a glimpse nearer to those of another one, by a share of the difference."""
    (then, spread_then), (now, spread_now) = _brightness_and_contrast(held), _brightness_and_contrast(current)
    gain = (np.maximum(spread_now, 1) / np.maximum(spread_then, 1)) ** share
    exposed = (held - then) * gain + then + share * (now - then)
    return np.clip(np.rint(exposed), 0, 255).astype(np.uint8)
