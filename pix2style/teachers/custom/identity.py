"""Who painted, if it was somebody's own program: the digests of all that it is known to consist of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from pix2style.errors import ArtifactError
from pix2style.files import sha256_file, sha256_folder, sha256_json
from pix2style.stylizer import StylizerIdentity

_VERSION = 1
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_LONGEST_REASON = 200


def identify(name: str, text: str, programs: Sequence[Path], files: Sequence[Path], licence: str) -> StylizerIdentity:
    """The identity of a custom teacher.

    Args:
        name: for people; `custom:` comes before it.
        text: as the user gave it.
        programs: what is run: source file, program, scripts.
        files: what it reads: files and folders.
        licence: as the user gave it.

    Raises:
        ArtifactError: one of the files cannot be read.
    """
    digest = sha256_json(
        {
            "custom": _VERSION,
            "text": text,
            "programs": [_digest(text, path) for path in programs],
            "files": [_digest(text, path) for path in files],
        }
    )
    return StylizerIdentity(name=f"custom:{name}", sha256=digest, licence=licence, settings={"text": text})


def short(message: object, hide: str = "") -> str:
    """A message on one line, the same in every run: without memory addresses and without the folder `hide`."""
    words = " ".join(_ADDRESS.sub("", str(message)).split())
    words = words.replace(f"{hide}/", "") if hide else words
    return words if len(words) <= _LONGEST_REASON else f"{words[:_LONGEST_REASON]} ..."


def _digest(text: str, path: Path) -> list[str]:
    """Name and digest; not the folder, which may differ from machine to machine."""
    try:
        return [path.name, sha256_folder(path) if path.is_dir() else sha256_file(path)]
    except OSError as error:
        raise ArtifactError(f"teacher {text!r}: {path}: cannot be read: {error.strerror or error}") from error
