"""A node for ComfyUI that turns images into the style of the filters beside it. It needs the package onnxruntime."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch

FILTERS = Path(__file__).parent / "filters"


@cache
def _session(name: str) -> Any:
    return onnxruntime.InferenceSession(FILTERS / name, providers=onnxruntime.get_available_providers())


class Pix2StyleFilter:
    """Applies a filter to each image of a batch."""

    CATEGORY = "image/filters"
    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "stylize"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802 (ComfyUI's name)
        """Return the inputs of the node, in ComfyUI's form."""
        names = sorted(path.name for path in FILTERS.glob("*.onnx"))
        strength = ("FLOAT", {"default": 1.0, "min": 0.0, "max": 1.0, "step": 0.05})
        return {"required": {"image": ("IMAGE",), "filter_name": (names,), "strength": strength}}

    def stylize(self, image: torch.Tensor, filter_name: str, strength: float) -> tuple[torch.Tensor]:
        """Stylize a batch.

        Args:
            image: float [batch, height, width, 3] from 0 to 1, sRGB.
            filter_name: Name of a file in the folder of filters.
            strength: 0 returns the images, 1 the full style.

        Returns:
            A tensor of the same shape.
        """
        session = _session(filter_name)
        takes_strength = "strength" in {value.name for value in session.get_overridable_initializers()}
        inputs = {"strength": np.array([strength], np.float32)} if takes_strength else {}
        photos = np.rint(image[..., :3].clamp(0, 1).cpu().numpy() * 255).astype(np.uint8)
        outputs = [session.run(["stylized"], {"photo": photo[None], **inputs})[0] for photo in photos]
        stylized = np.concatenate(outputs).astype(np.float32)
        if not takes_strength:  # filters for OpenCV have no such input
            stylized = np.rint(photos + np.float32(strength) * (stylized - photos))
        return (torch.from_numpy(stylized / 255),)


NODE_CLASS_MAPPINGS = {"Pix2StyleFilter": Pix2StyleFilter}
NODE_DISPLAY_NAME_MAPPINGS = {"Pix2StyleFilter": "Filter (pix2style)"}
