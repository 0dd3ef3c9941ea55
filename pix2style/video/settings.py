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
        options: Options of the encoder, by name.
        threads: Number of threads of the encoder. It is fixed, because the bytes of some encoders depend on it.
        time_base_s: Unit of the frame times, in seconds.
        frame_rate: Average number of frames per second, which the file states.
        pixel_aspect: Width of a stored pixel divided by its height.
        rotation_deg: Clockwise rotation with which players show the stored frames: 0, 90, 180 or 270.
        colour: Meaning of the stored pixel values.
        has_alpha: Whether transparency is stored.
        frames_per_segment: Number of frames that one encoder encodes, before a fresh one goes on.
    """

    suffix: str
    codec: str
    encoder: str
    pixel_format: str
    options: tuple[tuple[str, str], ...]
    threads: int
    time_base_s: Fraction
    frame_rate: Fraction
    pixel_aspect: Fraction
    rotation_deg: int
    colour: ClipColour
    has_alpha: bool
    frames_per_segment: int = FRAMES_PER_SEGMENT

    def digest(self) -> str:
        """Return a SHA-256 of all settings, by which segments of other settings are told apart."""
        values = {name: str(value) for name, value in dataclasses.asdict(self).items()}
        return sha256_json(values)
