"""Pictures decoded once, as bytes in one file: decoding is most of a loader's work, and the same every epoch."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pix2style.config.train import AugmentConfig
from pix2style.errors import DataError
from pix2style.images import Image8
from pix2style.pairs.format.manifest import PairEntry, PairRecord
from pix2style.processes import usable_cores
from pix2style.progress import ProgressBar
from pix2style.training.data.crops import Indices, pair_sizes
from pix2style.training.data.sources import TrainingData
from pix2style.training.distributed import World

_FILE_NAME = "decoded.u8"
_CHANNELS = 3


@dataclass(frozen=True, slots=True)
class DecodedPairs:
    """Pairs as bytes, resampled if that is asked for; a photo that has several targets lies there once.

    Attributes:
        pixels: uint8 [pixels, 3], all pictures one after the other.
        contents: each pair's first pixel of the photo.
        targets: each pair's first pixel of the target; None: there are no targets.
        sides: height and width of each pair.
    """

    pixels: NDArray[np.uint8]
    contents: Indices
    targets: Indices | None
    sides: Indices

    def content(self, index: int) -> Image8:
        """The photo: uint8 [height, width, 3]."""
        return self._picture(self.contents, index)

    def target(self, index: int) -> Image8 | None:
        """What the teacher made of it, likewise."""
        return None if self.targets is None else self._picture(self.targets, index)

    def _picture(self, first: Indices, index: int) -> Image8:
        height, width = self.sides[index]
        start = first[index]
        return self.pixels[start : start + height * width].reshape(height, width, _CHANNELS)


def read_resized(material: TrainingData, entry: PairRecord, augment: AugmentConfig) -> tuple[Image8, Image8 | None]:
    """Photo and target, as they are before cropping."""
    content, target = material.read_pair(entry)
    return _resized(content, augment.resize), None if target is None else _resized(target, augment.resize)


def decode_to_memory(material: TrainingData, entries: Sequence[PairRecord], augment: AugmentConfig) -> DecodedPairs:
    """A few pairs, decoded into memory."""
    layout, count = _layout(material, entries, augment)
    pixels = np.empty((count, _CHANNELS), np.uint8)
    _fill(pixels, layout, material, entries, augment)
    return DecodedPairs(pixels, *layout)


def decode_to_file(
    material: TrainingData,
    entries: Sequence[PairRecord],
    augment: AugmentConfig,
    folder: Path,
    limit_gb: float,
    *,
    world: World | None = None,
) -> DecodedPairs | None:
    """Decode all pairs into one file of bytes that processes share, if it fits the limit.

    Of several processes the first one decodes, and the others wait for it: `folder` has to be the same for all.

    Args:
        material: what is learned from.
        entries: the pairs, of any sizes.
        augment: its `resize` is done here, once.
        folder: where the file goes (`decoded.u8`; the caller deletes the folder when training ends).
        limit_gb: do nothing if it would be larger.
        world: the processes that learn together; None: this one alone.

    Returns:
        The decoded pairs, or None.

    Raises:
        DataError: the file cannot be written, or a pair cannot be read.
    """
    world = world or World(0, 1)
    layout, count = _layout(material, entries, augment)
    if count * _CHANNELS > limit_gb * 1e9:
        return None
    path, error = folder / _FILE_NAME, None
    if world.is_main:
        try:
            _write(path, layout, material, entries, augment, count=count)
        except DataError as failed:  # the others wait: tell them
            error = failed
    said: str | None = world.broadcast_object(None if error is None else str(error))
    if said is not None:
        raise DataError(said) from error
    return DecodedPairs(_mapped(path, count), *layout)


_Layout = tuple[Indices, Indices | None, Indices]


def _layout(material: TrainingData, entries: Sequence[PairRecord], augment: AugmentConfig) -> tuple[_Layout, int]:
    """Where each pair's pictures lie, each pair's sides, and how many pixels there are in all."""
    sides = np.asarray(pair_sizes(entries, augment), np.int64).reshape(-1, 2)
    first_at: dict[str, int] = {}
    contents, targets, end = [], [], 0
    for entry, size in zip(entries, map(int, sides.prod(axis=1)), strict=True):
        photo = entry.content.sha256 if isinstance(entry, PairEntry) else entry.sha256
        if photo not in first_at:
            first_at[photo] = end
            end += size
        contents.append(first_at[photo])
        if material.paired:
            targets.append(end)
            end += size
    return (np.asarray(contents), np.asarray(targets) if material.paired else None, sides), end


def _write(
    path: Path,
    layout: _Layout,
    material: TrainingData,
    entries: Sequence[PairRecord],
    augment: AugmentConfig,
    *,
    count: int,
) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as stream:
            os.posix_fallocate(stream.fileno(), 0, max(count * _CHANNELS, 1))  # a full disk now, not while mapped
        pixels = np.memmap(path, np.uint8, "r+", shape=(count, _CHANNELS))
        _fill(pixels, layout, material, entries, augment)
        pixels.flush()
    except OSError as error:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        raise DataError(
            f"{path}: cannot be written ({error.strerror}): free space or set train.decoded_cache_gb: 0"
        ) from error


def _fill(
    pixels: NDArray[np.uint8],
    layout: _Layout,
    material: TrainingData,
    entries: Sequence[PairRecord],
    augment: AugmentConfig,
) -> None:
    decoded = DecodedPairs(pixels, *layout)
    _, wanted = np.unique(decoded.contents, return_index=True)
    first = set(wanted.tolist())

    def put(index: int) -> None:
        if index not in first and not material.paired:
            return  # the same photo for another style
        content, target = read_resized(material, entries[index], augment)
        if index in first:
            decoded.content(index)[:] = content
        if (place := decoded.target(index)) is not None and target is not None:
            place[:] = target

    # decoders let go of Python's lock; hashing and decoding fill as many cores as there are
    with ProgressBar("decoding pairs", len(entries)) as bar, ThreadPoolExecutor(usable_cores()) as pool:
        waiting = [pool.submit(put, index) for index in range(len(entries))]
        try:
            for done in as_completed(waiting):
                done.result()
                bar.advance()
        finally:
            pool.shutdown(cancel_futures=True)


def _mapped(path: Path, count: int) -> NDArray[np.uint8]:
    # copy on write, not read-only: torch warns of arrays that it could not write to
    return np.memmap(path, np.uint8, "c", shape=(count, _CHANNELS))


def _resized(rgb: Image8, side: int | None) -> Image8:
    if side is None or rgb.shape[:2] == (side, side):
        return rgb
    import cv2

    resampled = np.empty((side, side, _CHANNELS), np.uint8)
    cv2.resize(rgb, (side, side), resampled, interpolation=cv2.INTER_CUBIC)  # bicubic, as in 2017
    return resampled
