"""Find the filter files inside of effects and blends."""

from __future__ import annotations

from pix2style.effects.blend import Blend
from pix2style.effects.effect import innermost
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.stylizer import Stylizer


def filters_inside(stylizer: Stylizer) -> list[OnnxStylizer]:
    """Return the filter files that work in a stylizer: itself, inside of effects, or as parts of a blend."""
    inside = innermost(stylizer)
    if isinstance(inside, Blend):
        return [filter_ for part, _ in inside.parts for filter_ in filters_inside(part)]
    return [inside] if isinstance(inside, OnnxStylizer) else []
