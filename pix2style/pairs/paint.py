"""A few photos through the teacher at once, read and encoded by threads beside it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pix2style.errors import ArtifactError
from pix2style.files import sha256_bytes
from pix2style.images import Image8, encode_jpeg, encode_png
from pix2style.pairs.manifest import Failure, PairFormat, PlannedPhoto, StoredPair
from pix2style.pairs.scan import Content, read_content
from pix2style.stylizer import Stylizer

# Decoding and encoding release the interpreter; more threads than this only wait for the teacher.
_MAX_THREADS = 4


@dataclass(frozen=True, slots=True)
class PaintedPair:
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
    pool = ThreadPoolExecutor(min(_MAX_THREADS, os.cpu_count() or 1))
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@dataclass(frozen=True, slots=True)
class Painter:
    """Photos to pairs.

    Attributes:
        teacher: who paints.
        size_px: side of both pictures.
        picture_format: how they are encoded.
        paths: the file of each (name, SHA-256).
        pool: threads that read and encode.
    """

    teacher: Stylizer
    size_px: int
    picture_format: PairFormat
    paths: Mapping[tuple[str, str], Path]
    pool: ThreadPoolExecutor

    def read(self, photo: PlannedPhoto) -> Content | Failure:
        """One photo, or why there is none."""
        return read_content(photo, self.paths[photo.source, photo.sha256], self.size_px)

    def read_ahead(
        self, groups: Sequence[Sequence[PlannedPhoto]]
    ) -> Iterator[tuple[Sequence[PlannedPhoto], list[Content | Failure]]]:
        """Each group with its photos read; the next group is read while the caller works on one."""
        ahead: list[Future[Content | Failure]] = []
        for i, group in enumerate(groups):
            futures = ahead or [self.pool.submit(self.read, photo) for photo in group]
            following = groups[i + 1] if i + 1 < len(groups) else []
            ahead = [self.pool.submit(self.read, photo) for photo in following]
            yield group, [future.result() for future in futures]

    def paint(self, contents: Sequence[Content]) -> list[PaintedPair]:
        """Pairs of the photos, in order.

        Raises:
            ArtifactError: the teacher gave something else than one picture of the photo's size for each photo.
        """
        painted = self.teacher.stylize([content.rgb for content in contents])
        self._check(contents, painted)
        return list(self.pool.map(self._encode, contents, painted))

    def _check(self, contents: Sequence[Content], painted: Sequence[Image8]) -> None:
        name = self.teacher.identity.name
        if len(painted) != len(contents):
            raise ArtifactError(f"teacher {name}: gave {len(painted)} pictures for {len(contents)} photos")
        for content, target in zip(contents, painted, strict=True):
            if target.dtype != np.uint8 or target.shape != content.rgb.shape:
                raise ArtifactError(
                    f"teacher {name}: gave {target.dtype} {list(target.shape)} for {content.photo.source}, expected"
                    f" uint8 {list(content.rgb.shape)}: a pair must match point for point, so this teacher cannot"
                    " make pairs"
                )

    def _encode(self, content: Content, target: Image8) -> PaintedPair:
        encode = encode_png if self.picture_format == "png" else encode_jpeg
        photo, content_bytes, target_bytes = content.photo, encode(content.rgb), encode(target)
        stored = StoredPair(
            key=photo.key,
            source=photo.source,
            sha256=photo.sha256,
            split=photo.split,
            photo_height_px=content.photo_height_px,
            photo_width_px=content.photo_width_px,
            content_sha256=sha256_bytes(content_bytes),
            target_sha256=sha256_bytes(target_bytes),
        )
        return PaintedPair(stored, content_bytes, target_bytes)
