"""The types that reading, stylizing and writing a clip exchange."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pix2style.images import Image8


@dataclass(frozen=True, slots=True)
class ClipColour:
    """How the numbers of a clip's pixels mean colours; FFmpeg's enumeration values, as the stream states them.

    Attributes:
        full_range: Whether luminance takes all values (0 to 255 in 8 bits) instead of the limited range (16 to 235).
        matrix: Matrix between RGB and YUV (`AVColorSpace`), 2 where the stream does not say it.
        primaries: Primaries (`AVColorPrimaries`), 2 where the stream does not say it.
        transfer: Transfer function (`AVColorTransferCharacteristic`), 2 where the stream does not say it.
    """

    full_range: bool
    matrix: int
    primaries: int
    transfer: int


@dataclass(frozen=True, slots=True)
class ClockRestarts:
    """Where the clock of a clip starts again or jumps, as where recordings were put together.

    Attributes:
        positions: Bytes of the file from which on another clock holds, ascending.
        offsets_s: For each of these clocks, what is added to its times, in seconds, so that they go on where the times
            of the clock before stopped.
        joints: Bytes at which the last packets before such places begin.
        end_s: When the clip ends, in seconds of the clock that goes on; None if there are no such places.
    """

    positions: tuple[int, ...] = ()
    offsets_s: tuple[Fraction, ...] = ()
    joints: frozenset[int] = frozenset()
    end_s: Fraction | None = None


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """What a clip is, read from its headers and its first frame.

    Attributes:
        path: Path of the clip.
        width_px, height_px: Size of the frames as they are stored, before `rotation_deg` is applied.
        rotation_deg: Clockwise rotation with which players show the frames: 0, 90, 180 or 270.
        pixel_aspect: Width of a pixel divided by its height.
        frames: Number of frames, or the best estimate of it; None if nothing tells it.
        duration_s: Duration in seconds; None if nothing tells it.
        frame_rate: Average number of frames per second.
        time_base_s: Unit of the frame times, in seconds.
        bits: Bits per colour value.
        has_alpha: Whether the frames are transparent in places.
        colour: Meaning of the pixel values.
        is_hdr: Whether the frames are HDR (PQ or HLG).
        sounds: Number of sound tracks.
        subtitles: Number of subtitle tracks.
        begin_s: Time at which the clip begins, that of the first of its tracks. `start_s` and `end_s` count from it.
        is_mirrored: Whether players mirror the frames left to right, after they rotate them.
        peak_nits: Luminance that is shown as white, for clips in HDR.
        restarts: Where the clock of the clip starts again. All times are those of one clock that goes on there.
    """

    path: Path
    width_px: int
    height_px: int
    rotation_deg: int
    pixel_aspect: Fraction
    frames: int | None
    duration_s: float | None
    frame_rate: Fraction
    time_base_s: Fraction
    bits: int
    has_alpha: bool
    colour: ClipColour
    is_hdr: bool
    sounds: int
    subtitles: int
    begin_s: Fraction = Fraction(0)
    is_mirrored: bool = False
    peak_nits: float = 1000
    restarts: ClockRestarts = ClockRestarts()

    def seconds_of(self, time: int) -> float:
        """Return the seconds from the beginning of the clip of a time in units of `time_base_s`."""
        return float(time * self.time_base_s - self.begin_s)


@dataclass(frozen=True, slots=True)
class ClipFrame:
    """A frame of a clip, upright.

    Attributes:
        rgb: uint8 [height, width, 3] in sRGB, as networks expect it: upright, HDR tone-mapped, P3 and BT.2020
            converted (`colour.map_from_srgb` goes back to them). Values of all other clips are used as they are,
            because the primaries and transfer functions of BT.709 and BT.601 are shown like those of sRGB. What is
            fully transparent is white.
        alpha: Transparency, uint8 [height, width], not multiplied into `rgb`; None for opaque clips.
        time: Presentation time in units of the clip's `time_base_s`.
        index: Number of the frame among those of the part that is read (`start_s` to `end_s`), from 0.
        duration: How long the frame is shown, in the same units; None if the clip does not say it. It counts for the
            last frame of a clip only, as others are shown until the next one.
    """

    rgb: Image8
    alpha: NDArray[np.uint8] | None
    time: int
    index: int
    duration: int | None = None
