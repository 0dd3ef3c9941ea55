"""Run the stylizer on the frames of a clip, two at a time where that is faster."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from pix2style.effects.effect import split_pixel_effects
from pix2style.images import Image8
from pix2style.steady import FramePlan, SteadyStylizer
from pix2style.stylizer import Stylizer
from pix2style.video.clip import ClipFacts, ClipFrame
from pix2style.video.clip_settings import ClipSettings
from pix2style.video.ordered_map import OrderedMap

# Two frames at once, each on a part of the cores, take less time than one after another on all of them: whenever the
# reader or the encoder takes a core away, the other threads that share a frame wait for the one that lost it.
_FRAMES_AT_ONCE = 2
# Each frame in work needs its own memory for the network's activations, which is much for frames larger than 1920x1088.
_MAX_PIXELS_AT_ONCE = 1920 * 1088


@dataclass(frozen=True, slots=True)
class FollowedFrame:
    """A frame on its way to the stylizer.

    Attributes:
        frame: The frame.
        plan: How to stylize it.
    """

    frame: ClipFrame
    plan: FramePlan


@dataclass(frozen=True, slots=True)
class PaintedFrame:
    """A frame that `SteadyStylizer.finish` has to finish.

    Attributes:
        frame: The frame.
        plan: How to stylize it.
        painted: What `SteadyStylizer.paint` returned.
    """

    frame: ClipFrame
    plan: FramePlan
    painted: Image8


class BusyTime:
    """Measures how long at least one thread was at work.

    Attributes:
        seconds: That time, without work that has not ended yet.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._lock, self._at_work, self._since = threading.Lock(), 0, 0.0

    @contextlib.contextmanager
    def measure(self) -> Iterator[None]:
        """Count the time inside a `with` block of any thread, once for threads that work at the same time."""
        with self._lock:
            self._at_work += 1
            if self._at_work == 1:
                self._since = time.perf_counter()
        try:
            yield
        finally:
            with self._lock:
                self._at_work -= 1
                if self._at_work == 0:
                    self.seconds += time.perf_counter() - self._since


class Painter:
    """Runs the stylizer on the frames of one clip. The result does not depend on how many frames are in work at once.

    Args:
        stylizer: Any stylizer. It keeps its strength and style.
        facts: What the clip is.
        settings: How the clip is stylized.

    Attributes:
        steady: What follows the frames before, and finishes them afterwards.
        time: How long frames were stylized.
    """

    def __init__(self, stylizer: Stylizer, facts: ClipFacts, settings: ClipSettings) -> None:
        self._facts, self._timeline = facts, settings.timeline
        inner, _ = split_pixel_effects(stylizer)
        side_px = max(facts.width_px, facts.height_px)
        scale = min(1.0, (settings.max_side_px or side_px) / side_px)
        is_large = facts.width_px * facts.height_px * scale**2 > _MAX_PIXELS_AT_ONCE
        # A timeline changes the stylizer from frame to frame.
        self._at_once = 1 if self._timeline or is_large else min(_FRAMES_AT_ONCE, inner.max_frames_at_once)
        self.time = BusyTime()
        self._stylizer = stylizer.copy_for_clips(self._at_once)
        self.steady = SteadyStylizer(self._stylizer, settings.steady)

    @contextlib.contextmanager
    def paint(self, frames: Iterator[FollowedFrame]) -> Iterator[Iterator[PaintedFrame]]:
        """Give the painted frames, in their order, inside a `with` block.

        They are painted in threads; or in the caller's thread, as they are asked for, if it is one at a time.
        """
        if self._at_once == 1:
            yield map(self._paint, frames)
        else:
            with OrderedMap(self._paint, frames, self._at_once) as painted:
                yield iter(painted)

    def _paint(self, item: FollowedFrame) -> PaintedFrame:
        with self.time.measure():
            if self._timeline:
                self._timeline.apply(self._stylizer, self._facts.seconds_of(item.frame.time))
            painted = self.steady.paint(item.frame.rgb, item.plan)
        return PaintedFrame(item.frame, item.plan, painted)
