"""Deinterlace frames by a filter graph of FFmpeg."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.filter import Graph
    from av.video.frame import VideoFrame

    TimedFrame = tuple[VideoFrame, int]

# One frame for each frame; those that are not interlaced stay as they are.
_SETTINGS = "mode=send_frame:parity=auto:deint=interlaced"


def deinterlaced(frames: Iterator[TimedFrame], on_interlaced: Callable[[], None]) -> Iterator[TimedFrame]:
    """Yield frames with the times of those that come in, and deinterlace those that are interlaced.

    What becomes of a frame depends on itself, the frame before and the one after. Up to the first interlaced frame
    there is no filter graph, so that clips without any take no longer.

    Args:
        frames: Frames and their times.
        on_interlaced: Called at the first frame that is interlaced.
    """
    graph: _Deinterlacer | None = None
    before: TimedFrame | None = None
    for item in frames:
        if graph is None and not item[0].interlaced_frame:
            yield item
            before = item
            continue
        if graph is None:
            on_interlaced()
            graph = _Deinterlacer(item[0])
            if before and graph.fits(before[0]):
                graph.push(*before, is_wanted=False)
        elif not graph.fits(item[0]):
            yield from graph.flush()
            graph = _Deinterlacer(item[0])
        graph.push(*item)
        yield from graph.ready()
    if graph is not None:
        yield from graph.flush()


class _Deinterlacer:
    """A filter graph for frames of one size and pixel format."""

    def __init__(self, frame: VideoFrame) -> None:
        self._layout, self._graph = _layout(frame), _graph(frame)
        self._rows: deque[tuple[int, int, bool]] = deque()

    def fits(self, frame: VideoFrame) -> bool:
        """Return whether the graph takes a frame."""
        return _layout(frame) == self._layout

    def push(self, frame: VideoFrame, time: int, *, is_wanted: bool = True) -> None:
        """Put a frame in."""
        self._rows.append((time, frame.duration, is_wanted))
        frame.pts = time
        self._graph.push(frame)

    def ready(self) -> Iterator[TimedFrame]:
        """Yield the frames that are ready, without those that are not wanted."""
        while True:
            try:
                frame = self._graph.vpull()
            except (BlockingIOError, EOFError):
                return
            time, duration, is_wanted = self._rows.popleft()
            frame.duration = duration  # the filter's unit is half as long, as there could be a frame for each field
            if is_wanted:
                yield frame, time

    def flush(self) -> Iterator[TimedFrame]:
        """Yield the rest."""
        self._graph.push(None)
        yield from self.ready()


def _layout(frame: VideoFrame) -> tuple[int, int, str]:
    return frame.width, frame.height, frame.format.name


def _graph(frame: VideoFrame) -> Graph:
    from av.filter import Graph

    graph = Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 1000))
    bwdif, sink = graph.add("bwdif", _SETTINGS), graph.add("buffersink")
    source.link_to(bwdif)
    bwdif.link_to(sink)
    graph.configure()
    return graph
