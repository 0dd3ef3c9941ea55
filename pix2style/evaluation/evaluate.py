"""Evaluate stylizers on the same photos and against the same targets."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pix2style.errors import ArtifactError, ConfigError, DataError, ImageError
from pix2style.evaluation.dataset import EvaluationDataset, Sample
from pix2style.evaluation.machine import describe_machine, library_versions
from pix2style.evaluation.metric_values import MetricValues, StyleValues, mean_or_none
from pix2style.evaluation.paintings import painting_notes, read_paintings
from pix2style.evaluation.patch_distance import PATCH_SETTINGS, TargetPatches
from pix2style.evaluation.perceptual import PerceptualMetrics
from pix2style.evaluation.report import (
    DatasetRecord,
    EvalReport,
    FailedPhoto,
    FeaturesRecord,
    PaintingRecord,
)
from pix2style.evaluation.style import (
    DEEP_PAINTING_SIDE_PX,
    PAINTING_SIDE_PX,
    PaintingFeatures,
    StyleMetric,
)
from pix2style.fidelity import SSIM_WINDOW_PX
from pix2style.images import Image8
from pix2style.images.difference import PSNR_CAP_DB
from pix2style.pairs.format.manifest import TeacherRecord
from pix2style.pairs.format.plan import teacher_record
from pix2style.plural import counted
from pix2style.processes import PAUSE_BEFORE_TIMING_S
from pix2style.progress import ProgressCallback, no_progress
from pix2style.runtime.devices import CPU
from pix2style.stylizer import Stylizer

# The row of the unchanged photos: what a stylizer that does nothing would reach.
UNCHANGED_PHOTO = "photo"
# Timing needs a pause before each photo; a dozen photos are enough for a median.
_TIMED_PHOTOS = 12
_SETTINGS: dict[str, str | int | float] = {
    "psnr_cap_db": PSNR_CAP_DB,
    "ssim_window_px": SSIM_WINDOW_PX,
    "ssim_border": "windows inside only",
    "painting_side_px": PAINTING_SIDE_PX,
    "deep_painting_side_px": DEEP_PAINTING_SIDE_PX,
    **PATCH_SETTINGS,
}


@dataclass(frozen=True, slots=True)
class EvaluatedPhoto:
    """The images of one evaluated photo, each uint8 [height, width, 3].

    Attributes:
        photo: The photo.
        target: What the teacher or the reference made of it.
        stylized: What each stylizer made of it, by the stylizer's name.
        name: Name of the photo's file, relative to its folder.
    """

    photo: Image8
    target: Image8
    stylized: dict[str, Image8]
    name: str = ""


def evaluate(
    stylizers: Mapping[str, Stylizer],
    dataset: EvaluationDataset,
    *,
    reference: Stylizer | None = None,
    style_metric: StyleMetric | None = None,
    perceptual: PerceptualMetrics | None = None,
    paintings: Sequence[Path] = (),
    notes: Sequence[str] = (),
    device: str = CPU,
    on_photo: Callable[[EvaluatedPhoto], None] = lambda _: None,
    on_progress: ProgressCallback = no_progress,
) -> EvalReport:
    """Evaluate stylizers, and the unchanged photos as a baseline.

    Photos are stylized one at a time, so that the milliseconds are what a person waits for; the first dozen are timed.
    Photos that cannot be read are listed in the report and left out.

    Args:
        stylizers: Stylizers by the names that they get in the report. One that is called `photo`, as the row of the
            unchanged photos, gets the name `stylizer photo`.
        dataset: Held-out pairs, or photos without targets.
        reference: Makes the targets if `dataset` has none. It may be one of `stylizers`, whose outputs then are the
            targets.
        style_metric: Measures the style distance; None leaves its columns empty.
        perceptual: Measures LPIPS and DISTS; None leaves their columns empty.
        paintings: Paintings whose style the stylizers should reach.
        notes: Remarks to pass on in the report.
        device: Where the stylizers run, for the report.
        on_photo: Called with the images of each photo.
        on_progress: Called with the number of photos that are done and of all photos.

    Raises:
        ConfigError: There is no stylizer, or the reference is missing or superfluous.
        ImageError: A painting cannot be read.
        ArtifactError: A stylizer changes the size of a photo.
        DataError: No photo could be read, or the pair set is damaged.
    """
    if not stylizers:
        raise ConfigError("there is no stylizer to evaluate: name at least one")
    stylizers = _with_free_names(stylizers)
    teacher = _targets_teacher(dataset, reference)
    painting_records, painting_features = read_paintings(paintings, style_metric)
    evaluation = _Evaluation(stylizers, reference, style_metric, perceptual, painting_features)
    for index in range(len(dataset)):
        try:
            sample = dataset.load(index)
        except ImageError as error:
            evaluation.failures.append(FailedPhoto(name=error.name, reason=error.reason))
        else:
            on_photo(evaluation.add(sample))
        on_progress(index + 1, len(dataset))
    if not evaluation.samples:
        raise DataError(
            f"none of {counted(len(dataset), 'photo')} could be read; the first: {_first(evaluation.failures)}"
        )
    all_notes = (*notes, *dataset.notes, *painting_notes(teacher, painting_records))
    return evaluation.report(dataset.record(evaluation.samples), teacher, painting_records, all_notes, device)


class _Evaluation:
    """Stylize photo by photo, and collect the metrics.

    Attributes:
        samples: Name and digest of each photo that was evaluated.
        failures: Photos that could not be read.
    """

    def __init__(
        self,
        stylizers: Mapping[str, Stylizer],
        reference: Stylizer | None,
        style_metric: StyleMetric | None,
        perceptual: PerceptualMetrics | None,
        paintings: list[PaintingFeatures],
    ) -> None:
        self._stylizers, self._reference = stylizers, reference
        self._style_metric, self._perceptual, self._paintings = style_metric, perceptual, paintings
        self._values = {name: MetricValues() for name in (*stylizers, UNCHANGED_PHOTO)}
        self._megapixels: list[float] = []
        self._target_values = StyleValues()
        self.samples: list[tuple[str, str]] = []
        self.failures: list[FailedPhoto] = []

    @property
    def _is_timing(self) -> bool:
        """Whether the next photo is one of those that are timed."""
        return len(self.samples) < _TIMED_PHOTOS

    def add(self, sample: Sample) -> EvaluatedPhoto:
        """Stylize one photo with every stylizer, and add its metrics."""
        if not self.samples:
            self._warm_up(sample.photo)
        stylized = {name: self._stylize(name, sample.photo) for name in self._stylizers}
        target = self._target(sample, stylized)
        outputs = {**stylized, UNCHANGED_PHOTO: sample.photo}
        patches = TargetPatches(target, index=len(self.samples))
        for name, output in outputs.items():
            self._values[name].add_fidelity(output, target)
            learned = {} if self._perceptual is None else self._perceptual.measure(output, target)
            self._values[name].add_distances(patches.distances(output), learned)
        if self._style_metric is not None:
            self._add_style(self._style_metric, outputs, target)
        if self._is_timing:
            self._megapixels.append(sample.photo.shape[0] * sample.photo.shape[1] / 1e6)
        self.samples.append((sample.name, sample.sha256))
        return EvaluatedPhoto(sample.photo, target, stylized, sample.name)

    def _warm_up(self, photo: Image8) -> None:
        """Stylize a photo without timing: first calls allocate memory and choose kernels."""
        for stylizer in self._stylizers.values():
            stylizer.stylize([photo])

    def _stylize(self, name: str, photo: Image8) -> Image8:
        if self._is_timing:
            time.sleep(PAUSE_BEFORE_TIMING_S)
        start = time.perf_counter()
        [output] = self._stylizers[name].stylize([photo])
        if self._is_timing:
            self._values[name].milliseconds.append((time.perf_counter() - start) * 1000)
        if output.shape != photo.shape:
            raise ArtifactError(
                f"{name}: returned {output.shape[1]}x{output.shape[0]} pixels for a photo of"
                f" {photo.shape[1]}x{photo.shape[0]}: a stylizer must keep the photo's size"
            )
        return output

    def _target(self, sample: Sample, stylized: Mapping[str, Image8]) -> Image8:
        if sample.target is not None:
            return sample.target
        # A reference that is evaluated too has stylized this photo already; Gatys' optimisation takes minutes a photo.
        for name, stylizer in self._stylizers.items():
            if stylizer is self._reference:
                return stylized[name]
        if self._reference is None:
            raise TypeError(f"{sample.name}: a sample without a target needs a reference")
        return self._reference.stylize([sample.photo])[0]

    def _add_style(self, metric: StyleMetric, outputs: Mapping[str, Image8], target: Image8) -> None:
        features = {name: metric.features(output) for name, output in outputs.items()}
        photo, of_target = features[UNCHANGED_PHOTO], metric.features(target)
        self._target_values.add(metric, of_target, photo, self._paintings)
        for name, of_output in features.items():
            self._values[name].style.add(metric, of_output, photo, self._paintings, of_target)

    def report(
        self,
        dataset: DatasetRecord,
        teacher: TeacherRecord,
        paintings: list[PaintingRecord],
        notes: tuple[str, ...],
        device: str,
    ) -> EvalReport:
        """Summarise all photos; at least one must have been added."""
        metric = self._style_metric
        unchanged = self._values[UNCHANGED_PHOTO]
        rows = [values.summarise(name, self._stylizers.get(name), unchanged) for name, values in self._values.items()]
        return EvalReport(
            material=dataset,
            reference=teacher,
            stylizers=tuple(rows),
            features=metric and _describe_features(metric),
            style_layers=metric.layers_by_figure if metric else {},
            perceptual=_describe_perceptual(self._perceptual) if self._perceptual else {},
            paintings=tuple(paintings),
            target_to_painting=mean_or_none(self._target_values.to_painting),
            deep_target_to_painting=mean_or_none(self._target_values.deep_to_painting),
            target_structure_distance=mean_or_none(self._target_values.structure_distance),
            mean_megapixels=statistics.fmean(self._megapixels),
            settings=_SETTINGS,
            machine={**describe_machine(), "device": device},
            versions=library_versions(),
            notes=notes,
            failures=tuple(self.failures),
        )


def _with_free_names(stylizers: Mapping[str, Stylizer]) -> Mapping[str, Stylizer]:
    """Return the stylizers in their order, with another name for one that is called as the unchanged photos."""
    free = f"stylizer {UNCHANGED_PHOTO}"
    while free in stylizers:
        free = f"stylizer {free}"
    return {free if name == UNCHANGED_PHOTO else name: stylizer for name, stylizer in stylizers.items()}


def _targets_teacher(dataset: EvaluationDataset, reference: Stylizer | None) -> TeacherRecord:
    """Return the teacher that made the targets, or the reference that will make them."""
    if dataset.teacher is None:
        if reference is None:
            raise ConfigError(
                "photos have no targets to compare with: name the stylizer that makes them (--teacher STYLIZER)"
            )
        return teacher_record(reference.identity)
    if reference is not None:
        raise ConfigError("a pair set has its own targets to compare with: leave out the reference (--teacher)")
    return dataset.teacher


def _describe_features(metric: StyleMetric) -> FeaturesRecord:
    weights = metric.weights
    return FeaturesRecord(network=metric.name, layers=metric.style_layers, sha256=weights.sha256, weights=weights.name)


def _describe_perceptual(metrics: PerceptualMetrics) -> dict[str, FeaturesRecord]:
    return {
        name: FeaturesRecord(network=record.name, layers=(), sha256=record.sha256)
        for name, record in metrics.weights.items()
    }


def _first(failures: Sequence[FailedPhoto]) -> str:
    return f"{failures[0].name}: {failures[0].reason}" if failures else "there are none"
