"""Read the packets of a clip, also behind damaged places of the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar, cast

from pix2style.errors import ClipError
from pix2style.video.container import describe

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream

    AnyStream = TypeVar("AnyStream", bound=Stream)

_MOST_ERRORS = 20


def packets_of(
    container: InputContainer, streams: Sequence[AnyStream], on_note: Callable[[str], None]
) -> Iterator[Packet[AnyStream]]:
    """Yield the packets of streams, and go on behind damaged places of the file as long as there are any.

    Args:
        container: The clip.
        streams: Its streams whose packets are wanted.
        on_note: Called if the file is so damaged that its end cannot be read.

    Yields:
        The packets, and at the end an empty one, which makes a decoder give its last frames.

    Raises:
        ClipError: The file cannot be read.
    """
    import av
    from av.error import FFmpegError

    errors = 0
    while True:
        try:
            for packet in container.demux(*streams):
                yield cast("Packet[AnyStream]", packet)
                errors = 0
        except FFmpegError as error:
            if isinstance(error, OSError) and not isinstance(error, ValueError):
                raise ClipError(container.name.removeprefix("file:"), f"cannot be read ({describe(error)})") from error
            errors += 1
            if errors > _MOST_ERRORS:
                on_note("is damaged so that it cannot be read to its end: what follows is left out")
                yield cast("Packet[AnyStream]", av.Packet())
                return
        else:
            return
