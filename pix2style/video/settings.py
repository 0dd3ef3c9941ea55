"""The settings with which a clip is written."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from fractions import Fraction

from pix2style.files import sha256_json
from pix2style.video.clip import ClipColour

FRAMES_PER_SEGMENT = 250


@dataclass(frozen=True, slots=True)
class VideoSettings:
    """Everything that the bytes of a written clip depend on, except its frames and sound; see `choose_settings`.

    Attributes:
        suffix: Suffix of the output in lower case, which names its container, for example `.mp4`.
        codec: Codec of the frames, as `--codec` names it, for example `h264`.
        encoder: FFmpeg's name of the encoder, for example `libx264`.
        pixel_format: FFmpeg's name of the pixel format that the encoder gets.
        odd_pixel_format: The same for frames of an odd width or height; None if `pixel_format` can hold them.
        options: Options of the encoder, by name.
        threads: Number of threads of the encoder. It is fixed, because the bytes of some encoders depend on it.
        time_base_s: Unit of the frame times, in seconds.
        frame_rate: Average number of frames per second, which the file states.
        pixel_aspect: Width of a stored pixel divided by its height.
        stretch: By how much frames are made wider, or if below 1, by its inverse, higher, before they are stored. It
            makes pixels square where the file cannot say that they are not.
        rotation_deg: Clockwise rotation with which players show the stored frames: 0, 90, 180 or 270.
        is_mirrored: Whether players mirror the frames left to right, after they rotate them.
        colour: Meaning of the stored pixel values.
        has_alpha: Whether transparency is stored.
        frames_per_segment: Number of frames that one encoder encodes, before a fresh one goes on.
    """

    suffix: str
    codec: str
    encoder: str
    pixel_format: str
    odd_pixel_format: str | None
    options: tuple[tuple[str, str], ...]
    threads: int
    time_base_s: Fraction
    frame_rate: Fraction
    pixel_aspect: Fraction
    stretch: Fraction
    rotation_deg: int
    is_mirrored: bool
    colour: ClipColour
    has_alpha: bool
    frames_per_segment: int = FRAMES_PER_SEGMENT

    def stored_size(self, width_px: int, height_px: int) -> tuple[int, int]:
        """Return width and height of a frame as it is stored, which may be stretched."""
        wider, higher = max(self.stretch, Fraction(1)), max(1 / self.stretch, Fraction(1))
        return round(width_px * wider), round(height_px * higher)

    def pixel_format_for(self, width_px: int, height_px: int) -> str:
        """Return the pixel format for frames of a size."""
        is_odd = width_px % 2 == 1 or height_px % 2 == 1
        return self.odd_pixel_format if is_odd and self.odd_pixel_format else self.pixel_format

    def digest(self) -> str:
        """Return a SHA-256 of all settings, by which segments of other settings are told apart."""
        values = {name: str(value) for name, value in dataclasses.asdict(self).items()}
        return sha256_json(values)
