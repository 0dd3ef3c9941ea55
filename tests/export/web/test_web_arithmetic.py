"""The arithmetic of the page in JavaScript gives the same numbers as that in Python."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pix2style.export.web import page
from pix2style.images.glimpse import glimpse, glimpse_indices
from pix2style.runtime.strength import blend
from pix2style.runtime.tiles import split_axis, stylize_in_tiles

NODE = shutil.which("node")
SIZES = [*range(1, 130), 481, 1000, 4095, 4096, 16_384]
AXES = [
    (size, tile, multiple, margin)
    for size in (1, 5, 64, 100, 257, 1000, 4001)
    for tile in (16, 64, 768)
    for multiple, margin in ((1, 0), (4, 31), (8, 0), (256, 100))
]
STRENGTHS = (0, 0.1, 0.25, 0.5, 0.77, 1)

_SCRIPT = """
import { readFileSync } from "node:fs";
const js = await import(process.argv[1]);
const { sizes, axes, strengths, limits, photo, other, height, width, split } = JSON.parse(readFileSync(0));
const [rgb, stylized] = [photo, other].map((values) => Uint8Array.from(values));
const [rows, columns] = split.map((given) => js.splitAxis(...given));
const whole = new Uint8Array(rgb.length);
for (const row of rows.spans) for (const column of columns.spans) {
  const tile = js.cropWithPadding(rgb, height, width, row.start, rows.length, column.start, columns.length);
  js.placeTile(whole, width, tile.map((value) => 255 - value), columns.length, row, column);
}
const alpha = new Uint8Array(2);
const split2 = new Uint8Array(6);
js.splitRgba(Uint8Array.of(1, 2, 3, 0, 4, 5, 6, 128), split2, alpha, 0);
const onWhite = Uint8ClampedArray.of(10, 20, 30, 128);
js.layOnWhite(onWhite);
console.log(JSON.stringify({
  indices: sizes.map(js.glimpseIndices),
  axes: axes.map((given) => js.splitAxis(...given)),
  glimpse: Array.from(js.glimpse(rgb, height, width)),
  blended: strengths.map((strength) => Array.from(js.blend(rgb, stylized, strength))),
  tiled: Array.from(whole),
  rgb: Array.from(split2), alpha: Array.from(alpha), onWhite: Array.from(onWhite),
  joined: Array.from(js.joinRgba(rgb, null, 3, 2)),
  within: limits.map((given) => js.sizeWithin(...given)),
}));
"""

HEIGHT, WIDTH = 61, 90
PHOTO, OTHER = np.random.default_rng(1).integers(0, 256, (2, HEIGHT, WIDTH, 3), np.uint8)
SPLIT = [(HEIGHT, 16, 4, 5), (WIDTH, 16, 4, 5)]


@pytest.fixture(scope="module")
def computed() -> dict[str, Any]:
    """What JavaScript computed, in one start of node."""
    if NODE is None:
        pytest.skip("node is not installed")
    given = {
        "sizes": SIZES,
        "axes": AXES,
        "strengths": STRENGTHS,
        "limits": [(3000, 4000, 1e6, 9999), (10, 10, 1e6, 9999), (1, 50_000, 1e6, 16_384)],
        "height": HEIGHT,
        "width": WIDTH,
        "split": SPLIT,
        "photo": PHOTO.ravel().tolist(),
        "other": OTHER.ravel().tolist(),
    }
    module = (Path(page.__file__).parent / "assets/arithmetic.js").as_uri()
    command = [NODE, "--no-warnings", "--input-type=module", "--eval", _SCRIPT, module]
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_glimpse(computed: dict[str, Any]) -> None:
    assert computed["indices"] == [glimpse_indices(size).tolist() for size in SIZES]
    assert computed["glimpse"] == glimpse(PHOTO).ravel().tolist()


def test_tiles(computed: dict[str, Any]) -> None:
    for (size, tile, multiple, margin), split in zip(AXES, computed["axes"], strict=True):
        expected = split_axis(size, tile, multiple=multiple, margin=margin)
        spans = [(span["start"], span["keepStart"], span["keepEnd"]) for span in split["spans"]]
        assert (split["length"], spans) == (
            expected.length,
            [(span.start, span.keep_start, span.keep_end) for span in expected.spans],
        )
    rows, columns = (split_axis(size, tile, multiple=m, margin=margin) for size, tile, m, margin in SPLIT)
    assert len(rows.spans) * len(columns.spans) > 4
    assert computed["tiled"] == stylize_in_tiles(lambda tile: 255 - tile, PHOTO, rows, columns).ravel().tolist()


def test_strength(computed: dict[str, Any]) -> None:
    for strength, values in zip(STRENGTHS, computed["blended"], strict=True):
        assert values == blend(PHOTO[None], OTHER[None], strength).ravel().tolist()


def test_transparency_and_sizes(computed: dict[str, Any]) -> None:
    assert (computed["rgb"], computed["alpha"]) == ([255, 255, 255, 4, 5, 6], [0, 128])
    assert computed["onWhite"] == [132, 137, 142, 255]
    assert computed["joined"] == [*PHOTO.reshape(-1)[9:12].tolist(), 255, *PHOTO.reshape(-1)[12:15].tolist(), 255]
    assert computed["within"] == [[866, 1154], [10, 10], [1, 16384]]
