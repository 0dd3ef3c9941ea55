"""Load the watercolour teacher; see `pix2style.teachers.registry.TeacherModule`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pix2style.teachers.style import StyleBlend
from pix2style.teachers.watercolor.teacher import WatercolorTeacher

if TYPE_CHECKING:
    from pix2style.config.pairs import PairsConfig


def load_for_pairs(pairs: PairsConfig, styles: Sequence[StyleBlend]) -> list[WatercolorTeacher]:
    """Load the teacher with its default settings; it has no settings in `pairs` and takes no painting."""
    del pairs, styles
    return [WatercolorTeacher()]


def load_by_name(styles: Sequence[StyleBlend], weights: str | None) -> WatercolorTeacher:
    """Load the teacher; it has neither a painting nor weights."""
    del styles, weights
    return WatercolorTeacher()
