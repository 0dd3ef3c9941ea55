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
from pix2style.video.deinterlace import deinterlaced
from pix2style.video.pixels import FrameReader

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

    TimedFrame = tuple[VideoFrame, int]

LATEST_BEGIN_S = Fraction(1, 10)
"""If the first frame of a part comes this late or earlier, the part begins with it, not with what is shown before."""
_INTERLACED = "is interlaced: the two fields of each frame are made one picture of one moment"


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
        start_s: Only what is shown from this time on, in seconds from the clip's beginning, `facts.begin_s`; None for
            all. A frame that is shown before and for long after it gets this time.
        end_s: Only what is shown before this time; None for all.
        max_side_px: Frames with a longer side are shrunk to this, and all to even sizes; None for the clip's own size.
        first: Number of the first frame that is yielded, for going on after a stop. The frames are the same as those
            that come without it, and have the same numbers.
        first_time: The first time after that of the frame before frame `first`, in units of `facts.time_base_s`; None
            if it is not known. With it the frames before it need not be decoded.
        on_note: Called with each thing that a person should know, for example frames that are damaged.

    Raises:
        ClipError: The file cannot be read any more, or ends before the frame from which to go on.
    """
    since, until = (None if s is None else _ticks(facts, s) for s in (start_s, end_s))
    index, known = 0, None
    if first_time is not None and first:
        # At the beginning of the part there was no frame, if one that is shown before it has got its time.
        known = first_time - 1 if first_time - 1 != since else None
        since, index = first_time, first
    _say_what_is_special(facts, on_note)
    reader = FrameReader(facts, max_side_px)
    is_empty, has_other_size = True, False
    decoder = FrameDecoder(facts, since=since, number=index, known=known, on_note=on_note)
    decoded = deinterlaced(decoder.frames(), lambda: on_note(_INTERLACED))
    if index:
        decoded = (item for item in decoded if since is None or item[1] >= since)
    for frame, time, duration in _in_part(facts, decoded, since, until):
        is_empty = False
        if index >= first:
            if (frame.width, frame.height) != (facts.width_px, facts.height_px) and not has_other_size:
                has_other_size = True
                on_note(_other_size_note(facts, frame, time, index))
            rgb, alpha = reader.convert(frame)
            yield ClipFrame(rgb, alpha, time, index, duration)
        index += 1
    if is_empty and since is None and until is None:
        raise ClipError(str(facts.path), "holds no frame that is not damaged")


def _in_part(
    facts: ClipFacts, frames: Iterator[TimedFrame], since: int | None, until: int | None
) -> Iterator[tuple[VideoFrame, int, int | None]]:
    """Yield the frames that are shown in a part of a clip, with the times and durations that they have in it.

    A frame is shown until the next one, which may come late, as in recordings of a screen.
    """
    latest = LATEST_BEGIN_S / facts.time_base_s
    for (frame, time), end in _with_ends(facts, frames):
        begin = time if since is None else max(time, since)
        if until is not None and begin >= until:
            return
        is_cut_off = until is not None and end >= until
        if end <= begin or (time < begin and not is_cut_off and end - begin <= latest):
            continue
        if until is not None and is_cut_off:
            yield frame, begin, until - begin
        else:
            yield frame, begin, end - begin if time < begin else frame.duration or None


def _with_ends(facts: ClipFacts, frames: Iterator[TimedFrame]) -> Iterator[tuple[TimedFrame, int]]:
    """Yield frames, and the times at which they are no longer shown."""
    before: TimedFrame | None = None
    for item in frames:
        if before:
            yield before, item[1]
        before = item
    if before:
        step = max(1, round(1 / (facts.frame_rate * facts.time_base_s)))
        yield before, before[1] + (before[0].duration or step)


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
    if restarts := len(facts.restarts.positions):
        times = counted(restarts, "time")
        on_note(f"its clock starts again or jumps {times}: the parts are joined, so that each begins where one ends")
    if facts.is_hdr:
        on_note(f"has a high dynamic range ({hdr_of(facts.colour)}): tone-mapped to sRGB")
    if has_unread_matrix(facts.colour):
        on_note(f"its colours are in a form that is not read (matrix {facts.colour.matrix}): they may look wrong")
    if is_cut_off(facts.path):
        on_note("is cut off: its end is missing")
