"""Read the frames of a clip, one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

from pix2style.errors import ClipError
from pix2style.plural import counted
from pix2style.video.clip import ClipFacts, ClipFrame
from pix2style.video.colour import has_unread_matrix, hdr_of
from pix2style.video.container import open_container, video_streams
from pix2style.video.cut_off import is_cut_off
from pix2style.video.decode import FrameDecoder
from pix2style.video.deinterlace import FRAMES_OF_CONTEXT, deinterlaced
from pix2style.video.pixels import FrameReader

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

    TimedFrame = tuple[VideoFrame, int]


def _ignore(note: str) -> None:
    """Drop a note."""


def read_frames(
    facts: ClipFacts,
    *,
    start_s: float | None = None,
    end_s: float | None = None,
    max_side_px: int | None = None,
    first: int = 0,
    first_time: int | None = None,
    on_note: Callable[[str], None] = _ignore,
) -> Iterator[ClipFrame]:
    """Yield the frames of a clip in the order of their times, decoded when they are asked for.

    Damaged frames are left out and said; the times of the others stay, so that sound stays in step. The file is open
    until the iterator ends or is dropped.

    Args:
        facts: What `read_facts` returned.
        start_s: Only frames at this time or later, in seconds from the clip's beginning, `facts.begin_s`; None for all.
        end_s: Only frames before this time; None for all.
        max_side_px: Frames with a longer side than this are shrunk to it; None for the clip's own size.
        first: Number of the first frame that is yielded, for going on after a stop. The frames are the same as those
            that come without it, and have the same numbers.
        first_time: The first time after that of the frame before frame `first`, in units of `facts.time_base_s`; None
            if it is not known. With it the frames before it need not be decoded.
        on_note: Called with each thing that a person should know, for example frames that are damaged.

    Raises:
        ClipError: The file cannot be read any more, or ends before the frame from which to go on.
    """
    since, until = (None if s is None else _ticks(facts, s) for s in (start_s, end_s))
    index = 0
    if first_time is not None and first:
        since, index = first_time, first
    _say_what_is_special(facts, on_note)
    reader = FrameReader(facts, max_side_px)
    is_empty, has_other_size = True, False
    for frame, time in _decoded(facts, since, index, on_note):
        is_empty = False
        if until is not None and time >= until:
            return
        if index >= first:
            if (frame.width, frame.height) != (facts.width_px, facts.height_px) and not has_other_size:
                has_other_size = True
                on_note(_other_size_note(facts, frame, time, index))
            rgb, alpha = reader.convert(frame)
            yield ClipFrame(rgb, alpha, time, index, frame.duration or None)
        index += 1
    if is_empty and since is None:
        raise ClipError(str(facts.path), "holds no frame that is not damaged")


def _decoded(facts: ClipFacts, since: int | None, number: int, on_note: Callable[[str], None]) -> Iterator[TimedFrame]:
    if not facts.is_interlaced:
        return FrameDecoder(facts, since=since, number=number, on_note=on_note).frames()
    context = round(FRAMES_OF_CONTEXT / (facts.frame_rate * facts.time_base_s))
    begin = None if since is None else since - context
    frames = deinterlaced(FrameDecoder(facts, since=begin, number=number, on_note=on_note).frames())
    return (item for item in frames if since is None or item[1] >= since)


def _other_size_note(facts: ClipFacts, frame: VideoFrame, time: int, index: int) -> str:
    seconds = float(time * facts.time_base_s - facts.begin_s)
    return (
        f"frame {index + 1} ({seconds:.3f} s) has another size ({frame.width}x{frame.height}) than the first"
        f" ({facts.width_px}x{facts.height_px}): scaled to it"
    )


def _ticks(facts: ClipFacts, seconds: float) -> int:
    """Return the first presentation time at or after a time, up to half a microsecond before it."""
    exact = (facts.begin_s + Fraction(seconds) - Fraction(1, 2_000_000)) / facts.time_base_s
    return -int(-exact // 1)


def _say_what_is_special(facts: ClipFacts, on_note: Callable[[str], None]) -> None:
    with open_container(facts.path) as container:
        streams = len(video_streams(container))
    if streams > 1:
        on_note(f"holds {counted(streams, 'video track')}: only the one that players show is used")
    if facts.is_hdr:
        on_note(f"has a high dynamic range ({hdr_of(facts.colour)}): tone-mapped to sRGB")
    if has_unread_matrix(facts.colour):
        on_note(f"its colours are in a form that is not read (matrix {facts.colour.matrix}): they may look wrong")
    if facts.is_interlaced:
        on_note("is interlaced: the two fields of each frame are made one picture of one moment")
    if is_cut_off(facts.path):
        on_note("is cut off: its end is missing")
