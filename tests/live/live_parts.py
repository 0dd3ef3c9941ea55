"""Stand-ins for cameras, windows and filters, and small clips."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np

from pix2style.files import sha256_json
from pix2style.images import Image8
from pix2style.live.controls import LiveState
from pix2style.live.looks import Look, Looks
from pix2style.live.loop import LiveOutputs, LiveReport, run_live
from pix2style.live.window import Overlay, WindowEvent
from pix2style.stylizer import Stylizer, StylizerIdentity


class Negative(Stylizer):
    """Negates images; takes some time for it, if asked."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.sizes: list[tuple[int, int]] = []

    @property
    def identity(self) -> StylizerIdentity:
        return StylizerIdentity("negative", sha256_json("negative"))

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        time.sleep(self.seconds)
        self.sizes += [image.shape[:2] for image in images]
        return [255 - image for image in images]


class Red(Negative):
    """Makes everything red."""

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        red = np.array([255, 0, 0], np.uint8)
        return [np.broadcast_to(red, image.shape).copy() for image in images]


class Broken(Negative):
    """Fails."""

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        raise RuntimeError("the filter broke")


@dataclass
class Numbers:
    """A camera whose frames are grey and numbered by their brightness: 0, 1, 2, ...; a busy machine skips many."""

    count: int = 50
    step: int = 1
    pause_s: float = 0.002
    error: Exception | None = None
    height_px: int = 48
    width_px: int = 64
    name: str = "numbers"
    is_camera: bool = True
    is_clip: bool = False
    is_closed: bool = False

    def frames(self, stop: threading.Event) -> Iterator[Image8]:
        for number in range(self.count):
            if stop.wait(self.pause_s):
                return
            yield np.full((self.height_px, self.width_px, 3), number * self.step % 256, np.uint8)
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        self.is_closed = True


@dataclass
class ScriptedWindow:
    """Reports events when so many frames were shown, and keeps what was shown."""

    events: dict[int, Sequence[WindowEvent]] = field(default_factory=dict)
    images: list[Image8] = field(default_factory=list)
    overlays: list[Overlay] = field(default_factory=list)
    threads: set[str] = field(default_factory=set)
    full_screen: list[bool] = field(default_factory=list)
    is_closed: bool = False
    seconds: float = 0.0
    is_visible: bool = True

    def show(self, image: Image8 | None, overlay: Overlay, *, is_full_screen: bool) -> Sequence[WindowEvent]:
        self.threads.add(threading.current_thread().name)
        self.overlays.append(overlay)
        self.full_screen.append(is_full_screen)
        if image is None:
            return ()
        time.sleep(self.seconds)
        self.images.append(image)
        return self.events.pop(len(self.images), ())

    def close(self) -> None:
        self.is_closed = True


def looks(*stylizers: Stylizer) -> Looks:
    """The looks of stylizers that are loaded already."""

    def constant(stylizer: Stylizer) -> Callable[[], Stylizer]:
        return lambda: stylizer

    return Looks([Look(f"look {number}", constant(stylizer)) for number, stylizer in enumerate(stylizers)])


def live(
    folder: Path,
    source: Numbers | None = None,
    window: ScriptedWindow | None = None,
    *stylizers: Stylizer,
    **options: object,
) -> LiveReport:
    """Run a session with stand-ins."""
    state = options.pop("state", None) or LiveState(looks=max(1, len(stylizers)))
    assert isinstance(state, LiveState)
    return run_live(
        source or Numbers(),
        looks(*(stylizers or (Negative(),))),
        window or ScriptedWindow(),
        LiveOutputs(folder),
        state,
        **options,  # type: ignore[arg-type]
    )


def write_clip(
    path: Path, *, count: int = 20, rate: int = 50, height: int = 48, width: int = 64, aspect: int = 1, turn: int = 0
) -> Path:
    """Write a clip whose frames get brighter from frame to frame."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.time_base = Fraction(1, rate)
        stream.codec_context.sample_aspect_ratio = Fraction(aspect)
        if turn:
            stream.set_display_rotation(-turn)
        for number in range(count):
            grey = np.full((height, width, 3), 20 + 200 * number // max(1, count), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(grey, "rgb24")))
        container.mux(stream.encode(None))
    return path


def read_clip(path: Path) -> tuple[list[Image8], list[float]]:
    """The frames of a clip and their times in seconds."""
    import av

    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
        return [frame.to_ndarray(format="rgb24") for frame in frames], [frame.time for frame in frames]
