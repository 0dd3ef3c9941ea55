"""What the front process asks of its worker processes: jobs, answers, and the errors that a job can end with."""

from __future__ import annotations

from dataclasses import dataclass

from pix2style.errors import ArtifactError, ConfigError, DataError, Pix2StyleError


@dataclass(frozen=True, slots=True)
class StylizeJob:
    """A picture to stylize, and how.

    Attributes:
        data: Content of an image file.
        filter: Name of a served filter, or a blend of several, as in `great-wave:0.6,ejiri:0.4`.
        strength: Share of the style, from 0 (the picture itself) to 1.
        stroke: Size of the strokes as a multiple of the filter's own, from 0.5 to 4; None to leave it as it is.
        look_px: Longer side in pixels of the version of the picture whose strokes it gets; None to leave it as it is.
        preserve_color: Whether the picture keeps its own colours.
        style: For filters with several styles: number of a style, or a weight for each, as in `0.5,0.5`; None for the
            first one.
        suffix: Suffix of the format of the answer, for example `.png`; None for the format of the picture.
        quality: Quality of JPEG and WebP, 1 to 100.
        lossless: Whether the answer is written without loss.
        metadata: What is kept of the metadata: `none`, `safe` or `all`, the values of `images.KeepMetadata`.
    """

    data: bytes
    filter: str
    strength: float = 1.0
    stroke: float | None = None
    look_px: int | None = None
    preserve_color: bool = False
    style: str | None = None
    suffix: str | None = None
    quality: int = 95
    lossless: bool = False
    metadata: str = "none"


@dataclass(frozen=True, slots=True)
class StylizedAnswer:
    """A stylized picture.

    Attributes:
        data: Content of an image file.
        media_type: Media type of its format, for example `image/jpeg`.
        width_px: Width in pixels; of animations and documents, that of the first picture.
        height_px: Height in pixels, likewise.
        notes: What a person should know about it.
        queue_s: Seconds for which the job waited for a worker.
        decode_s: Seconds of decoding.
        stylize_s: Seconds of stylizing.
        encode_s: Seconds of encoding.
    """

    data: bytes
    media_type: str
    width_px: int
    height_px: int
    notes: tuple[str, ...]
    queue_s: float
    decode_s: float
    stylize_s: float
    encode_s: float


class QueueFullError(Pix2StyleError):
    """The queue of waiting jobs is full.

    Attributes:
        retry_after_s: Seconds after which there should be room, estimated from the duration of recent jobs.
    """

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class TimeLimitError(Pix2StyleError):
    """A job took longer than it may, waiting included."""


class WorkerLostError(Pix2StyleError):
    """The worker process ended while it did the job, for example because a decoder crashed."""


class WorkerFaultError(Pix2StyleError):
    """A worker has met a fault of pix2style, which it has described in the log of the server."""


class StoppingError(Pix2StyleError):
    """The pool is stopping, or has stopped, and takes no jobs."""


class TooManyPixelsError(DataError):
    """A picture has more pixels than are accepted, or needs more memory than a worker may take."""


class NotAPictureError(DataError):
    """The data are not an image, or of a format that is not read."""


class BadPictureError(DataError):
    """A picture is damaged or cut off."""


WORKER_ERRORS: dict[str, type[Pix2StyleError]] = {
    error.__name__: error
    for error in (
        ArtifactError,
        BadPictureError,
        ConfigError,
        NotAPictureError,
        TooManyPixelsError,
        WorkerFaultError,
        DataError,
    )
}
"""The errors with which a worker answers, by their names."""
