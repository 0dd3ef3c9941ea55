"""Google Magenta's arbitrary stylization: one network, any painting, by TensorFlow or ONNX Runtime."""

from pix2style.teachers.magenta.cache import Located
from pix2style.teachers.magenta.download import MODULE_VARIABLE
from pix2style.teachers.magenta.open import BackendChoice
from pix2style.teachers.magenta.teacher import MagentaRecipe, MagentaTeacher, load_magenta

__all__ = ["MODULE_VARIABLE", "BackendChoice", "Located", "MagentaRecipe", "MagentaTeacher", "load_magenta"]
