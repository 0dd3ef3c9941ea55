"""Compare PNG encoders on real photos: processor time and bytes per image, as the best of several repetitions.

python benchmarks/png.py --content PHOTOS [--size 256] [--photos 40]
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from pix2style.images import Image8, crop_to_square, encode_png, read_picture
from pix2style.pairs.build.fast_png import encode_png_fast

_REPETITIONS = 5


def main() -> None:
    """Measure, print the table, and write it into benchmarks/results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--content", type=Path, required=True)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--photos", type=int, default=40)
    options = parser.parse_args()
    files = sorted(options.content.glob("*.jpg"))[: options.photos]
    pictures = [crop_to_square(read_picture(file, to_srgb=True).on_white(), options.size) for file in files]
    ways: dict[str, Callable[[Image8], bytes]] = {
        "pix2style.pairs.build.fast_png (igzip, average filter)": encode_png_fast,
        "Pillow, level 4 (pix2style.images)": encode_png,
        "Pillow, level 1": lambda rgb: _pillow(rgb, 1),
        "OpenCV, its default": lambda rgb: _opencv(rgb, []),
        "OpenCV, Huffman only, Paeth": lambda rgb: _opencv(rgb, [16, 1, 17, 2, 19, 128]),
    }
    lines = [f"{len(pictures)} photos at {options.size} px.", "", "| encoder | ms | bytes |", "|---|---|---|"]
    for name, encode in ways.items():
        for rgb in pictures:
            if not np.array_equal(np.asarray(Image.open(io.BytesIO(encode(rgb)))), rgb):
                raise SystemExit(f"{name}: is not lossless")
        size = np.mean([len(encode(rgb)) for rgb in pictures])
        lines.append(f"| {name} | {1000 * _cpu_s(encode, pictures) / len(pictures):.2f} | {size:,.0f} |")
    command = f"`python benchmarks/png.py --content PHOTOS --size {options.size}`"
    text = "\n".join(["# PNG encoders", "", command, "", *lines])
    print(text)
    (Path(__file__).parent / "results" / "png.md").write_text(text + "\n", encoding="utf-8")


def _cpu_s(encode: Callable[[Image8], bytes], pictures: list[Image8]) -> float:
    seconds = []
    for _ in range(_REPETITIONS):
        begun = time.process_time()
        for rgb in pictures:
            encode(rgb)
        seconds.append(time.process_time() - begun)
    return min(seconds)


def _pillow(rgb: Image8, level: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, "PNG", compress_level=level)
    return stream.getvalue()


def _opencv(rgb: Image8, settings: list[int]) -> bytes:
    import cv2

    return bytes(cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), settings)[1])


if __name__ == "__main__":
    main()
