"""`load_stylizer`: a name, a run folder or a filter file becomes a `Stylizer`. Imports only what that one needs."""

from __future__ import annotations

from pathlib import Path

from pix2style.errors import ArtifactError, ConfigError, require
from pix2style.stylizer import Stylizer

_KNOWN = '"watercolor", "magenta:PAINTING", "gatys:PAINTING", a run folder (RUN, RUN@1) or a filter file (.onnx)'


def load_stylizer(source: str | Path, *, teacher_module: str | None = None) -> Stylizer:
    """Load anything that stylizes pictures.

    Args:
        source: `"watercolor"` (built-in teacher), `"magenta:painting.jpg"` (Google Magenta's network in the style of a
            painting), `"gatys:painting.jpg"` (optimisation, minutes a picture), a folder that `pix2style train` made
            (of several styles: `"runs/x@1"` is the one with the id 1, `"runs/x@0.5,0.5"` a mixture of two), or an
            exported `.onnx` file.
        teacher_module: for `magenta:`, a SavedModel folder, a converted folder or another address; for `gatys:`, a
            safetensors file of VGG19's weights.

    Returns:
        A callable: uint8 array [height, width, 3] or Pillow image in, the same kind and size out; lists give lists.

    Raises:
        ArtifactError: the file, folder or network is missing, damaged or of an unknown kind.
        ConfigError: a run holds several styles and none was named, or there is no such one.
        MissingExtraError: an extra is not installed; says which.
    """
    text = str(source)
    if text == "watercolor":
        require("pairs", "cv2")
        from pix2style.teachers.watercolor import WatercolorTeacher

        return WatercolorTeacher()
    if text.startswith("magenta:"):
        return load_magenta(Path(text.removeprefix("magenta:")), teacher_module)
    if text.startswith("gatys:"):
        return load_gatys(Path(text.removeprefix("gatys:")), Path(teacher_module) if teacher_module else None)
    path, style = Path(source), ""
    if not path.exists() and "@" in text:
        folder, _, style = text.rpartition("@")
        path = Path(folder)
    if path.is_dir():
        return load_run(path, style)
    if path.is_file():
        from pix2style.runtime.onnx import OnnxStylizer

        if style:
            raise ConfigError(f"{text}: a filter file holds one style: name none")
        return OnnxStylizer(path)
    raise ArtifactError(f"{text}: no such stylizer: expected {_KNOWN}")


def load_run(path: Path, style: str = "") -> Stylizer:
    """The generator in a run folder; `style` is what stands after the @ in `load_stylizer`."""
    require("train", "torch", "safetensors", "pydantic")
    from pix2style.runs.styles import parse_style
    from pix2style.runs.stylizer import RunStylizer

    return RunStylizer(path, style=parse_style(style) if style else None)


def load_magenta(style: Path, teacher_module: str | None) -> Stylizer:
    """Magenta's network in the style of one painting, by ONNX Runtime if it was converted; see `load_stylizer`."""
    from pix2style.teachers.magenta import MagentaTeacher  # asks for TensorFlow itself, if it needs it

    return MagentaTeacher(style, module=teacher_module)


def load_gatys(style: Path, weights: Path | None) -> Stylizer:
    """Gatys's optimisation towards one painting.

    With the preset `gatys-2015`, or `shallow` where the weights file ends before that one's layers.
    """
    require("train", "torch", "safetensors")
    from pix2style.teachers.gatys.network import reaches
    from pix2style.teachers.gatys.settings import GATYS_2015, SHALLOW
    from pix2style.teachers.gatys.teacher import GatysTeacher
    from pix2style.teachers.style import StyleBlend

    settings = GATYS_2015 if weights is None or reaches(weights, GATYS_2015.layers) else SHALLOW
    return GatysTeacher(StyleBlend.of(style), settings, weights)
