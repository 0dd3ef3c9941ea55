"""Record stylized frames as an MP4 file, which is playable at any time, even if the program is killed."""

from __future__ import annotations

import dataclasses
import queue
import threading
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pix2style.errors import DataError, Pix2StyleError, require
from pix2style.files import atomic_path
from pix2style.images import Image8, resize
from pix2style.live.output_files import free_stem
from pix2style.printable import one_line
from pix2style.video.clip import ClipColour, ClipFacts, ClipFrame
from pix2style.video.encoders import choose_settings
from pix2style.video.open_encoder import configure_encoder
from pix2style.video.settings import VideoSettings
from pix2style.video.to_encoder import FrameConverter

if TYPE_CHECKING:
    import av
    from av.container import OutputContainer

_SUFFIX, _PARTIAL_SUFFIX = ".mp4", ".partial.mp4"
_TICKS = 90_000  # a second, in units of MP4's times
_FRAME_RATE = 30  # for the encoder, which spends bits by it; frames keep the times at which they came
# A fragment of the file ends before each keyframe: about so much is lost if the program is killed.
_KEYFRAME_EVERY = _TICKS
_MOST_FRAMES_BETWEEN_KEYFRAMES = 60
_WAITING_FRAMES = 16
_BT709 = ClipColour(full_range=False, matrix=1, primaries=1, transfer=1)


class Recording:
    """Encode frames in a thread of its own, into a file that gets its final name by `finish`.

    Frames that come faster than they are encoded are dropped. Until `finish`, the file's name ends in `.partial.mp4`.
    It consists of fragments, so what was written can be played even if the program is killed.

    Args:
        folder: Folder of the file.
        height_px, width_px: Size of the recorded frames. An odd row or column at the edge is left out.

    Attributes:
        path: Path that the file gets at the end.
        partial: Path of the file until then.
        frames: Number of frames that were recorded.
        dropped: Number of frames that were dropped.

    Raises:
        DataError: The file cannot be written.
    """

    def __init__(self, folder: Path, height_px: int, width_px: int) -> None:
        require("live", "av")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            stem = free_stem(folder, (_SUFFIX, _PARTIAL_SUFFIX))
            self.path, self.partial = (stem.with_name(stem.name + suffix) for suffix in (_SUFFIX, _PARTIAL_SUFFIX))
            self.partial.open("xb").close()  # reserves the name
        except OSError as error:
            raise DataError(f"{folder}: no recording can be written here ({error.strerror or error})") from error
        self.frames = self.dropped = 0
        self._height_px, self._width_px = max(2, height_px // 2 * 2), max(2, width_px // 2 * 2)
        self._waiting: queue.Queue[tuple[Image8, float] | None] = queue.Queue(_WAITING_FRAMES)
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="recording", daemon=True)
        self._thread.start()

    @property
    def has_failed(self) -> bool:
        """Whether the file could not be written any further."""
        return self._error is not None

    def add(self, rgb: Image8, captured_s: float) -> None:
        """Record a frame of any size, without waiting.

        Args:
            rgb: uint8 [height, width, 3].
            captured_s: When the frame came, in seconds of any clock.
        """
        try:
            self._waiting.put_nowait((rgb, captured_s))
        except queue.Full:
            self.dropped += 1

    def finish(self) -> Path | None:
        """Encode the frames that wait, and give the file its final name.

        Returns:
            The final path; None if no frame was recorded, so that there is no file.

        Raises:
            DataError: The file could not be written. What was written is kept under the partial name.
        """
        while self._thread.is_alive():
            try:
                self._waiting.put(None, timeout=0.1)
                break
            except queue.Full:
                continue
        self._thread.join()
        if self._error is None and self.frames:
            try:
                _copy_packets(self.partial, self.path)
                self.partial.unlink()
            except Exception as error:  # noqa: BLE001 - explained below
                self._error = error
        if not self.frames:
            self.partial.unlink(missing_ok=True)
        if self._error is not None:
            raise self._explain(self._error) from self._error
        return self.path if self.frames else None

    def _explain(self, error: Exception) -> DataError:
        if isinstance(error, Pix2StyleError):
            return DataError(str(error))
        reason = one_line(getattr(error, "strerror", None) or error)
        kept = f"; what was recorded is in {self.partial}" if self.frames else ""
        return DataError(f"{self.path}: cannot be written ({reason}){kept}")

    def _run(self) -> None:
        try:
            import av

            options = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "flush_packets": "1"}
            with av.open(_url(self.partial), "w", format="mp4", options=options) as container:
                encoder = _Encoder(container, self._height_px, self._width_px)
                while (item := self._waiting.get()) is not None:
                    encoder.add(*item)
                    self.frames = encoder.frames
                encoder.finish()
        except Exception as error:  # noqa: BLE001 - raised by finish()
            self._error = error


