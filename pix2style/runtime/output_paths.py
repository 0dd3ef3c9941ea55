"""Decide where the output of each photo goes, for all photos before the first one is stylized."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pix2style.errors import DataError
from pix2style.images import IMAGE_SUFFIXES, FoundImage, can_hold_alpha, can_write, find_images, has_alpha

# For photos in a format that cannot be written (GIF, or no suffix), and for transparency that JPEG cannot store.
_LOSSLESS_SUFFIX = ".png"


@dataclass(frozen=True, slots=True)
class Job:
    """A photo to stylize.

    Attributes:
        source: Path of the photo.
        target: Path of the stylized image.
    """

    source: Path
    target: Path


def plan_outputs(inputs: Sequence[Path], out: Path, *, suffix: str | None = None) -> list[Job]:
    """Choose an output path for every photo, so that no two photos share one and no photo is overwritten.

    If there is one input file and OUT has the suffix of an image, OUT is the output file. Otherwise OUT is a folder, in
    which the structure of each input folder is repeated. The output is a PNG file if pix2style cannot write the format
    of the photo, or if the photo is transparent and the output format has no transparency.

    If two photos would get the same path, those whose suffix changes keep the old suffix in the name (`a.gif.png`). If
    that is not enough, the outputs go into a folder with the name of their input folder.

    Args:
        inputs: Files and folders. If OUT lies inside an input folder, images in OUT are results of an earlier call and
            are left out.
        out: Output file or folder.
        suffix: Suffix of all outputs, for example `.png`; None for the suffixes of the photos.

    Returns:
        A job for each photo, in the order of `find_images`.

    Raises:
        DataError: An input does not exist, there are no images, OUT would overwrite an input, or two photos would still
            get the same path.
    """
    one_file = _is_one_file(inputs, out)
    photos = _without_results(find_images(inputs), out)
    if not photos:
        raise DataError(
            f"no images in {', '.join(map(str, inputs))}: looked for {', '.join(sorted(IMAGE_SUFFIXES))},"
            " in subfolders too"
        )
    jobs = [Job(photos[0].path, out)] if one_file else _plan_folder(photos, out, suffix)
    _refuse_overwriting(jobs)
    return jobs


def _is_one_file(inputs: Sequence[Path], out: Path) -> bool:
    names_file = out.suffix.lower() in IMAGE_SUFFIXES and not out.is_dir()
    if names_file and (len(inputs) != 1 or inputs[0].is_dir()):
        raise DataError(f"{out}: names one image file, but there may be several photos: give a folder for them")
    if names_file and not can_write(out):
        raise DataError(f"{out}: cannot write the format {out.suffix!r}: use .png, .jpg, .webp or .tif")
    if not names_file and out.exists() and not out.is_dir():
        raise DataError(f"{out}: is a file, but must be a folder for the images: choose another OUT")
    return names_file


def _without_results(photos: list[FoundImage], out: Path) -> list[FoundImage]:
    """Leave out images in OUT, if OUT lies inside the input folder, and photos that the inputs name twice."""
    results_folder = out.resolve()
    unique: dict[str, FoundImage] = {}
    for photo in photos:
        root = _input_folder(photo)
        out_is_inside = results_folder != root.resolve() and results_folder.is_relative_to(root.resolve())
        if not (out_is_inside and photo.path.parent.resolve().is_relative_to(results_folder)):
            # Not resolved: a symbolic link to another photo counts as a photo of its own.
            unique.setdefault(os.path.abspath(photo.path), photo)  # noqa: PTH100
    return list(unique.values())


def _input_folder(photo: FoundImage) -> Path:
    """Return the folder that `photo.relative` is relative to."""
    return photo.path.parents[len(PurePosixPath(photo.relative).parts) - 1]


def _plan_folder(photos: list[FoundImage], out: Path, suffix: str | None) -> list[Job]:
    names = {photo: PurePosixPath(photo.relative).with_suffix(_output_suffix(photo, suffix)) for photo in photos}
    for photo in _colliding(names):
        if names[photo].suffix.lower() != PurePosixPath(photo.relative).suffix.lower():
            names[photo] = PurePosixPath(photo.relative + names[photo].suffix)
    for photo in _colliding(names):
        names[photo] = _input_folder(photo).resolve().name / names[photo]
    if colliding := _colliding(names):
        raise DataError(
            f"{colliding[0].path} and {colliding[1].path} would both become {out / names[colliding[0]]}: stylize them"
            " in two calls, into two folders"
        )
    return [Job(photo.path, out / name) for photo, name in names.items()]


def _output_suffix(photo: FoundImage, requested: str | None) -> str:
    suffix = requested or photo.path.suffix
    target = Path("name" + suffix)
    if not can_write(target) or (not can_hold_alpha(target) and has_alpha(photo.path)):
        return _LOSSLESS_SUFFIX
    return suffix


def _colliding(names: dict[FoundImage, PurePosixPath]) -> list[FoundImage]:
    """Return photos that share their output path, in order. Case is ignored, as on some file systems."""
    groups: dict[str, list[FoundImage]] = {}
    for photo, name in names.items():
        groups.setdefault(str(name).casefold(), []).append(photo)
    return [photo for group in groups.values() if len(group) > 1 for photo in group]


def _refuse_overwriting(jobs: list[Job]) -> None:
    sources = {job.source.resolve() for job in jobs}
    for job in jobs:
        # Only the folder is resolved: if the target itself is a link, the link is replaced, not the file behind it.
        if job.target.parent.resolve() / job.target.name in sources:
            raise DataError(f"{job.target}: is one of the photos and would be overwritten: choose another OUT")
