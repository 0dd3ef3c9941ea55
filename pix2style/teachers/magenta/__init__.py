"""Google Magenta's arbitrary stylization: one network, any painting, by TensorFlow or ONNX Runtime."""

from pix2style.teachers.magenta.backend import BackendChoice
from pix2style.teachers.magenta.cache import LocatedNetwork
from pix2style.teachers.magenta.download import MODULE_VARIABLE
from pix2style.teachers.magenta.teacher import MagentaTeacher, load_magenta

__all__ = ["MODULE_VARIABLE", "BackendChoice", "LocatedNetwork", "MagentaTeacher", "load_magenta"]
