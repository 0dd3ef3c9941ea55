"""Shards: uncompressed tar files in WebDataset's layout, written so that a kill at any moment loses no whole pair.

A shard grows as `shard-NNNNN.tar.partial`. The members of a pair are contiguous, and `KEY.json`, which holds the
digests of the two pictures, comes last: a pair is whole exactly if its `KEY.json` is there and the digests agree. A
resumed run keeps the whole pairs, cuts off the rest and goes on, and the bytes come out as if nothing had happened.
"""

from __future__ import annotations

import contextlib
import io
import os
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from pix2style.errors import DataError
from pix2style.files import sha256_bytes, sha256_file, try_lock, write_json
from pix2style.pairs.format.manifest import (
    Failure,
    Member,
    PairEntry,
    PairFormat,
    ShardIndex,
    ShardStatistics,
    StoredPair,
)
from pix2style.pairs.format.plan import PlannedPair

_BLOCK_BYTES = tarfile.BLOCKSIZE
_MODE = 0o644


def shard_name(number: int) -> str:
    """`shard-00007`: its files are that and `.tar`, `.json`."""
    return f"shard-{number:05d}"


def member_names(key: str, picture_format: PairFormat) -> tuple[str, str, str]:
    """The names of a pair's members: content, target, description."""
    suffix = "png" if picture_format == "png" else "jpg"
    return f"{key}.content.{suffix}", f"{key}.target.{suffix}", f"{key}.json"


@contextlib.contextmanager
def explained_write_errors(path: Path) -> Iterator[None]:
    """Say which file could not be written, and that nothing whole is lost.

    Raises:
        DataError: the block raised an OSError (the disk is full, the folder is read-only, ...).
    """
    try:
        yield
    except OSError as error:
        raise DataError(
            f"{path}: cannot be written: {error.strerror or error}. Finished pairs are kept: put that right and run"
            " the same command again to go on"
        ) from error


class ShardBusyError(DataError):
    """Another process writes the shard."""


class ShardWriter:
    """Appends pairs to a partial shard, which it keeps locked.

    Args:
        path: the `.partial` file; made if it is not there.
        picture_format: of the members.

    Raises:
        ShardBusyError: another process writes it.
        DataError: the file cannot be written; so do the methods.
    """

    def __init__(self, path: Path, picture_format: PairFormat) -> None:
        self._path = path
        self._end = 0
        self._format = picture_format
        # Unbuffered: what append() has returned from is with the operating system, and survives a kill.
        with explained_write_errors(path):
            path.touch()
            self._stream = io.FileIO(path, "r+")
        if not try_lock(self._stream.fileno()) or not self._is_at(path):
            self._stream.close()
            raise ShardBusyError(
                f"{path}: another make-pairs is writing this shard: wait for it, or choose another folder"
            )

    def cut(self, end: int) -> None:
        """Drop what comes after the whole pairs, which end at `end`, and go on there."""
        with explained_write_errors(self._path):
            self._stream.truncate(end)
            self._stream.seek(end)
        self._end = end

    def close(self) -> None:
        """Let go of the file."""
        self._stream.close()

    def append(self, pair: StoredPair, content: bytes, target: bytes, shard: int) -> PairEntry:
        """Write one pair."""
        names = member_names(pair.key, self._format)
        blobs = (content, target, pair.model_dump_json().encode())
        self._write(b"".join(_member_bytes(name, blob) for name, blob in zip(names, blobs, strict=True)))
        entry = _entry(pair, shard, self._end, (len(content), len(target)))
        self._end += sum(_member_size(len(blob)) for blob in blobs)
        return entry

    def finish(self) -> None:
        """End the archive and make it last: it takes its final name, whole."""
        # The end of an archive is two empty blocks, and its size a multiple of a record (POSIX pax, ustar format).
        padding = 2 * _BLOCK_BYTES
        padding += -(self._end + padding) % tarfile.RECORDSIZE
        self._write(b"\0" * padding)
        with explained_write_errors(self._path):
            os.fsync(self._stream.fileno())
            self._path.replace(self._path.with_suffix(""))

    def _is_at(self, path: Path) -> bool:
        """Whether the file still has the name it was opened by: another process may just have finished it."""
        with contextlib.suppress(OSError):
            return os.path.samestat(os.fstat(self._stream.fileno()), path.stat())
        return False

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        with explained_write_errors(self._path):
            while view:
                view = view[self._stream.write(view) or 0 :]


