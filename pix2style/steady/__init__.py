"""Keep strokes in place from frame to frame: follow the motion of a scene, and stylize each frame on its grid."""

from pix2style.steady.mode import SteadyMode
from pix2style.steady.steady_stylizer import FramePlan, SteadyStylizer

__all__ = ["FramePlan", "SteadyMode", "SteadyStylizer"]
