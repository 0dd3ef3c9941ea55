"""Measure how fast make-pairs is, compared with its teacher alone and with a simple loop.

    python benchmarks/make_pairs.py speed --content PHOTOS --style PAINTING.jpg --module MAGENTA [--photos 48]
    python benchmarks/make_pairs.py memory --content PHOTOS --style PAINTING.jpg --module MAGENTA
    python benchmarks/make_pairs.py parts --content PHOTOS --style PAINTING.jpg --module MAGENTA

`speed` runs three ways in interleaved rounds in one process, on the same photos at the same size:

* raw: the teacher alone, on decoded and cropped photos, in the batches that make-pairs gives it. No pair set can
  be made faster than that.
* make-pairs: the whole stage, from JPEG files to a finished pair set on the disk.
* loop: what a simple script does: open with Pillow, scale, `hub.load(module)(photo, painting)[0]` with both images,
  save both as PNG, one photo at a time. (The module is loaded once, before the clock starts.)

`memory` makes sets of 300 and of 3,000 photos in separate processes, and prints their peak resident memory.

`parts` measures the processor time of each part of the work on a pair, one after the other on one thread. Where teacher
and make-pairs share the processor, these times are added to the teacher's.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from pix2style.config.pairs import PairsConfig
from pix2style.evaluation.machine import describe_machine, library_versions
from pix2style.files import sha256_bytes
from pix2style.images import crop_to_square, decode_picture, read_picture
from pix2style.pairs.build.fast_png import encode_png_fast
from pix2style.pairs.build.make_pairs import make_pairs
from pix2style.stylizer import Stylizer
from pix2style.teachers.magenta import load_magenta
from pix2style.teachers.style import StyleBlend

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Measure, print the table, and write it into benchmarks/results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("speed", "memory", "parts"))
    parser.add_argument("--content", type=Path, required=True)
    parser.add_argument("--style", type=Path, required=True)
    parser.add_argument("--module", required=True, help="a SavedModel folder of Magenta's network, already converted")
    parser.add_argument("--photos", type=int, default=48, help="for speed")
    parser.add_argument("--rounds", type=int, default=5, help="for speed")
    parser.add_argument("--size", type=int, default=256)
    options = parser.parse_args()
    lines = {"speed": speed, "memory": memory, "parts": parts}[options.what](options)
    machine, versions = describe_machine(), library_versions()
    lines += [
        "",
        f"{machine['processor']}, {machine['cores']} cores; " + ", ".join(f"{k} {v}" for k, v in versions.items()),
    ]
    print("\n".join(lines))
    RESULTS.mkdir(exist_ok=True)
    name = RESULTS / f"make_pairs_{options.what}.md"
    name.write_text(
        "\n".join([f"# make-pairs: {options.what}", "", _command(options), "", *lines, ""]), encoding="utf-8"
    )


def _command(options: argparse.Namespace) -> str:
    more = f" --photos {options.photos} --rounds {options.rounds}" if options.what == "speed" else ""
    return (
        f"`python benchmarks/make_pairs.py {options.what} --content PHOTOS --style {options.style.name} --module"
        f" {Path(options.module).name} --size {options.size}{more}`"
    )


def speed(options: argparse.Namespace) -> list[str]:
    """Measure the rate of each way, and their ratios in each round.

    The speed of a machine drifts, so the raw teacher runs before and after make-pairs; its rate is the mean of both.
    """
    photos = sorted(options.content.glob("*.jpg"))[: options.photos]
    few = photos[: max(1, len(photos) // 3)]  # the loop is slow
    _decoded(photos, options.size)
    loop = _loop(options)
    teachers = {
        "ONNX Runtime": load_magenta([StyleBlend.from_paintings(options.style)], options.module, "onnx")[0],
        "TensorFlow": load_magenta([StyleBlend.from_paintings(options.style)], options.module, "tensorflow")[0],
    }
    rates: dict[str, list[float]] = {}
    for round_number in range(options.rounds + 1):  # the first round is a warm-up
        found = {"loop": _rate(lambda: loop(few), len(few))}
        for name, teacher in teachers.items():
            before = _rate(lambda teacher=teacher: _raw(teacher, photos, options.size), len(photos))
            found[f"make-pairs, {name}"] = _rate(
                lambda teacher=teacher: _pairs(teacher, photos, options.size), len(photos)
            )
            after = _rate(lambda teacher=teacher: _raw(teacher, photos, options.size), len(photos))
            found[f"raw, {name}"] = 2 / (1 / before + 1 / after)
        for way, rate in found.items():
            rates.setdefault(way, []).extend([rate] if round_number else [])
    return _table(rates, options)


def _rate(act: Callable[[], None], photos: int) -> float:
    begun = time.perf_counter()
    act()
    return photos / (time.perf_counter() - begun)


def _table(rates: dict[str, list[float]], options: argparse.Namespace) -> list[str]:
    lines = [f"{options.photos} photos at {options.size} px, {options.rounds} rounds, interleaved; medians (lowest to"]
    lines[0] += " highest round)."
    lines += ["", "| | photos/s | of its teacher's raw speed | times the loop |", "|---|---|---|---|"]
    for way in sorted(rates):
        raw = rates.get("raw," + way.rpartition(",")[2], rates[way])
        cells = [f"{statistics.median(rates[way]):.2f}", _ratio(rates[way], raw), _ratio(rates[way], rates["loop"])]
        lines.append(f"| {way} | {' | '.join(cells)} |")
    return lines


def _ratio(ones: Sequence[float], others: Sequence[float]) -> str:
    ratios = [one / other for one, other in zip(ones, others, strict=True)]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


_CACHE: dict[tuple[Path, int], np.ndarray] = {}


def _decoded(photos: Sequence[Path], size: int) -> list[np.ndarray]:
    for photo in photos:
        if (photo, size) not in _CACHE:
            _CACHE[photo, size] = crop_to_square(read_picture(photo, to_srgb=True).on_white(), size)
    return [_CACHE[photo, size] for photo in photos]


def _raw(teacher: Stylizer, photos: Sequence[Path], size: int) -> None:
    pictures, batch = _decoded(photos, size), PairsConfig().teacher_batch
    for first in range(0, len(pictures), batch):
        teacher.stylize(pictures[first : first + batch])


def _pairs(teacher: Stylizer, photos: Sequence[Path], size: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        config = PairsConfig(content=tuple(photos), size=size)
        report = make_pairs(config, teacher, Path(folder) / "set")
        if report.painted != len(photos):
            raise SystemExit(f"{report.painted} pairs of {len(photos)} photos")


def _loop(options: argparse.Namespace) -> Callable[[Sequence[Path]], None]:
    import tensorflow as tf
    import tensorflow_hub as hub

    module = hub.load(options.module)

    def as_tensor(path: Path, side: int) -> tuple[Image.Image, object]:
        with Image.open(path) as image:
            short = min(image.size)
            left, top = (image.width - short) // 2, (image.height - short) // 2
            picture = image.convert("RGB").resize(
                (side, side), Image.Resampling.LANCZOS, (left, top, left + short, top + short)
            )
        return picture, tf.constant(np.asarray(picture, np.float32)[None] / 255)

    def run(photos: Sequence[Path]) -> None:
        _, painting = as_tensor(options.style, 256)
        with tempfile.TemporaryDirectory() as folder:
            for photo in photos:
                picture, content = as_tensor(photo, options.size)
                stylized = module(content, painting)[0].numpy()[0]
                picture.save(Path(folder) / f"{photo.stem}.content.png")
                levels = (stylized * 255).round().clip(0, 255).astype(np.uint8)
                Image.fromarray(levels).save(Path(folder) / f"{photo.stem}.target.png")

    return run


def memory(options: argparse.Namespace) -> list[str]:
    """Measure the peak resident memory of the program for few and for many photos."""
    lines = [f"At {options.size} px. Many photos are pieces of the few.", ""]
    lines += ["| photos | peak resident memory, MB | seconds |", "|---|---|---|"]
    with tempfile.TemporaryDirectory() as folder:
        for count in (300, 3000):
            content = _many(options.content, Path(folder) / f"content{count}", count)
            command = [
                sys.executable,
                "-m",
                "pix2style",
                "make-pairs",
                "--content",
                content,
                "--out",
                f"{folder}/{count}",
            ]
            command += ["--style", options.style, "--module", options.module, "--size", options.size]
            begun = time.perf_counter()
            peak_kb = _peak_kb([str(part) for part in command])
            lines.append(f"| {count} | {peak_kb / 1000:.0f} | {time.perf_counter() - begun:.0f} |")
    return lines


def _peak_kb(command: list[str]) -> int:
    """Run it below a process of its own, because the system reports the largest peak of all children of a process."""
    code = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run([sys.executable, "-c", code, *command], check=True, capture_output=True, text=True)
    return int(done.stdout.split()[-1])


def parts(options: argparse.Namespace) -> list[str]:
    """Measure the processor time per pair in milliseconds, as the least of several repetitions."""
    files = sorted(options.content.glob("*.jpg"))[: options.photos]
    teacher = load_magenta([StyleBlend.from_paintings(options.style)], options.module, "onnx", threads=1)[0]
    data = [file.read_bytes() for file in files]
    photos = [decode_picture(one, name="photo", to_srgb=True).on_white() for one in data]
    pictures = [crop_to_square(photo, options.size) for photo in photos]
    encoded = [encode_png_fast(picture) for picture in pictures]
    acts: dict[str, Callable[[], object]] = {
        "decode": lambda: [decode_picture(one, name="photo", to_srgb=True).on_white() for one in data],
        "cut and scale": lambda: [crop_to_square(photo, options.size) for photo in photos],
        "encode both": lambda: [encode_png_fast(picture) for picture in pictures for _ in range(2)],
        "hash the file twice, both pictures, and their part of the shard": lambda: [
            sha256_bytes(one) for i in range(len(files)) for one in (data[i], data[i], *[encoded[i]] * 4)
        ],
        "teacher": lambda: teacher.stylize(pictures),
    }
    rows = [f"| {name} | {1000 * _least_cpu_s(act) / len(files):.1f} |" for name, act in acts.items()]
    return [f"{len(files)} photos at {options.size} px.", "", "| part | ms a pair |", "|---|---|", *rows]


def _least_cpu_s(act: Callable[[], object]) -> float:
    seconds = []
    for _ in range(5):
        begun = time.process_time()
        act()
        seconds.append(time.process_time() - begun)
    return min(seconds)


def _many(photos: Path, folder: Path, count: int) -> Path:
    """Return the requested number of different photos, cropped from those that exist."""
    folder.mkdir()
    rng, files = np.random.default_rng(0), sorted(photos.glob("*.jpg"))
    for i in range(count):
        with Image.open(files[i % len(files)]) as image:
            left, top = (int(rng.integers(0, side // 4)) for side in image.size)
            image.crop((left, top, left + image.width * 3 // 4, top + image.height * 3 // 4)).save(
                folder / f"{i:05d}.jpg"
            )
    return folder


if __name__ == "__main__":
    main()
