"""Encode a run of frames as a segment, and read the packets of a segment.

A segment file holds the packets of one encoder, and behind them an index. No container of FFmpeg is used, because each
of them changes something: Matroska rounds times to milliseconds, NUT has no durations, MP4 derives them.
"""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np

from pix2style.errors import ArtifactError, DataError, require
from pix2style.files import atomic_path, sha256_bytes
from pix2style.video.clip import ClipFrame
from pix2style.video.open_encoder import open_encoder
from pix2style.video.settings import VideoSettings
from pix2style.video.timing import Int64s
from pix2style.video.to_encoder import FrameConverter
from pix2style.video.write_errors import explain_encoder_errors, explain_write_errors

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.frame import VideoFrame

_END = b"pix2style segment 1\n"
_LENGTH_BYTES = 8
_ALPHA_OF_VP9: Final = "matroska_block_additional"


@dataclass(frozen=True, slots=True)
class SegmentFacts:
    """What a finished segment is.

    Attributes:
        path: Path of the segment.
        width_px: Width of the stored frames.
        height_px: Height of the stored frames.
        encoding: Digest of the settings, and of the header that the encoder wrote. Only segments of the same encoding
            can be joined.
        times: Presentation times of the frames, ascending, in units of the clip's time base.
        last_duration: Duration of the last frame in the same units; None if it is not known.
        places: For each packet, in the order of decoding, the number of its frame in the order of presentation.
    """

    path: Path
    width_px: int
    height_px: int
    encoding: tuple[str, str]
    times: Int64s
    last_duration: int | None
    places: Int64s


def encode_segment(frames: Iterable[ClipFrame], path: Path, settings: VideoSettings) -> SegmentFacts:
    """Encode frames by a fresh encoder, so that the bytes depend on these frames and the settings alone.

    Args:
        frames: Frames of one size with ascending times, at least one.
        path: The segment file to write. It appears under this name when it is complete.
        settings: How to encode.

    Raises:
        DataError: There is no frame, the encoder fails, or the file cannot be written.
        MissingExtraError: PyAV is not installed.
    """
    require("video", "av")
    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        raise DataError(f"{path}: there is no frame to encode")
    with contextlib.ExitStack() as stack:
        with explain_write_errors(path):
            stream = stack.enter_context(stack.enter_context(atomic_path(path)).open("wb"))
            writer = _SegmentWriter(stream, settings, path)
        # Errors of the frames are not those of the segment: they are raised between these blocks.
        for frame in itertools.chain([first], frames):
            with explain_write_errors(path):
                writer.add(frame)
        with explain_write_errors(path):
            writer.finish()
            stack.close()
    return read_segment(path)


def read_segment(path: Path) -> SegmentFacts:
    """Read what a segment is.

    Raises:
        ArtifactError: The file is not a complete segment.
    """
    index = _read_index(path)
    return SegmentFacts(
        path=path,
        width_px=index["size"][0],
        height_px=index["size"][1],
        encoding=(index["settings"], index["header"]),
        times=np.array(index["times"], np.int64),
        last_duration=index["last_duration"],
        places=np.array([row[0] for row in index["packets"]], np.int64),
    )


def read_packets(path: Path) -> Iterator[Packet[Any]]:
    """Yield the packets of a segment in the order of decoding, without times.

    Raises:
        ArtifactError: The file is not a complete segment.
        OSError: The file cannot be read.
    """
    from av.packet import Packet, PacketSideData, packet_sidedata_type_from_literal

    rows = _read_index(path)["packets"]
    with path.open("rb") as stream:
        for _, is_keyframe, size, alpha_size in rows:
            packet: Packet[Any] = Packet(stream.read(size))
            packet.is_keyframe = is_keyframe
            if alpha_size:
                kind: Any = packet_sidedata_type_from_literal(_ALPHA_OF_VP9)
                side_data = PacketSideData(kind, alpha_size)  # type: ignore[call-arg]
                side_data.update(stream.read(alpha_size))
                packet.set_sidedata(side_data)
            yield packet


class _SegmentWriter:
    """Encodes frames into a stream."""

    def __init__(self, stream: BinaryIO, settings: VideoSettings, path: Path) -> None:
        self._stream, self._settings, self._path = stream, settings, path
        self._converter = FrameConverter(settings)
        self._encoder: Any = None
        self._size = (0, 0)
        self._times: list[int] = []
        self._last_duration: int | None = None
        self._rows: list[list[Any]] = []

    def add(self, frame: ClipFrame) -> None:
        """Encode a frame."""
        image = self._converter.convert(frame)
        if self._encoder is None:
            self._size = (image.width, image.height)
            with self._explained():
                self._encoder = open_encoder(self._settings, *self._size)
        if (image.width, image.height) != self._size:
            what = f"frame {frame.index} has {image.width}x{image.height} pixels, others have {self._size}"
            raise DataError(f"{self._path}: {what}: frames of a clip have one size")
        image.pts = len(self._times)
        self._times.append(frame.time)
        self._last_duration = frame.duration
        self._store(image)

    def finish(self) -> None:
        """Encode what the encoder has kept back, and write the index."""
        self._store(None)
        if len(self._rows) != len(self._times):
            raise DataError(
                f"{self._path}: {self._settings.encoder} made {len(self._rows)} packets of {len(self._times)} frames:"
                " choose another --codec"
            )
        index = {
            "size": self._size,
            "settings": self._settings.digest(),
            "header": sha256_bytes(self._encoder.extradata or b""),
            "times": self._times,
            "last_duration": self._last_duration,
            "packets": self._rows,
        }
        text = json.dumps(index, sort_keys=True, separators=(",", ":")).encode()
        self._stream.write(text + len(text).to_bytes(_LENGTH_BYTES, "big") + _END)

    def _store(self, image: VideoFrame | None) -> None:
        """Encode a frame, or what the encoder has kept back, and write the packets."""
        with self._explained():
            packets = self._encoder.encode(image)
        for packet in packets:
            alpha = b""
            if packet.has_sidedata(_ALPHA_OF_VP9):
                alpha = bytes(packet.get_sidedata(_ALPHA_OF_VP9))
            data = bytes(packet)
            self._stream.write(data + alpha)
            self._rows.append([packet.pts, packet.is_keyframe, len(data), len(alpha)])

    def _explained(self) -> contextlib.AbstractContextManager[None]:
        return explain_encoder_errors(self._path, self._settings.encoder, self._size)


def _read_index(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as stream:
            stream.seek(-len(_END) - _LENGTH_BYTES, 2)
            length, end = int.from_bytes(stream.read(_LENGTH_BYTES), "big"), stream.read()
            packet_bytes = stream.seek(-len(_END) - _LENGTH_BYTES - length, 2)
            index: dict[str, Any] = json.loads(stream.read(length))
            if end != _END or packet_bytes != sum(row[2] + row[3] for row in index["packets"]):
                raise ValueError("cut")
            return index
    except (OSError, ValueError, LookupError, TypeError, OverflowError, RecursionError) as error:
        raise ArtifactError(f"{path}: is not a complete segment of a clip: remove it, and it is made again") from error
