"""What a call that stylizes files reads and how it writes, apart from the filter."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pix2style.errors import ConfigError
from pix2style.images import KeepMetadata
from pix2style.images.encode import format_of
from pix2style.light_dataclass import dataclass
from pix2style.slices import Slice

# Formats that lose something, or that Pillow cannot write without loss (AVIF is rounded by its colour space).
_LOSSY = frozenset(("JPEG", "AVIF"))


@dataclass(frozen=True, slots=True)
class FileSettings:
    """Settings of a call that stylizes files.

    Attributes:
        listed: Further files and folders, from a list; None if there is no list. Their outputs keep the paths relative
            to the working folder, and those that do not exist are failures.
        recursive: Whether folders inside of input folders are searched.
        threads: Number of threads of the call; 1 reads, stylizes and writes one photo after the other. None for one
            thread that reads, one that writes, and as many in the filter as there are cores.
        lossless: Whether images are written without loss: JPEG and AVIF become PNG, and WebP is lossless.
        metadata: What is kept of the metadata of photos.
        part: The part of all photos and clips that this call stylizes; see `part_of_plan`. None for all. Calls with the
            other parts may run at the same time, on any machine that has the same files. Each needs the same inputs.
    """

    listed: Sequence[Path] | None = None
    recursive: bool = True
    threads: int | None = None
    lossless: bool = False
    metadata: KeepMetadata = KeepMetadata.NONE
    part: Slice | None = None

    def check_suffix(self, suffix: str, option: str) -> None:
        """Refuse a format that loses something, if nothing is to be lost.

        Args:
            suffix: Suffix of outputs.
            option: How a person chose it, for the message.

        Raises:
            ConfigError: The format cannot be written without loss.
        """
        if self.lossless and format_of(Path("name" + suffix)) in _LOSSY:
            raise ConfigError(f"--lossless: {option} is not written without loss: take .png, .webp or .tif")

    def lossless_suffix(self, suffix: str) -> str:
        """Return the suffix with which a photo of a suffix is written."""
        return ".png" if self.lossless and format_of(Path("name" + suffix)) in _LOSSY else suffix
