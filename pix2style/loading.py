"""`load_stylizer`: a name, a run folder or a filter file becomes a `Stylizer`. Imports only what that one needs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pix2style.errors import ArtifactError, ConfigError, require
from pix2style.style_choice import StyleChoice, as_style_choice
from pix2style.stylizer import Stylizer
from pix2style.teacher_table import parse_teacher, teacher_patterns

_EXPECTED = (
    ", ".join(f'"{pattern}"' for pattern in teacher_patterns())
    + ", a run folder (RUN, RUN@1) or a filter file (.onnx, .onnx@1)"
)


def load_stylizer(
    source: str | Path,
    *,
    strength: float = 1.0,
    style: StyleChoice | Sequence[float] | str | None = None,
    tile: int | None = None,
    teacher_module: str | None = None,
) -> Stylizer:
    """Load anything that stylizes pictures.

    Args:
        source: `"watercolor"` (built-in teacher), `"magenta:painting.jpg"` (Google Magenta's network in the style of a
            painting), `"gatys:painting.jpg"` (optimisation, minutes a picture), a folder that `pix2style train` made,
            or an exported `.onnx` file. Of a run or a file of several styles, `"x.onnx@1"` is the one with the id 1,
            `"x.onnx@0.5,0.5"` a mixture of two.
        strength: of a filter file, from 0, the photo, to 1, the whole style.
        style: of a run or a filter file that holds several, what else stands after the @: an id from 0 on, or a weight
            for each style.
        tile: of a filter file, pixels of a tile's side for photos that are larger; 0: never tiles; None: by itself, for
            photos of more than 4 megapixels. See `runtime.onnx_stylizer.OnnxStylizer`.
        teacher_module: for `magenta:`, a SavedModel folder, a converted folder or another address; for `gatys:`, a
            safetensors file of VGG19's weights.

    Returns:
        A callable: uint8 array [height, width, 3] or Pillow image in, the same kind and size out; lists give lists.

    Raises:
        ArtifactError: the file, folder or network is missing, damaged or of an unknown kind.
        ConfigError: a run holds several styles and none was named, or there is no such one; strength is not between 0
            and 1; or something was given that this stylizer does not have.
        MissingExtraError: an extra is not installed; says which.
    """
    text = str(source)
    teacher = _load_teacher(text, teacher_module)
    path, named = (Path(text), None) if teacher else _path_and_style(text)
    if teacher is None and not path.exists():
        raise ArtifactError(f"{text}: no such stylizer: expected {_EXPECTED}")
    if named and style is not None:
        raise ConfigError(f"{text}: names a style already: leave style={style!r} out")
    style = named or style
    if teacher is None and path.is_file():
        from pix2style.runtime.onnx_stylizer import OnnxStylizer

        return OnnxStylizer(path, strength=strength, style=style, tile=tile)
    if strength != 1 or tile is not None:
        raise ConfigError(f"{text}: strength and tile are of filter files (.onnx): export one, or leave them out")
    if teacher and style is not None:
        raise ConfigError(f"{text}: a style is chosen of runs and filter files that hold several: name none")
    return teacher or load_run(path, style)


def _path_and_style(text: str) -> tuple[Path, str | None]:
    """Where a file or folder may lie, and what stands after the @."""
    path = Path(text)
    if path.exists() or "@" not in text:
        return path, None
    before, _, style = text.rpartition("@")
    return Path(before), style


def _load_teacher(text: str, teacher_module: str | None) -> Stylizer | None:
    """Load the built-in teacher that the text names; None if it names none."""
    named = parse_teacher(text)
    if named is None:
        return None
    from pix2style.teachers.registry import import_teacher
    from pix2style.teachers.style import StyleBlend

    entry, painting = named
    styles = [] if painting is None else [StyleBlend.from_paintings(painting)]
    return import_teacher(entry).load_by_name(styles, teacher_module)


def load_run(path: Path, style: StyleChoice | Sequence[float] | str | None = None) -> Stylizer:
    """The generator in a run folder; see `load_stylizer`."""
    require("train", "torch", "safetensors", "pydantic")
    from pix2style.runs.stylizer import RunStylizer

    return RunStylizer(path, style=None if style is None else as_style_choice(style))
