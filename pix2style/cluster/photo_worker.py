"""Stylize photos of a place one after the other, as `infer` does on one machine."""

from __future__ import annotations

import contextlib
import functools
import io
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from pix2style.cluster.filter_parcel import FilterParcel
from pix2style.cluster.output_name import TargetNames
from pix2style.cluster.photo_batches import ListedPhoto, PhotoBatch
from pix2style.cluster.photo_result import BatchResult, PhotoResult
from pix2style.cluster.place import Place
from pix2style.errors import DataError
from pix2style.files import sha256_bytes
from pix2style.images import (
    Image8,
    Picture,
    PictureSequence,
    check_can_hold,
    decode_images,
    encode_picture,
    encode_sequence,
    format_of,
    lost_metadata_notes,
    origin_in,
)
from pix2style.processes import submit_ahead
from pix2style.runtime.existing_outputs import OutputOrigin
from pix2style.runtime.file_settings import FileSettings
from pix2style.runtime.files_report import reason_of
from pix2style.stylizer import Stylizer, StylizerIdentity

_READ_AHEAD = 2


@dataclass(frozen=True, slots=True)
class ClusterJob:
    """The work that all workers share.

    Attributes:
        source: Place of the photos.
        target: Place of the outputs.
        parcel: The filter.
        suffix: Suffix of all outputs; None for those of the photos.
        quality: Quality of JPEG and WebP files.
        files: How images are written.
    """

    source: Place
    target: Place
    parcel: FilterParcel
    suffix: str | None
    quality: int
    files: FileSettings

    def target_names(self) -> TargetNames:
        """Return the object that names the outputs."""
        return TargetNames(self.source, self.target, self.suffix, self.files)

    def origin(self, stylizer: Stylizer | None = None) -> OutputOrigin:
        """Return the origin that is noted in the outputs.

        Args:
            stylizer: The loaded stylizer; None if notes are only compared.
        """
        stylizer = stylizer or _NotLoaded(self.parcel.identity)
        return OutputOrigin(stylizer, self.quality, lossless=self.files.lossless, metadata=self.files.metadata)


class _NotLoaded(Stylizer):
    """The identity of a stylizer that is loaded elsewhere."""

    def __init__(self, identity: StylizerIdentity) -> None:
        self._identity = identity

    @property
    def identity(self) -> StylizerIdentity:
        """See `Stylizer.identity`."""
        return self._identity

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        """Raise an error: only workers load the stylizer."""
        raise RuntimeError(
            f"{self._identity.name} is loaded by workers only: {len(images)} images cannot be stylized here"
        )


