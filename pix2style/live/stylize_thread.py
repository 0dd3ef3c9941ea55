"""Stylize the newest frame in a thread of its own, with the settings that the controls have at that moment."""

from __future__ import annotations

import threading
import time

from pix2style.images import Image8, resize
from pix2style.live.controls import LiveState
from pix2style.live.frame import CapturedFrame, StylizedFrame
from pix2style.live.looks import Looks
from pix2style.live.newest import Newest
from pix2style.live.work_size import WorkSize
from pix2style.runtime.strength import blend
from pix2style.steady import SteadyMode, SteadyStylizer


class StylizeThread:
    """Take the newest captured frame, stylize it, and leave it in `results`, again and again.

    Args:
        captured: Where captured frames come from.
        looks: The looks to choose from.
        work_size: Chooses the size at which frames are stylized.
        state: State of the controls at the beginning; set `state` when it changes.
    """

    def __init__(self, captured: Newest[CapturedFrame], looks: Looks, work_size: WorkSize, state: LiveState) -> None:
        self.state = state
        self.results: Newest[StylizedFrame] = Newest()
        self._captured, self._looks, self._work_size = captured, looks, work_size
        self._key: tuple[int, SteadyMode] | None = None
        self._steady: SteadyStylizer | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stylize", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread after the frame that it works on; a slow teacher is not waited for."""
        self._stop.set()
        self._captured.close()
        self._thread.join(timeout=2.0)

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                captured = self._captured.take()
                if captured is None or self._stop.is_set():
                    break
                self.results.put(self._stylize(captured, self.state))
            self.results.close()
        except BaseException as error:  # noqa: BLE001 - raised again in the main thread
            self.results.close(error)

    def _stylize(self, captured: CapturedFrame, state: LiveState) -> StylizedFrame:
        steady = self._stylizer(state)
        photo = resize(captured.rgb, *self._work_size.size(*captured.rgb.shape[:2]))
        begin_s = time.monotonic()
        stylized = steady.stylize(photo, steady.follow(photo))
        self._work_size.add(time.monotonic() - begin_s)
        return StylizedFrame(captured, photo, _with_strength(photo, stylized, state.strength))

    def _stylizer(self, state: LiveState) -> SteadyStylizer:
        """Return the stylizer of the chosen look; it begins anew when look or steadiness change."""
        key = (state.look, state.steady)
        if self._steady is None or key != self._key:
            self._steady, self._key = SteadyStylizer(self._looks.stylizer(state.look), state.steady), key
            self._work_size.restart()
        return self._steady


def _with_strength(photo: Image8, stylized: Image8, strength: float) -> Image8:
    """Mix photo and stylized image here, so that the strength changes without loading the filter anew."""
    if strength in (0.0, 1.0):
        return stylized if strength else photo
    blended: Image8 = blend(photo[None], stylized[None], strength)[0]
    return blended
