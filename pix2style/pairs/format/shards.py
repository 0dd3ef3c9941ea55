"""Write shards: uncompressed tar files in WebDataset's layout that lose no finished pair when a process is killed.

A shard grows as `NAME.tar.partial`. The members of a pair follow each other, and `KEY.json`, which holds the
digests of the two images, comes last. A pair is therefore complete exactly if its `KEY.json` is there and the digests
match. A resumed run keeps the complete pairs (see `shard_recovery`), truncates the rest and appends the missing pairs;
the finished shard has the same bytes as one that was never interrupted.
"""

from __future__ import annotations

import contextlib
import io
import os
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from pix2style.errors import DataError
from pix2style.files import sha256_file, write_json
from pix2style.pairs.format.manifest import ShardIndex, ShardStatistics
from pix2style.pairs.format.records import Failure, Member, PairEntry, PairFormat, StoredPair
from pix2style.pairs.format.shard_names import is_tar_of_shard
from pix2style.system.locks import try_lock

BLOCK_BYTES = tarfile.BLOCKSIZE
_MODE = 0o644


def image_suffix(image_format: PairFormat) -> str:
    """Return the suffix of image files without dot: `png` or `jpg`."""
    return "png" if image_format == "png" else "jpg"


def member_names(key: str, image_format: PairFormat) -> tuple[str, str, str]:
    """Return the names of a pair's members: content, target and description."""
    suffix = image_suffix(image_format)
    return f"{key}.content.{suffix}", f"{key}.target.{suffix}", f"{key}.json"


@contextlib.contextmanager
def explain_write_errors(path: Path) -> Iterator[None]:
    """Turn an OSError of the block into a message that names the file and says how to continue.

    Raises:
        DataError: The block raised an OSError, for example because the disk is full or the folder is read-only.
    """
    try:
        yield
    except OSError as error:
        kept = "Finished pairs are kept: solve" if _holds_pairs(path) else "Solve"
        raise DataError(
            f"{path}: cannot be written: {error.strerror or error}. {kept} the problem and run the same command again"
            f"{' to continue' if kept != 'Solve' else ''}"
        ) from error


def _holds_pairs(path: Path) -> bool:
    """Return whether there are shards with content in a folder, or beside a shard."""
    try:
        files = path.rglob("*.tar*") if path.is_dir() else path.parent.glob("*.tar*")
        return any(file.stat().st_size for file in files if is_tar_of_shard(file.name))
    except OSError:
        return False


class ShardBusyError(DataError):
    """Another process is writing the shard."""


class ShardWriter:
    """Append pairs to a partial shard, and keep its file locked meanwhile.

    Args:
        path: The `.partial` file. It is created if it does not exist.
        image_format: Format of the images.

    Raises:
        ShardBusyError: Another process is writing the file.
        DataError: The file cannot be written. All methods raise this error too.
    """

    def __init__(self, path: Path, image_format: PairFormat) -> None:
        self._path = path
        self._end = 0
        self._format = image_format
        # Unbuffered: when append() returns, the operating system has the data, so they survive a kill of this process.
        with explain_write_errors(path):
            path.touch()
            self._stream = io.FileIO(path, "r+")
        # Between opening and locking, the process that held the lock may have finished the shard and renamed its file.
        # This process would then append to a finished shard, so it checks that the name still belongs to its file.
        if not try_lock(self._stream.fileno()) or not self._has_path(path):
            self._stream.close()
            raise ShardBusyError(
                f"{path}: another make-pairs is writing this shard: wait for it, or choose another folder"
            )

    def truncate(self, end: int) -> None:
        """Drop everything after the complete pairs, which take `end` bytes, and append from there."""
        with explain_write_errors(self._path):
            self._stream.truncate(end)
            self._stream.seek(end)
        self._end = end

    def close(self) -> None:
        """Close the file, which releases its lock."""
        self._stream.close()

    def append(self, pair: StoredPair, content: bytes, target: bytes, shard: int) -> PairEntry:
        """Append one pair.

        Args:
            pair: Description of the pair.
            content: File of the content.
            target: File of the target.
            shard: Number of the shard.

        Returns:
            The entry of the pair for the shard's index.
        """
        names = member_names(pair.key, self._format)
        files = (content, target, pair.model_dump_json().encode())
        self._write(b"".join(member_bytes(name, data) for name, data in zip(names, files, strict=True)))
        entry = pair_entry(pair, shard, self._end, (len(content), len(target)))
        self._end += sum(member_size(len(data)) for data in files)
        return entry

    def finish(self) -> None:
        """Write the end of the archive, and give the file its final name."""
        # An archive ends with two empty blocks, and its size is a multiple of a record (POSIX pax, ustar format).
        padding = 2 * BLOCK_BYTES
        padding += -(self._end + padding) % tarfile.RECORDSIZE
        self._write(b"\0" * padding)
        with explain_write_errors(self._path):
            # fsync before the rename: after a power failure the final name must never belong to incomplete data.
            os.fsync(self._stream.fileno())
            if os.name == "nt":
                self._stream.close()  # Windows does not rename open files
            self._path.replace(self._path.with_suffix(""))

    def _has_path(self, path: Path) -> bool:
        with contextlib.suppress(OSError):
            return os.path.samestat(os.fstat(self._stream.fileno()), path.stat())
        return False

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        with explain_write_errors(self._path):
            # An unbuffered stream may write only a part of the data.
            while view:
                view = view[self._stream.write(view) or 0 :]


def write_index(
    tar: Path, shard: int, pairs: Sequence[PairEntry], failures: Sequence[Failure], statistics: ShardStatistics
) -> ShardIndex:
    """Write the index of a finished shard next to its tar file.

    Args:
        tar: The finished tar file.
        shard: Number of the shard.
        pairs: Entries of the shard's pairs, in order.
        failures: Failures of the shard.
        statistics: Statistics of `pairs` and `failures`.
    """
    path = tar.with_suffix(".json")
    with explain_write_errors(path):
        index = ShardIndex(
            shard=shard,
            sha256=sha256_file(tar),
            size=tar.stat().st_size,
            pairs=tuple(pairs),
            failures=tuple(failures),
            statistics=statistics,
        )
        write_json(path, index.model_dump(mode="json"))
    return index


def pair_entry(pair: StoredPair, shard: int, start: int, sizes: tuple[int, int]) -> PairEntry:
    """Create the index entry of a pair.

    Args:
        pair: Description of the pair.
        shard: Number of the shard.
        start: Offset of the pair's first tar header.
        sizes: Sizes of content and target in bytes.
    """
    content_size, target_size = sizes
    target_start = start + member_size(content_size)
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
        content=Member(offset=start + BLOCK_BYTES, size=content_size, sha256=pair.content_sha256),
        target=Member(offset=target_start + BLOCK_BYTES, size=target_size, sha256=pair.target_sha256),
    )


def tar_header(name: str, size_bytes: int) -> bytes:
    """Return the tar header of a member."""
    info = tarfile.TarInfo(name)
    # Modification time, owner and group keep their defaults (0 and empty), so the bytes are the same on any machine.
    info.size, info.mode = size_bytes, _MODE
    return info.tobuf(tarfile.USTAR_FORMAT)


def member_bytes(name: str, data: bytes) -> bytes:
    """Return a member as it is written: its header, its data, and zeros up to a full block."""
    return tar_header(name, len(data)) + data + b"\0" * (-len(data) % BLOCK_BYTES)


def member_size(data_bytes: int) -> int:
    """Return the size of a member in bytes, with header and padding."""
    return BLOCK_BYTES + data_bytes + -data_bytes % BLOCK_BYTES
