"""The built-in teacher: a watercolour filter made of classical image processing, with no weights to download.

The photo is abstracted into flat washes, its palette is lightened, and then pigment is moved as water would move it: to
the edges of washes, out of the highlights, across weak edges. The strong features of the style are functions of the
photo within some tens of pixels, so that a small convolutional network can learn them. Only paper grain, granulation
and a slight wobble of the contours come from seeded noise.

Sources: A. Bousseau, M. Kaplan, J. Thollot, F. Sillion, "Interactive watercolor rendering with temporal coherence and
abstraction", NPAR 2006, doi:10.1145/1124728.1124751 (pigment density model, turbulent flow, dispersion, paper);
T. Luft, O. Deussen, "Real-time watercolor illustrations of plants using a blurred depth test", NPAR 2006,
doi:10.1145/1124728.1124732 (edge darkening as a difference of blurs); S. Montesdeoca et al., "Edge- and
substrate-based effects for watercolor stylization", Expressive 2017, doi:10.1145/3092919.3092928 (gaps, overlaps,
dispersion by grain). Each function names the source of its method; the code was written for this project.
"""

from pix2style.teachers.watercolor.settings import ALGORITHM_VERSION, WatercolorSettings
from pix2style.teachers.watercolor.teacher import WatercolorTeacher, watercolor

__all__ = ["ALGORITHM_VERSION", "WatercolorSettings", "WatercolorTeacher", "watercolor"]
