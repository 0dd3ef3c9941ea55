"""The script that compares any folder at strength 0 with Pillow and ImageCms tells what is lost from what is kept."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
from PIL import Image

from pix2style.images import Image8
from pix2style.images.cicp import ADOBE_RGB_PRIMARIES
from pix2style.images.icc import matrix_profile

from pictures import encoded, ramps  # isort: skip

SWEEP = runpy.run_path(str(Path(__file__).parents[1] / "benchmarks" / "sweep.py"))


class Darker(SWEEP["Unchanged"]):  # type: ignore[misc]
    """Loses something."""

    def stylize(self, images: list[Image8]) -> list[Image8]:
        return [image // 2 for image in images]


def test_sweep(tmp_path: Path) -> None:
    files = {
        "plain.png": encoded(ramps(), "PNG"),
        "wide.png": encoded(ramps(), "PNG", icc_profile=matrix_profile("wide", ADOBE_RGB_PRIMARIES, 2.2)),
        "clear.webp": encoded(np.dstack([ramps(), ramps()[..., 0]]), "WEBP", lossless=True),
        "pages.tif": encoded(ramps(), "TIFF", save_all=True, append_images=[Image.fromarray(ramps())]),
        "signed.tif": encoded(Image.fromarray(np.ones((4, 4), np.int32)), "TIFF"),
        "cut.png": encoded(ramps(), "PNG")[:100],
    }
    outcomes = {}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        outcomes[name] = SWEEP["sweep_file"](SWEEP["Unchanged"](), tmp_path / name, name, ".png").kind
    kinds = ["the same pixels"] * 4 + ["refused here alone", "refused by both"]
    assert list(outcomes.values()) == kinds
    lost = SWEEP["sweep_file"](Darker(), tmp_path / "plain.png", "plain.png", ".png")
    assert lost.kind == "different"
    assert "| different | 1 |" in SWEEP["report"]([lost], "folder", "darker", "png")
