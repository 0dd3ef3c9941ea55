"""What an evaluation found: typed, and the same as JSON."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from pix2style.pairs.format.manifest import TeacherRecord


class _Record(BaseModel):
    """Frozen; without infinities and NaN, which are not JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)


class MeanEstimate(_Record):
    """A mean over photos."""

    mean: float
    standard_error: float | None
    """Of the mean: standard deviation / sqrt(n); None for one photo."""
    n: int
    """Photos."""

    @classmethod
    def of(cls, values: Sequence[float]) -> MeanEstimate:
        """The mean of at least one value."""
        error = statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None
        return cls(mean=statistics.fmean(values), standard_error=error, n=len(values))


class StylizerMetrics(_Record):
    """One row: a stylizer, or the unchanged photo."""

    name: str
    identity: TeacherRecord | None
    """What it is, with its digest; None for the unchanged photo."""
    psnr_db: MeanEstimate
    """Against the targets, in dB; a picture that equals its target counts as `psnr_cap_db` of the settings."""
    equal_pictures: int
    """How many equal their target in every byte."""
    ssim: MeanEstimate
    """Against the targets; 1 is equal."""
    style_to_target: MeanEstimate | None
    """Relative distance of Gram matrices from the targets'; 0 is the same style. None: no feature network."""
    style_to_painting: MeanEstimate | None
    """The same, from the paintings'. None: no feature network or no painting."""
    ms_per_picture: float | None
    """Median, one picture at a time, after a warm-up; None for the unchanged photo."""
    bytes: int | None
    """Of the filter's file or the checkpoint's weights; None where there is no such file."""
    parameters: int | None
    """Weights of the network; None where it is not known."""


class DatasetRecord(_Record):
    """The photos."""

    kind: Literal["pairs", "photos"]
    name: str
    """Of the folder."""
    sha256: str
    """Digest of the pair set's manifest, or of the photos' names and digests."""
    photos: int
    """How many were measured."""
    split: str | None = None
    """Of the pair set."""
    max_side_px: int | None = None
    """Larger photos of a folder were shrunk to it."""


class FeaturesRecord(_Record):
    """The network that style was measured with."""

    network: str
    layers: tuple[str, ...]
    sha256: str
    """Of the weights' file; empty for torchvision's."""


class Painting(_Record):
    """A painting that style was compared with."""

    name: str
    sha256: str


class FailedPhoto(_Record):
    """A photo that could not be read."""

    name: str
    reason: str


class EvalReport(_Record):
    """Everything that is needed to believe the figures, or to measure them again."""

    schema_version: Literal[1] = 1
    material: DatasetRecord
    reference: TeacherRecord
    """Who painted the targets."""
    stylizers: tuple[StylizerMetrics, ...]
    """In the order asked for; the unchanged photo last."""
    features: FeaturesRecord | None
    paintings: tuple[Painting, ...]
    target_to_painting: MeanEstimate | None = None
    """How far the targets themselves are from the paintings: what a filter would have that equals the reference. None:
    no feature network or no painting."""
    mean_megapixels: float
    """Of the photos; milliseconds belong to it."""
    settings: dict[str, str | int | float]
    """Of the metrics."""
    machine: dict[str, str | int]
    """Processor, and threads per library: milliseconds belong to them."""
    versions: dict[str, str]
    """Of the libraries."""
    notes: tuple[str, ...]
    """What a reader of the figures must know."""
    failures: tuple[FailedPhoto, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values; no infinity or NaN."""
        return self.model_dump(mode="json")
