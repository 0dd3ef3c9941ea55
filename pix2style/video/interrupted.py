"""The exception with which Ctrl-C ends the work on a clip."""

from __future__ import annotations

from pathlib import Path


class ClipInterrupted(KeyboardInterrupt):
    """Ctrl-C ended the work on a clip.

    Attributes:
        partial: Playable file of the frames that were done; None if none was done, or the file cannot be written.
        frames: Number of these frames.
        kept_frames: Number of those that the next call does not have to make again.
    """

    def __init__(self, partial: Path | None, frames: int, kept_frames: int) -> None:
        super().__init__()
        self.partial, self.frames, self.kept_frames = partial, frames, kept_frames
