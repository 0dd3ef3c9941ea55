"""The proof that a filter file holds: a small patch and what the filter makes of it, compared when the file is loaded.

The digest (`content_digest`) says whether the file is as it was written. The proof says whether this machine computes
with it what the machine computed that exported it. ONNX Runtime 1.21 to 1.24 computed wrong 8-bit convolutions on
processors with AMX or AVX-VNNI (microsoft/onnxruntime #26324): files were sound, and outputs wrong.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Literal

import numpy as np

from pix2style.images import Image8
from pix2style.light_dataclass import dataclass

PROOF_KEY = "pix2style.proof"
"""Key of the entry in the ONNX metadata; its value is what `Proof.to_text` returns."""
ProofState = Literal["passed", "in floats", "not possible", "absent"]
PATCH_PX = 32
_VERSION = 1
_SHAPE = (PATCH_PX, PATCH_PX, 3)
# How far a right result may differ. Integer convolutions are exact; only the scaling of their sums to 8 bits is done in
# floats, and may be rounded to the other neighbour: releases 1.20 and 1.25 to 1.31 of ONNX Runtime, on processors with
# AMX and with SSE4.1 only, gave the same bytes for all filters that were tried. Floats are summed in another order on
# each processor, and in TF32 on GPUs; a level at a place of many layers makes a few levels of the output. The wrong
# convolutions gave 1 % of a layer's outputs another value, by up to 255 levels, which the later layers spread.
_MAX_MEAN_LEVELS = 1.0
_MAX_FAR_SHARE = 0.01
_FAR_LEVELS = 16


@dataclass(frozen=True, slots=True)
class Proof:
    """A patch of a photo, and what the filter made of it where it was exported.

    Attributes:
        patch: uint8 [32, 32, 3].
        stylized: uint8 [32, 32, 3], at full strength, in the first style.
    """

    patch: Image8
    stylized: Image8

    def to_text(self) -> str:
        """Return the proof as text for the metadata of an ONNX file."""
        images = {"patch": self.patch, "stylized": self.stylized}
        encoded = {name: base64.b64encode(image.tobytes()).decode("ascii") for name, image in images.items()}
        return json.dumps({"version": _VERSION, **encoded}, sort_keys=True)

    @classmethod
    def from_text(cls, text: str) -> Proof | None:
        """Read a proof that `to_text` wrote; None if it is of a later version.

        Raises:
            ValueError: The text is damaged.
        """
        try:
            value = json.loads(text)
            if type(value["version"]) is int and value["version"] > _VERSION:
                return None
            return cls(_image(value["patch"]), _image(value["stylized"]))
        except (KeyError, TypeError, RecursionError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from error

    def holds(self, output: Image8) -> bool:
        """Return whether an output for the patch is what the filter made of it where it was exported."""
        if output.shape != _SHAPE:
            return False
        differences = np.abs(output.astype(np.int16) - self.stylized)
        return bool(differences.mean() <= _MAX_MEAN_LEVELS and (differences > _FAR_LEVELS).mean() <= _MAX_FAR_SHARE)


def make_proof(stylize: Callable[[Image8], Image8]) -> Proof:
    """Make the proof of a filter.

    Args:
        stylize: What the filter makes of a photo, uint8 [height, width, 3], at full strength, in its first style.
    """
    patch = proof_patch()
    return Proof(patch, stylize(patch))


def proof_patch() -> Image8:
    """Return a patch with smooth areas, edges, lines and grain, like a photo: uint8 [32, 32, 3].

    It is computed in integers, so that it is the same everywhere. Of noise alone networks make almost uniform grey, on
    which wrong filters would agree as well.
    """
    y, x = np.mgrid[0:PATCH_PX, 0:PATCH_PX]
    patch = np.stack([8 * x, 4 * (x + y), 255 - 8 * y], axis=-1)
    patch[(x - 10) ** 2 + (y - 9) ** 2 < 40] = (230, 200, 60)
    patch[(y > 20) & (x > 14) & (x + y < 52)] = (40, 90, 30)
    patch[(x - y) % 13 == 0] //= 2
    grain = (x * 37 + y * 59 + x * y * 11) % 17 - 8
    levels: Image8 = np.clip(patch + grain[..., None], 0, 255).astype(np.uint8)
    return levels


def _image(text: str) -> Image8:
    image: Image8 = np.frombuffer(base64.b64decode(text, validate=True), np.uint8).reshape(_SHAPE)
    return image
