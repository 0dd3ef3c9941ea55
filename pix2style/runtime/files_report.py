"""What happened to the photos and clips of a call."""

from __future__ import annotations

from dataclasses import field
from operator import attrgetter
from pathlib import Path

from pix2style.errors import DataError, ImageError
from pix2style.images import LeftOutList
from pix2style.images.reasons import NO_MEMORY
from pix2style.light_dataclass import dataclass
from pix2style.path_list import PathList, RemarkList


@dataclass(frozen=True, slots=True)
class FailedFile:
    """A photo or clip that could not be stylized, or an input folder without any.

    Attributes:
        path: Path of the photo, clip or folder.
        reason: Why it failed.
    """

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class FileNote:
    """What a person should know about a photo that was stylized, for example that it is HDR and was tone-mapped.

    Attributes:
        path: Path of the photo.
        text: The remark.
    """

    path: Path
    text: str


def reason_of(error: DataError | MemoryError) -> str:
    """Return why a photo failed, without its name."""
    if isinstance(error, MemoryError):
        return NO_MEMORY
    # Errors of writing begin with the output file, so that a full disk is not blamed on the photo.
    return error.reason if isinstance(error, ImageError) else str(error)


def _failures() -> RemarkList[FailedFile]:
    return RemarkList(FailedFile, attrgetter("reason"))


def _notes() -> RemarkList[FileNote]:
    return RemarkList(FileNote, attrgetter("text"))


@dataclass(frozen=True, slots=True)
class ClipOutput:
    """What became of a clip.

    Attributes:
        path: Path of the clip.
        output: Path of the stylized clip.
        frames: Number of its frames.
        resumed_frames: Number of those that an earlier, interrupted call had made.
        seconds: Duration of the work on it.
        frames_per_s: Frames that this call made per second; None if an earlier call had made all.
        times_real_time: Duration of these frames when they are played, divided by the time to make them.
    """

    path: Path
    output: Path
    frames: int
    resumed_frames: int
    seconds: float
    frames_per_s: float | None
    times_real_time: float | None


@dataclass(slots=True)
class FilesReport:
    """What happened to the photos and clips. The lists take little memory however long they are.

    Attributes:
        written: Outputs that were written.
        skipped: Outputs that existed before.
        of_unknown_origin: Number of those outputs that do not say what made them.
        failures: Photos that could not be read, stylized or written, and input folders without photos.
        notes: What a person should know about single photos.
        left_out: What else lies in the input folders.
        clips: The stylized clips; their outputs are also in `written`.
        frames: Number of stylized frames and pages in all outputs of photos that hold several.
        sequences: Number of outputs that hold several frames or pages.
        renamed: Outputs with a number in their name, because the file system takes their own name for another's.
        seconds: Duration of the whole call.
        stylize_seconds: Part of that duration spent inside the stylizer.
        shard: The part of all inputs that this call stylized, for example `2/8`; None if it stylized all.
        inputs: Number of photos and clips among all inputs, including those of other parts.
    """

    written: PathList = field(default_factory=PathList)
    skipped: PathList = field(default_factory=PathList)
    of_unknown_origin: int = 0
    failures: RemarkList[FailedFile] = field(default_factory=_failures)
    notes: RemarkList[FileNote] = field(default_factory=_notes)
    left_out: LeftOutList = field(default_factory=LeftOutList)
    renamed: PathList = field(default_factory=PathList)
    clips: list[ClipOutput] = field(default_factory=list)
    frames: int = 0
    sequences: int = 0
    seconds: float = 0.0
    stylize_seconds: float = 0.0
    shard: str | None = None
    inputs: int = 0

    @property
    def handled(self) -> int:
        """Number of photos and clips that were written, skipped or failed."""
        return len(self.written) + len(self.skipped) + len(self.failures)

    @property
    def ms_per_picture(self) -> float | None:
        """Milliseconds inside the stylizer for each written picture, frame and page; None if there are no outputs."""
        pictures = len(self.written) - len(self.clips) - self.sequences + self.frames
        return 1000 * self.stylize_seconds / pictures if pictures else None

    @property
    def clip_frames_per_s(self) -> float | None:
        """Frames of all clips that this call made per second of work on clips; None if it made none."""
        made, seconds = sum(c.frames - c.resumed_frames for c in self.clips), sum(c.seconds for c in self.clips)
        return made / seconds if made and seconds else None
