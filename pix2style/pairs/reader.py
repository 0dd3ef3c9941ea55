"""Reading a pair set: any pair at any time, from any process, and nothing that is not what was written."""

from __future__ import annotations

import os
from pathlib import Path

from pix2style.errors import DataError
from pix2style.files import sha256_bytes
from pix2style.images import Image8, decode_picture
from pix2style.pairs.manifest import (
    MANIFEST_NAME,
    PLAN_NAME,
    SHARDS_NAME,
    Member,
    PairEntry,
    PairManifest,
    ShardIndex,
    ShardRecord,
    Split,
    SplitCounts,
    parse_document,
    read_document,
)

# make-pairs looks only at the size of a finished shard, so it has to be deleted to be made again.
_DAMAGED = "copy the pair set again, or delete that shard's .tar and run the make-pairs that made it again"


class PairReader:
    """A finished pair set.

    Holds no open files and no locks: it can be pickled, forked and used by several threads.

    Args:
        folder: the set; only read.

    Attributes:
        folder: the set.
        manifest: what it says of itself.
        digest: SHA-256 of `manifest.json`. As the manifest holds the digests of shards and indexes, it stands for
            every byte of the set.

    Raises:
        DataError: missing, unfinished, damaged, or of an unknown schema version; names the file.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        _check_finished(folder)
        self.manifest, data = read_document(PairManifest, folder / MANIFEST_NAME)
        self.digest = sha256_bytes(data)
        self._entries: list[PairEntry] = []
        for number, record in enumerate(self.manifest.shards):
            self._entries += self._load_shard(number, record)
        self._check_counts()

    def entries(self, split: Split) -> list[PairEntry]:
        """The pairs of a split, in the order of the photos' names; empty if the split is."""
        return [entry for entry in self._entries if entry.split == split]

    def read(self, entry: PairEntry) -> tuple[Image8, Image8]:
        """The photo and what the teacher made of it.

        Returns:
            content and target, each uint8 [size, size, 3].

        Raises:
            DataError: the bytes are not the ones that were written, or are no picture of the set's size.
        """
        return self._picture(entry, entry.content, "content"), self._picture(entry, entry.target, "target")

    def _picture(self, entry: PairEntry, member: Member, role: str) -> Image8:
        path = self._tar(entry.shard)
        name = f"{path}: {role} of pair {entry.key} ({entry.source})"
        data = _read_at(path, member, name)
        if sha256_bytes(data) != member.sha256:
            raise DataError(f"{name}: is damaged: its digest is not the one in the index: {_DAMAGED}")
        rgb = decode_picture(data, name=name).rgb
        side = self.manifest.size
        if rgb.shape != (side, side, 3):
            raise DataError(
                f"{name}: is {rgb.shape[1]}x{rgb.shape[0]} px, but the manifest says {side}x{side}: {_DAMAGED}"
            )
        return rgb

    def _tar(self, shard: int) -> Path:
        if shard >= len(self.manifest.shards):
            raise DataError(f"{self.folder}: there is no shard {shard}: this entry is of another pair set")
        return self.folder / SHARDS_NAME / f"{self.manifest.shards[shard].name}.tar"

    def _load_shard(self, number: int, record: ShardRecord) -> tuple[PairEntry, ...]:
        tar, path = self._tar(number), self.folder / SHARDS_NAME / f"{record.name}.json"
        try:
            data, size_bytes = path.read_bytes(), tar.stat().st_size
        except OSError as error:
            raise DataError(f"{error.filename}: cannot be read: {error.strerror or error}: {_DAMAGED}") from error
        index = parse_document(ShardIndex, data, path)
        if sha256_bytes(data) != record.index_sha256:
            raise DataError(f"{path}: is not the index that the manifest names: {_DAMAGED}")
        if size_bytes != record.size:
            raise DataError(f"{tar}: has {size_bytes} bytes instead of {record.size}: {_DAMAGED}")
        if (index.shard, index.sha256, index.size, len(index.pairs)) != (
            number,
            record.sha256,
            record.size,
            record.pairs,
        ):
            raise DataError(f"{path}: does not agree with the manifest: {_DAMAGED}")
        for entry in index.pairs:
            _check_bounds(entry, number, record.size, path)
        return index.pairs

    def _check_counts(self) -> None:
        counts = SplitCounts.of([entry.split for entry in self._entries])
        if counts != self.manifest.pairs or len({entry.key for entry in self._entries}) != counts.total:
            raise DataError(f"{self.folder / MANIFEST_NAME}: does not agree with the shards' indexes: {_DAMAGED}")


def _check_finished(folder: Path) -> None:
    if (folder / MANIFEST_NAME).exists():
        return
    if (folder / PLAN_NAME).exists():
        raise DataError(f"{folder}: this pair set is not finished: run the same make-pairs again to go on")
    what = "there is no pair set in it" if folder.is_dir() else "no such folder"
    raise DataError(f"{folder}: {what} (no {MANIFEST_NAME}): make one with pix2style make-pairs")


def _check_bounds(entry: PairEntry, shard: int, shard_bytes: int, path: Path) -> None:
    for member in (entry.content, entry.target):
        if entry.shard != shard or member.offset + member.size > shard_bytes:
            raise DataError(f"{path}: pair {entry.key} lies outside its shard: {_DAMAGED}")


def _read_at(path: Path, member: Member, name: str) -> bytes:
    """Positioned reading: no position is shared between threads or forks."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            # Never ask for more than is there: an entry of another set must not make us allocate its size.
            available = os.fstat(handle).st_size - member.offset
            return os.pread(handle, max(0, min(member.size, available)), member.offset)
        finally:
            os.close(handle)
    except OSError as error:
        raise DataError(f"{name}: cannot be read: {error.strerror or error}: {_DAMAGED}") from error
