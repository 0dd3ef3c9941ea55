"""Settings with which a clip is stylized, and the digests by which a later call knows its own work again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pix2style.errors import ConfigError
from pix2style.files import sha256_json
from pix2style.images import KeepMetadata
from pix2style.steady import SteadyMode
from pix2style.stylizer import StylizerIdentity
from pix2style.video.clip import ClipFacts
from pix2style.video.encoders import choose_settings
from pix2style.video.settings import FRAMES_PER_SEGMENT, VideoSettings
from pix2style.video.timeline import Timeline

_SMALLEST_SIDE_PX = 16


@dataclass(frozen=True, slots=True)
class ClipSettings:
    """How a clip is stylized and written.

    Attributes:
        steady: What is done to keep strokes in place.
        start_s: Only what is shown from this time on, in seconds from the beginning of the clip; None for all.
        end_s: Only what is shown before this time; None for all.
        max_side_px: Frames with a longer side are shrunk to this, and all to even sizes; None for the clip's own size.
        crf: Quality of the encoder, where smaller is better; None for the encoder's default here.
        codec: Name of the encoder or codec, for example `h264` or `libx265`; None for the container's default.
        timeline: Strength and style over time; None for those of the stylizer.
        segment_frames: Number of frames that are encoded together, which is what a stop loses at most.
        encoder_threads: Number of threads of the encoder; None for the usual number.
        lossless: Whether frames are encoded without loss.
        metadata: Which tags of the clip are kept beside its title and its chapters.
    """

    steady: SteadyMode = SteadyMode.LOCK
    start_s: float | None = None
    end_s: float | None = None
    max_side_px: int | None = None
    crf: int | None = None
    codec: str | None = None
    timeline: Timeline | None = None
    segment_frames: int = FRAMES_PER_SEGMENT
    encoder_threads: int | None = None
    lossless: bool = False
    metadata: KeepMetadata = KeepMetadata.NONE

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
        for name, number in (("segment_frames", self.segment_frames), ("encoder_threads", self.encoder_threads)):
            if number is not None and number < 1:
                raise ConfigError(f"{name} is {number}: give at least 1")

    def digest(self, identity: StylizerIdentity, target: Path) -> str:
        """Return a digest of everything but the source that changes an output."""
        # Only what is set, so that outputs of older versions are still recognised.
        further: dict[str, Any] = {"lossless": True} if self.lossless else {}
        if self.metadata is not KeepMetadata.NONE:
            further["metadata"] = self.metadata.value
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
                **further,
            }
        )

    def video_settings(self, source: ClipFacts, out: Path) -> tuple[VideoSettings, list[str]]:
        """Return how an output is encoded, and notes about it; see `encoders.choose_settings`."""
        video, notes = choose_settings(source, out, codec=self.codec, crf=self.crf, lossless=self.lossless)
        threads = self.encoder_threads or video.threads
        return replace(video, frames_per_segment=self.segment_frames, threads=threads), notes


def clip_settings(**values: Any) -> ClipSettings:
    """Return checked settings, from the arguments of the Python interface: choices may be strings.

    Raises:
        ConfigError: A value is out of its range.
    """
    try:
        values["steady"] = SteadyMode(values["steady"])
    except ValueError as error:
        expected = ", ".join(mode.value for mode in SteadyMode)
        raise ConfigError(f"steady is {values['steady']!r}: give one of {expected}") from error
    try:
        values["metadata"] = KeepMetadata(values.get("metadata", KeepMetadata.NONE))
    except ValueError as error:
        expected = ", ".join(choice.value for choice in KeepMetadata)
        raise ConfigError(f"metadata is {values['metadata']!r}: give one of {expected}") from error
    settings = ClipSettings(**values)
    settings.check()
    return settings
