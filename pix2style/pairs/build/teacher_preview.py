"""Let a teacher stylize four photos before the long work, and say how much of the photos stays and how much changes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pix2style.config.pairs import PairsConfig
from pix2style.errors import ArtifactError, DataError, ImageError, PhotoError
from pix2style.images import (
    FoundImage,
    Image8,
    Picture,
    center_in_square,
    find_images,
    read_picture,
    sheet,
    write_picture,
)
from pix2style.pairs.build.content import fit_content
from pix2style.pairs.build.style_figures import StyleFigures, measure_style
from pix2style.pairs.build.teacher_advice import advise, has_painting, style_paintings
from pix2style.stylizer import Stylizer

PREVIEW_PHOTOS = 4
_CELL_PX = 256
_SMALL_CELL_PX, _MANY_STYLES = 128, 6
_MAX_HEADING_LENGTH = 22
_WHITE = 255
# A folder may hold many files that cannot be read; the preview must not try them all.
_TRIED_FILES = 8


@dataclass(frozen=True, slots=True)
class StylePreview:
    """What a teacher makes of a few photos, in one style.

    Attributes:
        name: Name of the teacher, for example `magenta:painting.jpg`.
        figures: How much of the photos stays, and how much changes.
        advice: What to change if the style overpowers the photos or hardly changes them; None if it does neither, or
            if the teacher has no such settings.
    """

    name: str
    figures: StyleFigures
    advice: str | None

    def lines(self) -> list[str]:
        """Return the figures and the advice in words."""
        return [f"{self.name}: {self.figures.words}", *([f"  {self.advice}"] if self.advice else [])]

    def to_json(self) -> dict[str, Any]:
        """Return the values for `--json`."""
        figures = {"structure": round(self.figures.structure, 4), "style": round(self.figures.style, 4)}
        words = {"verdict": self.figures.verdict, "words": self.figures.words, "advice": self.advice}
        return {"teacher": self.name, **figures, **words}


@dataclass(frozen=True, slots=True)
class TeacherPreview:
    """What teachers make of a few photos.

    Attributes:
        photos: Names of the photos, relative to the content folders.
        styles: The styles, in order.
        sheet: PNG file that shows photos and targets; None if none was written.
        seconds: Time that the teachers took.
    """

    photos: tuple[str, ...]
    styles: tuple[StylePreview, ...]
    sheet: Path | None
    seconds: float

    @property
    def is_good(self) -> bool:
        """Whether no style overpowers the photos or hardly changes them."""
        return all(style.figures.verdict == "good" for style in self.styles)

    def lines(self) -> list[str]:
        """Return the preview in words: a line for a single style, else one for each style that needs advice."""
        if len(self.styles) == 1:
            lines = self.styles[0].lines()
        else:
            advised = [style for style in self.styles if style.advice]
            lines = [f"{len(self.styles)} styles, {len(advised)} of which may need another strength or scale"]
            lines += [line for style in advised for line in style.lines()]
        return lines + ([f"  see {self.sheet}"] if self.sheet else [])

    def to_json(self) -> dict[str, Any]:
        """Return the values for `--json`."""
        return {
            "photos": list(self.photos),
            "styles": [style.to_json() for style in self.styles],
            "sheet": None if self.sheet is None else str(self.sheet),
            "seconds": round(self.seconds, 3),
        }


def preview_teacher(
    settings: PairsConfig,
    teacher: Stylizer | Sequence[Stylizer],
    file: Path | None = None,
    *,
    count: int = PREVIEW_PHOTOS,
    max_seconds: float | None = None,
) -> TeacherPreview:
    """Stylize a few photos of a future pair set, and measure how much of them stays.

    The photos are spread evenly over the list of all files, so the same folders give the same photos. They are cropped
    and resized as `make_pairs` does. No pair set is written.

    Args:
        settings: Section `pairs` of the configuration.
        teacher: The teacher, or the teachers of several styles, as `TeacherSpec.load` returns them.
        file: PNG file for a sheet of photos and targets; None writes none.
        count: Number of photos; fewer are taken if there are fewer.
        max_seconds: Time after which no further photo is begun; None for no limit.

    Raises:
        DataError: A folder is missing, no photo can be read or stylized, or the sheet cannot be written.
        ArtifactError: The teacher returned an image of another size than its input.
    """
    teachers = [teacher] if isinstance(teacher, Stylizer) else list(teacher)
    start = time.perf_counter()
    rows: dict[str, list[Image8]] = {}
    for name, content in _sample(settings, count):
        if rows and max_seconds is not None and time.perf_counter() - start > max_seconds:
            break
        with contextlib.suppress(PhotoError):  # make-pairs lists such photos
            rows[name] = [content, *(_stylize(one, content, name) for one in teachers)]
    if not rows:
        folders = ", ".join(map(str, settings.content))
        raise DataError(f"{folders}: none of the photos that were tried for a preview can be read and stylized")
    seconds, images = time.perf_counter() - start, list(rows.values())
    styles = tuple(_style_preview(settings, one, i, images) for i, one in enumerate(teachers))
    if file is not None:
        write_picture(file, Picture(_draw(settings, [style.name for style in styles], images)))
    return TeacherPreview(tuple(rows), styles, file, seconds)


def _sample(settings: PairsConfig, count: int) -> Iterator[tuple[str, Image8]]:
    """Yield name and content of photos that are spread evenly over all files; files that cannot be read are skipped."""
    images = find_images(settings.content)
    count = min(count, len(images))
    for part in range(count):
        first, end = part * len(images) // count, (part + 1) * len(images) // count
        middle = (first + end) // 2
        for image in (images[middle:end] + images[first:middle])[:_TRIED_FILES]:
            content = _read(image, settings)
            if content is not None:
                yield image.relative, content
                break


def _read(image: FoundImage, settings: PairsConfig) -> Image8 | None:
    try:
        rgb = read_picture(image.path, to_srgb=True).on_white()
        return fit_content(rgb, settings.size, settings.fit)
    except (ImageError, MemoryError):
        return None  # make-pairs lists such files


def _stylize(teacher: Stylizer, content: Image8, name: str) -> Image8:
    [target] = teacher.stylize([content])
    if target.shape != content.shape:
        raise ArtifactError(
            f"teacher {teacher.identity.name}: returned {list(target.shape)} for {name}, expected"
            f" {list(content.shape)}: content and target must match pixel by pixel"
        )
    return target


def _style_preview(settings: PairsConfig, teacher: Stylizer, style: int, rows: Sequence[list[Image8]]) -> StylePreview:
    figures = measure_style([row[0] for row in rows], [row[1 + style] for row in rows])
    return StylePreview(teacher.identity.name, figures, advise(settings, style, figures.verdict))


def _draw(settings: PairsConfig, names: Sequence[str], rows: Sequence[list[Image8]]) -> Image8:
    """Draw a row for each photo, below a row of the paintings if there are any."""
    side = _CELL_PX if len(names) <= _MANY_STYLES else _SMALL_CELL_PX
    cells = [[center_in_square(image, side) for image in row] for row in rows]
    if has_painting(settings):
        cells.insert(0, [_blank(side), *(_painting_cell(settings, style, side) for style in range(len(names)))])
    return sheet(cells, ["photo", *map(_heading, names)])


def _heading(name: str) -> str:
    """Return the name of the style without that of the teacher, with at most as many characters as fit."""
    style = name.partition(":")[2] or name
    return style if len(style) <= _MAX_HEADING_LENGTH else f"{style[: _MAX_HEADING_LENGTH - 3]}..."


def _painting_cell(settings: PairsConfig, style: int, side: int) -> Image8:
    """Return the paintings of a style beside each other; a painting that cannot be read leaves its place white."""
    paintings = style_paintings(settings, style)
    cells = []
    for path in paintings:
        try:
            painting = read_picture(path, to_srgb=True).on_white()
        except ImageError:
            continue
        cells.append(center_in_square(painting, max(1, side // len(paintings))))
    return center_in_square(np.concatenate(cells, axis=1), side) if cells else _blank(side)


def _blank(side: int) -> Image8:
    return np.full((side, side, 3), _WHITE, np.uint8)
