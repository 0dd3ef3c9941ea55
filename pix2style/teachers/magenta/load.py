"""Load Magenta's teachers; see `pix2style.teachers.registry.TeacherModule`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pix2style.teachers.magenta.teacher import MagentaTeacher, load_magenta
from pix2style.teachers.style import StyleBlend

if TYPE_CHECKING:
    from pix2style.config.pairs import PairsConfig


def load_for_pairs(pairs: PairsConfig, styles: Sequence[StyleBlend]) -> list[MagentaTeacher]:
    """Load the teachers with `pairs.module`, `pairs.backend` and `pairs.painting_size`."""
    return load_magenta(
        styles, pairs.module, pairs.backend, threads=_allotted_threads(), painting_side_px=pairs.painting_size
    )


def load_by_name(styles: Sequence[StyleBlend], weights: str | None) -> MagentaTeacher:
    """Load a teacher; `weights` is `mobile`, `full`, a SavedModel folder, a converted folder or an address."""
    [style] = styles
    return MagentaTeacher(style, module=weights)


def _allotted_threads() -> int | None:
    """Return the number of threads in OMP_NUM_THREADS, or None if it holds no number.

    Ray and batch systems set it to the processors that they allot to this process. The machine may have more.
    """
    threads = os.environ.get("OMP_NUM_THREADS", "")
    return int(threads) if threads.isascii() and threads.isdigit() and int(threads) else None
