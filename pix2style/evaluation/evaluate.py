"""`evaluate`: any stylizers on the same photos, against the same targets."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pix2style.errors import ArtifactError, ConfigError, DataError, ImageError
from pix2style.evaluation.dataset import EvaluationDataset, Sample
from pix2style.evaluation.machine import describe_machine, library_versions
from pix2style.evaluation.metric_values import Tally, row_of
from pix2style.evaluation.report import (
    DatasetRecord,
    EvalReport,
    FailedPhoto,
    FeaturesRecord,
    MeanEstimate,
    Painting,
)
from pix2style.evaluation.style import Grams, StyleMetric
from pix2style.fidelity import SSIM_WINDOW_PX, ssim
from pix2style.files import sha256_bytes
from pix2style.images import Image8, decode_picture, fit_within, read_file
from pix2style.images.difference import PSNR_CAP_DB, psnr_db
from pix2style.pairs.format.manifest import TeacherRecord
from pix2style.pairs.format.plan import teacher_record
from pix2style.processes import PAUSE_BEFORE_TIMING_S
from pix2style.stylizer import Stylizer

UNCHANGED = "photo"
_TIMED_PHOTOS = 12
# A painting's scan may have any size; strokes are compared at the size that photos are measured at.
PAINTING_SIDE_PX = 512
_SETTINGS: dict[str, str | int | float] = {
    "psnr_cap_db": PSNR_CAP_DB,
    "ssim_window_px": SSIM_WINDOW_PX,
    "ssim_border": "windows inside only",
    "painting_side_px": PAINTING_SIDE_PX,
}


@dataclass(frozen=True, slots=True)
class EvaluatedPhoto:
    """One photo's pictures, for who wants to see them: uint8 [height, width, 3] each."""

    photo: Image8
    target: Image8
    painted: dict[str, Image8]


