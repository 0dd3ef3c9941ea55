"""Gatys's optimisation: pixels are changed until a network sees the photo's content in the painting's style.

L. A. Gatys, A. S. Ecker, M. Bethge, "A Neural Algorithm of Artistic Style", 2015 (https://arxiv.org/abs/1508.06576),
and "Image Style Transfer Using Convolutional Neural Networks", CVPR 2016. Slow (hundreds of passes through VGG19 a
picture) and without training. What follows the paper and what does not is said in `settings` and `objective`.

This package itself imports no torch: `GatysTeacher` stands in `pix2style.teachers.gatys.teacher`.
"""

from pix2style.teachers.gatys.settings import ALGORITHM_VERSION, PRESETS, GatysSettings, parse_layers, preset

__all__ = ["ALGORITHM_VERSION", "PRESETS", "GatysSettings", "parse_layers", "preset"]