class _Encoder:
    """Encodes frames and writes their packets with the times of the frames."""

    def __init__(self, container: OutputContainer, height_px: int, width_px: int) -> None:
        settings = _settings(height_px, width_px)
        self._container, self._size = container, (height_px, width_px)
        self._stream: Any = container.add_stream(settings.encoder)
        self._stream.time_base = Fraction(1, _TICKS)
        self._codec = cast("av.VideoCodecContext", self._stream.codec_context)
        configure_encoder(self._codec, settings, width_px, height_px)
        # Encoders that work on several frames at once hold them back, and a crash would lose them.
        self._codec.thread_type = "SLICE"
        # Without frames that are predicted from later ones, packets leave the encoder in the order of their times.
        self._codec.max_b_frames = 0
        self._codec.gop_size = _MOST_FRAMES_BETWEEN_KEYFRAMES
        self._converter = FrameConverter(settings)
        self._times: list[int] = []
        self._first_s, self._last_key = 0.0, 0

    @property
    def frames(self) -> int:
        """Number of frames so far."""
        return len(self._times)

    def add(self, rgb: Image8, captured_s: float) -> None:
        """Encode a frame."""
        from av.video.frame import PictureType

        if not self._times:
            self._first_s = captured_s
        time = round((captured_s - self._first_s) * _TICKS)
        if self._times and time <= self._times[-1]:
            time = self._times[-1] + 1
        height, width = self._size
        cropped = rgb[: max(2, rgb.shape[0] // 2 * 2), : max(2, rgb.shape[1] // 2 * 2)]
        image = self._converter.convert(ClipFrame(resize(cropped, height, width), None, time, len(self._times)))
        image.pts = len(self._times)  # the encoder counts frames
        if time - self._last_key >= _KEYFRAME_EVERY:
            image.pict_type, self._last_key = PictureType.I, time
        self._times.append(time)
        self._write(self._codec.encode(image))

    def finish(self) -> None:
        """Write what the encoder still holds."""
        if self._times:
            self._write(self._codec.encode(None))

    def _write(self, packets: list[Any]) -> None:
        for packet in packets:
            number = packet.pts
            packet.stream, packet.time_base = self._stream, Fraction(1, _TICKS)
            packet.pts = packet.dts = self._times[number]
            packet.duration = self._duration(number)
            self._container.mux(packet)

    def _duration(self, number: int) -> int:
        """Return how long a frame is shown, as far as it is known by now: else as long as the one before."""
        if number + 1 < len(self._times):
            return self._times[number + 1] - self._times[number]
        return self._times[number] - self._times[number - 1] if number else _TICKS // _FRAME_RATE


def _settings(height_px: int, width_px: int) -> VideoSettings:
    facts = ClipFacts(
        path=Path("live.mp4"),
        width_px=width_px,
        height_px=height_px,
        rotation_deg=0,
        pixel_aspect=Fraction(1),
        frames=None,
        duration_s=None,
        frame_rate=Fraction(_FRAME_RATE),
        time_base_s=Fraction(1, _TICKS),
        bits=8,
        has_alpha=False,
        colour=_BT709,
        is_hdr=False,
        sounds=0,
        subtitles=0,
    )
    settings, _ = choose_settings(facts, facts.path)
    options = settings.options
    if settings.encoder == "libx264":
        options = (*options, ("tune", "zerolatency"))  # frames that the encoder holds back would be lost, too
    return dataclasses.replace(settings, threads=0, options=options)


def _copy_packets(fragmented: Path, path: Path) -> None:
    """Copy a file of fragments into one that all programs can seek in, without encoding anew."""
    import av

    with atomic_path(path) as temporary:
        options = {"movflags": "faststart"}
        with (
            av.open(_url(fragmented)) as source,
            av.open(_url(temporary), "w", format="mp4", options=options) as target,
        ):
            stream = target.add_stream_from_template(source.streams.video[0])
            for packet in source.demux(source.streams.video[0]):
                if packet.dts is not None:
                    packet.stream = stream
                    target.mux(packet)


def _url(path: Path) -> str:
    """Return an address for FFmpeg, which takes the text before a colon in a plain path for a protocol."""
    return f"file:{path.absolute()}"
