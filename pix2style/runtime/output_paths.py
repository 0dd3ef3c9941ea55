"""Decide where the output of each photo goes, for all photos before the first one is stylized."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import field
from pathlib import Path

from pix2style.errors import ConfigError, DataError
from pix2style.images import (
    IMAGE_SUFFIXES,
    FoundImages,
    ImageListing,
    LeftOut,
    LeftOutList,
    can_write,
    describe_left_out,
    list_images,
)
from pix2style.images.found import Place, equal_texts
from pix2style.images.kinds import suffix_of
from pix2style.light_dataclass import dataclass
from pix2style.path_list import PathList
from pix2style.runtime.file_settings import FileSettings
from pix2style.runtime.job_list import Job, JobList
from pix2style.runtime.output_names import ClipRules, input_folder, plan_names, real_path
from pix2style.runtime.overwriting import refuse_overwriting

__all__ = ["ClipRules", "Job", "JobList", "OutputPlan", "plan_outputs"]


@dataclass(frozen=True, slots=True)
class OutputPlan:
    """The outputs of a call.

    Attributes:
        jobs: A job for each photo and clip, in the order of `find_images`.
        left_out: What lies in the input folders and is not stylized.
        empty_folders: Input folders without any photo.
        numbered: Positions of jobs whose outputs have a number in their name, because another output has that name.
        missing: Entries of a list that cannot be opened, and why.
    """

    jobs: JobList
    left_out: LeftOutList = field(default_factory=LeftOutList)
    empty_folders: list[Path] = field(default_factory=list)
    numbered: Sequence[int] = ()
    missing: list[tuple[Path, str]] = field(default_factory=list)

    @property
    def renamed(self) -> JobList:
        """Jobs whose outputs have a number in their name."""
        return self.jobs.at(self.numbered)


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
    search = list_images(inputs, also, listed=files.listed or (), recursive=files.recursive)
    photos, left_out = _without_results(search, out)
    if not photos and not search.missing:
        there = f" ({describe_left_out(left_out)} there)" if left_out else ""
        kinds, suffixes = ("photos or clips", IMAGE_SUFFIXES | clips.suffixes) if clips else ("images", IMAGE_SUFFIXES)
        places = ", ".join([*map(str, inputs), *([] if files.listed is None else ["the list of files"])])
        raise DataError(
            f"no {kinds} in {places}: looked for {', '.join(sorted(suffixes))},"
            f" in subfolders {'too' if files.recursive else 'not'}{there}"
        )
    are_clips = _find_clips(photos, clips)
    targets, numbered = PathList([out] if is_one_file else []), list[int]()
    if not is_one_file:
        targets, numbered = plan_names(photos, are_clips, out, suffix, clips, files=files)
    refuse_overwriting(photos, targets, are_clips)
    jobs = JobList(photos, targets, are_clips)
    return OutputPlan(jobs, left_out, search.empty_folders, numbered, search.missing)


def _find_clips(photos: FoundImages, clips: ClipRules | None) -> bytearray:
    """Return for each file 1 if it is a clip, and else 0. The content counts for files that are inputs themselves."""
    are_clips = bytearray(len(photos))
    if clips is None:
        return are_clips
    for i in range(len(photos)):
        is_clip = suffix_of(photos.name(i)) in clips.suffixes
        are_clips[i] = is_clip or (photos.is_named(i) and clips.is_clip(Path(photos.text(i))))
    return are_clips


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
    if not (names_image or names_clip) and _is_no_folder(out):
        things = "outputs" if clips else "images"
        raise DataError(f"{out}: is a file, but must be a folder for the {things}: choose another OUT")
    return names_image or names_clip


def _is_no_folder(path: Path) -> bool:
    """Return whether a path exists and is not a folder. It is looked up once, because another part may be making it."""
    try:
        return not stat.S_ISDIR(path.stat().st_mode)
    except OSError:
        return path.is_symlink()


def _without_results(search: ImageListing, out: Path) -> tuple[FoundImages, LeftOutList]:
    """Leave out images in OUT, if OUT lies inside the input folder, and photos that the inputs name twice."""
    photos, left_out, results_folder = search.images, search.left_out, real_path(out)
    holds_results = [_holds_results(place, results_folder) for place in photos.places]
    if any(holds_results):
        is_result = [holds_results[photos.place_number(i)] for i in range(len(photos))]
        left_out += (LeftOut(photos[i].path, "earlier result") for i in range(len(photos)) if is_result[i])
        left_out.sort()
        photos = photos.selected(i for i in range(len(photos)) if not is_result[i])
    # Not resolved: a symbolic link to another photo counts as a photo of its own.
    folders = [os.path.abspath(place.folder) for place in photos.places]  # noqa: PTH100
    if len(set(folders)) < len(folders):
        texts = equal_texts(lambda i: os.path.join(folders[photos.place_number(i)], photos.name(i)), len(photos))  # noqa: PTH118
        later = {i for _, *group in texts for i in group}
        photos = photos.selected(i for i in range(len(photos)) if i not in later)
    return photos, left_out


def _holds_results(place: Place, results_folder: Path) -> bool:
    """Return whether the images in a folder are results: the folder is in OUT, and OUT is inside the input folder."""
    root = input_folder(place)
    out_is_inside = results_folder != root and results_folder.is_relative_to(root)
    return out_is_inside and real_path(Path(place.folder)).is_relative_to(results_folder)
