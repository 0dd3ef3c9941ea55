"""Stylize an image that is no file, for example one from a pipe or a web page."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from pix2style.errors import DataError
from pix2style.files import sha256_bytes
from pix2style.images import (
    IMAGE_SUFFIXES,
    Frame,
    Picture,
    PictureSequence,
    can_hold_alpha,
    can_write,
    check_can_hold,
    decode_images,
    write_picture,
    write_sequence,
)
from pix2style.images.file_facts import kind_of
from pix2style.runtime.existing_outputs import OutputOrigin
from pix2style.runtime.file_settings import FileSettings
from pix2style.runtime.files_report import FileNote, FilesReport
from pix2style.runtime.output_paths import Job
from pix2style.runtime.stylize_files import keep_existing, origin_of
from pix2style.stylizer import Stylizer
from pix2style.writable import check_can_write_folder

_SUFFIXES = {
    "AVIF": ".avif",
    "BMP": ".bmp",
    "JPEG": ".jpg",
    "PNG": ".png",
    "PPM": ".ppm",
    "TIFF": ".tif",
    "WEBP": ".webp",
}
_LOSSLESS_SUFFIX = ".png"
_NAME = "stdin"


@dataclass(frozen=True, slots=True)
class StylizedData:
    """A stylized image.

    Attributes:
        data: Content of an image file.
        suffix: Suffix of its format, for example `.png`.
        notes: What a person should know about it.
    """

    data: bytes
    suffix: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _DataOrigin(OutputOrigin):
    """What makes an output of an image that is no file."""

    sha256: str

    def note(self, job: Job) -> str:
        """See `OutputOrigin.note`."""
        return self.note_of(job.target, self.sha256)


def stylize_data(
    stylizer: Stylizer,
    data: bytes,
    *,
    name: str,
    suffix: str | None = None,
    jpeg_quality: int = 95,
    files: FileSettings | None = None,
) -> StylizedData:
    """Stylize the content of an image file, as `stylize_files` does it with a file.

    Args:
        stylizer: Any stylizer; see `pix2style.load_stylizer`.
        data: Content of the image file, whose format is recognised by its first bytes. Animations and documents of
            several pages are stylized as a whole.
        name: Name of the image in messages.
        suffix: Suffix of the format to write; None for that of the image, or PNG if it cannot be written.
        jpeg_quality: Quality of JPEG and WebP files, 1 to 100.
        files: How the image is written; None for the defaults.

    Raises:
        ConfigError: The format loses something, and nothing is to be lost.
        DataError: The image cannot be decoded or written, or needs more memory than there is.
    """
    files = files or FileSettings()
    if suffix:
        files.check_suffix(suffix, f"the format {suffix!r}")
    image, suffix, notes = _open(data, name, suffix, files)
    origin = origin_of(stylizer, jpeg_quality, files)
    with tempfile.TemporaryDirectory(prefix="pix2style-") as folder:
        target = Path(folder, _NAME + suffix)
        notes += stylize_image(stylizer, image, target, origin, origin.note_of(target, sha256_bytes(data)))
        return StylizedData(target.read_bytes(), suffix, notes)


def stylize_data_into(
    stylizer: Stylizer,
    data: bytes,
    out: Path,
    *,
    name: str,
    suffix: str | None = None,
    jpeg_quality: int = 95,
    overwrite: bool = False,
    files: FileSettings | None = None,
) -> FilesReport:
    """Stylize the content of an image file, and write a file, as `stylize_files` does it with a file.

    Args:
        stylizer: Any stylizer.
        data: Content of the image file.
        out: Output file, or a folder, in which the output is called `stdin`, with the suffix of its format.
        name: Name of the image in messages.
        suffix: Suffix of the format in a folder; None for that of the image.
        jpeg_quality: Quality of JPEG and WebP files, 1 to 100.
        overwrite: Whether to replace an output that exists.
        files: How the image is written; None for the defaults.

    Raises:
        ConfigError, DataError: See `stylize_data` and `stylize_files`.
    """
    files, started = files or FileSettings(), time.perf_counter()
    is_file = out.suffix.lower() in IMAGE_SUFFIXES and not out.is_dir()
    if is_file and not can_write(out):
        raise DataError(f"{out}: cannot write the format {out.suffix!r}: use .png, .jpg, .webp or .tif")
    if wanted := out.suffix if is_file else suffix:
        files.check_suffix(wanted, f"the format {wanted!r}")
    image, suffix, notes = _open(data, name, None if is_file else suffix, files)
    target = out if is_file else out / (_NAME + suffix)
    settings = origin_of(stylizer, jpeg_quality, files)
    origin = _DataOrigin(
        settings.stylizer,
        settings.quality,
        sha256_bytes(data),
        lossless=settings.lossless,
        metadata=settings.metadata,
    )
    report = FilesReport(inputs=1)
    for job in keep_existing([Job(Path(name), target)], origin, report, overwrite=overwrite):
        check_can_write_folder(target.parent)
        stylizing = time.perf_counter()
        notes += stylize_image(stylizer, image, target, origin, origin.note(job))
        report.stylize_seconds = time.perf_counter() - stylizing
        if isinstance(image, PictureSequence):
            report.sequences, report.frames = 1, len(image)
        report.written.append(target)
        report.notes += [FileNote(job.source, note) for note in notes]
    report.seconds = time.perf_counter() - started
    return report


def _open(
    data: bytes, name: str, suffix: str | None, files: FileSettings
) -> tuple[Picture | PictureSequence, str, tuple[str, ...]]:
    """Return an image, the suffix of the format to write, and a note if that is not the format that was asked for."""
    image = decode_images(data, name=name, metadata=files.metadata)
    chosen = suffix or files.lossless_suffix(_SUFFIXES.get(kind_of(data), _LOSSLESS_SUFFIX))
    has_alpha = isinstance(image, Picture) and image.alpha is not None
    if not has_alpha or can_hold_alpha(Path(_NAME + chosen)):
        return image, chosen, ()
    return image, _LOSSLESS_SUFFIX, ((f"is written as PNG, because {chosen} has no transparency",) if suffix else ())


def stylize_image(
    stylizer: Stylizer, image: Picture | PictureSequence, target: Path, origin: OutputOrigin, note: str
) -> tuple[str, ...]:
    """Stylize an image, and write it to a file.

    Args:
        stylizer: The stylizer.
        image: A picture, an animation or a document of several pages.
        target: The output file.
        origin: How it is written.
        note: The note that the file gets; see `OutputOrigin.note`.

    Returns:
        What a person should know about the image.

    Raises:
        DataError: It cannot be decoded, stylized or written.
    """
    if isinstance(image, Picture):
        stylized = stylizer.stylize_picture(image)
        stylized = replace(stylized, lossless=image.lossless or origin.lossless)
        write_picture(target, stylized, quality=origin.quality, origin=note)
        return stylized.notes
    check_can_hold(target, image)
    image.lossless = image.lossless or origin.lossless
    notes: list[str] = []

    def frames() -> Iterator[Frame]:
        for frame in image.frames():
            made = stylizer.stylize_picture(frame.picture)
            notes.extend(made.notes)
            yield replace(frame, picture=made)

    write_sequence(target, frames(), image, quality=origin.quality, origin=note)
    return tuple(dict.fromkeys([*image.notes, *notes]))
