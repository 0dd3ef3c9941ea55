"""Frames per second and latency of `pix2style live`, for a source of 30 frames/s in 720p.

    python benchmarks/live.py FILTER.onnx

For each size at which frames are stylized: the filter alone, and the whole session with a window that SDL draws into
memory, without and with a recording. Needs a machine that does nothing else. Writes benchmarks/results/live.md.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from live_clip import RATE, write_pan

from pix2style.images import resize
from pix2style.live.controls import LiveState
from pix2style.live.looks import Look, Looks
from pix2style.live.loop import LiveOutputs, LiveReport, run_live
from pix2style.live.sdl_window import SdlWindow
from pix2style.live.source import ClipSource
from pix2style.loading import load_stylizer
from pix2style.steady import SteadyMode
from pix2style.stylizer import Stylizer
from pix2style.video.facts import read_facts
from pix2style.video.read import read_frames

RESULTS = Path(__file__).parent / "results/live.md"
SIDES_PX: tuple[int | None, ...] = (1280, 960, 640, 480, None)
SECONDS = 6
HEAD = """# Speed of `pix2style live`

`python benchmarks/live.py FILTER.onnx`: a clip of 720p with 30 frames/s, on {cores} cores; filter {name}. Latency is
the time from a frame's arrival to the window.

| Stylized at | Steady | Filter alone, frames/s | In a window, frames/s | Latency, ms | While recording, frames/s |
|---|---|---|---|---|---|
"""


def session(clip: Path, stylizer: Stylizer, folder: Path, side_px: int | None, state: LiveState) -> LiveReport:
    """Run a session of some seconds."""
    source = ClipSource(clip, loops=True, on_note=print)
    window = SdlWindow("benchmark", source.height_px, source.width_px)
    looks = Looks([Look("filter", lambda: stylizer)])
    return run_live(
        source,
        looks,
        window,
        LiveOutputs(folder),
        state,
        side_px=side_px,
        max_frames=max_frames(stylizer, clip, side_px),
    )


def max_frames(stylizer: Stylizer, clip: Path, side_px: int | None) -> int:
    """Return how many frames some seconds have."""
    return int(SECONDS * min(RATE, alone(stylizer, clip, side_px or 640)))


def alone(stylizer: Stylizer, clip: Path, side_px: int) -> float:
    """Return the frames per second of the filter alone."""
    frame = next(iter(read_frames(read_facts(clip)))).rgb
    photo = resize(frame, round(side_px * frame.shape[0] / frame.shape[1]), side_px)
    stylizer.stylize([photo])
    times = []
    for _ in range(15):
        begin = time.perf_counter()
        stylizer.stylize([photo])
        times.append(time.perf_counter() - begin)
    return 1 / sorted(times)[len(times) // 2]


def main() -> None:
    """Measure, print and write the table."""
    os.environ["SDL_VIDEODRIVER"] = "dummy"
    filter_file = Path(sys.argv[1])
    stylizer = load_stylizer(filter_file)
    rows = []
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        clip = folder / "pan.mp4"
        write_pan(clip, "castle-neuschwanstein", 1280, 720)
        for side_px in SIDES_PX:
            for steady in SteadyMode:
                shown = session(clip, stylizer, folder, side_px, LiveState(steady=steady))
                recorded = session(clip, stylizer, folder, side_px, LiveState(steady=steady, is_recording=True))
                size = f"{shown.width_px}x{shown.height_px}" + ("" if side_px else " (adapted)")
                filter_rate = alone(stylizer, clip, shown.width_px)
                rows.append(
                    f"| {size} | {steady} | {filter_rate:.1f} | {shown.rate:.1f} | {1000 * shown.latency_s:.0f} |"
                    f" {recorded.rate:.1f} |"
                )
                print(rows[-1], flush=True)
    head = HEAD.format(cores=os.cpu_count(), name=filter_file.name)
    RESULTS.write_text(head + "\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
