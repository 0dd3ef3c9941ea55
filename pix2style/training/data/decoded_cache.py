"""Decode all images once, into memory or into one file of bytes.

Decoding is most of a loader's work and gives the same result in every epoch. The file is memory-mapped, so that all
processes of a machine share one copy, in the page cache of the operating system.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pix2style.config.augment import AugmentConfig
from pix2style.errors import DataError
from pix2style.images import Image8
from pix2style.pairs.format.records import PairEntry, PairRecord
from pix2style.processes import usable_cores
from pix2style.progress import ProgressBar
from pix2style.system.disk import reserve
from pix2style.training.data.crops import Indices, pair_sizes
from pix2style.training.data.sources import TrainingData
from pix2style.training.distributed import World

DECODED_FILE = "decoded.u8"
"""Name of the file that `decode_to_file` writes."""
_CHANNELS = 3
_STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class DecodedPairs:
    """Pairs as bytes, resized if `train.augment.resize` is set; a photo with several targets is stored once.

    Attributes:
        pixels: uint8 [pixels, 3]; the pixels of all images, one image after the other, row by row.
        contents: Index in `pixels` of the first pixel of each pair's photo.
        targets: Index in `pixels` of the first pixel of each pair's target; None if there are no targets.
        sizes: Height and width of each pair, [pairs, 2].
    """

    pixels: NDArray[np.uint8]
    contents: Indices
    targets: Indices | None
    sizes: Indices

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the path of a file instead of its content: a loader process maps the file again.

        Loader processes get their data by pickle where processes are not forked (macOS, Windows).
        """
        fields = (self.contents, self.targets, self.sizes)
        if isinstance(self.pixels, np.memmap) and self.pixels.filename is not None:
            return _reopen, (Path(self.pixels.filename), len(self.pixels), *fields)
        return DecodedPairs, (self.pixels, *fields)

    def content(self, index: int) -> Image8:
        """Return the photo of a pair, uint8 [height, width, 3]; a view."""
        return self._image(self.contents, index)

    def target(self, index: int) -> Image8 | None:
        """Return the target of a pair, uint8 [height, width, 3]; a view. None if there are no targets."""
        return None if self.targets is None else self._image(self.targets, index)

    def _image(self, first_pixels: Indices, index: int) -> Image8:
        height, width = self.sizes[index]
        start = first_pixels[index]
        return self.pixels[start : start + height * width].reshape(height, width, _CHANNELS)


def read_resized(data: TrainingData, entry: PairRecord, augment: AugmentConfig) -> tuple[Image8, Image8 | None]:
    """Read a pair and resize it if `train.augment.resize` is set; the target is None if there are no targets."""
    content, target = data.read_pair(entry)
    return _resize(content, augment.resize), None if target is None else _resize(target, augment.resize)


def decode_to_memory(data: TrainingData, entries: Sequence[PairRecord], augment: AugmentConfig) -> DecodedPairs:
    """Decode pairs into memory."""
    layout, count = _layout(data, entries, augment)
    pixels = np.empty((count, _CHANNELS), np.uint8)
    _fill(pixels, layout, data, entries, augment)
    return DecodedPairs(pixels, *layout)


