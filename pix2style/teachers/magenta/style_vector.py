"""The style vector of a painting, for the base weights (`nets.base`): Magenta's vector, and which network stylizes."""

from __future__ import annotations

import numpy as np

from pix2style.errors import ImageError
from pix2style.teachers.magenta.mobile.find import find_mobile, has_mobile
from pix2style.teachers.magenta.mobile.wheel import SOURCE_SHA256
from pix2style.teachers.magenta.network import Floats
from pix2style.teachers.magenta.onnx_network import OnnxNetwork
from pix2style.teachers.magenta.teacher import blend_vector
from pix2style.teachers.style import StyleBlend


def painting_vector(blend: StyleBlend, *, teacher_sha256: str) -> Floats | None:
    """Compute the vector of a style with Magenta's mobile network.

    Args:
        blend: Paintings of the style. Its strength is ignored.
        teacher_sha256: Digest of the teacher's network (`StylizerIdentity.sha256`).

    Returns:
        float32 [101]: the network's vector of 100 numbers, and 0 if the mobile network stylizes, 1 if another teacher
        does. None if the mobile network is not installed, or a painting cannot be read.
    """
    located = find_mobile() if has_mobile() else None
    if located is None:
        return None
    try:
        vector = blend_vector(OnnxNetwork(located.folder, cuda=False), blend)
    except ImageError:
        return None
    return np.append(vector.ravel(), np.float32(teacher_sha256 != SOURCE_SHA256))
