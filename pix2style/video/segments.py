"""Encode a run of frames as a segment, and read the packets of a segment.

A segment file holds the packets of one encoder, and behind them an index. No container of FFmpeg is used, because each
of them changes something: Matroska rounds times to milliseconds, NUT has no durations, MP4 derives them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from pix2style.errors import ArtifactError, DataError
from pix2style.files import atomic_path, sha256_bytes
from pix2style.video.clip import ClipFrame
from pix2style.video.open_encoder import open_encoder
from pix2style.video.settings import VideoSettings
from pix2style.video.to_encoder import FrameConverter

if TYPE_CHECKING:
    import av

_END = b"pix2style segment 1\n"
_LENGTH_BYTES = 8


@dataclass(frozen=True, slots=True)
class SegmentPacket:
    """Where a packet lies in a segment file, and what it is.

    Attributes:
        frame: Number of the frame in the segment, in the order of presentation.
        is_keyframe: Whether decoding can begin at this packet.
        offset: Place of its first byte in the file.
        size: Number of bytes.
        side_data: Kind, place and size of what belongs to the packet but lies outside it: VP9's transparency.
    """

    frame: int
    is_keyframe: bool
    offset: int
    size: int
    side_data: tuple[tuple[str, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class SegmentFacts:
    """What a finished segment is.

    Attributes:
        path: Path of the segment.
        width_px, height_px: Size of the stored frames.
        settings_digest: Digest of the settings that encoded it.
        header_digest: Digest of the encoder's header, which must be the same in all segments of a clip.
        times: Presentation times of the frames, ascending, in units of the clip's time base.
        last_duration: Duration of the last frame in the same units; None if it is not known.
        packets: The packets in the order of decoding.
    """

    path: Path
    width_px: int
    height_px: int
    settings_digest: str
    header_digest: str
    times: tuple[int, ...]
    last_duration: int | None
    packets: tuple[SegmentPacket, ...]


def encode_segment(frames: Iterable[ClipFrame], path: Path, settings: VideoSettings) -> SegmentFacts:
    """Encode frames by a fresh encoder, so that the bytes depend on these frames and the settings alone.

    Args:
        frames: Frames with ascending times, at least one.
        path: The segment file to write. It appears under this name when it is complete.
        settings: How to encode.

    Raises:
        DataError: There is no frame, or the encoder fails.
        OSError: The file cannot be written.
    """
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        index = _encode(iter(frames), stream, settings, path)
        text = json.dumps(index, sort_keys=True).encode()
        stream.write(text + len(text).to_bytes(_LENGTH_BYTES, "big") + _END)
    return read_segment(path)


def read_segment(path: Path) -> SegmentFacts:
    """Read the index of a segment.

    Raises:
        ArtifactError: The file is not a complete segment.
        OSError: The file cannot be read.
    """
    try:
        with path.open("rb") as stream:
            stream.seek(-len(_END) - _LENGTH_BYTES, 2)
            length, end = int.from_bytes(stream.read(_LENGTH_BYTES), "big"), stream.read()
            if end != _END:
                raise ValueError("other end")
            stream.seek(-len(_END) - _LENGTH_BYTES - length, 2)
            return _facts(path, json.loads(stream.read(length)))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"{path}: is not a complete segment of a clip: remove it, and it is made again") from error


def read_packets(segment: SegmentFacts) -> Iterator[tuple[SegmentPacket, av.Packet[Any]]]:
    """Yield the packets of a segment in the order of decoding, without times.

    Raises:
        OSError: The file cannot be read.
    """
    from av.packet import Packet, PacketSideData, packet_sidedata_type_from_literal

    with segment.path.open("rb") as stream:
        for facts in segment.packets:
            packet: av.Packet[Any] = Packet(_read_at(stream, facts.offset, facts.size))
            packet.is_keyframe = facts.is_keyframe
            for kind, offset, size in facts.side_data:
                side_data = PacketSideData(packet_sidedata_type_from_literal(kind), size)  # type: ignore[call-arg,arg-type]
                side_data.update(_read_at(stream, offset, size))
                packet.set_sidedata(side_data)
            yield facts, packet


def _read_at(stream: BinaryIO, offset: int, size: int) -> bytes:
    stream.seek(offset)
    data = stream.read(size)
    if len(data) != size:
        raise ArtifactError(f"{stream.name}: is shorter than its index says: remove it, and it is made again")
    return data


def _encode(frames: Iterator[ClipFrame], stream: BinaryIO, settings: VideoSettings, path: Path) -> dict[str, Any]:
    """Encode frames, write their packets, and return the index."""
    first = next(frames, None)
    if first is None:
        raise DataError(f"{path}: there is no frame to encode")
    converter = FrameConverter(settings)
    image = converter.convert(first)
    encoder = open_encoder(settings, image.width, image.height)
    times, packets = [first.time], []
    image.pts = 0
    packets += _store(encoder.encode(image), stream)
    duration = first.duration
    for number, frame in enumerate(frames, start=1):
        image = converter.convert(frame)
        image.pts = number
        packets += _store(encoder.encode(image), stream)
        times.append(frame.time)
        duration = frame.duration
    packets += _store(encoder.encode(None), stream)
    return {
        "size": [encoder.width, encoder.height],
        "settings": settings.digest(),
        "header": sha256_bytes(encoder.extradata or b""),
        "times": times,
        "last_duration": duration,
        "packets": packets,
    }


def _store(packets: Iterable[av.Packet[Any]], stream: BinaryIO) -> list[list[Any]]:
    """Write packets, and return their rows of the index."""
    rows = []
    for packet in packets:
        data = bytes(packet)
        row: list[Any] = [packet.pts, packet.is_keyframe, stream.tell(), len(data), []]
        stream.write(data)
        for side_data in packet.iter_sidedata():
            if side_data.data_type == "matroska_block_additional":
                row[4].append([side_data.data_type, stream.tell(), side_data.data_size])
                stream.write(bytes(side_data))
        rows.append(row)
    return rows


def _facts(path: Path, index: dict[str, Any]) -> SegmentFacts:
    """Return the facts in an index."""
    width, height = index["size"]
    packets = (
        SegmentPacket(frame, is_keyframe, offset, size, tuple((kind, at, length) for kind, at, length in side_data))
        for frame, is_keyframe, offset, size, side_data in index["packets"]
    )
    return SegmentFacts(
        path=path,
        width_px=width,
        height_px=height,
        settings_digest=index["settings"],
        header_digest=index["header"],
        times=tuple(index["times"]),
        last_duration=index["last_duration"],
        packets=tuple(packets),
    )
