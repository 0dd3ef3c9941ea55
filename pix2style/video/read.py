"""Decode the frames of a clip, one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from pix2style.images import Image8, size_within
from pix2style.video.clip import ClipFacts, ClipFrame
from pix2style.video.container import open_container, video_stream

if TYPE_CHECKING:
    from av.video.frame import VideoFrame


def _ignore(note: str) -> None:
    """Drop a note."""


def read_frames(
    facts: ClipFacts,
    *,
    start_s: float | None = None,
    end_s: float | None = None,
    max_side_px: int | None = None,
    first: int = 0,
    on_note: Callable[[str], None] = _ignore,
) -> Iterator[ClipFrame]:
    """Yield the frames of a clip in the order of their times, decoded when they are asked for.

    Args:
        facts: What `read_facts` returned.
        start_s: Only frames at this time or later, in seconds from the first frame of the clip; None for all.
        end_s: Only frames before this time; None for all.
        max_side_px: Frames with a longer side than this are shrunk to it; None for the clip's own size.
        first: Number of the first frame that is yielded, for going on after a stop.
        on_note: Called with each thing that a person should know, for example frames that are damaged.
    """
    if facts.is_hdr:
        on_note("has a high dynamic range: tone-mapped")
    with open_container(facts.path) as container:
        stream = video_stream(container, facts.path)
        stream.thread_type = "AUTO"
        convert = _converter(facts, max_side_px)
        origin = stream.start_time or 0
        since, until = (None if s is None else origin + s / facts.time_base_s for s in (start_s, end_s))
        index = 0
        for frame in container.decode(stream):
            time = frame.pts or 0
            if since is not None and time < since:
                continue
            if until is not None and time >= until:
                return
            if index >= first:
                pixels = convert(frame)
                alpha = np.ascontiguousarray(pixels[..., 3]) if facts.has_alpha else None
                rgb = np.ascontiguousarray(pixels[..., :3])
                yield ClipFrame(rgb, alpha, time, index, frame.duration or None)
            index += 1


def _converter(facts: ClipFacts, max_side_px: int | None) -> Callable[[VideoFrame], Image8]:
    """Return a function that gives the upright RGB or RGBA of a frame."""
    from av.video.reformatter import VideoReformatter

    reformatter = VideoReformatter()

    def convert(frame: VideoFrame) -> Image8:
        height, width = frame.height, frame.width
        if max_side_px:
            height, width = size_within(height, width, max_side_px)
        converted = reformatter.reformat(frame, width, height, "rgba" if facts.has_alpha else "rgb24")
        return np.rot90(np.asarray(converted.to_ndarray(), np.uint8), -facts.rotation_deg // 90)

    return convert
