"""Find out which outputs are done, and whether the same filter with the same settings made them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pix2style.errors import DataError
from pix2style.files import sha256_json
from pix2style.images import format_of, read_origin
from pix2style.plural import counted
from pix2style.runtime.output_paths import Job
from pix2style.stylizer import StylizerIdentity

_DIGITS = 32


@dataclass(frozen=True, slots=True)
class OutputOrigin:
    """What makes outputs: a stylizer and the settings of a call.

    Attributes:
        stylizer: Identity of the stylizer.
        quality: Quality of JPEG and WebP files.
    """

    stylizer: StylizerIdentity
    quality: int

    def note(self, target: Path) -> str:
        """Return the note that an output bears: a digest of everything that changes its pixels."""
        settings = {
            "sha256": self.stylizer.sha256,
            "styles": list(self.stylizer.style_sha256),
            "settings": dict(self.stylizer.settings),
            "quality": self.quality if format_of(target) in ("JPEG", "WEBP") else None,
        }
        return sha256_json(settings)[:_DIGITS]


@dataclass(slots=True)
class ExistingOutputs:
    """The outputs of a call before it begins.

    Attributes:
        remaining: Jobs to do.
        done: Outputs that exist.
        of_unknown_origin: Number of those outputs that do not say what made them.
        blocked: Jobs of which a folder takes the place of the output.
    """

    remaining: list[Job] = field(default_factory=list)
    done: list[Path] = field(default_factory=list)
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
        DataError: Something else made an output that exists, and `overwrite` is not set.
    """
    found = ExistingOutputs()
    others: list[Path] = []
    for job in jobs:
        if job.target.is_dir():
            found.blocked.append(job)
        elif overwrite or not job.target.is_file() or job.target.stat().st_size == 0:
            found.remaining.append(job)
        else:
            found.done.append(job.target)
            note = read_origin(job.target)
            found.of_unknown_origin += note is None
            if note not in (None, origin.note(job.target)):
                others.append(job.target)
    if others:
        them = "it" if len(others) == 1 else "them"
        raise DataError(
            f"{others[0]}: was made by another filter or with other settings"
            + (f", as {counted(len(others) - 1, 'more image', verb='was')}" if len(others) > 1 else "")
            + f": add --overwrite to replace {them}, or choose another OUT"
        )
    found.done.sort()
    return found
