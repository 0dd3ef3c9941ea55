"""Count the results of all photos, and list the photos that failed or have notes, in little memory."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Any

from pix2style.cluster.photo_result import BatchResult, PhotoResult
from pix2style.images.left_out import describe_counts
from pix2style.plural import counted
from pix2style.printable import text_of_file_name

_SHOWN_FAILURES = 1000  # more than are printed
_SHOWN_NOTES = 50
_SHOWN_NAMES = 4
_SPOOLED_BYTES = 1 << 20


@dataclass(slots=True)
class ClusterReport:
    """What became of the photos of a call.

    Attributes:
        written: Number of outputs that were written.
        existed: Number of outputs that existed before.
        of_unknown_origin: Number of those that hold no note about the filter that made them.
        failed: Number of photos that failed.
        frames: Number of stylized frames and pages in all outputs that hold several.
        sequences: Number of those outputs.
        left_out: Files and folders of the source that were not stylized, counted by reason.
        worker_seconds: Total time of all workers for the outputs that were written.
        seconds: Duration of the whole call.
        failures: Names and reasons of the first photos that failed.
        notes: Remarks about photos, each with the names of the first photos and the number of all.
    """

    written: int = 0
    existed: int = 0
    of_unknown_origin: int = 0
    failed: int = 0
    frames: int = 0
    sequences: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    worker_seconds: float = 0.0
    seconds: float = 0.0
    failures: list[tuple[str, str]] = field(default_factory=list)
    notes: dict[str, tuple[list[str], int]] = field(default_factory=dict)

    @property
    def handled(self) -> int:
        """Number of photos that are finished: written, kept or failed."""
        return self.written + self.existed + self.failed

    @property
    def ms_per_photo(self) -> float | None:
        """Milliseconds of worker time for each output that was written; None if there are none."""
        return 1000 * self.worker_seconds / self.written if self.written else None

    def add(self, batch: BatchResult) -> None:
        """Add the results of a batch."""
        self.left_out.update(batch.left_out)
        for result in batch.results:
            self._add(result)
        if any(result.outcome == "written" for result in batch.results):
            self.worker_seconds += batch.seconds

    def _add(self, result: PhotoResult) -> None:
        self.written += result.outcome == "written"
        self.existed += result.outcome == "existed"
        self.of_unknown_origin += result.of_unknown_origin
        self.failed += result.outcome == "failed"
        self.frames += result.frames
        self.sequences += result.frames > 0
        if result.outcome == "failed" and len(self.failures) < _SHOWN_FAILURES:
            self.failures.append((result.photo, result.reason))
        for note in result.notes:
            names, count = self.notes.get(note, ([], 0))
            if names or len(self.notes) < _SHOWN_NOTES:
                self.notes[note] = ([*names, result.photo][:_SHOWN_NAMES], count + 1)

    def to_json(self) -> dict[str, Any]:
        """Return the figures."""
        names = ("written", "existed", "of_unknown_origin", "failed", "frames", "sequences", "seconds")
        figures = {name: getattr(self, name) for name in names}
        return {**figures, "ms_per_photo": self.ms_per_photo, "left_out": dict(self.left_out)}

    def summary(self) -> str:
        """Return the figures in words, on one line."""
        parts = [f"{counted(self.written, 'photo')} stylized"]
        if self.ms_per_photo is not None:
            parts.append(f"{self.ms_per_photo:.0f} ms of worker time each, {self.seconds:.1f} s in all")
        if self.sequences:
            files = counted(self.sequences, "file")
            parts.append(f"{counted(self.frames, 'frame or page', 'frames and pages')} in {files}")
        if self.existed:
            them = "it" if self.existed == 1 else "them"
            unknown = f", {self.of_unknown_origin:,} of unknown origin" if self.of_unknown_origin else ""
            parts.append(f"{self.existed:,} existed already{unknown} (--overwrite replaces {them})")
        if self.failed:
            parts.append(f"{self.failed:,} failed")
        if self.left_out:
            parts.append(f"left out: {describe_counts(self.left_out)}")
        return "; ".join(parts)


class ReportLines:
    """A report in JSON lines: photos that failed or have notes, and the figures at the end."""

    def __init__(self) -> None:
        self._stream: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_SPOOLED_BYTES)  # noqa: SIM115

    def add(self, batch: BatchResult) -> None:
        """Add photos of a batch that failed or have notes."""
        for result in batch.results:
            if result.outcome == "failed" or result.notes:
                self._write(
                    {
                        "photo": text_of_file_name(result.photo),
                        "outcome": result.outcome,
                        "output": text_of_file_name(result.output) or None,
                        "reason": result.reason or None,
                        "notes": list(result.notes),
                    }
                )

    def finish(self, figures: Mapping[str, Any]) -> bytes:
        """Add the figures, and return the whole report."""
        self._write({"figures": figures})
        self._stream.seek(0)
        data = self._stream.read()
        self._stream.close()
        return data

    def _write(self, line: Mapping[str, Any]) -> None:
        self._stream.write(json.dumps(line, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n")
