"""A sheet of one photo in several filters, to choose among them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pix2style import gallery
from pix2style.errors import ArtifactError, ConfigError, DataError
from pix2style.home_paths import expand_home
from pix2style.images import Picture, can_write, fit_within, read_picture, to_srgb, write_picture
from pix2style.images.captions import captioned_grid
from pix2style.loading import load_stylizer
from pix2style.progress import print_file_notes, track
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.runtime.strength import blend, check_strength
from pix2style.stylizer import Stylizer
from pix2style.writable import check_can_write

FILTER_SUFFIX = ".onnx"
_SHAPE = 4 / 3  # about the shape of a sheet, in cells


@dataclass(frozen=True, slots=True)
class SheetReport:
    """What is on a sheet.

    Attributes:
        out: The file.
        filters: The filters, in order; the styles of a file of several styles are filters of their own.
        columns: Number of cells in a row.
        width_px: Width of the sheet in pixels.
        height_px: Height of the sheet in pixels.
    """

    out: Path
    filters: tuple[str, ...]
    columns: int
    width_px: int
    height_px: int


def make_sheet(
    photo: Path,
    out: Path,
    filters: Sequence[str] = (),
    *,
    strengths: Sequence[float] = (1.0,),
    columns: int | None = None,
    cell_px: int = 320,
) -> SheetReport:
    """Write a sheet of a photo and what filters make of it, with the name of the filter under each cell.

    The photo is shrunk to the size of a cell first, so that strokes are seen as they are, and the sheet takes seconds.

    Args:
        photo: Path of the photo.
        out: Path of the sheet; its suffix selects the format.
        filters: Filters as `load_stylizer` takes them, and folders of filter files; none for the whole gallery.
        strengths: Strengths of the style; each filter has a cell for each of them.
        columns: Number of cells in a row; None for a sheet that is somewhat wider than high.
        cell_px: Longer side of a cell in pixels.

    Raises:
        ConfigError: A setting is out of its range.
        DataError: The photo cannot be read, or the sheet cannot be written.
        ArtifactError: A filter cannot be loaded, or a folder holds none.
    """
    strengths = [check_strength(strength) for strength in strengths] or [1.0]
    if not can_write(out):
        raise DataError(f"{out}: images of this kind cannot be written: name a .jpg, .png or .webp file")
    if out.exists() and photo.exists() and out.samefile(photo):
        raise ConfigError(f"--out {out}: is the photo itself: name another file")
    check_can_write(out)
    if photo.is_dir():
        raise DataError(f"{photo}: is a folder: name one photo")
    picture = read_picture(photo)
    print_file_notes([(str(photo), note) for note in picture.notes])
    image = fit_within(to_srgb(picture.on_white(), picture.icc_profile), cell_px)
    images, captions, names = [image], ["photo"], []
    for source in track("filters", _sources(filters)):
        for name, stylizer in _looks(source):
            names.append(name)
            stylized = stylizer(image)
            images += [blend(image[None], stylized[None], strength)[0] for strength in strengths]
            captions += [name if strengths == [1.0] else f"{name} {strength:g}" for strength in strengths]
    columns = columns or _columns(len(images))
    sheet = captioned_grid(images, captions, columns)
    write_picture(out, Picture(sheet))
    return SheetReport(out, tuple(names), columns, sheet.shape[1], sheet.shape[0])


def parse_strengths(text: str) -> list[float]:
    """Read strengths that are separated by commas, for example `0.5,1`.

    Raises:
        ConfigError: One is no number from 0 to 1.
    """
    try:
        return [check_strength(float(part)) for part in text.split(",")]
    except (ValueError, ConfigError) as error:
        raise ConfigError(
            f"--strengths {text}: give numbers from 0 to 1, separated by commas, such as 0.5,1"
        ) from error


def _sources(filters: Sequence[str]) -> list[str]:
    """Return the filters, with folders of filter files replaced by their files."""
    if not filters:
        return gallery.names()
    sources: list[str] = []
    for text in filters:
        folder = Path(expand_home(text))
        is_run = (folder / "checkpoints").is_dir()
        if not folder.is_dir() or is_run or gallery.find(text):
            sources.append(text)
            continue
        files = sorted(str(path) for path in folder.glob(f"*{FILTER_SUFFIX}"))
        if not files:
            raise ArtifactError(f"{text}: is a folder without filter files ({FILTER_SUFFIX}) and no run folder")
        sources += files
    return sources


def _looks(source: str) -> Iterator[tuple[str, Stylizer]]:
    """Yield the caption and the stylizer of a filter, or of each style of a file of several styles."""
    stylizer = load_stylizer(source)
    name = Path(source).name.removesuffix(FILTER_SUFFIX) or source
    is_mixed = isinstance(stylizer, OnnxStylizer) and stylizer.styles > 1
    if not isinstance(stylizer, OnnxStylizer) or not is_mixed or "style" in stylizer.identity.settings:
        yield name, stylizer
        return
    for style in range(stylizer.styles):
        label = stylizer.spec.styles[style] if style < len(stylizer.spec.styles) else str(style)
        stylizer.adjust(style=[float(number == style) for number in range(stylizer.styles)])
        yield f"{name}: {label}", stylizer


def _columns(cells: int) -> int:
    """Return a number of columns for which the sheet has about its usual shape, and few empty cells."""
    base = max(1, round(math.sqrt(cells * _SHAPE)))
    return min((base, base + 1, max(1, base - 1)), key=lambda columns: -cells % columns)
