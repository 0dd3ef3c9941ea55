"""The identity of a custom teacher: digests of its program and of the files that it reads."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from pix2style.errors import ArtifactError
from pix2style.files import sha256_file, sha256_folder, sha256_json
from pix2style.stylizer import StylizerIdentity

_VERSION = 1
_MEMORY_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_MAX_MESSAGE_LENGTH = 200


def identify(name: str, text: str, programs: Sequence[Path], files: Sequence[Path], licence: str) -> StylizerIdentity:
    """Compute the identity of a custom teacher.

    Args:
        name: Name for people; `custom:` is put before it.
        text: The user's text, see `load_custom`.
        programs: Files that are run: source file, program, scripts.
        files: Files and folders that the program reads.
        licence: Licence that the user named.

    Raises:
        ArtifactError: If one of the files cannot be read.
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


def shorten_message(message: object, hidden_folder: str = "") -> str:
    """Return a message on one line of at most about 200 characters, which is the same in every run.

    Memory addresses and the path of `hidden_folder`, a temporary folder, are removed, because pair sets store the
    messages of photos that failed, and the same photos must give the same set.
    """
    line = " ".join(_MEMORY_ADDRESS.sub("", str(message)).split())
    line = line.replace(f"{hidden_folder}/", "") if hidden_folder else line
    return line if len(line) <= _MAX_MESSAGE_LENGTH else f"{line[:_MAX_MESSAGE_LENGTH]} ..."


def _digest(text: str, path: Path) -> list[str]:
    """Return a file's name and digest. Not its folder, which may differ from machine to machine."""
    try:
        return [path.name, sha256_folder(path) if path.is_dir() else sha256_file(path)]
    except OSError as error:
        raise ArtifactError(f"teacher {text!r}: {path}: cannot be read: {error.strerror or error}") from error
