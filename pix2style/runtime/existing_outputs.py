"""Find out which outputs are done, and whether the same filter made them of the same photos with the same settings."""

from __future__ import annotations

import hashlib
import stat
from array import array
from collections.abc import Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pix2style.errors import DataError
from pix2style.files import sha256_bytes, sha256_json
from pix2style.images import KeepMetadata, format_of, open_file, read_origin
from pix2style.light_dataclass import dataclass
from pix2style.path_list import PathList
from pix2style.plural import counted
from pix2style.runtime.job_list import Job, jobs_at
from pix2style.stylizer import Stylizer

ORIGIN_DIGITS = 32
"""Number of digits of each of the two digests in a note."""
# Formats whose files differ with `lossless`. Most other formats lose nothing anyway.
_LOSSLESS_DIFFERS = frozenset(("AVIF", "JPEG", "WEBP"))
_Answer = Literal["none", "folder", "same", "unknown", "other settings", "other photo"]
OTHER_ORIGINS: dict[str, str] = {
    "other settings": "was made by another filter or with other settings",
    "other photo": "was made of another {source}, or of this one before it was changed",
}
"""What is said of outputs that something else made, with `{source}` for what inputs are called."""


@dataclass(frozen=True, slots=True)
class OutputOrigin:
    """What makes outputs: a stylizer and the settings of a call.

    Attributes:
        source: What inputs are called in messages.
        output: What outputs are called in messages.
        stylizer: The stylizer.
        quality: Quality of JPEG and WebP files.
        lossless: Whether images are written without loss.
        metadata: What is kept of the metadata of photos.
    """

    source: ClassVar[str] = "photo"
    output: ClassVar[str] = "image"
    stylizer: Stylizer
    quality: int
    lossless: bool = field(default=False, kw_only=True)
    metadata: KeepMetadata = field(default=KeepMetadata.NONE, kw_only=True)
    # The digest of the settings for each format, which is the same for all photos.
    _digests: dict[str | None, str] = field(default_factory=dict, kw_only=True, compare=False)

    def for_job(self, job: Job) -> Self:
        """Return what makes the output of one photo or clip.

        Raises:
            DataError: The stylizer cannot stylize this file.
        """
        stylizer = self.stylizer.for_source(job.source)
        return self if stylizer is self.stylizer else replace(self, stylizer=stylizer, _digests={})

    def note(self, job: Job) -> str:
        """Return the note that an output bears: a digest of everything that changes its pixels, and one of the photo.

        Raises:
            OSError: The photo cannot be read.
        """
        with open_file(job.source) as stream:
            return self.note_of(job.target, hashlib.file_digest(stream, "sha256").hexdigest())

    def note_of(self, target: Path, source_sha256: str) -> str:
        """Return the note of an output whose source has a certain digest."""
        settings = self.settings_digest(target)
        # Not the digest of the photo alone, by which anybody could find the photo among others.
        return f"{settings}-{sha256_bytes(f'{settings} {source_sha256}'.encode())[:ORIGIN_DIGITS]}"

    def read(self, target: Path) -> str | None:
        """Return the note that an output bears; None if it has none or cannot be read."""
        return read_origin(target)

    def settings_digest(self, target: Path) -> str:
        """Return the first part of the note: a digest of the stylizer and the settings."""
        kind = format_of(target)
        if kind not in self._digests:
            self._digests[kind] = self._compute_digest(kind)
        return self._digests[kind]

    def _compute_digest(self, kind: str | None) -> str:
        identity = self.stylizer.identity
        settings: dict[str, Any] = {
            "sha256": identity.sha256,
            "styles": list(identity.style_sha256),
            "settings": dict(identity.settings),
            "quality": self.quality if kind in ("JPEG", "WEBP") and not self.lossless else None,
        }
        # Only what is set, so that outputs of older versions are still recognised; and only where it changes the file.
        if self.lossless and kind in _LOSSLESS_DIFFERS:
            settings["lossless"] = True
        if self.metadata is not KeepMetadata.NONE:
            settings["metadata"] = str(self.metadata)
        return sha256_json(settings)[:ORIGIN_DIGITS]


@dataclass(slots=True)
class ExistingOutputs:
    """The outputs of a call before it begins.

    Attributes:
        remaining: Jobs to do.
        done: Outputs that exist.
        of_unknown_origin: Number of those outputs that do not say what made them.
        blocked: Jobs of which a folder takes the place of the output.
    """

    remaining: Sequence[Job] = ()
    done: PathList = field(default_factory=PathList)
    of_unknown_origin: int = 0
    blocked: list[Job] = field(default_factory=list)


def find_existing(jobs: Sequence[Job], origin: OutputOrigin, *, overwrite: bool) -> ExistingOutputs:
    """Sort jobs by what lies where their output belongs.

    An empty file is no output: outputs are written whole or not at all.

    Args:
        jobs: All jobs of a call.
        origin: What makes the outputs of this call.
        overwrite: Whether outputs that exist are made anew.

    Raises:
        DataError: An output that exists was made by something else or of another photo, and `overwrite` is not set.
    """
    found = ExistingOutputs()
    others: list[tuple[Path, str]] = []
    remaining = array("I")
    for position, job in enumerate(jobs):
        answer = _compare(job, origin, overwrite=overwrite)
        if answer == "folder":
            found.blocked.append(job)
        elif answer == "none":
            remaining.append(position)
        elif answer in OTHER_ORIGINS:
            others.append((job.target, OTHER_ORIGINS[answer]))
        else:
            found.done.append(job.target)
            found.of_unknown_origin += answer == "unknown"
    _refuse(others, origin)
    found.remaining = jobs_at(jobs, remaining)
    found.done.sort()
    return found


def _compare(job: Job, origin: OutputOrigin, *, overwrite: bool) -> _Answer:
    """Return what lies where an output belongs. What cannot be looked at is none: writing it raises the error."""
    try:
        entry = job.target.stat()
    except (OSError, ValueError):  # there is none, or the name is too long
        return "none"
    if stat.S_ISDIR(entry.st_mode):
        return "folder"
    if overwrite or not stat.S_ISREG(entry.st_mode) or entry.st_size == 0:
        return "none"
    try:
        origin = origin.for_job(job)
        note = origin.read(job.target)
        if note is None:
            return "unknown"
        if note.partition("-")[0] != origin.settings_digest(job.target):
            return "other settings"
        return "same" if note == origin.note(job) else "other photo"
    except (OSError, DataError):  # the photo or its mask cannot be read
        return "none"


def _refuse(others: Sequence[tuple[Path, str]], origin: OutputOrigin) -> None:
    """Raise an error if there are outputs that something else made, given with the words that say so."""
    if not others:
        return
    path, what = others[0]
    alike = sum(other == what for _, other in others) - 1
    more = f", as {counted(alike, f'more {origin.output}', verb='was')}" if alike else ""
    them = "it" if len(others) == 1 else "them"
    raise DataError(
        f"{path}: {what.format(source=origin.source)}{more}: add --overwrite to replace {them}, or choose another OUT"
    )
