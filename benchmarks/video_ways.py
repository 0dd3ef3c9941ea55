"""One way to stylize a clip, or one stage of it, run alone in a process of its own: see benchmarks/video.py.

    python benchmarks/video_ways.py WAY CLIP FILTER OUT '{"threads": 2, ...}'

Prints JSON: frames, seconds, cpu_s (processor seconds of this process in the timed part) and peak_mb.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.steady import SteadyMode, SteadyStylizer
from pix2style.video import stylize_clip
from pix2style.video.clip import ClipFrame
from pix2style.video.encoders import choose_settings
from pix2style.video.facts import read_facts
from pix2style.video.read import read_frames
from pix2style.video.segments import encode_segment

_HELD_FRAMES = 60  # decoded frames that the filter alone and the encoder alone go over again and again
_WARM_UP_FRAMES = 5
Options = dict[str, Any]
Timed = tuple[int, float, float]


def _stylizer(path: Path, options: Options, threads: int | None = None) -> OnnxStylizer:
    return OnnxStylizer(path, threads=threads or options["threads"], spinning=options["spinning"])


def _timed(work: Callable[[], int]) -> Timed:
    """Return the frames, the seconds and the processor seconds of a function that returns its number of frames."""
    cpu_s, started = time.process_time(), time.perf_counter()
    frames = work()
    return frames, time.perf_counter() - started, time.process_time() - cpu_s


def _frames(clip: Path) -> list[ClipFrame]:
    return list(itertools.islice(read_frames(read_facts(clip)), _HELD_FRAMES))


def decode(clip: Path, _filter: Path, _out: Path, _options: Options) -> Timed:
    """Decode all frames to RGB."""
    return _timed(lambda: sum(1 for _ in read_frames(read_facts(clip))))


def follow(clip: Path, filter_: Path, _out: Path, options: Options) -> Timed:
    """Follow the motion of the frames."""
    frames, steady = _frames(clip), SteadyStylizer(_stylizer(filter_, options), SteadyMode(options["steady"]))
    return _timed(lambda: sum(1 for frame in frames if steady.follow(frame.rgb)))


def filter_alone(clip: Path, filter_: Path, _out: Path, options: Options, threads: int | None = None) -> Timed:
    """Stylize frames that are decoded already."""
    frames, stylizer = _frames(clip), _stylizer(filter_, options, threads)
    stylizer.stylize([frame.rgb for frame in frames[:_WARM_UP_FRAMES]])
    count = options["held"] or len(frames)
    return _timed(lambda: sum(len(stylizer.stylize([frame.rgb])) for frame in itertools.islice(_again(frames), count)))


def filter_one_thread(clip: Path, filter_: Path, out: Path, options: Options) -> Timed:
    """The same on one thread, for the processor time without threads that spin while they wait."""
    return filter_alone(clip, filter_, out, options, threads=1)


def encode(clip: Path, filter_: Path, out: Path, options: Options) -> Timed:
    """Encode stylized frames that are in memory, in segments, as the command does."""
    frames, stylizer = _frames(clip), _stylizer(filter_, options)
    styled = [ClipFrame(stylizer.stylize([f.rgb])[0], f.alpha, f.time, f.index) for f in frames]
    settings, _ = choose_settings(read_facts(clip), out)

    def run() -> int:
        encode_segment(styled, out.with_suffix(".segment"), settings)
        return len(styled)

    return _timed(run)


def _again(frames: list[ClipFrame]) -> Iterator[ClipFrame]:
    return itertools.cycle(frames)


def whole(clip: Path, filter_: Path, out: Path, options: Options) -> Timed:
    """The whole job in Python, with switches that the command does not have."""
    stylizer = _stylizer(filter_, options)
    chosen = {name: options[name] for name in ("queue_frames", "encoder_threads", "steady")}
    return _timed(lambda: stylize_clip(stylizer, clip, out, **chosen).frames)


def opencv(clip: Path, filter_: Path, out: Path, options: Options) -> Timed:
    """Read and write by OpenCV, one frame after another, with the filter between."""
    import cv2

    stylizer = _stylizer(filter_, options)

    def run() -> int:
        source, count = cv2.VideoCapture(str(clip)), 0
        size = int(source.get(cv2.CAP_PROP_FRAME_WIDTH)), int(source.get(cv2.CAP_PROP_FRAME_HEIGHT))
        writer = cv2.VideoWriter(str(out), cv2.VideoWriter.fourcc(*"mp4v"), source.get(cv2.CAP_PROP_FPS), size)
        while True:
            is_read, frame = source.read()
            if not is_read:
                break
            [stylized] = stylizer.stylize([cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)])
            writer.write(cv2.cvtColor(stylized, cv2.COLOR_RGB2BGR))
            count += 1
        writer.release()
        return count

    return _timed(run)


WAYS: dict[str, Callable[[Path, Path, Path, Options], Timed]] = {
    "decode": decode,
    "follow": follow,
    "filter": filter_alone,
    "filter-one-thread": filter_one_thread,
    "encode": encode,
    "whole": whole,
    "opencv": opencv,
}


def make_clip(path: Path, width: int, height: int, seconds: float, rate: int = 30) -> None:
    """Write a clip: the camera pans over a sample photo, something moves by itself, and a tone sounds."""
    import av

    import pix2style.samples
    from pix2style.images import read_picture

    frames = round(seconds * rate)
    photo = read_picture(Path(next(iter(pix2style.samples.__path__))) / "photos" / "bison.jpg").rgb
    mirrored = np.concatenate([photo, photo[:, ::-1]], axis=1)
    repeats = (1 + 2 * height // photo.shape[0], 1 + width // photo.shape[1], 1)
    wide = np.tile(np.concatenate([mirrored, mirrored[::-1]]), repeats)
    room = wide.shape[0] - height, wide.shape[1] - width
    with av.open(str(path), "w") as container:
        video: Any = container.add_stream("libx264", rate=rate, options={"preset": "veryfast", "crf": "20"})
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        audio: Any = container.add_stream("aac", rate=48000, layout="mono")
        for number in range(frames):
            top, left = (abs(3 * number % (2 * limit) - limit) for limit in room)
            frame = wide[top : top + height, left : left + width].copy()
            x = 7 * number % max(1, width - height // 6)
            frame[height // 3 : height // 2, x : x + height // 6] = (220, 60, 40)
            container.mux(video.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            samples = 48000 // rate
            tone = np.sin(np.arange(number * samples, (number + 1) * samples) * (2 * np.pi * 440 / 48000)) / 4
            sound = av.AudioFrame.from_ndarray(tone.astype(np.float32)[None], format="fltp", layout="mono")
            sound.sample_rate, sound.pts, sound.time_base = 48000, number * samples, Fraction(1, 48000)
            container.mux(audio.encode(sound))
        container.mux(video.encode())
        container.mux(audio.encode())


def main() -> None:
    """Run one way and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("clip", type=Path)
    parser.add_argument("filter", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("options", type=json.loads)
    given = parser.parse_args()
    frames, seconds, cpu_s = WAYS[given.way](given.clip, given.filter, given.out, given.options)
    print(json.dumps({"frames": frames, "seconds": seconds, "cpu_s": cpu_s, "peak_mb": _peak_mb()}))


def _peak_mb() -> float:
    """Return the peak memory of this process. `ru_maxrss` would count the program that started it, too."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1]) / 1024


if __name__ == "__main__":
    main()
