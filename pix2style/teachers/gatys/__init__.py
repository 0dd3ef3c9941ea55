"""Gatys's style transfer by optimisation: the pixels of an image are changed until VGG19 sees the right activations.

L. A. Gatys, A. S. Ecker, M. Bethge, "A Neural Algorithm of Artistic Style", 2015 (https://arxiv.org/abs/1508.06576),
and "Image Style Transfer Using Convolutional Neural Networks", CVPR 2016. It needs no training, but hundreds of passes
through VGG19 per photo. `settings` and `objective` say where the code follows the paper and where it does not.

This package itself imports no torch. `GatysTeacher` is in `pix2style.teachers.gatys.teacher`.
"""

from pix2style.teachers.gatys.settings import ALGORITHM_VERSION, PRESETS, GatysSettings, parse_layers, preset

__all__ = ["ALGORITHM_VERSION", "PRESETS", "GatysSettings", "parse_layers", "preset"]
