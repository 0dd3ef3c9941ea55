"""`load_stylizer`: a name, a run folder or a filter file becomes a `Stylizer`. Imports only what that one needs."""

from __future__ import annotations

from pathlib import Path

from pix2style.errors import ArtifactError, require
from pix2style.stylizer import Stylizer

_KNOWN = '"watercolor", "magenta:PAINTING", a run folder or a filter file (.onnx)'


def load_stylizer(source: str | Path, *, teacher_module: str | None = None) -> Stylizer:
    """Load anything that stylizes pictures.

    Args:
        source: `"watercolor"` (built-in teacher), `"magenta:painting.jpg"` (Google Magenta's network in the style of a
            painting), a folder that `pix2style train` made, or an exported `.onnx` file.
        teacher_module: for `magenta:`, a local SavedModel folder or another TF-Hub address.

    Returns:
        A callable: uint8 array [height, width, 3] or Pillow image in, the same kind and size out; lists give lists.

    Raises:
        ArtifactError: the file, folder or network is missing, damaged or of an unknown kind.
        MissingExtraError: an extra is not installed; says which.
    """
    text = str(source)
    if text == "watercolor":
        require("pairs", "cv2")
        from pix2style.teachers.watercolor import WatercolorTeacher

        return WatercolorTeacher()
    if text.startswith("magenta:"):
        return load_magenta(Path(text.removeprefix("magenta:")), teacher_module)
    path = Path(source)
    if path.is_dir():
        require("train", "torch", "safetensors", "pydantic")
        from pix2style.runs.stylizer import RunStylizer

        return RunStylizer(path)
    if path.is_file():
        from pix2style.runtime.onnx import OnnxStylizer

        return OnnxStylizer(path)
    raise ArtifactError(f"{text}: no such stylizer: expected {_KNOWN}")


def load_magenta(style: Path, teacher_module: str | None) -> Stylizer:
    """Magenta's network in the style of one painting; see `load_stylizer`."""
    from pix2style.teachers.magenta import MagentaTeacher  # asks for TensorFlow itself, quietly

    return MagentaTeacher(style, module=teacher_module)
