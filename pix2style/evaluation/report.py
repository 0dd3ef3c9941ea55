"""The report of an evaluation: typed records that are written as JSON.

The attribute names are the keys of the JSON report and therefore do not change.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from pix2style.pairs.format.manifest import TeacherRecord


class _Record(BaseModel):
    """Base of the records: immutable, and without infinities and NaN, which JSON does not have."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)


class MeanEstimate(_Record):
    """Mean of a metric over photos, with its standard error."""

    mean: float
    standard_error: float | None
    """Standard error of the mean: sample standard deviation / sqrt(n); None for a single photo. For a ratio of two
    means that of its residuals, because both means vary with the photos."""
    n: int
    """Number of photos."""

    @classmethod
    def from_values(cls, values: Sequence[float]) -> MeanEstimate:
        """Compute mean and standard error of at least one value."""
        return cls(mean=statistics.fmean(values), standard_error=standard_error(values), n=len(values))


def standard_error(values: Sequence[float]) -> float | None:
    """Return the standard error of the mean of some values; None for a single one."""
    return statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None


class PatchDistance(_Record):
    """Sliced Wasserstein distance of an output's patches from the target's (after Karras et al. 2018)."""

    relative: MeanEstimate | None
    """Ratio of the mean distance to that of the unchanged photos, averaged over the scales: 0 is equal, 1 as far as the
    unchanged photos. None if the targets are the photos."""
    levels: dict[str, MeanEstimate]
    """Distance at each scale, in levels of 255: details of `full_size` and `half_size`, and what remains at
    `quarter_size`, contrast and colours of areas."""


class TwoSampleTest(_Record):
    """How often networks told patches of outputs and targets apart, on photos that were new to them."""

    accuracy: float
    """Mean share of patches that were classified correctly: 0.5 is chance, 1 every time."""
    low: float
    """Lower end of the 95 % interval of `accuracy`, which is computed over photos."""
    high: float
    """Upper end of the interval."""
    photos: int
    """Number of photos."""
    patches: int
    """Number of patches that were classified, of outputs and targets together."""
    patch_px: int
    """Side of a patch, in pixels of the image that was compared."""


class ToldApart(_Record):
    """The classifier two-sample test of Lopez-Paz and Oquab 2017 at two sizes."""

    full_size: TwoSampleTest
    """Images at 100 %."""
    half_size: TwoSampleTest
    """Images of half the width and height, as if seen from twice as far away."""


class StylizerMetrics(_Record):
    """Metrics of one stylizer, or of the unchanged photos: one row of the table."""

    name: str
    identity: TeacherRecord | None
    """Name and digest of the stylizer; None for the unchanged photos."""
    psnr_db: MeanEstimate
    """PSNR of the outputs against the targets, in dB. An output that equals its target counts as
    `settings.psnr_cap_db`."""
    equal_pictures: int
    """Number of outputs that equal their target in every byte."""
    ssim: MeanEstimate
    """SSIM of the outputs against the targets; 1 means equal."""
    style_to_target: MeanEstimate | None
    """Relative distance of the outputs' Gram matrices from the targets'; 0 is the same style. None without a feature
    network."""
    style_to_painting: MeanEstimate | None
    """Relative distance of the outputs' Gram matrices from the paintings'; None without a feature network or without a
    painting."""
    deep_style_to_target: MeanEstimate | None = None
    """As `style_to_target`, over relu1_1 to relu5_1 of VGG19; None if the weights end before."""
    deep_style_to_painting: MeanEstimate | None = None
    """As `style_to_painting`, over relu1_1 to relu5_1 of VGG19, and with the painting in the size in which teachers see
    it (`settings.deep_painting_side_px`, the shorter side); None if the weights end before."""
    structure_distance: MeanEstimate | None = None
    """Distance of the outputs' structure from the photos' (after the CFSD of Chung et al. 2024): 0 is the same
    structure, 1 that of a plain area. None without VGG19."""
    patch_distance: PatchDistance | None = None
    """Distance of the outputs' patches from the targets', wherever the strokes lie; None in older reports."""
    lpips: MeanEstimate | None = None
    """LPIPS (Zhang et al. 2018) of the outputs against the targets; 0 means equal. None without its weights."""
    dists: MeanEstimate | None = None
    """DISTS (Ding et al. 2020) of the outputs against the targets; 0 means equal. None without its weights."""
    told_apart: ToldApart | None = None
    """How well a network tells the outputs from the targets; None if it was not measured or for unchanged photos."""
    ms_per_picture: float | None
    """Median milliseconds for one photo at a time, after a warm-up; None for the unchanged photos."""
    bytes: int | None
    """Size of the filter file or of the checkpoint's weights; None if the stylizer is not stored in one file."""
    parameters: int | None
    """Number of weights of the network; None if it is not known."""


