"""Which file becomes which: every photo gets a place of its own before the first one is painted."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pix2style.errors import DataError
from pix2style.images import IMAGE_SUFFIXES, FoundImage, can_hold_alpha, can_write, find_images, has_alpha

_LOSSLESS = ".png"  # for what cannot be written as it came (GIF, no suffix), and for transparency in a JPEG's place


@dataclass(frozen=True, slots=True)
class Job:
    """One photo, and where its painting goes."""

    source: Path
    target: Path


def plan_outputs(inputs: Sequence[Path], out: Path, *, suffix: str | None = None) -> list[Job]:
    """Decide on every output before any work, so that no two photos share one and none is overwritten.

    A single file and an OUT with a picture's suffix: that file. Otherwise OUT is a folder in which each input folder's
    structure is repeated. A format that pix2style does not write becomes PNG, and so does a transparent picture whose
    output would be a format without transparency. Where two photos would become one file, those whose suffix changes
    keep the old one in the name (`a.gif.png`); then they go into a folder named like their input folder.

    Args:
        inputs: files and folders; pictures below a folder that lie in OUT are results of an earlier call, and left out.
        out: a file or a folder.
        suffix: of all outputs, for example `.png`; None: as the inputs.

    Returns:
        Jobs in the order of the inputs' relative names.

    Raises:
        DataError: an input does not exist, there are no pictures, OUT would overwrite an input, or two photos would
            still become one file.
    """
    one_file = _is_one_file(inputs, out)
    found = _without_results(find_images(inputs), out)
    if not found:
        raise DataError(
            f"no pictures in {', '.join(map(str, inputs))}: looked for {', '.join(sorted(IMAGE_SUFFIXES))},"
            " in subfolders too"
        )
    jobs = [Job(found[0].path, out)] if one_file else _in_folder(found, out, suffix)
    _refuse_overwriting(jobs)
    return jobs


def _is_one_file(inputs: Sequence[Path], out: Path) -> bool:
    named = out.suffix.lower() in IMAGE_SUFFIXES and not out.is_dir()
    if named and (len(inputs) != 1 or inputs[0].is_dir()):
        raise DataError(f"{out}: names one picture, but there may be several: give a folder for them")
    if named and not can_write(out):
        raise DataError(f"{out}: cannot write the format {out.suffix!r}: use .png, .jpg, .webp or .tif")
    if not named and out.exists() and not out.is_dir():
        raise DataError(f"{out}: is a file where a folder for the pictures is wanted: choose another OUT")
    return named


def _without_results(found: list[FoundImage], out: Path) -> list[FoundImage]:
    """Leave out what lies in OUT, if OUT is inside the folder that was asked for; and what was named twice."""
    results = out.resolve()
    kept: dict[str, FoundImage] = {}
    for one in found:
        root = _root(one)
        inside = results != root.resolve() and results.is_relative_to(root.resolve())
        if not (inside and one.path.parent.resolve().is_relative_to(results)):
            kept.setdefault(os.path.abspath(one.path), one)  # noqa: PTH100 (a link is a photo of its own: not resolved)
    return list(kept.values())


def _root(found: FoundImage) -> Path:
    """The folder that `found.relative` is relative to."""
    return found.path.parents[len(PurePosixPath(found.relative).parts) - 1]


def _in_folder(found: list[FoundImage], out: Path, suffix: str | None) -> list[Job]:
    names = {one: PurePosixPath(one.relative).with_suffix(_suffix(one, suffix)) for one in found}
    for one in _colliding(names):
        if names[one].suffix.lower() != PurePosixPath(one.relative).suffix.lower():
            names[one] = PurePosixPath(one.relative + names[one].suffix)
    for one in _colliding(names):
        names[one] = _root(one).resolve().name / names[one]
    if left := _colliding(names):
        raise DataError(
            f"{left[0].path} and {left[1].path} would both become {out / names[left[0]]}: stylize them one after the"
            " other, into two folders"
        )
    return [Job(one.path, out / name) for one, name in names.items()]


def _suffix(found: FoundImage, wanted: str | None) -> str:
    suffix = wanted or found.path.suffix
    target = Path("name" + suffix)
    if not can_write(target) or (not can_hold_alpha(target) and has_alpha(found.path)):
        return _LOSSLESS
    return suffix


def _colliding(names: dict[FoundImage, PurePosixPath]) -> list[FoundImage]:
    """Photos whose outputs are one file, on file systems that ignore case too; in the order of the files."""
    groups: dict[str, list[FoundImage]] = {}
    for one, name in names.items():
        groups.setdefault(str(name).casefold(), []).append(one)
    return [one for group in groups.values() if len(group) > 1 for one in group]


def _refuse_overwriting(jobs: list[Job]) -> None:
    sources = {job.source.resolve() for job in jobs}
    for job in jobs:
        # A target that is a link is replaced itself, not what it points to: so its folder is resolved, not its name.
        if job.target.parent.resolve() / job.target.name in sources:
            raise DataError(f"{job.target}: is one of the photos, and would be overwritten: choose another OUT")
