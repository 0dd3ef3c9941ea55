"""The picture of docs/guides/live.md: the window of `pix2style live` over a pan across a free sample photo.

    python benchmarks/live_screenshot.py FILTER.onnx docs/live.jpg

SDL draws into memory, so no display is needed.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from live_clip import write_pan

from pix2style.images import Image8, Picture, write_picture
from pix2style.live.controls import LiveState
from pix2style.live.looks import Look, Looks
from pix2style.live.loop import LiveOutputs, run_live
from pix2style.live.sdl_window import SdlWindow
from pix2style.live.source import ClipSource
from pix2style.live.window import Overlay, WindowEvent
from pix2style.loading import load_stylizer

FRAMES = 60
WIDTH_PX, HEIGHT_PX = 800, 450


class PhotographedWindow(SdlWindow):
    """A window that keeps its last picture."""

    picture: Image8

    def show(self, image: Image8 | None, overlay: Overlay, *, is_full_screen: bool) -> Sequence[WindowEvent]:
        """Show the image, and keep what was drawn."""
        import pygame

        events = super().show(image, overlay, is_full_screen=is_full_screen)
        surface = pygame.display.get_surface()
        data = np.frombuffer(pygame.image.tobytes(surface, "RGB"), np.uint8)
        self.picture = data.reshape(surface.get_height(), surface.get_width(), 3)
        return events


def main() -> None:
    """Stylize the clip in a window, and write what the window shows at the end."""
    os.environ["SDL_VIDEODRIVER"] = "dummy"
    filter_file, out = Path(sys.argv[1]), Path(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "pan.mp4"
        write_pan(clip, "castle-neuschwanstein", WIDTH_PX, HEIGHT_PX)
        source = ClipSource(clip, loops=True, on_note=print)
        window = PhotographedWindow("pix2style live", source.height_px, source.width_px)
        run_live(
            source,
            Looks([Look(filter_file.stem, lambda: load_stylizer(filter_file))]),
            window,
            LiveOutputs(Path(folder)),
            LiveState(split=0.42),
            side_px=WIDTH_PX,
            max_frames=FRAMES,
        )
    write_picture(out, Picture(window.picture), quality=76)
    print(f"{out}: {out.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
