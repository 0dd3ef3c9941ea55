"""Decide where the output of each photo goes, for all photos before the first one is stylized."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pix2style.errors import ConfigError, DataError
from pix2style.images import (
    IMAGE_SUFFIXES,
    FoundImage,
    LeftOut,
    can_write,
    describe_left_out,
    has_alpha,
    search_images,
)
from pix2style.images.kinds import suffix_of
from pix2style.runtime.alike_names import loosest_form, same_files
from pix2style.runtime.file_settings import FileSettings
from pix2style.runtime.output_names import names_with_suffixes, output_suffix


@dataclass(frozen=True, slots=True)
class Job:
    """A photo or clip to stylize.

    Attributes:
        source: Path of the photo or clip.
        target: Path of the stylized one.
        is_clip: Whether it is a clip.
    """

    source: Path
    target: Path
    is_clip: bool = False


@dataclass(frozen=True, slots=True)
class ClipRules:
    """How clips are told from photos, and what their outputs are called.

    Attributes:
        is_clip: Returns whether a file is a clip.
        suffixes: Suffixes of clips in folders, in lower case.
        writable: Suffixes of outputs, in lower case.
        default: Suffix of outputs for clips whose own suffix cannot be written.
    """

    is_clip: Callable[[Path], bool]
    suffixes: frozenset[str]
    writable: frozenset[str]
    default: str


@dataclass(frozen=True, slots=True)
class OutputPlan:
    """The outputs of a call.

    Attributes:
        jobs: A job for each photo and clip, in the order of `find_images`.
        left_out: What lies in the input folders and is not stylized.
        empty_folders: Input folders without any photo.
        renamed: Jobs whose outputs have a number in their name, because another output has that name.
        missing: Entries of a list that cannot be opened, and why.
    """

    jobs: list[Job]
    left_out: list[LeftOut] = field(default_factory=list)
    empty_folders: list[Path] = field(default_factory=list)
    renamed: list[Job] = field(default_factory=list)
    missing: list[tuple[Path, str]] = field(default_factory=list)


def plan_outputs(
    inputs: Sequence[Path],
    out: Path,
    *,
    suffix: str | None = None,
    clips: ClipRules | None = None,
    files: FileSettings | None = None,
) -> OutputPlan:
    """Choose an output path for every photo, so that no two photos share one and no photo is overwritten.

    If there is one input file and OUT has the suffix of an image, OUT is the output file. Otherwise OUT is a folder, in
    which the structure of each input folder is repeated. The output is a PNG file if pix2style cannot write the format
    of the photo, or if the photo is transparent and the output format has no transparency.

    If two photos would get the same path, those whose suffix changes keep the old suffix in the name (`a.gif.png`). If
    that is not enough, outputs of several input folders go into folders with the names of these, and of as many folders
    above them as tell them apart. If two names are still one file for the file system of OUT, the second gets a number
    (`a-2.png`).

    The same holds for clips: OUT may be a file for a single clip, and outputs in a folder keep the suffix of their clip
    if it can be written.

    Args:
        inputs: Files and folders. If OUT lies inside an input folder, images in OUT are results of an earlier call and
            are left out.
        out: Output file or folder.
        suffix: Suffix of the outputs of all photos, for example `.png`; None for the suffixes of the photos.
        clips: How clips are recognised and named; None if there are only photos, so that clips in folders are left out.
        files: Which further files are read, and how images are written; None for the defaults.

    Raises:
        ConfigError: OUT or an input is `-`; or the format loses something, and nothing is to be lost; or OUT is a file,
            and the call does a part of the inputs only.
        DataError: An input does not exist, there are no images, or OUT would overwrite an input.
    """
    _refuse_standard_streams(inputs, out)
    files = files or FileSettings()
    is_one_file = _is_one_file(inputs, out, clips, has_list=files.listed is not None)
    if is_one_file and files.part is not None:
        raise ConfigError(f"--shard {files.part}: {out} is the output of a single input: give a folder as OUT")
    if wanted := out.suffix if is_one_file else suffix:
        files.check_suffix(wanted, f"the format {wanted!r}")
    also = clips.suffixes if clips else frozenset[str]()
    search = search_images(inputs, also, listed=files.listed or (), recursive=files.recursive)
    photos, results = _without_results(search.images, out)
    left_out = sorted([*search.left_out, *results])
    if not photos and not search.missing:
        there = f" ({describe_left_out(left_out)} there)" if left_out else ""
        kinds, suffixes = ("photos or clips", IMAGE_SUFFIXES | clips.suffixes) if clips else ("images", IMAGE_SUFFIXES)
        places = ", ".join([*map(str, inputs), *([] if files.listed is None else ["the list of files"])])
        raise DataError(
            f"no {kinds} in {places}: looked for {', '.join(sorted(suffixes))},"
            f" in subfolders {'too' if files.recursive else 'not'}{there}"
        )
    named = frozenset((*inputs, *(files.listed or ())))
    are_clips = [_is_clip(photo, clips, is_named=photo.path in named) for photo in photos]
    names = [out] if is_one_file else []
    renamed: list[int] = []
    if not is_one_file:
        names, renamed = _plan_folder(photos, are_clips, out, suffix, clips, files=files)
    jobs = [Job(*each) for each in zip((photo.path for photo in photos), names, are_clips, strict=True)]
    _refuse_overwriting(jobs)
    return OutputPlan(jobs, left_out, search.empty_folders, [jobs[i] for i in renamed], search.missing)


def _is_clip(photo: FoundImage, clips: ClipRules | None, *, is_named: bool) -> bool:
    """Return whether a file is a clip. The content counts for files that are inputs themselves."""
    if clips is None:
        return False
    suffix = suffix_of(photo.path.name)
    return suffix in clips.suffixes or (is_named and clips.is_clip(photo.path))


def _refuse_standard_streams(inputs: Sequence[Path], out: Path) -> None:
    if str(out) == "-":
        raise ConfigError("-o -: writing to standard output is not possible: name a folder or a file")
    if Path("-") in inputs and not Path("-").exists():
        raise ConfigError("-: reading from standard input is not possible: name files or folders")


def _is_one_file(inputs: Sequence[Path], out: Path, clips: ClipRules | None, *, has_list: bool) -> bool:
    """Return whether OUT is the output file of the only input, and refuse what it cannot be."""
    suffix, is_folder = out.suffix.lower(), out.is_dir()
    names_image = suffix in IMAGE_SUFFIXES and not is_folder
    names_clip = clips is not None and suffix in clips.suffixes | clips.writable and not is_folder
    what = "one clip" if names_clip else "one image file"
    if (names_image or names_clip) and (has_list or len(inputs) != 1 or inputs[0].is_dir()):
        several = "inputs" if clips else "photos"
        raise DataError(f"{out}: names {what}, but there may be several {several}: give a folder for them")
    if names_image and not can_write(out):
        raise DataError(f"{out}: cannot write the format {out.suffix!r}: use .png, .jpg, .webp or .tif")
    if clips is not None and names_clip and suffix not in clips.writable:
        writable = ", ".join(sorted(clips.writable))
        raise DataError(f"{out}: cannot write the format {out.suffix!r}: use one of {writable}")
    if clips is not None and (names_image or names_clip) and inputs[0].exists():
        is_clip = clips.is_clip(inputs[0])
        if is_clip != names_clip:
            kind, instead = ("clip", f"a clip such as {out.stem}.mp4") if is_clip else ("photo", "an image file")
            raise DataError(f"{out}: names {what}, but {inputs[0]} is a {kind}: name {instead}, or a folder")
    if not (names_image or names_clip) and os.path.lexists(out) and not is_folder:
        things = "outputs" if clips else "images"
        raise DataError(f"{out}: is a file, but must be a folder for the {things}: choose another OUT")
    return names_image or names_clip


def _without_results(photos: list[FoundImage], out: Path) -> tuple[list[FoundImage], list[LeftOut]]:
    """Separate images in OUT, if OUT lies inside the input folder, and leave out photos that the inputs name twice."""
    results_folder = _real(out)
    unique: dict[str, FoundImage] = {}
    results = []
    for photo in photos:
        root = _real(_input_folder(photo))
        out_is_inside = results_folder != root and results_folder.is_relative_to(root)
        if out_is_inside and _real(photo.path.parent).is_relative_to(results_folder):
            results.append(LeftOut(photo.path, "earlier result"))
        else:
            # Not resolved: a symbolic link to another photo counts as a photo of its own.
            unique.setdefault(os.path.abspath(photo.path), photo)  # noqa: PTH100
    return list(unique.values()), results


def _real(path: Path) -> Path:
    """Return a path without symbolic links. `Path.resolve` raises a RuntimeError for a link that leads to itself."""
    return Path(os.path.realpath(path))


def _input_folder(photo: FoundImage) -> Path:
    """Return the folder that `photo.relative` is relative to."""
    return photo.path.parents[len(PurePosixPath(photo.relative).parts) - 1]


def _plan_folder(
    photos: list[FoundImage],
    are_clips: list[bool],
    out: Path,
    suffix: str | None,
    clips: ClipRules | None,
    *,
    files: FileSettings,
) -> tuple[list[Path], list[int]]:
    """Return the outputs, and the positions of those that got a number."""
    suffixes = [
        _clip_suffix(photo, clips) if clips and is_clip else _photo_suffix(photo, suffix, files)
        for photo, is_clip in zip(photos, are_clips, strict=True)
    ]
    names = names_with_suffixes([photo.relative for photo in photos], suffixes, lambda names: same_files(names, out))
    for group in same_files(names, out):
        for i, folder in zip(group, _distinct_ends([_real(_input_folder(photos[i])) for i in group]), strict=True):
            names[i] = folder / names[i]
    numbered = _add_numbers(names, out)
    return [out / name for name in names], numbered


def _distinct_ends(folders: Sequence[Path]) -> list[PurePosixPath]:
    """Return the ends of paths, as long as needed to tell all folders apart; empty if there is one folder only."""
    parts = [folder.parts[1:] for folder in folders]
    length = 0
    while len({_end(path, length) for path in parts}) < len(set(parts)):
        length += 1
    return [PurePosixPath(*_end(path, length)) for path in parts]


def _end(parts: tuple[str, ...], length: int) -> tuple[str, ...]:
    return parts[max(0, len(parts) - length) :]


def _add_numbers(names: list[PurePosixPath], out: Path) -> list[int]:
    """Give all names but the first of a group another name, in place; return their positions."""
    taken = {loosest_form(str(name)) for name in names}
    numbered = []
    for group in same_files(names, out):
        number = 2
        for i in group[1:]:
            while loosest_form(str(new := names[i].with_stem(f"{names[i].stem}-{number}"))) in taken:
                number += 1
            taken.add(loosest_form(str(new)))
            names[i] = new
            numbered.append(i)
    return sorted(numbered)


def _photo_suffix(photo: FoundImage, requested: str | None, files: FileSettings) -> str:
    suffix = photo.path.suffix
    return output_suffix(suffix, requested, files, lambda: has_alpha(photo.path))


def _clip_suffix(clip: FoundImage, clips: ClipRules) -> str:
    return clip.path.suffix if clip.path.suffix.lower() in clips.writable else clips.default


def _refuse_overwriting(jobs: list[Job]) -> None:
    sources = {path for job in jobs for path in (_real(job.source), _real(job.source.parent) / job.source.name)}
    loose_sources = {loosest_form(path.as_posix()): path for path in sources}
    for job in jobs:
        # Only the folder is resolved: if the target itself is a link, the link is replaced, not the file behind it.
        target = _real(job.target.parent) / job.target.name
        alike = loose_sources.get(loosest_form(target.as_posix()))
        if alike is not None and (target in sources or _is_same_entry(alike, target)):
            kind = "clips" if job.is_clip else "photos"
            raise DataError(f"{job.target}: is one of the {kind} and would be overwritten: choose another OUT")


def _is_same_entry(path: Path, alike: Path) -> bool:
    """Return whether two paths that differ by case or Unicode form are the same entry of a folder."""
    try:
        return os.path.samestat(path.lstat(), alike.lstat())
    except OSError:
        return False
