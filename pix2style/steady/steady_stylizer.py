"""Stylize the frames of a clip so that strokes stay where they are on the scene."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import lcm

import numpy as np
from numpy.typing import NDArray

from pix2style.effects.effect import split_pixel_effects
from pix2style.effects.stroke import StrokeSize
from pix2style.images import Image8
from pix2style.images.glimpse import glimpse
from pix2style.steady.grid import crop_from_phase, pad_to_phase
from pix2style.steady.luminance import reduction
from pix2style.steady.mode import SteadyMode
from pix2style.steady.motion import MotionTracker
from pix2style.steady.resample import shift_frame
from pix2style.steady.scene_glimpse import ALL_PATCHES, next_glimpse
from pix2style.steady.temporal_blend import CalmPhoto, PhotoAverage, TemporalBlend
from pix2style.stylizer import Stylizer

State = dict[str, NDArray[np.generic]]
# The whole-pixel position follows the measured one only when they differ by more than this: a camera at rest between
# two pixels would else make the grid jump to and fro with the noise of the measurement.
_HYSTERESIS_PX = 0.6
# Rests below this are errors of measurement.
_SMALLEST_REST_PX = 0.04


@dataclass(frozen=True, slots=True)
class FramePlan:
    """How to stylize one frame, so that it continues the frames before.

    Attributes:
        scene: Number of the scene, from 0; it rises at each cut.
        starts_scene: Whether the frame is the first one of its scene.
        position_px: How far the content has moved since the scene began: down, to the right.
        locked_px: The same in whole pixels, to which the grid of the filter is locked.
        offset_px: Rows and columns to add at the top and on the left, so that the grid lies on the scene.
        glimpse: The glimpse to stylize the frame with, that of the scene; None if the stylizer takes none.
        replaced_patches: How many of its patches are of later frames than the others; see `next_glimpse`.
        calm: In mode full, the frame on the grid of its scene without most of its noise; None in other modes.
        state: State of `follow` after this frame.
    """

    scene: int = 0
    starts_scene: bool = False
    position_px: tuple[float, float] = (0.0, 0.0)
    locked_px: tuple[int, int] = (0, 0)
    offset_px: tuple[int, int] = (0, 0)
    glimpse: Image8 | None = None
    replaced_patches: int = ALL_PATCHES
    calm: CalmPhoto | None = field(default=None, repr=False, compare=False)
    state: State = field(default_factory=dict, repr=False, compare=False)


class SteadyStylizer:
    """Stylizes the frames of one clip.

    `follow` takes the frames in their order and never calls the stylizer; `stylize` takes each frame with its plan, and
    may run in another thread, behind `follow`. Its first part, `paint`, does nearly all of the work and needs no order:
    if the stylizer has threads, as many threads may call it at once. `finish` then takes the frames in their order.

    Args:
        stylizer: What stylizes single frames. Its outermost pixel effects, such as a mask, are applied to the finished
            frames, so that they lie on the frame and not on the scene. If it is a `StrokeSize` inside of them, the
            frames are followed and stylized in the size of its versions, in which the filter's grid has whole pixels.
        mode: How much is done for steadiness.
    """

    def __init__(self, stylizer: Stylizer, mode: SteadyMode) -> None:
        self._stylizer, self._effects = split_pixel_effects(stylizer)
        self._stroke = self._stylizer if isinstance(self._stylizer, StrokeSize) else None
        if self._stroke:
            self._stylizer = self._stroke.inner
        self._mode = mode
        self._tracker = MotionTracker()
        self._plan = FramePlan(scene=-1)  # of the last frame that was followed
        self._stylized = self._plan  # plan of the last frame that was stylized
        self._photos = PhotoAverage({})
        self._blend = TemporalBlend()

    @property
    def mode(self) -> SteadyMode:
        """How much is done for steadiness."""
        return self._mode

    def follow(self, frame: Image8) -> FramePlan:
        """Take the next frame of the clip, and say how to stylize it.

        Args:
            frame: uint8 [height, width, 3]; a frame of another size begins another scene.
        """
        if self._mode is SteadyMode.OFF:
            return FramePlan()
        frame = self._version(frame)
        motion, before = self._tracker.follow(frame), self._plan
        scene = before.scene + motion.starts_scene
        locked = (0, 0) if motion.starts_scene else _locked(motion.position, before.locked_px)
        grid = self._grid_px(frame)
        context, replaced = before.glimpse, before.replaced_patches
        if not self._stylizer.takes_glimpse:
            context = None
        elif motion.starts_scene or context is None:
            context, replaced = glimpse(frame), ALL_PATCHES
        else:
            context, replaced = next_glimpse(context, frame, replaced)
        plan = FramePlan(
            scene=scene,
            starts_scene=motion.starts_scene,
            position_px=motion.position,
            locked_px=locked,
            offset_px=(-locked[0] % grid, -locked[1] % grid),
            glimpse=context,
            replaced_patches=replaced,
        )
        state: State = {f"motion.{name}": array for name, array in self._tracker.state().items()}
        if self._mode is SteadyMode.FULL:
            plan = replace(plan, calm=self._calm(frame, plan))
            state |= {f"photos.{name}": array for name, array in self._photos.state().items()}
        self._plan = replace(plan, state=state)
        return self._plan

    def _calm(self, frame: Image8, plan: FramePlan) -> CalmPhoto:
        """Shift a frame onto the grid of its scene, and take its noise away where the scene is at rest."""
        rest = _rest(plan)
        padded = pad_to_phase(shift_frame(frame, (-rest[0], -rest[1])), plan.offset_px, self._grid_px(frame))
        origin = plan.locked_px[0] + plan.offset_px[0], plan.locked_px[1] + plan.offset_px[1]
        factor = reduction(*frame.shape[:2]) // 2 or 1
        return self._photos.take(padded, origin, factor=factor, starts_scene=plan.starts_scene)

    def stylize(self, frame: Image8, plan: FramePlan, alpha: Image8 | None = None) -> Image8:
        """Stylize a frame.

        Args:
            frame: uint8 [height, width, 3].
            plan: What `follow` said about this frame.
            alpha: Transparency of the frame, uint8 [height, width]; None if it has none.

        Returns:
            uint8 [height, width, 3].
        """
        return self.finish(frame, plan, self.paint(frame, plan), alpha)

    def paint(self, frame: Image8, plan: FramePlan) -> Image8:
        """Stylize a frame on the grid of its scene.

        Args:
            frame: uint8 [height, width, 3].
            plan: What `follow` said about this frame.

        Returns:
            What `finish` takes.
        """
        frame = self._version(frame)
        if self._mode is SteadyMode.OFF:
            [painted] = self._stylizer.stylize([frame])
            return painted
        if plan.calm is None:
            frame = pad_to_phase(frame, plan.offset_px, self._grid_px(frame))
        elif self._stylizer.strength == 0:
            return frame.copy()
        else:
            frame = plan.calm.photo
        return self._stylizer.stylize_with_glimpse(frame, plan.glimpse)

    def finish(self, frame: Image8, plan: FramePlan, painted: Image8, alpha: Image8 | None = None) -> Image8:
        """Make the stylized frame of what `paint` returned, and remember it for the frames that follow.

        Args:
            frame: uint8 [height, width, 3].
            plan: What `follow` said about this frame.
            painted: What `paint` made of it.
            alpha: Transparency of the frame, uint8 [height, width]; None if it has none.

        Returns:
            uint8 [height, width, 3].
        """
        version = self._version(frame)
        stylized = self._on_frame(version, plan, painted)
        if self._stroke:
            stylized = self._stroke.finish(frame, version, stylized)
        for effect in self._effects:
            stylized = effect.combine(frame, stylized, alpha)
        return stylized

    def _version(self, frame: Image8) -> Image8:
        """Return a frame in the size in which it is followed and stylized."""
        return self._stroke.version(frame) if self._stroke else frame

    def _on_frame(self, frame: Image8, plan: FramePlan, painted: Image8) -> Image8:
        """Take a stylized frame from the grid of its scene to where the frame is; in mode full, blend it before."""
        if self._mode is SteadyMode.OFF:
            return painted
        size = frame.shape[0], frame.shape[1]
        self._stylized = plan
        if plan.calm is None:
            return crop_from_phase(painted, plan.offset_px, size)
        if self._stylizer.strength == 0:
            # Blending would soften the frame, and strokes of frames before would stay.
            self._blend = TemporalBlend()
            return painted
        blended = self._blend.blend(painted, plan.calm)
        return shift_frame(crop_from_phase(blended, plan.offset_px, size), _rest(plan))

    def _grid_px(self, frame: Image8) -> int:
        """Return the distance of the grid that has to lie on the scene: in mode full reduced pixels lie on it, too."""
        grid = self._stylizer.grid_px
        return lcm(grid, reduction(*frame.shape[:2])) if self._mode is SteadyMode.FULL else grid

    def state(self) -> State:
        """Return all that a later frame depends on, as it was after the last frame that was stylized.

        Frames that were followed, but not stylized yet, do not count: give them to `follow` again after `restore`.
        """
        plan = self._stylized
        if plan.scene < 0:
            return {}
        state = dict(plan.state)
        state["scene"] = np.array([plan.scene], np.int64)
        state["locked_px"] = np.array(plan.locked_px, np.int64)
        if plan.glimpse is not None:
            state["glimpse"] = plan.glimpse
            state["replaced_patches"] = np.array([plan.replaced_patches], np.int64)
        if self._blend.stylized is not None:
            state["stylized"] = self._blend.stylized
        return state

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Go on exactly where another `SteadyStylizer` was when `state` was taken from it."""
        self._tracker.restore(_part(state, "motion."))
        self._photos = PhotoAverage(_part(state, "photos."))
        self._blend = TemporalBlend(state["stylized"].astype(np.uint8) if "stylized" in state else None)
        if not state:
            self._plan = self._stylized = FramePlan(scene=-1)
            return
        context = state.get("glimpse")
        down, right = state["locked_px"].tolist()
        self._plan = self._stylized = FramePlan(
            scene=int(state["scene"][0]),
            locked_px=(down, right),
            glimpse=None if context is None else context.astype(np.uint8),
            replaced_patches=int(state["replaced_patches"][0]) if context is not None else ALL_PATCHES,
            state={name: array for name, array in state.items() if name.startswith(("motion.", "photos."))},
        )


def _locked(position: tuple[float, float], before: tuple[int, int]) -> tuple[int, int]:
    """Return the whole-pixel position nearest to the measured one, which changes only for a clear reason."""
    down, right = (
        old if abs(now - old) <= _HYSTERESIS_PX else round(now) for now, old in zip(position, before, strict=True)
    )
    return down, right


def _rest(plan: FramePlan) -> tuple[float, float]:
    """Return the part of the motion that whole pixels do not follow."""
    down, right = (
        rest if abs(rest := position - locked) >= _SMALLEST_REST_PX else 0.0
        for position, locked in zip(plan.position_px, plan.locked_px, strict=True)
    )
    return down, right


def _part(state: Mapping[str, NDArray[np.generic]], prefix: str) -> State:
    return {name.removeprefix(prefix): array for name, array in state.items() if name.startswith(prefix)}