class PhotoWorker:
    """Stylizes photos with one stylizer.

    Args:
        job: What to do.

    Raises:
        ArtifactError, ConfigError: The filter of the job cannot be loaded on this machine.
    """

    def __init__(self, job: ClusterJob) -> None:
        self._job, self._stylizer, self._names = job, job.parcel.load(), job.target_names()
        self._origin = job.origin(self._stylizer)
        self._pool = ThreadPoolExecutor(1, "read")

    def stylize(self, batch: PhotoBatch, may_begin: Callable[[ListedPhoto], str] | None = None) -> BatchResult:
        """Stylize a batch of photos. What an output held before is replaced.

        Args:
            batch: The photos.
            may_begin: Called before each photo; returns why the photo must not be tried, or an empty text. If given,
                photos are not read ahead.
        """
        started = time.perf_counter()
        if may_begin is None:
            ahead = submit_ahead(self._pool, self._read, batch.photos, _READ_AHEAD)
            results = [self._stylize(photo, reading.result) for photo, reading in ahead]
        else:
            results = [self._try(photo, may_begin(photo)) for photo in batch.photos]
        return BatchResult(results, batch.left_out, time.perf_counter() - started)

    def _read(self, photo: ListedPhoto) -> bytes:
        return self._job.source.read(photo.name)

    def _try(self, photo: ListedPhoto, refused: str) -> PhotoResult:
        if refused:
            return self._failed(photo, refused)
        return self._stylize(photo, lambda: self._read(photo))

    def _stylize(self, photo: ListedPhoto, read: Callable[[], bytes]) -> PhotoResult:
        try:
            return self._stylize_data(photo, read())
        except OSError as error:
            reason = error.strerror or str(error)
        except (DataError, MemoryError) as error:
            reason = reason_of(error)
        return self._failed(photo, reason)

    def _failed(self, photo: ListedPhoto, reason: str) -> PhotoResult:
        """Return the result of a photo that failed here, unless a worker that was lost has finished its output."""
        with contextlib.suppress(OSError, DataError, MemoryError):
            found = OutputChecker(self._job).find(photo)
            if found is not None and found.outcome == "existed" and not found.of_unknown_origin:
                return found
        return PhotoResult(photo.name, "failed", reason=reason)

    def _stylize_data(self, photo: ListedPhoto, data: bytes) -> PhotoResult:
        name = self._names.name(photo, lambda: data)
        if self._job.target.kind(name) == "folder":
            raise DataError(f"its output {name} is a folder: remove it, or choose another TARGET")
        image = decode_images(data, name=photo.name, metadata=self._job.files.metadata)
        note = self._origin.note_of(Path(name), sha256_bytes(data))
        encoded, notes = self._encode(image, Path(name), note)
        try:
            self._job.target.write(name, encoded)
        except OSError as error:
            raise DataError(f"{name}: cannot be written: {error.strerror or error}") from error
        frames = len(image) if isinstance(image, PictureSequence) else 0
        return PhotoResult(photo.name, "written", name, notes=notes, frames=frames)

    def _encode(self, image: Picture | PictureSequence, name: Path, note: str) -> tuple[bytes, tuple[str, ...]]:
        """Return the content of the output, and what a person should know about it."""
        quality, lossless, notes = self._origin.quality, self._origin.lossless, dict[str, None]()
        kind = format_of(name)

        def stylized(picture: Picture) -> Picture:
            made = self._stylizer.stylize_picture(picture)
            notes.update(dict.fromkeys((*made.notes, *lost_metadata_notes(kind, made.metadata))))
            return made

        if isinstance(image, Picture):
            made = stylized(image)
            made = replace(made, lossless=made.lossless or lossless)
            return encode_picture(name, made, quality=quality, origin=note), tuple(notes)
        check_can_hold(name, image)
        image.lossless = image.lossless or lossless
        frames = (replace(frame, picture=stylized(frame.picture)) for frame in image.frames())
        encoded = encode_sequence(name, frames, image, quality=quality, origin=note)
        return encoded, tuple(dict.fromkeys([*image.notes, *notes]))


class OutputChecker:
    """Finds the photos of a batch that have outputs, and checks that this filter made them of these photos.

    Args:
        job: What to do.
    """

    def __init__(self, job: ClusterJob) -> None:
        self._job, self._names, self._origin = job, job.target_names(), job.origin()

    def check(self, batch: PhotoBatch) -> tuple[PhotoBatch, BatchResult]:
        """Return the photos that are left to stylize, and the results of the others."""
        started, results, remaining = time.perf_counter(), [], []
        for photo in batch.photos:
            try:
                result = self.find(photo)
            except (OSError, DataError, MemoryError):  # stylizing the photo raises the error that says what is wrong
                result = None
            if result is None:
                remaining.append(photo)
            else:
                results.append(result)
        return PhotoBatch(remaining), BatchResult(results, batch.left_out, time.perf_counter() - started)

    def find(self, photo: ListedPhoto) -> PhotoResult | None:
        """Return the result of a photo that has an output; None if it has none."""
        if not self._names.could_exist(photo):
            return None
        data = functools.cache(lambda: self._job.source.read(photo.name))
        name = self._names.name(photo, data)
        if self._job.target.kind(name) != "file":
            return None
        note = self._note_in(name)
        if note is None:
            return PhotoResult(photo.name, "existed", name, of_unknown_origin=True)
        if note.partition("-")[0] != self._origin.settings_digest(Path(name)):
            return PhotoResult(photo.name, "other settings", name)
        same = note == self._origin.note_of(Path(name), sha256_bytes(data()))
        return PhotoResult(photo.name, "existed" if same else "other photo", name)

    def _note_in(self, name: str) -> str | None:
        """Return the note in an output; None if it has none, or cannot be read now: what exists is kept."""
        try:
            return origin_in(io.BytesIO(self._job.target.read(name)), name)
        except OSError:
            return None
