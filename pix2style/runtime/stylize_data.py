"""Stylize an image that is no file, for example one from a pipe or a web page."""

from __future__ import annotations

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
    encode_picture,
    encode_sequence,
    format_of,
    lost_metadata_notes,
    write_picture,
    write_sequence,
)
from pix2style.images.file_facts import kind_of
from pix2style.runtime.existing_outputs import OutputOrigin
from pix2style.runtime.file_settings import FileSettings
from pix2style.runtime.files_report import FileNote, FilesReport
from pix2style.runtime.job_list import Job
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


@dataclass(slots=True)
class StylizeSeconds:
    """Durations of the stages of the work on an image.

    Attributes:
        decode: Seconds of decoding. For animations and documents, decoding of the frames counts as `encode`, because
            frames are decoded and encoded in turn.
        stylize: Seconds of stylizing.
        encode: Seconds of encoding, and of everything else.
    """

    decode: float = 0.0
    stylize: float = 0.0
    encode: float = 0.0


@dataclass(frozen=True, slots=True)
class StylizedData:
    """A stylized image.

    Attributes:
        data: Content of an image file.
        suffix: Suffix of its format, for example `.png`.
        notes: What a person should know about it.
        width_px: Width in pixels; of animations and documents, that of the first picture.
        height_px: Height in pixels, likewise.
        seconds: Durations of the stages.
    """

    data: bytes
    suffix: str
    notes: tuple[str, ...]
    width_px: int
    height_px: int
    seconds: StylizeSeconds


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
    max_pixels: int | None = None,
    out_name: str = _NAME,
) -> StylizedData:
    """Stylize the content of an image file in memory, as `stylize_files` does it with a file.

    The result has the same bytes as the file that `stylize_files` writes.

    Args:
        stylizer: Any stylizer; see `pix2style.load_stylizer`.
        data: Content of the image file, whose format is recognised by its first bytes. Animations and documents of
            several pages are stylized as a whole.
        name: Name of the image in messages.
        suffix: Suffix of the format to write; None for that of the image, or PNG if it cannot be written.
        jpeg_quality: Quality of JPEG and WebP files, 1 to 100.
        files: How the image is written; None for the defaults.
        max_pixels: See `images.decode_images`.
        out_name: Name of the result in messages, without a suffix.

    Raises:
        ConfigError: The format loses something, and nothing is to be lost.
        DataError: The image cannot be decoded or written, or needs more memory than there is.
    """
    files, started, seconds = files or FileSettings(), time.perf_counter(), StylizeSeconds()
    if suffix:
        files.check_suffix(suffix, f"the format {suffix!r}")
    image, suffix, notes = _open(data, name, suffix, files, max_pixels)
    seconds.decode = time.perf_counter() - started
    target, origin = Path(out_name + suffix), origin_of(stylizer, jpeg_quality, files)
    note = origin.note_of(target, sha256_bytes(data))
    work = _Work(stylizer, target, origin, seconds)
    if isinstance(image, Picture):
        encoded = encode_picture(target, work.picture(image), quality=jpeg_quality, origin=note)
    else:
        check_can_hold(target, image)
        encoded = encode_sequence(target, work.frames(image), image, quality=jpeg_quality, origin=note)
    seconds.encode = time.perf_counter() - started - seconds.decode - seconds.stylize
    return StylizedData(encoded, suffix, (*notes, *work.notes_of(image)), *work.size_px, seconds)


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
        work, note = _Work(stylizer, target, origin, StylizeSeconds()), origin.note(job)
        if isinstance(image, Picture):
            write_picture(target, work.picture(image), quality=jpeg_quality, origin=note)
        else:
            check_can_hold(target, image)
            write_sequence(target, work.frames(image), image, quality=jpeg_quality, origin=note)
        notes += work.notes_of(image)
        report.stylize_seconds = time.perf_counter() - stylizing
        if isinstance(image, PictureSequence):
            report.sequences, report.frames = 1, len(image)
        report.written.append(target)
        report.notes += [FileNote(job.source, note) for note in notes]
    report.seconds = time.perf_counter() - started
    return report


def _open(
    data: bytes, name: str, suffix: str | None, files: FileSettings, max_pixels: int | None = None
) -> tuple[Picture | PictureSequence, str, tuple[str, ...]]:
    """Return an image, the suffix of the format to write, and a note if that is not the format that was asked for."""
    image = decode_images(data, name=name, metadata=files.metadata, max_pixels=max_pixels)
    chosen = suffix or files.lossless_suffix(_SUFFIXES.get(kind_of(data), _LOSSLESS_SUFFIX))
    has_alpha = isinstance(image, Picture) and image.alpha is not None
    if not has_alpha or can_hold_alpha(Path(_NAME + chosen)):
        return image, chosen, ()
    return image, _LOSSLESS_SUFFIX, ((f"is written as PNG, because {chosen} has no transparency",) if suffix else ())


class _Work:
    """Stylizes an image or its frames, and collects notes about it.

    Attributes:
        size_px: Width and height of the first picture.
    """

    def __init__(self, stylizer: Stylizer, target: Path, origin: OutputOrigin, seconds: StylizeSeconds) -> None:
        self._kind = format_of(target)
        self._stylizer, self._lossless, self._seconds = stylizer, origin.lossless, seconds
        self._notes: list[str] = []
        self.size_px = (0, 0)

    def picture(self, picture: Picture) -> Picture:
        """Return a stylized picture."""
        started = time.perf_counter()
        stylized = self._stylizer.stylize_picture(picture)
        self._seconds.stylize += time.perf_counter() - started
        self._notes.extend((*stylized.notes, *lost_metadata_notes(self._kind, stylized.metadata)))
        height, width = stylized.rgb.shape[:2]
        self.size_px = self.size_px if any(self.size_px) else (width, height)
        return replace(stylized, lossless=picture.lossless or self._lossless)

    def frames(self, sequence: PictureSequence) -> Iterator[Frame]:
        """Yield stylized frames."""
        sequence.lossless = sequence.lossless or self._lossless
        for frame in sequence.frames():
            yield replace(frame, picture=self.picture(frame.picture))

    def notes_of(self, image: Picture | PictureSequence) -> tuple[str, ...]:
        """Return the notes about an image, after it was stylized."""
        return tuple(self._notes if isinstance(image, Picture) else dict.fromkeys([*image.notes, *self._notes]))
