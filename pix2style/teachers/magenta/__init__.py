"""Google Magenta's arbitrary stylization: a network that takes the style of any painting.

Ghiasi et al., Exploring the structure of a real-time, arbitrary neural artistic stylization network, BMVC 2017
(https://arxiv.org/abs/1705.06830). TensorFlow runs the SavedModel; ONNX Runtime runs it after a conversion.
"""

from pix2style.teachers.magenta.backend import BackendChoice
from pix2style.teachers.magenta.cache import LocatedNetwork
from pix2style.teachers.magenta.download import MODULE_VARIABLE
from pix2style.teachers.magenta.teacher import MagentaTeacher, load_magenta

__all__ = ["MODULE_VARIABLE", "BackendChoice", "LocatedNetwork", "MagentaTeacher", "load_magenta"]
