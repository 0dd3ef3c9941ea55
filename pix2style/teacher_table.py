"""The table of the built-in teachers: whatever the rest of the code has to know about one of them.

Configuration, command line and `load_stylizer` read this table, so that a teacher's name stands in one place. To add a
teacher, write its package `pix2style.teachers.NAME` with a module `load` (see `pix2style.teachers.registry`), and add
one row here.
"""

from __future__ import annotations

from pathlib import Path

from pix2style.home_paths import expand_home
from pix2style.light_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class TeacherEntry:
    """One built-in teacher.

    Attributes:
        name: Name in `pairs.teacher`, after `--teacher`, and before the colon of `load_stylizer("magenta:x.jpg")`.
        summary: Half a sentence for help texts.
        needs_painting: Whether the teacher takes its style from a painting. One that does not need a painting takes
            none.
        fast: Whether it stylizes a photo within about a second. A slow teacher gets one photo at a time, so that an
            interruption costs little, and quickstart does not offer it.
        extra: Extra of pix2style that installs its packages.
        packages: Packages without which the teacher cannot run at all.
        module: Name of the module that loads it. A text and not an import: this table stands below the configuration,
            and reading it must import nothing else.
        scales_painting: Whether `pairs.painting_size` applies to it.
    """

    name: str
    summary: str
    needs_painting: bool
    fast: bool
    extra: str
    packages: tuple[str, ...]
    module: str
    scales_painting: bool = False


TEACHERS: tuple[TeacherEntry, ...] = (
    TeacherEntry(
        name="watercolor",
        summary="a watercolour filter that needs no painting",
        needs_painting=False,
        fast=True,
        extra="pairs",
        packages=("cv2",),
        module="pix2style.teachers.watercolor.load",
    ),
    TeacherEntry(
        name="magenta",
        summary="Google Magenta's network in the style of a painting",
        needs_painting=True,
        fast=True,
        extra="painting",
        packages=(),  # a converted network runs without TensorFlow; the loader asks for more where it is needed
        module="pix2style.teachers.magenta.load",
        scales_painting=True,
    ),
    TeacherEntry(
        name="gatys",
        summary="optimisation towards a painting, minutes per photo on a CPU",
        needs_painting=True,
        fast=False,
        extra="vgg",
        packages=("torch", "safetensors"),
        module="pix2style.teachers.gatys.load",
    ),
)
DEFAULT_TEACHER = "watercolor"
DEFAULT_PAINTING_TEACHER = "magenta"
"""The teacher where a painting is given and no teacher: the fastest of those that take one."""

TEACHER_NAMES: tuple[str, ...] = tuple(entry.name for entry in TEACHERS)


def find_teacher(name: str) -> TeacherEntry:
    """Return the row of a teacher.

    Raises:
        ValueError: If the table has no such teacher. The message lists the names and says which one is nearest.
    """
    for entry in TEACHERS:
        if entry.name == name:
            return entry
    import difflib  # for messages only

    [nearest] = difflib.get_close_matches(name, TEACHER_NAMES, n=1, cutoff=0)
    raise ValueError(f"expected one of {', '.join(TEACHER_NAMES)}: did you mean {nearest!r}?")


def parse_teacher(text: str) -> tuple[TeacherEntry, Path | None] | None:
    """Read a teacher as `load_stylizer` takes it: `watercolor`, or `magenta:painting.jpg`.

    Returns:
        The teacher and its painting (None for a teacher that needs none), or None if the text names no teacher.
    """
    name, colon, painting = text.partition(":")
    for entry in TEACHERS:
        if entry.name == name and entry.needs_painting == bool(colon):
            return entry, Path(expand_home(painting)) if colon else None
    return None


def teacher_patterns() -> list[str]:
    """Return what `parse_teacher` understands, for messages: `watercolor`, `magenta:PAINTING` and so on."""
    return [f"{entry.name}:PAINTING" if entry.needs_painting else entry.name for entry in TEACHERS]