def recover_pairs(path: Path, pairs: Sequence[PlannedPair], picture_format: PairFormat) -> list[tuple[PairEntry, int]]:
    """The whole pairs at the beginning of a shard, each with where it ends.

    Args:
        path: a partial shard; nothing is recovered from one that is not there.
        pairs: the shard's pairs in order; some may be missing in the file, none may be out of order.
        picture_format: of the members.

    Raises:
        OSError: the file cannot be read.
    """
    if not path.exists():
        return []
    found = []
    following = {pair.key: i for i, pair in enumerate(pairs)}
    with path.open("rb") as stream:
        end, expected = 0, 0
        while (read := _read_pair(stream, end, picture_format)) is not None:
            stored, sizes, next_end = read
            place = following.get(stored.key, -1)
            if place < expected or not _is_of(stored, pairs[place]):
                break
            found.append((_entry(stored, pairs[place].photo.shard, end, sizes), next_end))
            end, expected = next_end, place + 1
    return found


def write_index(
    tar: Path, shard: int, pairs: Sequence[PairEntry], failures: Sequence[Failure], statistics: ShardStatistics
) -> ShardIndex:
    """Write the index of a finished shard beside it."""
    with explained_write_errors(tar.with_suffix(".json")):
        index = ShardIndex(
            shard=shard,
            sha256=sha256_file(tar),
            size=tar.stat().st_size,
            pairs=tuple(pairs),
            failures=tuple(failures),
            statistics=statistics,
        )
        write_json(tar.with_suffix(".json"), index.model_dump(mode="json"))
    return index


def _entry(pair: StoredPair, shard: int, start: int, sizes: tuple[int, int]) -> PairEntry:
    content_size, target_size = sizes
    target_start = start + _member_size(content_size)
    return PairEntry(
        key=pair.key,
        source=pair.source,
        sha256=pair.sha256,
        split=pair.split,
        style=pair.style,
        height_px=pair.height_px,
        width_px=pair.width_px,
        shard=shard,
        photo_height_px=pair.photo_height_px,
        photo_width_px=pair.photo_width_px,
        content=Member(offset=start + _BLOCK_BYTES, size=content_size, sha256=pair.content_sha256),
        target=Member(offset=target_start + _BLOCK_BYTES, size=target_size, sha256=pair.target_sha256),
    )


def _is_of(stored: StoredPair, pair: PlannedPair) -> bool:
    photo = pair.photo
    of = (photo.source, photo.sha256, photo.split, pair.style)
    return (stored.source, stored.sha256, stored.split, stored.style) == of


def tar_header(name: str, size_bytes: int) -> bytes:
    """A member's tar header, as it is written."""
    info = tarfile.TarInfo(name)
    # Time, owner and group stay 0 and nameless: the bytes are the same anywhere.
    info.size, info.mode = size_bytes, _MODE
    return info.tobuf(tarfile.USTAR_FORMAT)


def _member_bytes(name: str, blob: bytes) -> bytes:
    return tar_header(name, len(blob)) + blob + b"\0" * (-len(blob) % _BLOCK_BYTES)


def _member_size(blob_bytes: int) -> int:
    return _BLOCK_BYTES + blob_bytes + -blob_bytes % _BLOCK_BYTES


def _read_pair(
    stream: BinaryIO, start: int, picture_format: PairFormat
) -> tuple[StoredPair, tuple[int, int], int] | None:
    """The pair that begins at `start`, the sizes of its pictures and its end; None if it is not whole."""
    stream.seek(start)
    members = list(_read_members(stream))
    if len(members) != 3:
        return None
    (_, content), (_, target), (_, description) = members
    try:
        pair = StoredPair.model_validate_json(description)
    except ValidationError:
        return None
    if tuple(name for name, _ in members) != member_names(pair.key, picture_format):
        return None
    if (sha256_bytes(content), sha256_bytes(target)) != (pair.content_sha256, pair.target_sha256):
        return None
    # What was recovered must be what would have been written, or the set would differ from an uninterrupted one.
    if pair.model_dump_json().encode() != description:
        return None
    return pair, (len(content), len(target)), start + sum(_member_size(len(blob)) for _, blob in members)


def _read_members(stream: BinaryIO) -> Iterator[tuple[str, bytes]]:
    """Up to three whole members from where the stream stands."""
    available = os.fstat(stream.fileno()).st_size
    for _ in range(3):
        header = stream.read(_BLOCK_BYTES)
        try:
            info = tarfile.TarInfo.frombuf(header, "ascii", "strict")
        except (tarfile.HeaderError, UnicodeDecodeError):
            return
        if info.size < 0 or stream.tell() + _member_size(info.size) - _BLOCK_BYTES > available:
            return
        whole = header + stream.read(_member_size(info.size) - _BLOCK_BYTES)
        blob = whole[_BLOCK_BYTES : _BLOCK_BYTES + info.size]
        if not _is_as_written(info.name, blob, whole):
            return
        yield info.name, blob


def _is_as_written(name: str, blob: bytes, whole: bytes) -> bool:
    try:
        return whole == _member_bytes(name, blob)
    except ValueError:  # a name that no header of ours can hold
        return False
