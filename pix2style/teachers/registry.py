"""Import the teachers of `pix2style.teacher_table` by their rows."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, cast

from pix2style.errors import require
from pix2style.stylizer import Stylizer
from pix2style.teacher_table import TeacherEntry
from pix2style.teachers.style import StyleBlend

if TYPE_CHECKING:
    from pix2style.config.pairs import PairsConfig


class TeacherModule(Protocol):
    """What the module `load` of each teacher's package defines."""

    def load_for_pairs(self, pairs: PairsConfig, styles: Sequence[StyleBlend]) -> Sequence[Stylizer]:
        """Load the teachers for a pair set.

        Args:
            pairs: Section `pairs`, with whatever settings this teacher has there.
            styles: Styles of the set, in order; empty if the teacher needs no painting.

        Returns:
            One teacher for each style, or a single one if there are no styles.
        """

    def load_by_name(self, styles: Sequence[StyleBlend], weights: str | None) -> Stylizer:
        """Load one teacher with its default settings, for `load_stylizer`.

        Args:
            styles: The style as the only entry; empty if the teacher needs no painting.
            weights: Where the weights of the teacher's network lie; None for their usual place.
        """


def import_teacher(entry: TeacherEntry) -> TeacherModule:
    """Import the module that loads a teacher.

    Raises:
        MissingExtraError: If one of the teacher's packages is not installed. The message names the extra.
    """
    require(entry.extra, *entry.packages)
    return cast(TeacherModule, importlib.import_module(entry.module))
