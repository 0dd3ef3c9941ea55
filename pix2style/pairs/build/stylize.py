"""Stylize a batch of photos in all their styles, and encode the pairs."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pix2style.errors import ArtifactError, PhotoError
from pix2style.files import sha256_bytes
from pix2style.images import Image8, encode_jpeg
from pix2style.pairs.build.content import ContentImage, load_content
from pix2style.pairs.build.fast_png import encode_png_fast
from pix2style.pairs.format.plan import PairPlan, PlannedPair
from pix2style.pairs.format.records import Failure, PlannedPhoto, StoredPair
from pix2style.plural import counted
from pix2style.processes import shut_down
from pix2style.stylizer import Stylizer
from pix2style.system.interrupts import interrupts_held

# Decoding and encoding release the interpreter lock; they must keep up with a teacher on a GPU.
_MAX_THREADS = 16
# With this nice value the threads get about a tenth of the processor time while the teacher uses all processors.
_NICENESS = 10
# A teacher that fails for all of its first photos is broken; the photos are not the reason.
_FAILURES_BEFORE_GIVING_UP = 16


@dataclass(frozen=True, slots=True)
class EncodedPair:
    """A pair as it is written to a shard.

    Attributes:
        stored: Description of the pair.
        content: File of the content.
        target: File of the target.
    """

    stored: StoredPair
    content: bytes
    target: bytes


@contextlib.contextmanager
def worker_threads() -> Iterator[ThreadPoolExecutor]:
    """Provide threads that load photos and encode pairs.

    Tasks that have not begun when the block ends are cancelled, so that Ctrl-C need not wait for the rest of a scan.
    """
    pool = ThreadPoolExecutor(min(_MAX_THREADS, os.cpu_count() or 1), initializer=_lower_priority)
    try:
        yield pool
    finally:
        shut_down(pool)


def _lower_priority() -> None:
    """Let the teacher's threads go first; loading and encoding use the processor time that they leave.

    Only Linux has priorities of single threads. Elsewhere the call would lower the priority of the whole process.
    """
    if sys.platform == "linux" and hasattr(os, "setpriority"):
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


@dataclass(slots=True)
class PairStylizer:
    """Turn photos into encoded pairs.

    Attributes:
        teachers: Teachers of the styles, in the order of the styles' ids.
        plan: Plan of the pair set.
        paths: Path of the file for each name and SHA-256.
        pool: Threads that load and encode.
        teacher_s: Seconds that the teachers have worked.
    """

    teachers: Sequence[Stylizer]
    plan: PairPlan
    paths: Mapping[tuple[str, str], Path]
    pool: ThreadPoolExecutor
    teacher_s: float = 0.0
    _successes: int = field(default=0, init=False)
    _failures: int = field(default=0, init=False)

    def load(self, photo: PlannedPhoto) -> ContentImage | Failure:
        """Load a planned photo or variant, or return why that is impossible."""
        path = self.paths.get((photo.file_name, photo.sha256))
        if path is None:
            return Failure(source=photo.source, sha256=photo.sha256, reason="is gone")
        return load_content(photo, path, self.plan.size, self.plan.fit)

    def stylize(
        self, contents: Sequence[ContentImage], pairs: Sequence[PlannedPair]
    ) -> tuple[dict[str, Future[EncodedPair]], list[Failure]]:
        """Stylize photos, each in its own styles, and begin to encode the pairs.

        Args:
            contents: Photos of one batch. A teacher gets all photos that need its style in one call.
            pairs: Planned pairs of these photos; pairs of other photos are ignored.

        Returns:
            The pairs by key, which are still being encoded, and the failures of the teachers.

        Raises:
            ArtifactError: A teacher returned anything but one image of the photo's size for each photo, or failed for
                all of its first photos.
        """
        content_by_key = {content.photo.key: content for content in contents}
        encoded: dict[str, Future[EncodedPair]] = {}
        failures: list[Failure] = []
        for style in sorted({pair.style for pair in pairs}):
            style_pairs = [pair for pair in pairs if pair.style == style and pair.photo.key in content_by_key]
            targets = self._run_teacher(style, [content_by_key[pair.photo.key] for pair in style_pairs])
            for pair, target in zip(style_pairs, targets, strict=True):
                if isinstance(target, PhotoError):
                    failures.append(_teacher_failure(pair, target))
                else:
                    with interrupts_held():
                        encoded[pair.key] = self.pool.submit(self._encode, pair, content_by_key[pair.photo.key], target)
        return encoded, failures

    def teacher_fails(self, content: ContentImage, pair: PlannedPair) -> bool:
        """Return whether the teacher cannot stylize this photo.

        A resumed run asks about photos that failed before, so their failures say nothing about the teacher as a whole,
        and are not counted.
        """
        return isinstance(self._run_teacher(pair.style, [content], is_counted=False)[0], PhotoError)

    def _run_teacher(
        self, style: int, contents: list[ContentImage], *, is_counted: bool = True
    ) -> list[Image8 | PhotoError]:
        """Return the target of each photo, or the error of the teacher."""
        if not contents:
            return []
        teacher, start = self.teachers[style], time.perf_counter()
        targets: list[Image8 | PhotoError]
        try:
            targets = [*teacher.stylize([content.rgb for content in contents])]
        except PhotoError as error:
            # One photo must not make the others of its batch fail: they are stylized one by one.
            if len(contents) == 1:
                targets = [error]
            else:
                targets = [self._run_teacher(style, [content])[0] for content in contents]
        self.teacher_s += time.perf_counter() - start
        _check_targets(teacher.identity.name, contents, targets)
        if len(contents) == 1 and is_counted:
            self._count_result(teacher.identity.name, targets[0])
        return targets

    def _count_result(self, teacher_name: str, target: Image8 | PhotoError) -> None:
        if not isinstance(target, PhotoError):
            self._successes += 1
            return
        self._failures += 1
        if not self._successes and self._failures >= _FAILURES_BEFORE_GIVING_UP:
            raise ArtifactError(
                f"teacher {teacher_name}: failed on each of the first {counted(self._failures, 'photo')}; the last"
                f" time: {target}"
            )

    def _encode(self, pair: PlannedPair, content: ContentImage, target: Image8) -> EncodedPair:
        encode = encode_png_fast if self.plan.format == "png" else encode_jpeg
        photo, content_bytes, target_bytes = pair.photo, encode(content.rgb), encode(target)
        stored = StoredPair(
            key=pair.key,
            source=photo.source,
            sha256=photo.sha256,
            split=photo.split,
            style=pair.style,
            height_px=target.shape[0],
            width_px=target.shape[1],
            photo_height_px=content.photo_height_px,
            photo_width_px=content.photo_width_px,
            content_sha256=sha256_bytes(content_bytes),
            target_sha256=sha256_bytes(target_bytes),
        )
        return EncodedPair(stored, content_bytes, target_bytes)


def _teacher_failure(pair: PlannedPair, error: PhotoError) -> Failure:
    photo = pair.photo
    return Failure(source=photo.source, sha256=photo.sha256, reason=str(error), style=pair.style)


def _check_targets(teacher_name: str, contents: Sequence[ContentImage], targets: Sequence[Image8 | PhotoError]) -> None:
    if len(targets) != len(contents):
        raise ArtifactError(
            f"teacher {teacher_name}: returned {counted(len(targets), 'image')} for {counted(len(contents), 'photo')}"
        )
    for content, target in zip(contents, targets, strict=True):
        if isinstance(target, PhotoError):
            continue
        if target.dtype != np.uint8 or target.shape != content.rgb.shape:
            raise ArtifactError(
                f"teacher {teacher_name}: returned {target.dtype} {list(target.shape)} for {content.photo.source},"
                f" expected uint8 {list(content.rgb.shape)}: content and target must match pixel by pixel, so this"
                " teacher cannot make pairs"
            )