class DatasetRecord(_Record):
    """The photos that were evaluated."""

    kind: Literal["pairs", "photos"]
    name: str
    """Name of the pair set's folder, or of the folders and files of photos."""
    sha256: str
    """Digest of the pair set's manifest, or of the photos' names and contents."""
    photos: int
    """Number of photos that were evaluated."""
    split: str | None = None
    """Split of the pair set; None for a folder of photos."""
    max_side_px: int | None = None
    """Photos with a longer side above this many pixels were shrunk to it; None for a pair set."""
    left_out: dict[str, int] | None = None
    """What else lies in the folders of photos, counted by reason; None for a pair set."""


class FeaturesRecord(_Record):
    """The feature network of the style distances."""

    network: str
    layers: tuple[str, ...]
    sha256: str
    """Digest of the file that the weights come from."""
    weights: str = ""
    """Name of the weights, and how they were converted."""


class PaintingRecord(_Record):
    """A painting that the outputs were compared with."""

    name: str
    sha256: str


class FailedPhoto(_Record):
    """A photo that could not be read."""

    name: str
    reason: str


class EvalReport(_Record):
    """All figures of an evaluation, and all that is needed to check or repeat it."""

    schema_version: Literal[1] = 1
    material: DatasetRecord
    """The photos that were evaluated."""
    reference: TeacherRecord
    """The stylizer that made the targets."""
    stylizers: tuple[StylizerMetrics, ...]
    """Metrics of the stylizers in the order in which they were named, and of the unchanged photos last."""
    features: FeaturesRecord | None
    """The feature network of the style distances; None if style was not measured."""
    style_layers: dict[str, tuple[str, ...]] = {}
    """Layers of the feature network that each style figure compares, by the figure's name."""
    perceptual: dict[str, FeaturesRecord] = {}
    """The networks of `lpips` and `dists`, as far as they were measured."""
    paintings: tuple[PaintingRecord, ...]
    target_to_painting: MeanEstimate | None = None
    """Style distance of the targets themselves from the paintings. A filter that reproduced the targets exactly would
    have this distance. None without a feature network or without a painting."""
    deep_target_to_painting: MeanEstimate | None = None
    """The same over relu1_1 to relu5_1; see `deep_style_to_painting`."""
    target_structure_distance: MeanEstimate | None = None
    """Distance of the targets' own structure from the photos'; None without VGG19."""
    mean_megapixels: float
    """Mean size of the photos that were timed, the first dozen; the milliseconds belong to this size."""
    settings: dict[str, str | int | float]
    """Settings of the metrics."""
    machine: dict[str, str | int]
    """Processor, number of threads of each library, and in `device` where filter files and runs ran (older reports do
    not say it); the milliseconds belong to this machine."""
    versions: dict[str, str]
    """Versions of the libraries that computed the figures."""
    notes: tuple[str, ...]
    """Remarks that a reader of the figures has to know."""
    failures: tuple[FailedPhoto, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain values that JSON can hold."""
        return self.model_dump(mode="json")
