"""Keep copies of the style images in a pair set, so that a training can compare with the painting as well.

A copy is named after the SHA-256 of its file, which the teachers' records in plan and manifest list. The copies are no
part of the set's identity: a set without them can be trained on, except by losses that compare with the painting.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pix2style.files import sha256_bytes, write_bytes
from pix2style.pairs.format.manifest import PAINTINGS_NAME, TeacherRecord
from pix2style.pairs.format.shards import explain_write_errors


def store_paintings(folder: Path, paintings: Sequence[Path], teachers: Sequence[TeacherRecord]) -> None:
    """Copy style images into a pair set, unless they are in it.

    Files that no teacher used, and files that have changed or vanished since, are left out.

    Args:
        folder: Folder of the pair set.
        paintings: Image files that the configuration names.
        teachers: Teachers of the set.

    Raises:
        DataError: The folder cannot be written.
    """
    used = {digest for teacher in teachers for digest in teacher.style_sha256}
    for painting in paintings:
        try:
            data = painting.read_bytes()
        except OSError:
            continue
        digest = sha256_bytes(data)
        if digest in used and find_painting(folder, digest) is None:
            target = folder / PAINTINGS_NAME / f"{digest}{painting.suffix.lower()}"
            with explain_write_errors(target):
                write_bytes(target, data)


def find_painting(folder: Path, sha256: str) -> Path | None:
    """Return the copy of a style image in a pair set, or None if the set has none.

    Args:
        folder: Folder of the pair set.
        sha256: SHA-256 of the image's file, as `TeacherRecord.style_sha256` lists it.
    """
    copies = folder / PAINTINGS_NAME
    return next((path for path in sorted(copies.glob(f"{sha256}*")) if path.stem == sha256), None)
