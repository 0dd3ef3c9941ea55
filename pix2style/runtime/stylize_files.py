"""Stylize image files: reading, stylizing and writing run at the same time, with few photos in memory."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from pix2style.errors import DataError
from pix2style.files import sha256_bytes
from pix2style.images import (
    Frame,
    Picture,
    PictureSequence,
    check_can_hold,
    decode_images,
    format_of,
    lost_metadata_notes,
    read_image_file,
    write_picture,
    write_sequence,
)
from pix2style.light_dataclass import dataclass
from pix2style.path_list import PathList
from pix2style.processes import are_done, result_of, shut_down, submit_ahead
from pix2style.runtime.existing_outputs import OutputOrigin, find_existing
from pix2style.runtime.file_settings import FileSettings
from pix2style.runtime.files_report import FailedFile, FileNote, FilesReport, reason_of
from pix2style.runtime.inline_executor import InlineExecutor
from pix2style.runtime.job_list import Job, JobList
from pix2style.runtime.leftovers import remove_leftovers, working_in
from pix2style.runtime.output_paths import OutputPlan, plan_outputs
from pix2style.runtime.part_of_plan import part_of_plan
from pix2style.stylizer import Stylizer
from pix2style.system.interrupts import interrupts_held
from pix2style.writable import check_can_write_folder

# Number of decoded photos that may wait for the stylizer, and of results that may wait to be written. That is enough to
# keep the stylizer busy, and with 24-megapixel photos (73 MB each, decoded) it needs less than half a gigabyte.
_QUEUE_LENGTH = 2


def stylize_files(
    stylizer: Stylizer,
    inputs: Sequence[Path],
    out: Path,
    *,
    suffix: str | None = None,
    jpeg_quality: int = 95,
    overwrite: bool = False,
    files: FileSettings | None = None,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> FilesReport:
    """Stylize image files and folders of image files.

    Outputs have the size, transparency and colour profile of their photo. They are stored upright, without other
    metadata unless `files` says so, because EXIF can contain places and names; a digest notes what made them. An output
    that exists already is kept, so that calling again continues an interrupted call. If a photo fails, it is listed in
    the report and the other photos are still done.

    Args:
        stylizer: Any stylizer; see `pix2style.load_stylizer`.
        inputs: Files, and folders that are searched recursively.
        out: Output folder, which is created if needed; or an output file for a single photo. See
            `output_paths.plan_outputs`.
        suffix: Suffix of all outputs, for example `.png`; None for the suffixes of the photos.
        jpeg_quality: Quality of JPEG and WebP files, 1 to 100.
        overwrite: Whether to replace outputs that exist.
        files: Which further files are read, and how images are written; None for the defaults.
        on_progress: Called after every photo with the number of handled photos and the number of all photos.

    Raises:
        DataError: Before any work: there are no photos, an output would overwrite a photo, or an output that exists
            was made by another filter, with other settings or of another photo.
    """
    started = time.perf_counter()
    files = files or FileSettings()
    plan = plan_outputs(inputs, out, suffix=suffix, files=files)
    report, plan = begin_report(plan, files)
    origin = origin_of(stylizer, jpeg_quality, files)
    jobs = keep_existing(plan.jobs, origin, report, overwrite=overwrite)
    with outputs_in(out, plan.jobs, jobs):
        stylize_photos(jobs, origin, report, on_progress, threads=files.threads)
    report.seconds = time.perf_counter() - started
    return report


def origin_of(stylizer: Stylizer, quality: int, files: FileSettings) -> OutputOrigin:
    """Return what makes the outputs of a call."""
    return OutputOrigin(stylizer, quality, lossless=files.lossless, metadata=files.metadata)


def begin_report(plan: OutputPlan, files: FileSettings, things: str = "images") -> tuple[FilesReport, OutputPlan]:
    """Return a report of what is known before the work, and the plan of the outputs that this call makes.

    Args:
        plan: The outputs of all inputs.
        files: Settings of the call, which may select a part of the inputs.
        things: What the inputs may be, for messages.
    """
    inputs, shard = len(plan.jobs), None if files.part is None else str(files.part)
    plan = plan if files.part is None else part_of_plan(plan, files.part)
    report = FilesReport(
        left_out=plan.left_out, renamed=PathList(job.target for job in plan.renamed), shard=shard, inputs=inputs
    )
    report.failures += (FailedFile(folder, f"there are no {things} in it") for folder in plan.empty_folders)
    report.failures += (FailedFile(path, reason) for path, reason in plan.missing)
    report.notes += (
        FileNote(job.source, f"its output is called {job.target.name}, because another output has its name")
        for job in plan.renamed
    )
    return report, plan


@contextlib.contextmanager
def outputs_in(out: Path, planned: JobList, to_do: Iterable[Job]) -> Iterator[None]:
    """Check that outputs can be written; at the end of the block, remove unfinished ones that killed calls have left.

    Args:
        out: Output folder, or the output file of a single input.
        planned: All jobs of the call.
        to_do: The jobs that the block does.

    Raises:
        DataError: Nothing can be written there.
    """
    first = next(iter(to_do), None)
    if any(target == out for target in planned.all_targets[:1]):
        if first is not None:
            check_can_write_folder(out.parent)
        yield
    elif first is None:
        remove_leftovers(out, planned.all_targets)
        yield
    else:
        with working_in(out, planned.all_targets):
            yield


def keep_existing(jobs: Sequence[Job], origin: OutputOrigin, report: FilesReport, *, overwrite: bool) -> Sequence[Job]:
    """Add outputs that exist to a report, and return the jobs that are still to do.

    Raises:
        DataError: An output that exists was made by something else, and `overwrite` is not set.
    """
    existing = find_existing(jobs, origin, overwrite=overwrite)
    report.skipped += existing.done
    report.of_unknown_origin += existing.of_unknown_origin
    for job in existing.blocked:
        reason = f"its output {job.target} is a folder: remove it, or choose another OUT"
        report.failures.append(FailedFile(job.source, reason))
    return existing.remaining


def stylize_photos(
    jobs: Sequence[Job],
    origin: OutputOrigin,
    report: FilesReport,
    on_progress: Callable[[int, int], None],
    *,
    threads: int | None = None,
) -> None:
    """Stylize photos whose outputs are planned, and add what became of them to a report."""
    total = len(jobs) + report.handled
    on_progress(report.handled, total)
    pipeline = _Pipeline(origin, report, lambda: on_progress(report.handled, total))
    pipeline.run(jobs, in_one_thread=threads == 1)


def _executor(name: str, in_one_thread: bool) -> Executor:
    return InlineExecutor() if in_one_thread else ThreadPoolExecutor(1, name)


@dataclass(frozen=True, slots=True)
class _Reading:
    """A photo on its way to its stylizer, and the note that its output gets."""

    images: Picture | PictureSequence
    stylizer: Stylizer
    note: str


class _Pipeline:
    """Reads ahead in one thread, stylizes in the caller's thread, and writes in another thread."""

    def __init__(self, origin: OutputOrigin, report: FilesReport, on_progress: Callable[[], None]) -> None:
        self._origin, self._report, self._on_progress = origin, report, on_progress
        self._pending_writes: deque[tuple[Job, Future[None]]] = deque()

    def run(self, jobs: Sequence[Job], *, in_one_thread: bool = False) -> None:
        """Process all jobs. After an interruption the results that are already stylized are still written.

        Args:
            jobs: The jobs.
            in_one_thread: Whether to read, stylize and write one photo after the other, in the caller's thread.
        """
        queue_length = 0 if in_one_thread else _QUEUE_LENGTH
        with _executor("read", in_one_thread) as reader, _executor("write", in_one_thread) as writer:
            try:
                for job, reading in submit_ahead(reader, self._read, jobs, queue_length):
                    self._stylize(job, reading, writer)
                    self._collect_writes(queue_length)
            finally:
                shut_down(reader)
                self._collect_writes(0)

    def _read(self, job: Job) -> _Reading:
        """Return a photo, the stylizer for it, and the note that its output gets."""
        # The note is of the bytes that are decoded: the file may be replaced meanwhile.
        data, origin = read_image_file(job.source), self._origin.for_job(job)
        images = decode_images(data, name=str(job.source), metadata=self._origin.metadata)
        return _Reading(images, origin.stylizer, origin.note_of(job.target, sha256_bytes(data)))

    def _stylize(self, job: Job, reading: Future[_Reading], writer: Executor) -> None:
        try:
            read = result_of(reading)
            if isinstance(read.images, PictureSequence):
                self._stylize_sequence(job, read.images, read)
                return
            stylized = self._stylize_picture(read.images, read.stylizer)
        except (DataError, MemoryError) as error:
            self._add_failure(job, error)
            return
        lost = lost_metadata_notes(format_of(job.target), stylized.metadata)
        self._report.notes += [FileNote(job.source, note) for note in (*stylized.notes, *lost)]
        stylized = replace(stylized, lossless=stylized.lossless or self._origin.lossless)
        with interrupts_held():
            writing = writer.submit(write_picture, job.target, stylized, quality=self._origin.quality, origin=read.note)
            self._pending_writes.append((job, writing))

    def _stylize_sequence(self, job: Job, sequence: PictureSequence, read: _Reading) -> None:
        """Stylize every frame or page, and write them into one file."""
        check_can_hold(job.target, sequence)
        sequence.lossless = sequence.lossless or self._origin.lossless
        notes: list[str] = []

        def frames() -> Iterator[Frame]:
            for frame in sequence.frames():
                stylized = self._stylize_picture(frame.picture, read.stylizer)
                notes.extend((*stylized.notes, *lost_metadata_notes(format_of(job.target), stylized.metadata)))
                yield replace(frame, picture=stylized)

        write_sequence(job.target, frames(), sequence, quality=self._origin.quality, origin=read.note)
        self._report.notes += [FileNote(job.source, note) for note in dict.fromkeys([*sequence.notes, *notes])]
        self._report.frames += len(sequence)
        self._report.sequences += 1
        self._report.written.append(job.target)
        self._on_progress()

    def _stylize_picture(self, picture: Picture, stylizer: Stylizer) -> Picture:
        started = time.perf_counter()
        stylized = stylizer.stylize_picture(picture)
        self._report.stylize_seconds += time.perf_counter() - started
        return stylized

    def _collect_writes(self, max_pending: int) -> None:
        """Add finished writes to the report, and wait until at most `max_pending` results still have to be written."""
        pending = self._pending_writes
        while pending and (len(pending) > max_pending or are_done([pending[0][1]])):
            job, writing = pending.popleft()
            try:
                result_of(writing)
            except (DataError, MemoryError) as error:
                self._add_failure(job, error)
            else:
                self._report.written.append(job.target)
                self._on_progress()

    def _add_failure(self, job: Job, error: DataError | MemoryError) -> None:
        self._report.failures.append(FailedFile(job.source, reason_of(error)))
        self._on_progress()