def evaluate(
    stylizers: Mapping[str, Stylizer],
    material: EvaluationDataset,
    *,
    reference: Stylizer | None = None,
    style: StyleMetric | None = None,
    paintings: Sequence[Path] = (),
    notes: Sequence[str] = (),
    on_pictures: Callable[[EvaluatedPhoto], None] = lambda _: None,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> EvalReport:
    """Measure stylizers, and the unchanged photo as a floor.

    Each picture is painted on its own, so that milliseconds mean what a person waits; the first dozen photos are timed.
    Unreadable photos are listed and passed over.

    Args:
        stylizers: by the names that the report gives them.
        material: held-out pairs, or photos.
        reference: paints the targets where `material` has none; may be one of `stylizers` (then it paints once).
        style: measures style; None: those columns stay empty.
        paintings: whose style is the aim.
        notes: to pass on in the report.
        on_pictures: gets every photo's pictures.
        on_progress: told how many photos of how many are done.

    Raises:
        ConfigError: no stylizers, a name that is taken, or no reference where one is needed.
        ImageError: a painting cannot be read.
        ArtifactError: a stylizer returns another size than the photo's.
        DataError: no photo could be read, or a pair set is damaged.
    """
    _check(stylizers)
    teacher = _teacher(material, reference)
    records, styles = _read_paintings(paintings, style)
    run = _Run(stylizers, reference, style, styles)
    for index in range(len(material)):
        try:
            sample = material.load(index)
        except ImageError as error:
            run.failures.append(FailedPhoto(name=error.name, reason=error.reason))
        else:
            on_pictures(run.measure(sample))
        on_progress(index + 1, len(material))
    if not run.samples:
        raise DataError(f"none of {len(material)} photos could be read; the first: {_first(run.failures)}")
    return run.report(material.record(run.samples), teacher, records, _notes(notes, teacher, records))


class _Run:
    """The figures while they grow."""

    def __init__(
        self,
        stylizers: Mapping[str, Stylizer],
        reference: Stylizer | None,
        style: StyleMetric | None,
        styles: list[Grams],
    ) -> None:
        self._stylizers, self._reference, self._style, self._styles = stylizers, reference, style, styles
        self._tallies = {name: Tally() for name in (*stylizers, UNCHANGED)}
        self._megapixels: list[float] = []
        self._target_to_painting: list[float] = []
        self.samples: list[tuple[str, str]] = []
        self.failures: list[FailedPhoto] = []

    def measure(self, sample: Sample) -> EvaluatedPhoto:
        """Let everyone paint one photo, and add up."""
        if not self.samples:
            self._warm_up(sample.photo)
        painted = {name: self._paint(name, sample.photo) for name in self._stylizers}
        target = self._target(sample, painted)
        aims = [self._style.grams(target)] if self._style else []
        self._target_to_painting += [self._to_paintings(aim) for aim in aims if self._styles]
        for name, picture in {**painted, UNCHANGED: sample.photo}.items():
            self._add(self._tallies[name], picture, target, aims)
        self.samples.append((sample.name, sample.sha256))
        self._megapixels.append(sample.photo.shape[0] * sample.photo.shape[1] / 1e6)
        return EvaluatedPhoto(sample.photo, target, painted)

    def _warm_up(self, photo: Image8) -> None:
        """First calls allocate and choose kernels; nobody waits for that twice."""
        for stylizer in self._stylizers.values():
            stylizer.stylize([photo])

    def _paint(self, name: str, photo: Image8) -> Image8:
        timed = len(self.samples) < _TIMED_PHOTOS
        if timed:
            time.sleep(PAUSE_BEFORE_TIMING_S)
        begin = time.perf_counter()
        [picture] = self._stylizers[name].stylize([photo])
        if timed:
            self._tallies[name].ms.append((time.perf_counter() - begin) * 1000)
        if picture.shape != photo.shape:
            raise ArtifactError(
                f"{name}: painted {picture.shape[1]}x{picture.shape[0]} for a photo of"
                f" {photo.shape[1]}x{photo.shape[0]}: a stylizer keeps the size"
            )
        return picture

    def _target(self, sample: Sample, painted: Mapping[str, Image8]) -> Image8:
        if sample.target is not None:
            return sample.target
        for name, stylizer in self._stylizers.items():
            if stylizer is self._reference:
                return painted[name]
        if self._reference is None:
            raise TypeError(f"{sample.name}: a sample without a target needs a reference")
        return self._reference.stylize([sample.photo])[0]

    def _add(self, tally: Tally, picture: Image8, target: Image8, aims: list[Grams]) -> None:
        tally.psnr_db.append(psnr_db(picture, target))
        tally.ssim.append(ssim(picture, target))
        tally.equal += bool((picture == target).all())
        if self._style is None:
            return
        grams = self._style.grams(picture)
        tally.style_to_target += [self._style.distance(grams, aim) for aim in aims]
        if self._styles:
            tally.style_to_painting.append(self._to_paintings(grams))

    def _to_paintings(self, grams: Grams) -> float:
        """Mean distance over the paintings."""
        return statistics.fmean(StyleMetric.distance(grams, painting) for painting in self._styles)

    def report(
        self, material: DatasetRecord, teacher: TeacherRecord, paintings: list[Painting], notes: tuple[str, ...]
    ) -> EvalReport:
        """What came out."""
        meter = self._style
        return EvalReport(
            material=material,
            reference=teacher,
            stylizers=tuple(row_of(name, self._stylizers.get(name), t) for name, t in self._tallies.items()),
            features=meter and FeaturesRecord(network=meter.name, layers=meter.network.layers, sha256=meter.sha256),
            paintings=tuple(paintings),
            target_to_painting=MeanEstimate.of(self._target_to_painting) if self._target_to_painting else None,
            mean_megapixels=statistics.fmean(self._megapixels),
            settings=_SETTINGS,
            machine=describe_machine(),
            versions=library_versions(),
            notes=notes,
            failures=tuple(self.failures),
        )


def _check(stylizers: Mapping[str, Stylizer]) -> None:
    if not stylizers:
        raise ConfigError("nothing to measure: name at least one stylizer")
    if UNCHANGED in stylizers:
        raise ConfigError(f"the name {UNCHANGED!r} is the unchanged photo's: give the stylizer another one")


def _teacher(material: EvaluationDataset, reference: Stylizer | None) -> TeacherRecord:
    """Who painted the targets, or will."""
    if material.teacher is None:
        if reference is None:
            raise ConfigError("photos have no targets: name the reference that paints them (--teacher STYLIZER)")
        return teacher_record(reference.identity)
    if reference is not None:
        raise ConfigError("the pair set's own targets are what is compared with: leave out the reference (--teacher)")
    return material.teacher


def _read_paintings(paths: Sequence[Path], style: StyleMetric | None) -> tuple[list[Painting], list[Grams]]:
    records, grams = [], []
    for path in dict.fromkeys(paths):
        try:
            data = read_file(path)
        except OSError as error:
            raise ImageError(str(path), error.strerror or str(error)) from error
        picture = decode_picture(data, name=str(path), to_srgb=True).on_white()
        records.append(Painting(name=path.name, sha256=sha256_bytes(data)))
        if style is not None:
            grams.append(style.grams(fit_within(picture, PAINTING_SIDE_PX)))
    return records, grams


def _notes(notes: Sequence[str], teacher: TeacherRecord, paintings: list[Painting]) -> tuple[str, ...]:
    strange = [p.name for p in paintings if teacher.style_sha256 and p.sha256 not in teacher.style_sha256]
    extra = [f"{name} is not a painting that the reference {teacher.name} painted after" for name in strange]
    return (*notes, *extra)


def _first(failures: list[FailedPhoto]) -> str:
    return f"{failures[0].name}: {failures[0].reason}" if failures else "there are none"
