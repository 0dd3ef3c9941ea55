"""What the studio accepts, so that nobody who may use it can fill the machine's memory or disk."""

from __future__ import annotations

from dataclasses import dataclass

_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class StudioLimits:
    """Limits of uploads.

    Attributes:
        photo_bytes: Largest file of a photo, painting or mask.
        clip_bytes: Largest file of a video clip.
        frame_bytes: Largest frame of a webcam.
        frame_pixels: Largest frame of a webcam, and largest mask, in pixels. (Photos: `images.MAX_PIXELS`.)
        total_bytes: Size of all uploads together, of which the oldest ones are deleted first; and size of all that are
            arriving.
        unused_s: Seconds after which an upload is deleted that nobody has used.
        text_bytes: Largest request that is no upload.
    """

    photo_bytes: int = 100 * _MB
    clip_bytes: int = 2_000 * _MB
    frame_bytes: int = 4 * _MB
    frame_pixels: int = 4 * _MB
    total_bytes: int = 4_000 * _MB
    unused_s: float = 3600.0
    text_bytes: int = 100_000
