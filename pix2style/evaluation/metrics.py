"""Distances between two pictures, on the rounded bytes that ship; training measures with the same ones."""

from __future__ import annotations

from pix2style.fidelity import SSIM_WINDOW_PX, pad_to_side, ssim

__all__ = ["SSIM_WINDOW_PX", "pad_to_side", "ssim"]
