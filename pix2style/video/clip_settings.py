"""Settings with which a clip is stylized, and the digests by which a later call knows its own work again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pix2style.errors import ConfigError
from pix2style.files import sha256_json
from pix2style.steady import SteadyMode
from pix2style.stylizer import StylizerIdentity
from pix2style.video.timeline import Timeline

SEGMENT_FRAMES = 250
"""Number of frames that are encoded together: what a stop loses at most, and the distance of key frames at least."""
_SMALLEST_SIDE_PX = 16


@dataclass(frozen=True, slots=True)
class ClipSettings:
    """How a clip is stylized and written.

    Attributes:
        steady: What is done to keep strokes in place.
        start_s: Only frames at this time or later, in seconds from the beginning of the clip; None for all.
        end_s: Only frames before this time; None for all.
        max_side_px: Frames with a longer side than this are shrunk to it; None for the clip's own size.
        crf: Quality of the encoder, where smaller is better; None for the encoder's default here.
        codec: Name of the encoder or codec, for example `h264` or `libx265`; None for the container's default.
        timeline: Strength and style over time; None for those of the stylizer.
        segment_frames: Number of frames of a segment.
    """

    steady: SteadyMode = SteadyMode.LOCK
    start_s: float | None = None
    end_s: float | None = None
    max_side_px: int | None = None
    crf: int | None = None
    codec: str | None = None
    timeline: Timeline | None = None
    segment_frames: int = SEGMENT_FRAMES

    def check(self) -> None:
        """Check what can be checked without a clip.

        Raises:
            ConfigError: A value is out of its range.
        """
        for name, value in (("start", self.start_s), ("end", self.end_s)):
            if value is not None and not 0 <= value < float("inf"):
                raise ConfigError(f"{name} is {value!r}: give seconds from the beginning of the clip")
        if self.end_s is not None and self.end_s <= (self.start_s or 0):
            raise ConfigError(f"end is {self.end_s:g} s, but start is {self.start_s or 0:g} s: end has to be later")
        if self.max_side_px is not None and self.max_side_px < _SMALLEST_SIDE_PX:
            raise ConfigError(f"max-side is {self.max_side_px}: give at least {_SMALLEST_SIDE_PX} pixels")
        if self.segment_frames < 1:
            raise ConfigError(f"segment_frames is {self.segment_frames}: give at least 1")

    def digest(self, identity: StylizerIdentity, target: Path) -> str:
        """Return a digest of everything but the source that changes an output."""
        return sha256_json(
            {
                "sha256": identity.sha256,
                "styles": list(identity.style_sha256),
                "settings": dict(identity.settings),
                "steady": str(self.steady),
                "part": [self.start_s, self.end_s],
                "max_side": self.max_side_px,
                "crf": self.crf,
                "codec": self.codec,
                "timeline": self.timeline.sha256 if self.timeline else None,
                "container": target.suffix.lower(),
            }
        )


def clip_settings(**values: Any) -> ClipSettings:
    """Return checked settings, from the arguments of the Python interface: `steady` may be a string.

    Raises:
        ConfigError: A value is out of its range.
    """
    try:
        values["steady"] = SteadyMode(values["steady"])
    except ValueError as error:
        expected = ", ".join(mode.value for mode in SteadyMode)
        raise ConfigError(f"steady is {values['steady']!r}: give one of {expected}") from error
    settings = ClipSettings(**values)
    settings.check()
    return settings
