"""Compare the two backends of Magenta's network on real photos: how much their outputs differ, and how fast they are.

Run: `python benchmarks/magenta_backends.py ASSETS CONVERTED [--rounds N]` (CONVERTED: pix2style teacher convert -o).
Rounds are interleaved. Prints JSON. Rates are photos per second, as medians over the rounds; CPU seconds per photo
hardly depend on how busy the machine is.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pix2style.images import Image8, Picture, crop_to_square, read_picture, write_picture
from pix2style.teachers.magenta import MagentaTeacher, load_magenta
from pix2style.teachers.magenta.network import from_unit, to_unit
from pix2style.teachers.style import StyleBlend

_SIDE_PX = 256
_ODD_PX = (211, 301)
_STYLES = ("style08.jpg", "style19.jpg", "style03.jpg")


def _parity(ours: Sequence[MagentaTeacher], theirs: Sequence[MagentaTeacher], photos: list[Image8]) -> dict[str, Any]:
    """Return the largest difference in levels, and the share of values that differ."""
    worst, different, values = 0, 0, 0
    for one, other in zip(ours, theirs, strict=True):
        for painted, expected in zip(one.stylize(photos), other.stylize(photos), strict=True):
            difference = np.abs(painted.astype(int) - expected)
            worst = max(worst, int(difference.max()))
            different += int((difference > 0).sum())
            values += difference.size
    return {"photos": len(photos), "styles": len(ours), "max_levels": worst, "share_different": different / values}


def _naive(tf: Any, module: Any, painting: Image8, files: list[Path], out: Path) -> None:
    """Run the simple loop: open, call the module with both images, save."""
    style = tf.constant(to_unit(painting)[None])
    for file in files:
        photo = crop_to_square(read_picture(file).rgb, _SIDE_PX)
        painted = module(tf.constant(to_unit(photo)[None]), style)[0]
        write_picture(out / f"{file.stem}.png", Picture(from_unit(painted.numpy()[0])))


def _time(ways: dict[str, Callable[[], object]], photos: int, rounds: int) -> dict[str, dict[str, float]]:
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for i in range(rounds + 1):
        for name, way in ways.items():
            wall, cpu = time.perf_counter(), time.process_time()
            way()
            if i > 0:  # the first round is a warm-up
                spent[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    return {
        name: {
            "photos_per_s": round(photos / statistics.median(wall for wall, _ in one), 2),
            "fastest_photos_per_s": round(photos / min(wall for wall, _ in one), 2),
            "cpu_s_per_photo": round(statistics.median(cpu for _, cpu in one) / photos, 4),
        }
        for name, one in spent.items()
    }


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("assets", type=Path)
    parser.add_argument("converted", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--photos", type=int, default=24)
    given = parser.parse_args()
    source = given.assets / "assets" / "teacher" / "magenta26"
    paths = [given.assets / "data" / "styles" / name for name in _STYLES]
    styles = [StyleBlend.from_paintings(path) for path in paths]
    onnx = load_magenta(styles, str(given.converted), "onnx")
    onnx_1 = load_magenta(styles[:1], str(given.converted), "onnx", threads=1)
    tensorflow = load_magenta(styles, str(source), "tensorflow")

    import tensorflow as tf
    import tensorflow_hub as hub

    module = hub.load(str(source))
    files = sorted((given.assets / "data" / "content").rglob("*.jpg"))[: given.photos]
    full = [read_picture(file).rgb for file in files]
    photos = [crop_to_square(photo, _SIDE_PX) for photo in full]
    odd = [np.ascontiguousarray(photo[: _ODD_PX[0], : _ODD_PX[1]]) for photo in full]
    painting = crop_to_square(read_picture(paths[0], to_srgb=True).on_white(), _SIDE_PX)
    batches = np.stack([to_unit(photo) for photo in photos])
    session = onnx_1[0]._network
    vector = onnx_1[0]._vector
    with tempfile.TemporaryDirectory() as out:
        speed = _time(
            {
                "naive hub loop, open and save": lambda: _naive(tf, module, painting, files, Path(out)),
                "tensorflow, one at a time": lambda: tensorflow[0].stylize(photos),
                "onnx, one thread a photo": lambda: onnx[0].stylize(photos),
                "onnx, one thread": lambda: onnx_1[0].stylize(photos),
                "onnx, one thread, batches of 8": lambda: [
                    session.transfer_style(batches[i : i + 8], vector) for i in range(0, len(batches), 8)
                ],
            },
            len(photos),
            given.rounds,
        )
    report = {
        f"parity at {_SIDE_PX}": _parity(onnx, tensorflow, photos),
        f"parity at {_ODD_PX[1]}x{_ODD_PX[0]}": _parity(onnx, tensorflow, odd),
        "speed": speed,
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
