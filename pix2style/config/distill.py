"""The section `distill`: a small generator learns from a trained one, besides the pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pix2style.config.section import Section


class DistillOutputConfig(Section):
    """Pictures like the teacher run's."""

    weight: float = Field(10.0, ge=0)
    """0: not computed."""
    structure: float = Field(0.5, ge=0)
    """What 1 - MS-SSIM counts beside the mean absolute difference in [-1, 1]; 0: not computed."""


class BudgetConfig(Section):
    """The size of model.lite, chosen by `pix2style distill` before it trains; no limit: it is as model.lite says."""

    ms_512: float | None = Field(None, gt=0)
    """Milliseconds that the exported int8 filter may take for 512x512 on this machine; measured."""
    gmacs_512: float | None = Field(None, gt=0)
    """Instead: 1e9 multiplications with addition for 512x512; counted, the same on every machine."""
    channels: tuple[Annotated[int, Field(ge=8, le=256)], ...] = Field((16, 24, 32, 48, 64), min_length=1)
    """Widths to try."""
    blocks: tuple[Annotated[int, Field(ge=1, le=32)], ...] = Field((2, 3, 4), min_length=1)
    """Depths to try with each of them."""

    @property
    def limit(self) -> tuple[Literal["ms_512", "gmacs_512"], float] | None:
        """The key that is set, and its value; None: there is no budget."""
        if self.ms_512 is not None:
            return "ms_512", self.ms_512
        return None if self.gmacs_512 is None else ("gmacs_512", self.gmacs_512)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.ms_512 is not None and self.gmacs_512 is not None:
            raise ValueError("ms_512 and gmacs_512 cannot both be set: either time decides or multiplications do")
        return self


class DistillConfig(Section):
    """What is learned from a trained run; nothing of it without `teacher_run`."""

    teacher_run: Path | None = None
    """A run whose averaged generator teaches; nothing: pairs alone teach."""
    output: DistillOutputConfig = DistillOutputConfig()
    """Its pictures."""
    features: float = Field(1.0, ge=0)
    """Weight of the difference from its inner features, relative to their size, through learned 1x1 maps; 0: not
    computed. The teacher is then a unet or a lite, the one that learns a lite."""
    budget: BudgetConfig = BudgetConfig()
    """How fast the filter has to be."""
    photos: tuple[Path, ...] = ()
    """Folders or files of more photos, which `pix2style distill` has the run paint before it trains, to learn them
    besides the pairs; those that the pair set holds are left out."""
    painted: Path | None = None
    """Where it puts them; nothing: `painted` in the run folder. Without photos: a pair set that was painted before."""

    @property
    def is_active(self) -> bool:
        """Whether anything is computed."""
        return self.teacher_run is not None and self.output.weight + self.features > 0

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.photos and self.teacher_run is None:
            raise ValueError("photos are painted by a trained run: name it in teacher_run")
        return self
