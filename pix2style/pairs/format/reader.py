"""Reading a pair set: any pair at any time, from any process, and nothing that is not what was written."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

from pix2style.errors import ConfigError, DataError
from pix2style.files import sha256_bytes
from pix2style.images import Image8, decode_picture, read_file
from pix2style.pairs.format.documents import parse_document, read_document
from pix2style.pairs.format.manifest import (
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
)

# make-pairs looks only at the size of a finished shard, so it has to be deleted to be made again.
_DAMAGED = "copy the pair set again, or delete that shard's .tar and run the make-pairs that made it again"


def choose_style(manifest: PairManifest, wanted: int | None) -> int:
    """The id of the style that a generator learns or is measured on: it holds one.

    Args:
        manifest: of the pair set.
        wanted: `pairs.learn_style`.

    Raises:
        ConfigError: the set holds several, and none or no such one is named.
    """
    names = [teacher.name for teacher in manifest.teachers]
    if wanted is None and len(names) == 1:
        return 0
    if wanted is None or wanted >= len(names):
        known = ", ".join(f"{i} ({name})" for i, name in enumerate(names))
        raise ConfigError(f"[pairs -> learn_style] the pair set holds the styles {known}: set it to one of these")
    return wanted


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

    def entries(self, split: Split, style: int | None = None) -> list[PairEntry]:
        """The pairs of a split, in the order of the photos' names; empty if the split is.

        Args:
            split: which.
            style: of this style alone.
        """
        return [entry for entry in self._entries if entry.split == split and style in (None, entry.style)]

    def read(self, entry: PairEntry) -> tuple[Image8, Image8]:
        """The photo and what the teacher made of it.

        Returns:
            content and target, each uint8 [height, width, 3], of the entry's size.

        Raises:
            DataError: the bytes are not the ones that were written, or are no picture of the entry's size.
        """
        return self._picture(entry, entry.content, "content"), self._picture(entry, entry.target, "target")

    def read_content(self, entry: PairEntry) -> Image8:
        """The photo alone; see `read`."""
        return self._picture(entry, entry.content, "content")

    def read_bytes(self, entry: PairEntry) -> tuple[bytes, bytes]:
        """The files of content and target, as they are stored.

        Raises:
            DataError: the bytes are not the ones that were written.
        """
        return self._stored(entry, entry.content, "content"), self._stored(entry, entry.target, "target")

    def _stored(self, entry: PairEntry, member: Member, role: str) -> bytes:
        path = self._tar(entry.shard)
        name = _name(path, entry, role)
        suffix = "png" if self.manifest.format == "png" else "jpg"  # as shards.member_names
        data = _read_at(path, member, f"{entry.key}.{role}.{suffix}", name)
        if sha256_bytes(data) != member.sha256:
            raise DataError(f"{name}: is damaged: its digest is not the one in the index: {_DAMAGED}")
        return data

    def _picture(self, entry: PairEntry, member: Member, role: str) -> Image8:
        name = _name(self._tar(entry.shard), entry, role)
        data = self._stored(entry, member, role)
        rgb = decode_picture(data, name=name, max_pixels=max(1, entry.height_px * entry.width_px)).rgb
        if rgb.shape != (entry.height_px, entry.width_px, 3):
            raise DataError(
                f"{name}: is {rgb.shape[1]}x{rgb.shape[0]} px, but the index says {entry.width_px}x{entry.height_px}:"
                f" {_DAMAGED}"
            )
        return rgb

    def _tar(self, shard: int) -> Path:
        if shard >= len(self.manifest.shards):
            raise DataError(f"{self.folder}: there is no shard {shard}: this entry is of another pair set")
        return self.folder / SHARDS_NAME / f"{self.manifest.shards[shard].name}.tar"

    def _load_shard(self, number: int, record: ShardRecord) -> tuple[PairEntry, ...]:
        tar, path = self._tar(number), self.folder / SHARDS_NAME / f"{record.name}.json"
        try:
            data, size_bytes = read_file(path), tar.stat().st_size
        except OSError as error:
            raise DataError(
                f"{error.filename or path}: cannot be read: {error.strerror or error}: {_DAMAGED}"
            ) from error
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


def _name(path: Path, entry: PairEntry, role: str) -> str:
    return f"{path}: {role} of pair {entry.key} ({entry.source})"


def _check_finished(folder: Path) -> None:
    try:
        finished, begun = (folder / MANIFEST_NAME).exists(), (folder / PLAN_NAME).exists()
    except OSError as error:  # a folder that may not be entered
        raise DataError(f"{folder}: cannot be read: {error.strerror or error}") from error
    if finished:
        return
    if begun:
        raise DataError(f"{folder}: this pair set is not finished: run the same make-pairs again to go on")
    what = "there is no pair set in it" if folder.is_dir() else "no such folder"
    raise DataError(f"{folder}: {what} (no {MANIFEST_NAME}): make one with pix2style make-pairs")


def _check_bounds(entry: PairEntry, shard: int, shard_bytes: int, path: Path) -> None:
    for member in (entry.content, entry.target):
        if entry.shard != shard or member.offset + member.size > shard_bytes:
            raise DataError(f"{path}: pair {entry.key} lies outside its shard: {_DAMAGED}")


def _read_at(path: Path, member: Member, member_name: str, name: str) -> bytes:
    """A member's bytes, if it is the one that stands there: its header says whose they are.

    Positioned reading: no position is shared between threads or forks.
    """
    start = member.offset - tarfile.BLOCKSIZE
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            # Never ask for more than is there: an entry of another set must not make us allocate its size.
            wanted = min(member.offset + member.size, os.fstat(handle).st_size) - start
            data = os.pread(handle, max(0, wanted), start) if start >= 0 else b""
        finally:
            os.close(handle)
    except OSError as error:
        raise DataError(f"{name}: cannot be read: {error.strerror or error}: {_DAMAGED}") from error
    try:
        info = tarfile.TarInfo.frombuf(data[: tarfile.BLOCKSIZE], "ascii", "strict")
    except (tarfile.HeaderError, UnicodeDecodeError) as error:
        raise DataError(f"{name}: is damaged: no file of the tar begins there: {_DAMAGED}") from error
    if (info.name, info.size) != (member_name, member.size):
        raise DataError(f"{name}: is damaged: another file of the tar lies there: {_DAMAGED}")
    return data[tarfile.BLOCKSIZE :]
