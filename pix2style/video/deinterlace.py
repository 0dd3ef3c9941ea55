"""Deinterlace frames by a filter graph of FFmpeg."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.filter import Graph
    from av.video.frame import VideoFrame

    TimedFrame = tuple[VideoFrame, int]

# Frames before the first one on which its deinterlaced form depends, and some more.
FRAMES_OF_CONTEXT = 3
# One frame for each frame; those that are not interlaced stay as they are.
_SETTINGS = "mode=send_frame:parity=auto:deint=interlaced"


def deinterlaced(frames: Iterator[TimedFrame]) -> Iterator[TimedFrame]:
    """Yield deinterlaced frames with the times of the frames that come in."""
    graph: Graph | None = None
    layout = None
    times: deque[int] = deque()
    for frame, time in frames:
        if graph is None or layout != _layout(frame):
            if graph is not None:
                yield from _flushed(graph, times)
            graph, layout = _graph(frame), _layout(frame)
        times.append(time)
        frame.pts = time
        graph.push(frame)
        yield from _ready(graph, times)
    if graph is not None:
        yield from _flushed(graph, times)


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


def _ready(graph: Graph, times: deque[int]) -> Iterator[TimedFrame]:
    while True:
        try:
            frame = graph.vpull()
        except (BlockingIOError, EOFError):
            return
        yield frame, times.popleft()


def _flushed(graph: Graph, times: deque[int]) -> Iterator[TimedFrame]:
    graph.push(None)
    yield from _ready(graph, times)
