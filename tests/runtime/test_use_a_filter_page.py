"""The Python snippets of docs/guides/use-a-filter.md, run unchanged on an exported file."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pix2style.images import Image8, Picture, read_picture, write_picture
from pix2style.runtime.onnx_stylizer import OnnxStylizer

ROOT = Path(__file__).parents[2]
SECTIONS = re.findall(
    r"^## (.+?)$(?:(?!^## ).)*?^```python\n(.*?)^```",
    (ROOT / "docs/guides/use-a-filter.md").read_text(),
    re.DOTALL | re.MULTILINE,
)


def test_the_page_has_a_snippet_for_each_way() -> None:
    assert [name for name, _ in SECTIONS] == [
        "Python, with pix2style",
        "Python, with ONNX Runtime alone",
        "OpenCV",
        "Tiles",
    ]


@pytest.mark.parametrize(("name", "code"), SECTIONS, ids=[name for name, _ in SECTIONS])
def test_snippet(
    lite_file: Callable[..., Path], photos: Callable[..., list[Image8]], tmp_path: Path, name: str, code: str
) -> None:
    shutil.copy(lite_file(), tmp_path / "watercolor.onnx")
    # Several of the page's tiles, and no multiple of anything.
    write_picture(tmp_path / "photo.jpg", Picture(photos(1, 301, 517)[0]))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    photo = read_picture(tmp_path / "photo.jpg").rgb
    difference = np.abs(
        read_picture(tmp_path / "painted.png").rgb.astype(int) - OnnxStylizer(lite_file(), tile=0)(photo)
    )
    assert difference.max() <= (1 if name == "OpenCV" else 0)  # OpenCV adds in another order, and may round otherwise
    assert (difference > 0).mean() < 0.001
    if "half.png" in code:
        half = OnnxStylizer(lite_file(), strength=0.5)(photo)
        assert np.array_equal(read_picture(tmp_path / "half.png").rgb, half)
