"""Collect the metrics of one stylizer photo by photo, and summarise them as one row of the report."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from pix2style.evaluation.patch_distance import SCALES
from pix2style.evaluation.report import MeanEstimate, PatchDistance, StylizerMetrics, standard_error
from pix2style.evaluation.structure import structure_distance
from pix2style.evaluation.style import ImageFeatures, PaintingFeatures, StyleMetric
from pix2style.fidelity import ssim
from pix2style.images import Image8
from pix2style.images.difference import psnr_db
from pix2style.pairs.format.plan import teacher_record
from pix2style.runs.stylizer import RunStylizer
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.stylizer import Stylizer

# In levels. Where photos and targets differ by less they are equal but for rounding, and give no relative distance.
_SMALLEST_UNIT = 0.01


@dataclass(slots=True)
class StyleValues:
    """Style and structure figures of one stylizer, or of the targets, one value per photo.

    Attributes:
        to_target: Style distance from the target.
        to_painting: Mean style distance from the paintings.
        deep_to_target, deep_to_painting: The same over relu1_1 to relu5_1; empty if the weights of the feature network
            end before.
        structure_distance: Distance from the photo's structure; empty without VGG19.
    """

    to_target: list[float] = field(default_factory=list)
    to_painting: list[float] = field(default_factory=list)
    deep_to_target: list[float] = field(default_factory=list)
    deep_to_painting: list[float] = field(default_factory=list)
    structure_distance: list[float] = field(default_factory=list)

    def add(
        self,
        metric: StyleMetric,
        output: ImageFeatures,
        photo: ImageFeatures,
        paintings: Sequence[PaintingFeatures],
        target: ImageFeatures | None = None,
    ) -> None:
        """Add the figures of one image.

        Args:
            metric: Metric that computed the features.
            output: Features of the image.
            photo: Features of the photo that it was made from.
            paintings: Features of the paintings; empty leaves out the distances from them.
            target: Features of the target; None leaves out the distances from it.
        """
        if target is not None:
            self.to_target.append(metric.distance(output.grams, target.grams))
            if metric.deep_layers:
                self.deep_to_target.append(metric.deep_distance(output.grams, target.grams))
        if paintings:
            self.to_painting.append(fmean(metric.distance(output.grams, one.grams) for one in paintings))
            deep = [one.deep_grams for one in paintings if one.deep_grams is not None]
            if deep:
                self.deep_to_painting.append(fmean(metric.deep_distance(output.grams, grams) for grams in deep))
        if photo.structure is not None and output.structure is not None:
            self.structure_distance.append(structure_distance(photo.structure, output.structure))


@dataclass(slots=True)
class MetricValues:
    """Metrics of one stylizer, one value per photo.

    Attributes:
        psnr_db: PSNR against the target, in dB.
        ssim: SSIM against the target.
        style: Style and structure figures; empty without a feature network.
        patches: Distance of the patches from the target's at each of the `SCALES`, in levels.
        perceptual: Values of the learned metrics by their names; empty for those that were not measured.
        milliseconds: Time of each photo that was timed.
        equal_outputs: Number of outputs that equal their target in every byte.
    """

    psnr_db: list[float] = field(default_factory=list)
    ssim: list[float] = field(default_factory=list)
    style: StyleValues = field(default_factory=StyleValues)
    patches: dict[str, list[float]] = field(default_factory=lambda: {scale: [] for scale in SCALES})
    perceptual: dict[str, list[float]] = field(default_factory=lambda: {"lpips": [], "dists": []})
    milliseconds: list[float] = field(default_factory=list)
    equal_outputs: int = 0

    def add_fidelity(self, output: Image8, target: Image8) -> None:
        """Add what compares the output with its target pixel by pixel."""
        self.psnr_db.append(psnr_db(output, target))
        self.ssim.append(ssim(output, target))
        self.equal_outputs += bool((output == target).all())

    def add_distances(self, patches: Mapping[str, float], perceptual: Mapping[str, float]) -> None:
        """Add the distances of one output's patches by scale, and the values of the learned metrics."""
        for values, added in ((self.patches, patches), (self.perceptual, perceptual)):
            for name, value in added.items():
                values[name].append(value)

    def summarise(self, name: str, stylizer: Stylizer | None, unchanged: MetricValues) -> StylizerMetrics:
        """Return the stylizer's row of the report; there must be values of at least one photo.

        Args:
            name: Name of the row.
            stylizer: The stylizer, or None for the unchanged photos.
            unchanged: Values of the unchanged photos.
        """
        size_bytes, parameters = _stored_size(stylizer)
        return StylizerMetrics(
            name=name,
            identity=None if stylizer is None else teacher_record(stylizer.identity),
            psnr_db=MeanEstimate.from_values(self.psnr_db),
            equal_pictures=self.equal_outputs,
            ssim=MeanEstimate.from_values(self.ssim),
            style_to_target=mean_or_none(self.style.to_target),
            style_to_painting=mean_or_none(self.style.to_painting),
            deep_style_to_target=mean_or_none(self.style.deep_to_target),
            deep_style_to_painting=mean_or_none(self.style.deep_to_painting),
            structure_distance=mean_or_none(self.style.structure_distance),
            patch_distance=_patch_distance(self.patches, unchanged.patches),
            lpips=mean_or_none(self.perceptual["lpips"]),
            dists=mean_or_none(self.perceptual["dists"]),
            ms_per_picture=statistics.median(self.milliseconds) if self.milliseconds else None,
            bytes=size_bytes,
            parameters=parameters,
        )


def _patch_distance(values: Mapping[str, list[float]], unchanged: Mapping[str, list[float]]) -> PatchDistance:
    """Summarise the distances of patches; scales at which the photos equal the targets do not count as relative."""
    scales = [(values[scale], photos) for scale, photos in unchanged.items() if fmean(photos) > _SMALLEST_UNIT]
    return PatchDistance(
        relative=_mean_ratio(scales) if scales else None,
        levels={scale: MeanEstimate.from_values(distances) for scale, distances in values.items()},
    )


def _mean_ratio(scales: Sequence[tuple[list[float], list[float]]]) -> MeanEstimate:
    """Return the mean over scales of the ratio of two means over photos, with its standard error.

    The denominator varies with the photos, too, mostly together with the numerator. So the error is that of the ratio
    estimator (Cochran 1977, "Sampling Techniques", 6.4): of the residuals of each photo from the ratio, in units of the
    denominator's mean.
    """
    ratios, residuals = [], []
    for numerators, denominators in scales:
        unit = fmean(denominators)
        ratio = fmean(numerators) / unit
        ratios.append(ratio)
        residuals.append([(a - ratio * b) / unit for a, b in zip(numerators, denominators, strict=True)])
    of_photos = [fmean(parts) for parts in zip(*residuals, strict=True)]
    return MeanEstimate(mean=fmean(ratios), standard_error=standard_error(of_photos), n=len(of_photos))


def mean_or_none(values: list[float]) -> MeanEstimate | None:
    """Return the mean and its standard error, or None if there are no values."""
    return MeanEstimate.from_values(values) if values else None


def _stored_size(stylizer: Stylizer | None) -> tuple[int | None, int | None]:
    """Return bytes and number of the stored weights, or None for both if the stylizer has no such file."""
    if isinstance(stylizer, OnnxStylizer):
        return stylizer.bytes, stylizer.spec.parameters
    if isinstance(stylizer, RunStylizer):
        return stylizer.bytes, stylizer.parameters
    return None, None
