"""The section `distill`: a small generator learns from the generator of a trained run."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pix2style.config.paths import UserPath
from pix2style.config.section import Section


class DistillOutputConfig(Section):
    """The distillation loss on images: distance between the outputs of student and teacher."""

    weight: float = Field(10.0, ge=0)
    """Weight of this loss; 0: not computed."""
    structure: float = Field(0.5, ge=0)
    """Weight of 1 - MS-SSIM inside this loss, relative to the mean absolute difference in [-1, 1]; 0: not computed."""


class BudgetConfig(Section):
    """The time budget of the filter, by which `pix2style distill` chooses the size of `model.lite` before training.

    Without a limit the size is that of `model.lite`.
    """

    ms_512: float | None = Field(None, gt=0)
    """Milliseconds that the exported int8 filter may take for a 512x512 image, measured on this machine; null: no
    limit."""
    gmacs_512: float | None = Field(None, gt=0)
    """Alternative limit that is the same on every machine: 1e9 multiply-accumulate operations for a 512x512 image;
    null: no limit."""
    channels: tuple[Annotated[int, Field(ge=8, le=256)], ...] = Field((16, 24, 32, 48, 64), min_length=1)
    """Values of `model.lite.channels` to try."""
    blocks: tuple[Annotated[int, Field(ge=1, le=32)], ...] = Field((2, 3, 4), min_length=1)
    """Values of `model.lite.blocks` to try with each of `channels`."""

    @property
    def limit(self) -> tuple[Literal["ms_512", "gmacs_512"], float] | None:
        """Key of the limit that is set, and its value; None without a limit."""
        if self.ms_512 is not None:
            return "ms_512", self.ms_512
        return None if self.gmacs_512 is None else ("gmacs_512", self.gmacs_512)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.ms_512 is not None and self.gmacs_512 is not None:
            raise ValueError("ms_512 and gmacs_512 cannot both be set: choose one limit")
        return self


class DistillConfig(Section):
    """Distillation: what the generator learns from a trained run, in addition to `losses`."""

    teacher_run: UserPath | None = None
    """Run folder whose generator (with averaged weights) is the teacher; null: no distillation."""
    output: DistillOutputConfig = DistillOutputConfig()
    """Distillation loss on images."""
    features: float = Field(1.0, ge=0)
    """Weight of the distillation loss on features: mean absolute difference between intermediate features of student
    (through learned 1x1 convolutions) and teacher, relative to the magnitude of the teacher's; 0: not computed. The
    teacher must be a unet or a lite, the student a lite."""
    budget: BudgetConfig = BudgetConfig()
    """Limit on the computation of the filter."""
    photos: tuple[UserPath, ...] = ()
    """Folders or files of additional photos, which `pix2style distill` stylizes with the teacher before training, so
    that the student learns from them besides the pair set; photos that the pair set contains are left out."""
    painted: UserPath | None = None
    """Folder of the pair set made from `photos`; null: `painted` in the run folder. Without `photos`: an existing pair
    set made so."""

    @property
    def is_active(self) -> bool:
        """Whether a teacher run is named and any distillation loss is computed."""
        return self.teacher_run is not None and self.output.weight + self.features > 0

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.photos and self.teacher_run is None:
            raise ValueError("photos are stylized by the generator of a trained run: set teacher_run to that run")
        return self
