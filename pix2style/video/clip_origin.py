"""The note in a clip that says which filter and settings made it, and of which clip."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pix2style.errors import DataError
from pix2style.runtime.existing_outputs import ORIGIN_DIGITS, OutputOrigin
from pix2style.video.clip_settings import ClipSettings
from pix2style.video.container import open_container

_KEY = "pix2style"


@dataclass(frozen=True, slots=True)
class ClipOrigin(OutputOrigin):
    """What makes clips: a stylizer and the settings of a call.

    Attributes:
        settings: How clips are stylized.
    """

    source: ClassVar[str] = "clip"
    output: ClassVar[str] = "clip"
    settings: ClipSettings

    def settings_digest(self, target: Path) -> str:
        """Return the first part of the note: a digest of the stylizer and the settings."""
        return self.settings.digest(self.stylizer.identity, target)[:ORIGIN_DIGITS]

    def read(self, target: Path) -> str | None:
        """Return the note that a clip bears; None if it has none or cannot be read."""
        try:
            with open_container(target) as container:
                # Matroska's tags come back in capital letters.
                tags = {name.lower(): text for name, text in container.metadata.items()}
        except DataError:
            return None
        words = tags.get("comment", "").split()
        return words[1] if len(words) == 2 and words[0] == _KEY else None
