"""Put photo and stylized image beside each other in one frame."""

from __future__ import annotations

import numpy as np

from pix2style.images import Image8
from pix2style.live.controls import LiveState, View


def compose(photo: Image8, stylized: Image8, state: LiveState) -> Image8:
    """Return what the window shows: left of the split the photo, right of it the stylized image.

    Args:
        photo: uint8 [height, width, 3].
        stylized: uint8 of the same shape.
        state: What to show, and whether to mirror it. The split stays where it is in a mirrored window.
    """
    if state.is_mirrored:
        photo, stylized = photo[:, ::-1], stylized[:, ::-1]
    column = {View.PHOTO: photo.shape[1], View.STYLIZED: 0}.get(state.view, round(state.split * photo.shape[1]))
    return np.concatenate([photo[:, :column], stylized[:, column:]], axis=1)