def decode_to_file(
    data: TrainingData,
    entries: Sequence[PairRecord],
    augment: AugmentConfig,
    folder: Path,
    limit_gb: float,
    *,
    world: World | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> DecodedPairs | None:
    """Decode all pairs into one memory-mapped file that all processes share.

    The main process decodes; the others wait for it. `folder` has to be the same for all of them.

    Args:
        data: Training data that the pairs are read from.
        entries: Pairs to decode, of any sizes.
        augment: Section `train.augment`; pairs are resized as its key `resize` says.
        folder: Folder that the file `decoded.u8` is written to. The caller deletes it when training ends.
        limit_gb: Largest size of the file in gigabytes.
        world: The processes that train together; None if this process trains alone.
        stop: Asked after each pair whether to stop.

    Returns:
        The decoded pairs, or None if they are larger than `limit_gb`: nothing is written then.

    Raises:
        DataError: The file cannot be written, or a pair cannot be read; raised in all processes.
        KeyboardInterrupt: `stop` returned true; raised in all processes.
    """
    world = world or World(0, 1)
    layout, count = _layout(data, entries, augment)
    if count * _CHANNELS > limit_gb * 1e9:
        return None
    path, error = folder / DECODED_FILE, None
    if world.is_main:
        try:
            _write(path, layout, data, entries, augment, count=count, stop=stop)
        except DataError as caught:  # not raised yet: the other processes wait for the message
            error = caught
        except KeyboardInterrupt:
            error = DataError(_STOPPED)
    message: str | None = world.broadcast_object(None if error is None else str(error))
    if message == _STOPPED:
        raise KeyboardInterrupt
    if message is not None:
        raise DataError(message) from error
    return DecodedPairs(_map(path, count), *layout)


_Layout = tuple[Indices, Indices | None, Indices]


def _layout(data: TrainingData, entries: Sequence[PairRecord], augment: AugmentConfig) -> tuple[_Layout, int]:
    """Return the fields of `DecodedPairs` after `pixels`, and the number of pixels."""
    sizes = np.asarray(pair_sizes(entries, augment), np.int64).reshape(-1, 2)
    first_pixel: dict[str, int] = {}  # by the digest of the photo
    contents, targets, end = [], [], 0
    for entry, count in zip(entries, map(int, sizes.prod(axis=1)), strict=True):
        # The digest of the pixels where there is one: variants of a photo share the digest of its file.
        digest = entry.content.sha256 if isinstance(entry, PairEntry) else entry.sha256
        if digest not in first_pixel:
            first_pixel[digest] = end
            end += count
        contents.append(first_pixel[digest])
        if data.paired:
            targets.append(end)
            end += count
    return (np.asarray(contents), np.asarray(targets) if data.paired else None, sizes), end


def _write(
    path: Path,
    layout: _Layout,
    data: TrainingData,
    entries: Sequence[PairRecord],
    augment: AugmentConfig,
    *,
    count: int,
    stop: Callable[[], bool],
) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as stream:
            # On a full disk this raises an error, while writing to a mapped file with holes would kill the process with
            # SIGBUS.
            reserve(stream, max(count * _CHANNELS, 1))
        pixels = np.memmap(path, np.uint8, "r+", shape=(count, _CHANNELS))
        _fill(pixels, layout, data, entries, augment, stop=stop)
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
    data: TrainingData,
    entries: Sequence[PairRecord],
    augment: AugmentConfig,
    *,
    stop: Callable[[], bool] = lambda: False,
) -> None:
    """Decode all pairs, in threads, into their places in `pixels`."""
    decoded = DecodedPairs(pixels, *layout)
    _, first_entries = np.unique(decoded.contents, return_index=True)
    writes_content = set(first_entries.tolist())  # of several entries with the same photo, one writes it

    def decode(index: int) -> None:
        if index not in writes_content and not data.paired:
            return  # nothing to store: the same photo, to be trained with another style
        content, target = read_resized(data, entries[index], augment)
        if index in writes_content:
            decoded.content(index)[:] = content
        destination = decoded.target(index)
        if destination is not None and target is not None:
            destination[:] = target

    # Decoders and hash functions release Python's global lock, so threads use all cores.
    with ProgressBar("decoding pairs", len(entries)) as bar, ThreadPoolExecutor(usable_cores()) as pool:
        futures = [pool.submit(decode, index) for index in range(len(entries))]
        try:
            for future in as_completed(futures):
                future.result()
                bar.advance()
                if stop():
                    raise KeyboardInterrupt
        finally:
            pool.shutdown(cancel_futures=True)


def _reopen(path: Path, count: int, contents: Indices, targets: Indices | None, sizes: Indices) -> DecodedPairs:
    return DecodedPairs(_map(path, count), contents, targets, sizes)


def _map(path: Path, count: int) -> NDArray[np.uint8]:
    # Copy-on-write instead of read-only, because torch warns about arrays that are not writable. Nothing writes to it.
    return np.memmap(path, np.uint8, "c", shape=(count, _CHANNELS))


def _resize(rgb: Image8, side: int | None) -> Image8:
    if side is None or rgb.shape[:2] == (side, side):
        return rgb
    import cv2

    resized = np.empty((side, side, _CHANNELS), np.uint8)
    cv2.resize(rgb, (side, side), resized, interpolation=cv2.INTER_CUBIC)  # bicubic, as in the 2017 recipe
    return resized
