"""Compare large photos that are stylized at their own size with ones that get the strokes of their small version.

    python benchmarks/stroke.py --photos PHOTO... --filters FILTER.onnx... [--look 1024] [--rounds 3]
    python benchmarks/stroke.py --photos PHOTO --filters FILTER.onnx --picture docs/stroke.jpg [--place 0.4 0.3]

Bars: the relative Gram distance between the result, shrunk to the small version's size, and that version stylized is at
most 0.1; the time is at most 1.5 times the plain way's. Photos of more than 12 megapixels are shrunk to that. Free
ones are in the Debian packages lomiri-wallpapers-16.04 and -20.04. Distances are those of `eval` (VGG19, relu1_1 to
relu3_1) over the central 768 x 768 pixels. Times are CPU seconds of the process, from array to array, medians of
interleaved rounds; ratios are medians of the ratios of each round. Memory is what numpy holds at most beyond the result
while the detail is brought back.

Writes benchmarks/results/stroke.md; with --picture, only a picture of parts at 100 %.
"""

from __future__ import annotations

import argparse
import statistics
import time
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pix2style import load_stylizer
from pix2style.effects.stroke import StrokeSize
from pix2style.evaluation.machine import describe_machine
from pix2style.evaluation.style import GramMatrices, StyleMetric, load_style_metric
from pix2style.images import Image8, Picture, fit_within, read_picture, resize, sheet, write_picture
from pix2style.stylizer import Stylizer

RESULT = Path(__file__).parent / "results" / "stroke.md"
_PIXELS = 12_000_000
_MEASURED_PX = 768
_PART_PX = 300
_HEADINGS = ["photo", "plain", "--stroke 2", "--look 1024"]


def read_large(path: Path) -> Image8:
    """Read a photo, shrunk to 12 megapixels."""
    rgb = read_picture(path).rgb
    scale = min(1.0, (_PIXELS / (rgb.shape[0] * rgb.shape[1])) ** 0.5)
    return resize(rgb, round(rgb.shape[0] * scale), round(rgb.shape[1] * scale))


def central_grams(metric: StyleMetric, image: Image8) -> GramMatrices:
    """Return the Gram matrices of the middle of an image."""
    top, left = (max(0, size - _MEASURED_PX) // 2 for size in image.shape[:2])
    return metric.grams(np.ascontiguousarray(image[top : top + _MEASURED_PX, left : left + _MEASURED_PX]))


def cpu_seconds(stylizer: Stylizer, photo: Image8) -> tuple[float, Image8]:
    """Return the CPU seconds for a photo, and the result."""
    started = time.process_time()
    [stylized] = stylizer.stylize([photo])
    return time.process_time() - started, stylized


def measure(metric: StyleMetric, photo: Image8, filter_path: Path, look_px: int, rounds: int) -> list[str]:
    """Return the cells of a row: distances, times and memory of one photo with one filter."""
    plain = load_stylizer(filter_path)
    effect = StrokeSize(plain, look_px=look_px)
    version = effect.version(photo)
    [small] = plain.stylize([version])
    times: list[tuple[float, float]] = []
    for _ in range(rounds):
        seconds, large = cpu_seconds(plain, photo)
        ours, stylized = cpu_seconds(effect, photo)
        times.append((seconds, ours))
    reference = central_grams(metric, small)
    ours_off, plain_off = (
        metric.distance(central_grams(metric, resize(image, *small.shape[:2])), reference)
        for image in (stylized, large)
    )
    tracemalloc.start()
    effect.finish(photo, version, small)
    peak = tracemalloc.get_traced_memory()[1] - photo.nbytes
    tracemalloc.stop()
    plain_s, ours_s = (statistics.median(pair[i] for pair in times) for i in range(2))
    ratio = statistics.median(ours / other for other, ours in times)
    values = (f"{ours_off:.3f}", f"{plain_off:.3f}", f"{ours_s:.2f}", f"{plain_s:.2f}", f"{ratio:.2f}")
    return [*values, f"{max(0, peak) / 1e6:.0f}"]


def write_table(photos: Sequence[Path], filters: Sequence[Path], look_px: int, rounds: int) -> None:
    """Measure all photos with all filters, print the rows, and write the table."""
    metric, note = load_style_metric("vgg19")
    if metric is None:
        raise SystemExit(note)
    heading = f"| photo | filter | distance, --look {look_px} | distance, plain | CPU s | plain CPU s | ratio | MB |"
    rows = [heading, "|---|---|---|---|---|---|---|---|"]
    for path in photos:
        photo = read_large(path)
        name = f"{path.stem}, {photo.shape[1]}x{photo.shape[0]}"
        for filter_path in filters:
            cells = measure(metric, photo, filter_path, look_px, rounds)
            rows.append(f"| {' | '.join([name, filter_path.stem, *cells])} |")
            print(rows[-1], flush=True)
    machine = describe_machine()
    head = f"# Size of strokes\n\n{__doc__}\n{machine['processor']}, {machine['cores']} cores.\n\n"
    RESULT.write_text(head + "\n".join(rows) + "\n", encoding="utf-8")


def write_comparison(photo: Image8, filter_path: Path, path: Path, place: tuple[float, float]) -> None:
    """Write a photo, stylized plainly, at stroke 2, and with the look of 1024 pixels: whole, and a part at 100 %.

    Args:
        photo: uint8 [height, width, 3].
        filter_path: Filter file.
        path: Path of the picture.
        place: Middle of the part, as shares of height and width.
    """
    plain = load_stylizer(filter_path)
    ways = [plain, StrokeSize(plain, stroke=2), StrokeSize(plain, look_px=1024)]
    images = [photo, *(way.stylize([photo])[0] for way in ways)]
    top, left = (round(size * share) - _PART_PX // 2 for size, share in zip(photo.shape[:2], place, strict=False))
    parts = [image[top : top + _PART_PX, left : left + _PART_PX] for image in images]
    whole = [fit_within(image, _PART_PX) for image in images]
    write_picture(path, Picture(sheet([whole, parts], _HEADINGS)), quality=62)


def main() -> None:
    """Parse the arguments, and write the table or the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", nargs="+", type=Path, required=True)
    parser.add_argument("--filters", nargs="+", type=Path, required=True)
    parser.add_argument("--look", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--picture", type=Path)
    parser.add_argument(
        "--place", nargs=2, type=float, default=(0.5, 0.5), help="middle of the part: down, right, 0..1"
    )
    arguments = parser.parse_args()
    if arguments.picture:
        write_comparison(read_large(arguments.photos[0]), arguments.filters[0], arguments.picture, arguments.place)
    else:
        write_table(arguments.photos, arguments.filters, arguments.look, arguments.rounds)


if __name__ == "__main__":
    main()
