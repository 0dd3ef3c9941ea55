"""How much of a photo's metadata its output keeps."""

from __future__ import annotations

from enum import StrEnum


class KeepMetadata(StrEnum):
    """How much of a photo's metadata is kept.

    Attributes:
        NONE: Nothing.
        SAFE: Date, camera and exposure, resolution, artist and copyright; no places, serial numbers, owners, comments,
            maker notes, XMP or IPTC.
        ALL: Everything but the orientation, which becomes upright, previews, which show the photo as it was, and what
            describes the pixels of the original.
    """

    NONE = "none"
    SAFE = "safe"
    ALL = "all"
