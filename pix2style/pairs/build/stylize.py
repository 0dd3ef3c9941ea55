"""A few photos in all their styles: read, painted, encoded."""

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
from pix2style.pairs.build.fast_png import encode_png
from pix2style.pairs.format.manifest import Failure, PlannedPhoto, StoredPair
from pix2style.pairs.format.plan import PairPlan, PlannedPair
from pix2style.stylizer import Stylizer

# Decoding and encoding release the interpreter; they must keep up with a teacher on a graphics processor.
_MAX_THREADS = 16
_NICENESS = 10  # a tenth of the processor time where the teacher wants all of it
# A teacher that has failed on all of its first photos is broken, whatever the photos are like.
_FAILURES_BEFORE_GIVING_UP = 16


@dataclass(frozen=True, slots=True)
class EncodedPair:
    """A pair, encoded.

    Attributes:
        stored: its description.
        content: bytes of the photo's file.
        target: bytes of the painted picture's file.
    """

    stored: StoredPair
    content: bytes
    target: bytes


@contextlib.contextmanager
def threads() -> Iterator[ThreadPoolExecutor]:
    """A pool that drops what it has not begun when the block ends (Ctrl-C must not wait for a whole scan)."""
    pool = ThreadPoolExecutor(min(_MAX_THREADS, os.cpu_count() or 1), initializer=_step_back)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _step_back() -> None:
    """Let the teacher's threads go first: reading and encoding fill the gaps that they leave.

    Only Linux has priorities of threads; elsewhere the whole process would step back.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


@dataclass(slots=True)
class PairStylizer:
    """Photos to pairs.

    Attributes:
        teachers: who paints, one for each style.
        plan: sizes and format.
        paths: the file of each (name, SHA-256).
        pool: threads that read and encode.
        teacher_s: seconds that the teachers painted.
    """

    teachers: Sequence[Stylizer]
    plan: PairPlan
    paths: Mapping[tuple[str, str], Path]
    pool: ThreadPoolExecutor
    teacher_s: float = 0.0
    _painted: int = field(default=0, init=False)
    _failed: int = field(default=0, init=False)

    def read(self, photo: PlannedPhoto) -> ContentImage | Failure:
        """One photo, or why there is none."""
        path = self.paths.get((photo.file, photo.sha256))
        if path is None:
            return Failure(source=photo.source, sha256=photo.sha256, reason="is gone")
        return load_content(photo, path, self.plan.size, self.plan.fit)

    def paint(
        self, contents: Sequence[ContentImage], pairs: Sequence[PlannedPair]
    ) -> tuple[dict[str, Future[EncodedPair]], list[Failure]]:
        """Paint some photos, each in some styles.

        Args:
            contents: the photos. A teacher gets all of them that are to be in its style at once.
            pairs: which styles; pairs of other photos are passed over.

        Returns:
            The pairs by key, being encoded, and what could not be painted.

        Raises:
            ArtifactError: a teacher gave something else than one picture of the photo's size for each photo, or
                failed on each of its first photos.
        """
        by_photo = {content.photo.key: content for content in contents}
        found: dict[str, Future[EncodedPair]] = {}
        failures: list[Failure] = []
        for style in sorted({pair.style for pair in pairs}):
            wanted = [pair for pair in pairs if pair.style == style and pair.photo.key in by_photo]
            targets = self._stylize(style, [by_photo[pair.photo.key] for pair in wanted])
            for pair, target in zip(wanted, targets, strict=True):
                if isinstance(target, PhotoError):
                    failures.append(_failure(pair, target))
                else:
                    found[pair.key] = self.pool.submit(self._encode, pair, by_photo[pair.photo.key], target)
        return found, failures

    def fails_on(self, content: ContentImage, pair: PlannedPair) -> bool:
        """Whether the teacher cannot paint this photo."""
        return isinstance(self._stylize(pair.style, [content])[0], PhotoError)

    def _stylize(self, style: int, contents: list[ContentImage]) -> list[Image8 | PhotoError]:
        """What a teacher makes of some photos, or why it cannot."""
        if not contents:
            return []
        teacher, begun = self.teachers[style], time.perf_counter()
        targets: list[Image8 | PhotoError]
        try:
            targets = [*teacher.stylize([content.rgb for content in contents])]
        except PhotoError as error:
            # One photo's failure must not cost the others of its batch.
            targets = [error] if len(contents) == 1 else [self._stylize(style, [content])[0] for content in contents]
        self.teacher_s += time.perf_counter() - begun
        _check(teacher.identity.name, contents, targets)
        if len(contents) == 1:
            self._count(teacher.identity.name, targets[0])
        return targets

    def _count(self, name: str, target: Image8 | PhotoError) -> None:
        if not isinstance(target, PhotoError):
            self._painted += 1
            return
        self._failed += 1
        if not self._painted and self._failed >= _FAILURES_BEFORE_GIVING_UP:
            raise ArtifactError(
                f"teacher {name}: failed on each of the first {self._failed} photos; the last time: {target}"
            )

    def _encode(self, pair: PlannedPair, content: ContentImage, target: Image8) -> EncodedPair:
        encode = encode_png if self.plan.format == "png" else encode_jpeg
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


def _failure(pair: PlannedPair, error: PhotoError) -> Failure:
    photo = pair.photo
    return Failure(source=photo.source, sha256=photo.sha256, reason=str(error), style=pair.style)


def _check(name: str, contents: Sequence[ContentImage], targets: Sequence[Image8 | PhotoError]) -> None:
    if len(targets) != len(contents):
        raise ArtifactError(f"teacher {name}: gave {len(targets)} pictures for {len(contents)} photos")
    for content, target in zip(contents, targets, strict=True):
        if isinstance(target, PhotoError):
            continue
        if target.dtype != np.uint8 or target.shape != content.rgb.shape:
            raise ArtifactError(
                f"teacher {name}: gave {target.dtype} {list(target.shape)} for {content.photo.source}, expected uint8"
                f" {list(content.rgb.shape)}: a pair must match point for point, so this teacher cannot make pairs"
            )
