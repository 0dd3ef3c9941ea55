"""Load a `Stylizer` from a name, a run folder or a filter file. Imports only what that stylizer needs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pix2style import gallery
from pix2style.errors import ArtifactError, ConfigError, require
from pix2style.home_paths import expand_home
from pix2style.light_dataclass import dataclass
from pix2style.progress import print_note
from pix2style.style_choice import StyleChoice, as_style_choice
from pix2style.stylizer import Stylizer
from pix2style.teacher_table import parse_teacher, teacher_patterns

if TYPE_CHECKING:
    from pix2style.onnx_session import Spinning

_EXPECTED = (
    ", ".join(f'"{pattern}"' for pattern in teacher_patterns())
    + ", a run folder (RUN, RUN@1), a filter file (.onnx, .onnx@1) or a name that `pix2style gallery` lists"
)


def load_stylizer(
    source: str | Path,
    *,
    strength: float = 1.0,
    style: StyleChoice | Sequence[float] | str | None = None,
    tile: int | None = None,
    teacher_module: str | None = None,
    threads: int | None = None,
    device: str | None = None,
    preserve_color: bool = False,
    stroke: float | None = None,
    look_px: int | None = None,
    spinning: Spinning | None = None,
) -> Stylizer:
    """Load a filter of the gallery, a filter file, the generator of a run folder, a teacher, or a blend of several.

    Args:
        source: A name in the gallery, for example `"great-wave"` (a file or a run folder of that name in the working
            folder wins), an exported `.onnx` file, a folder that `pix2style train` wrote, `"watercolor"` (built-in
            teacher), `"magenta:painting.jpg"` (Google Magenta's network in the style of a painting), or
            `"gatys:painting.jpg"` (optimisation, minutes per photo). A run or file with several styles takes
            `"x.onnx@1"` for the style with the id 1, or `"x.onnx@0.5,0.5"` for a mixture of two. Several of these with
            weights are blended: `"great-wave:0.6,x.onnx@1:0.4"`. Only the ratios of the weights matter.
        strength: For filter files and blends: strength of the style, from 0 (the photo) to 1 (the full style).
        style: For runs and filter files with several styles: the style's id from 0 on, or a weight for each style.
            Another way to write what follows the @.
        tile: For filter files: side of a tile in pixels, for photos that are larger; 0 to never use tiles; None to use
            them for photos of more than 4 megapixels. See `runtime.onnx_stylizer.OnnxStylizer`.
        teacher_module: For `magenta:`, `mobile`, `full`, a SavedModel folder, a converted folder or an address; for
            `gatys:`, a safetensors file of VGG19's weights.
        threads: For filter files: number of threads of the processor for one photo; None for as many as there are
            cores.
        device: For filter files and runs: where they run, `"cpu"` (the default), `"cuda"` or another device that the
            installed ONNX Runtime has; see `runtime.devices`. For an 8-bit filter the float16 file beside it
            (NAME.fp16.onnx) is taken where the device does not compute in 8 bits, or not exactly. A note on stderr says
            so.
        preserve_color: Whether outputs have the photo's own colours, and only the lightness of the stylized image.
        stroke: Size of the strokes relative to the plain way, from 0.5 to 4: photos are stylized in another size, and
            come back in their own with their own detail. See `effects.stroke.StrokeSize`.
        look_px: Longer side in pixels of the version whose strokes larger photos get, for example 1024. `stroke`
            multiplies the strokes of that version.
        spinning: For filter files: when ONNX Runtime's threads that wait for work keep a core busy, `"always"`, `"in a
            run"` or `"never"`. None for "always", with which many small photos in a row take least time.

    Returns:
        A callable. uint8 arrays [height, width, 3] and Pillow images give the same type and size; lists give lists.

    Raises:
        ArtifactError: If the file, folder or network is missing, damaged or of an unknown kind.
        ConfigError: If a run holds several styles and none is chosen, there is no such style, strength, stroke or
            look_px is out of its range, the device cannot be used here, or this kind of stylizer does not have one of
            the arguments.
        MissingExtraError: If an extra of pix2style is not installed. The message names it.
    """
    options = _Options(strength, style, tile, teacher_module, threads, device, spinning)
    stylizer = _load_blend(source, options) if isinstance(source, str) else None
    stylizer = stylizer or _load_one(source, options)
    if stroke is not None or look_px is not None:
        from pix2style.effects.stroke import StrokeSize

        stylizer = StrokeSize(stylizer, stroke=stroke, look_px=look_px, threads=threads)
    if preserve_color:
        from pix2style.effects.preserve_color import PreserveColor

        stylizer = PreserveColor(stylizer)
    return stylizer


@dataclass(frozen=True, slots=True)
class _Options:
    """Arguments of `load_stylizer` for the stylizer itself."""

    strength: float
    style: StyleChoice | Sequence[float] | str | None
    tile: int | None
    teacher_module: str | None
    threads: int | None
    device: str | None
    spinning: Spinning | None


def _load_blend(text: str, options: _Options) -> Stylizer | None:
    """Load a blend, to whose mean the strength applies; return None if the text names one stylizer."""
    if "," not in text and ":" not in text:
        return None
    from pix2style.effects.blend import Blend
    from pix2style.effects.blend_text import parse_blend

    parts = parse_blend(text)
    if parts is None:
        return None
    if options.style is not None:
        raise ConfigError(f"{text}: in a blend, write styles behind the parts, as in x.onnx@1:0.5: leave out style")
    loaded = []
    for source, weight in parts:
        try:
            loaded.append((_load_one(source, replace(options, strength=1.0)), weight))
        except ArtifactError as error:
            raise ArtifactError(f"{error} (a part of the blend {text})") from error
    return Blend(loaded, strength=options.strength, names=[source for source, _ in parts])


def _load_one(source: str | Path, options: _Options) -> Stylizer:
    """Load a stylizer that is no blend."""
    strength, style, tile = options.strength, options.style, options.tile
    threads, device = options.threads, options.device
    text = expand_home(source) if isinstance(source, str) else str(source)
    teacher = _load_teacher(text, options.teacher_module)
    path, style_in_source = (Path(text), None) if teacher else _path_and_style(text)
    if teacher is None:
        path = _in_gallery(path) or path
    if teacher is None and not path.exists():
        raise ArtifactError(f"{text}: no such stylizer: {_meant(text) or f'expected {_EXPECTED}'}")
    if style_in_source and style is not None:
        raise ConfigError(f"{text}: already names a style: leave out style={style!r}")
    style = style_in_source or style
    if teacher is None and path.is_file():
        from pix2style.runtime.open_on_device import open_on_device

        stylizer = open_on_device(
            path,
            strength=strength,
            style=style,
            tile=tile,
            threads=threads,
            device=device,
            spinning=options.spinning,
        )
        if stylizer.digest == "changed":
            print_note(
                f"{path}: another program has written the file anew since its export, so damage could not be ruled out"
                " (pix2style inspect says what it still has)"
            )
        return stylizer
    if strength != 1 or tile is not None:
        raise ConfigError(f"{text}: strength and tile are for filter files (.onnx) only: export one, or leave them out")
    if threads is not None:
        raise ConfigError(f"{text}: threads is for filter files (.onnx) only: export one, or leave it out")
    if teacher and style is not None:
        raise ConfigError(f"{text}: only runs and filter files can hold several styles: leave out style")
    if teacher and device is not None:
        raise ConfigError(f"{text}: device is for filter files and runs only: leave it out")
    return teacher or load_run(path, style, device=device)


def run_folder(source: str) -> Path | None:
    """Return the run folder that a text for `load_stylizer` names, without its style; None if it names none."""
    text = expand_home(source)
    path = _path_and_style(text)[0]
    is_run = (path / "config.json").is_file() and (path / "checkpoints").is_dir()
    return path if is_run and parse_teacher(text) is None else None


def filter_path(text: str | Path) -> Path:
    """Return the path of a filter file that is given by its path or by its name in the gallery.

    Raises:
        ArtifactError: There is no such file.
    """
    path = Path(text)
    found = _in_gallery(path) or path
    if not found.exists():
        expected = "expected an .onnx file that pix2style export wrote, or a name that pix2style gallery lists"
        raise ArtifactError(f"{text}: no such filter: {_meant(str(text)) or expected}")
    return found


def gallery_file(name: str) -> Path:
    """Return the file of a filter in the gallery.

    Raises:
        ArtifactError: The gallery has no filter of this name.
    """
    found = gallery.find(name)
    if found is None:
        advice = _meant(name) or "pix2style gallery lists all names"
        raise ArtifactError(f"{name}: no filter of this name in the gallery: {advice}")
    return found


def _in_gallery(path: Path) -> Path | None:
    """Return the file of the filter in the gallery that a path names, unless a file or run folder has that name.

    An output folder may be named after its filter, so a folder without checkpoints does not stand in the way.
    """
    found = gallery.find(str(path))
    is_other = path.is_file() or (path / "checkpoints").is_dir()
    if found and is_other:
        print_note(f"{path}: the filter of this name in the gallery is not used, because the working folder has one")
    return None if is_other else found


def _meant(text: str) -> str:
    """Return which names of the gallery a person may have meant; empty for paths, and if none is similar."""
    similar = [] if re.search(r"[/\\.]", text) else gallery.nearest(text)
    return f"did you mean {' or '.join(similar)}? (pix2style gallery lists all names)" if similar else ""


def _path_and_style(text: str) -> tuple[Path, str | None]:
    """Split `PATH@STYLE`. A path that exists is not split, even if its name has an @."""
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


def load_run(
    path: Path, style: StyleChoice | Sequence[float] | str | None = None, *, device: str | None = None
) -> Stylizer:
    """Load the generator of a run folder; see `load_stylizer`."""
    [torch, *_] = require("train", "torch", "safetensors", "pydantic")
    from pix2style.runs.stylizer import RunStylizer

    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    if device is not None and device not in devices:
        raise ConfigError(f"--device {device}: torch can run {path} on {' or '.join(devices)} here: give one of them")
    return RunStylizer(path, style=None if style is None else as_style_choice(style), device=device or "cpu")
