"""The section `losses.consistency`: how strongly, and against which motion, a generator learns to hold still."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from pix2style.config.late_start import check_one_start
from pix2style.config.section import Section


class ConsistencyConfig(Section):
    """The consistency loss: the output for a moved and noisy photo equals the moved output. It steadies video."""

    weight: float = Field(0.0, ge=0)
    """Weight of the mean squared difference between the output for the moved photo and the moved output, in [-1, 1]; 0:
    not computed. It makes a filter for video out of one for photos, at some cost in strokes; a step takes about half
    as long again. `configs/video.yaml` uses 300."""
    shift_px: float = Field(0.05, ge=0, le=16)
    """Largest shift in pixels, to each side and along each axis, by which the photo is moved as a whole. A teacher
    draws its strokes on a grid of 4 pixels, so motion contradicts the pairs, and costs more of the strokes than noise
    does: 0.25 and more make strokes follow parts of a pixel, and paler. Whole pixels are the work of `--steady`."""
    flow_px: float = Field(0.0, ge=0, le=16)
    """Standard deviation in pixels of a second, smooth motion, which differs over distances of 100 pixels, as between
    things that move by themselves; 0: none."""
    noise: float = Field(4.0, ge=0, le=64)
    """Standard deviation in levels of 255 of the noise that is added to the moved photo, as cameras add other noise to
    each frame. The result is rounded to bytes."""
    every: int = Field(1, ge=1, le=64)
    """Compute the loss only in every n-th step, with n times its weight, to save time."""
    start_images: int = Field(0, ge=0)
    """Number of training images after which the loss begins."""
    start_share: float | None = Field(None, ge=0, le=1)
    """The same as a share of the training, by images or by minutes, in place of `start_images`."""

    @property
    def is_active(self) -> bool:
        """Whether the loss is computed."""
        return self.weight > 0

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_one_start(self)
        if self.weight > 0 and not (self.shift_px or self.flow_px or self.noise):
            raise ValueError(
                "shift_px, flow_px and noise are 0, so that the photo does not change: set one of them, or weight: 0"
            )
        return self
