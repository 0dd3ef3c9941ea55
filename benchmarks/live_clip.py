"""A slow pan over a sample photo, which stands in for a camera in benchmarks and pictures of `pix2style live`.

python benchmarks/live_clip.py pan.mp4 --photo castle-neuschwanstein --width 1280 --height 720
"""

from __future__ import annotations

import argparse
from pathlib import Path

import av
import numpy as np

from pix2style.images import read_picture, resize

PHOTOS = Path(__file__).parents[1] / "pix2style/samples/photos"
RATE = 30


def write_pan(path: Path, photo: str, width_px: int, height_px: int, frames: int = 120) -> None:
    """Write a clip whose view moves to the right by one pixel a frame."""
    rgb = read_picture(PHOTOS / f"{photo}.jpg").rgb
    scale = max((width_px + frames) / rgb.shape[1], height_px / rgb.shape[0])
    large = resize(rgb, int(np.ceil(rgb.shape[0] * scale)), int(np.ceil(rgb.shape[1] * scale)))
    top = (large.shape[0] - height_px) // 2
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", RATE, options={"crf": "15"})
        stream.width, stream.height, stream.pix_fmt = width_px, height_px, "yuv420p"
        for left in range(frames):
            view = np.ascontiguousarray(large[top : top + height_px, left : left + width_px])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(view, "rgb24")))
        container.mux(stream.encode(None))


def main() -> None:
    """Write the clip that the command line describes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--photo", default="castle-neuschwanstein")
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=720)
    arguments = parser.parse_args()
    write_pan(arguments.out, arguments.photo, arguments.width, arguments.height)


if __name__ == "__main__":
    main()
