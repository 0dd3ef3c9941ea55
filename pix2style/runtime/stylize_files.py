"""Photo files through a stylizer: reading, painting and writing at the same time, with few photos in memory."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from pix2style.errors import DataError, ImageError
from pix2style.images import Picture, read_picture, write_picture
from pix2style.runtime.output_paths import Job, plan_outputs
from pix2style.stylizer import Stylizer

# Photos that wait to be painted, and paintings that wait to be written: enough that the network never waits, and of
# 24-megapixel photos (73 MB each, decoded) still under half a gigabyte.
_WAITING = 2


@dataclass(frozen=True, slots=True)
class FailedFile:
    """A photo that could not be stylized, and why."""

    path: Path
    reason: str


@dataclass(slots=True)
class FilesReport:
    """What became of the photos.

    Attributes:
        written: outputs made now.
        skipped: outputs that were there before.
        failures: photos that could not be read, painted or written.
        seconds: in all.
        stylize_seconds: of that, inside the stylizer.
    """

    written: list[Path] = field(default_factory=list)
    skipped: list[Path] = field(default_factory=list)
    failures: list[FailedFile] = field(default_factory=list)
    seconds: float = 0.0
    stylize_seconds: float = 0.0

    @property
    def handled(self) -> int:
        """Photos dealt with, in whatever way."""
        return len(self.written) + len(self.skipped) + len(self.failures)

    @property
    def ms_per_picture(self) -> float | None:
        """Milliseconds inside the stylizer for each picture written; None if there were none."""
        return 1000 * self.stylize_seconds / len(self.written) if self.written else None


def stylize_files(
    stylizer: Stylizer,
    inputs: Sequence[Path],
    out: Path,
    *,
    suffix: str | None = None,
    jpeg_quality: int = 95,
    overwrite: bool = False,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> FilesReport:
    """Stylize picture files and folders of them.

    Outputs have their input's size, transparency and colour profile, stand upright, and carry no other metadata (EXIF
    holds places and names). An output that exists is taken as done, so that calling again goes on where an interrupted
    call stopped. A photo that fails is noted, and the rest is done.

    Args:
        stylizer: anything that `load_stylizer` gives.
        inputs: files and folders, searched recursively.
        out: a folder, made where absent; or a file, for one input file. See `outputs.plan_outputs`.
        suffix: of all outputs, for example `.png`; None: as the inputs.
        jpeg_quality: of JPEG and WebP files, 1 to 100.
        overwrite: make outputs again that exist.
        on_progress: is called after every photo with the numbers of photos dealt with and of all.

    Raises:
        DataError: before any work: nothing to do, or an output would overwrite a photo or another output.
    """
    started = time.perf_counter()
    jobs = plan_outputs(inputs, out, suffix=suffix)
    done = set() if overwrite else {job.target for job in jobs if job.target.exists()}
    report = FilesReport(skipped=sorted(done))
    on_progress(len(done), len(jobs))
    pipeline = _Pipeline(stylizer, jpeg_quality, report, lambda: on_progress(report.handled, len(jobs)))
    pipeline.run([job for job in jobs if job.target not in done])
    report.seconds = time.perf_counter() - started
    return report


class _Pipeline:
    """One thread reads ahead, the caller's paints, one writes; each waits for the slowest."""

    def __init__(
        self, stylizer: Stylizer, jpeg_quality: int, report: FilesReport, on_progress: Callable[[], None]
    ) -> None:
        self._stylizer = stylizer
        self._jpeg_quality = jpeg_quality
        self._report = report
        self._on_progress = on_progress
        self._writing: deque[tuple[Job, Future[None]]] = deque()

    def run(self, jobs: list[Job]) -> None:
        """Deal with all jobs; an interruption lets the writer finish what it was given."""
        with ThreadPoolExecutor(1, "read") as reader, ThreadPoolExecutor(1, "write") as writer:
            try:
                for job, reading in _read_ahead(reader, jobs):
                    self._paint(job, reading, writer)
                    self._collect(_WAITING)
            finally:
                reader.shutdown(cancel_futures=True)
                self._collect(0)

    def _paint(self, job: Job, reading: Future[Picture], writer: ThreadPoolExecutor) -> None:
        try:
            picture = reading.result()
            started = time.perf_counter()
            [stylized] = self._stylizer.stylize([picture.rgb])
            self._report.stylize_seconds += time.perf_counter() - started
        except DataError as error:
            self._fail(job, error)
            return
        painted = replace(picture, rgb=stylized)
        self._writing.append((job, writer.submit(write_picture, job.target, painted, quality=self._jpeg_quality)))

    def _collect(self, waiting: int) -> None:
        """Note what was written; wait until at most `waiting` paintings are not."""
        while self._writing and (len(self._writing) > waiting or self._writing[0][1].done()):
            job, done = self._writing.popleft()
            try:
                done.result()
            except DataError as error:
                self._fail(job, error)
            else:
                self._report.written.append(job.target)
                self._on_progress()

    def _fail(self, job: Job, error: DataError) -> None:
        reason = error.reason if isinstance(error, ImageError) else str(error).removeprefix(f"{job.target}: ")
        self._report.failures.append(FailedFile(job.source, reason))
        self._on_progress()


def _read_ahead(reader: ThreadPoolExecutor, jobs: list[Job]) -> Iterator[tuple[Job, Future[Picture]]]:
    """Each job with its photo, in order; never more than `_WAITING` photos read and not yet asked for."""
    ahead: deque[tuple[Job, Future[Picture]]] = deque()
    for job in jobs:
        ahead.append((job, reader.submit(read_picture, job.source)))
        if len(ahead) > _WAITING:
            yield ahead.popleft()
    yield from ahead
