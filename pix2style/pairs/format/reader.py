"""Read finished pair sets: any pair, from any process, and only bytes whose digests match the manifest."""

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
    PairManifest,
    ShardIndex,
    ShardRecord,
    SplitCounts,
)
from pix2style.pairs.format.records import Member, PairEntry, Split
from pix2style.pairs.format.shards import image_suffix

# make-pairs checks only the size of a finished shard, so a damaged one has to be deleted before it is made again.
_REPAIR = "copy the pair set again, or delete that shard's .tar and run the make-pairs that made it again"


def choose_style(manifest: PairManifest, learn_style: int | None) -> int:
    """Return the id of the style for a generator that learns a single style.

    Args:
        manifest: Manifest of the pair set.
        learn_style: `pairs.learn_style` of the configuration.

    Raises:
        ConfigError: The set holds several styles and `learn_style` names none of them.
    """
    names = [teacher.name for teacher in manifest.teachers]
    if learn_style is None and len(names) == 1:
        return 0
    if learn_style is None or learn_style >= len(names):
        styles = ", ".join(f"{i} ({name})" for i, name in enumerate(names))
        raise ConfigError(f"[pairs -> learn_style] the pair set holds the styles {styles}: set it to one of these")
    return learn_style


class PairReader:
    """Read the pairs of a finished pair set.

    A reader holds no open files and no locks, so it can be pickled, forked and used by several threads.

    Args:
        folder: Folder of the pair set, which is only read.

    Attributes:
        folder: Folder of the pair set.
        manifest: Manifest of the pair set.
        digest: SHA-256 of `manifest.json`. The manifest holds the digests of all shards and indexes, so this digest
            identifies every byte of the set.

    Raises:
        DataError: The set is missing, unfinished or damaged, or has an unsupported schema version. The message names
            the file.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        _check_finished(folder)
        self.manifest, data = read_document(PairManifest, folder / MANIFEST_NAME)
        self.digest = sha256_bytes(data)
        self._entries: list[PairEntry] = []
        for number, record in enumerate(self.manifest.shards):
            self._entries += self._load_shard(number, record)
        self._check_manifest()

    def entries(self, split: Split, style: int | None = None) -> list[PairEntry]:
        """Return the pairs of a split, of the style with this id or of all, in the order of the photos' names."""
        return [entry for entry in self._entries if entry.split == split and style in (None, entry.style)]

    def read(self, entry: PairEntry) -> tuple[Image8, Image8]:
        """Read a pair.

        Returns:
            Content and target, each uint8 [height, width, 3] of the entry's size.

        Raises:
            DataError: The bytes are not those that were written, or are not an image of the entry's size.
        """
        return self._read_image(entry, entry.content, "content"), self._read_image(entry, entry.target, "target")

    def read_content(self, entry: PairEntry) -> Image8:
        """Read the content of a pair; see `read`."""
        return self._read_image(entry, entry.content, "content")

    def read_bytes(self, entry: PairEntry) -> tuple[bytes, bytes]:
        """Read the files of content and target without decoding them.

        Raises:
            DataError: The bytes are not those that were written.
        """
        return self._read_file(entry, entry.content, "content"), self._read_file(entry, entry.target, "target")

    def _read_file(self, entry: PairEntry, member: Member, role: str) -> bytes:
        path = self._tar(entry.shard)
        label = _label(path, entry, role)
        data = _read_member(path, member, f"{entry.key}.{role}.{image_suffix(self.manifest.format)}", label)
        if sha256_bytes(data) != member.sha256:
            raise DataError(f"{label}: is damaged: its digest is not the one in the index: {_REPAIR}")
        return data

    def _read_image(self, entry: PairEntry, member: Member, role: str) -> Image8:
        label = _label(self._tar(entry.shard), entry, role)
        data = self._read_file(entry, member, role)
        rgb = decode_picture(data, name=label, max_pixels=max(1, entry.height_px * entry.width_px)).rgb
        if rgb.shape != (entry.height_px, entry.width_px, 3):
            raise DataError(
                f"{label}: is {rgb.shape[1]}x{rgb.shape[0]} px, but the index says {entry.width_px}x{entry.height_px}:"
                f" {_REPAIR}"
            )
        return rgb

    def _tar(self, shard: int) -> Path:
        if shard >= len(self.manifest.shards):
            raise DataError(f"{self.folder}: there is no shard {shard}: this entry belongs to another pair set")
        return self.folder / SHARDS_NAME / f"{self.manifest.shards[shard].name}.tar"

    def _load_shard(self, number: int, record: ShardRecord) -> tuple[PairEntry, ...]:
        tar, path = self._tar(number), self.folder / SHARDS_NAME / f"{record.name}.json"
        try:
            data, size_bytes = read_file(path), tar.stat().st_size
        except OSError as error:
            name = error.filename or path
            raise DataError(f"{name}: cannot be read: {error.strerror or error}: {_REPAIR}") from error
        index = parse_document(ShardIndex, data, path)
        if sha256_bytes(data) != record.index_sha256:
            raise DataError(f"{path}: is not the index that the manifest names: {_REPAIR}")
        if size_bytes != record.size:
            raise DataError(f"{tar}: has {size_bytes} bytes instead of {record.size}: {_REPAIR}")
        stated = (index.shard, index.sha256, index.size, len(index.pairs))
        if stated != (number, record.sha256, record.size, record.pairs):
            raise DataError(f"{path}: does not agree with the manifest: {_REPAIR}")
        for entry in index.pairs:
            _check_bounds(entry, number, record.size, path)
            if record.split not in (None, entry.split):
                raise DataError(f"{path}: pair {entry.key} is not of the split {record.split}: {_REPAIR}")
        return index.pairs

    def _check_manifest(self) -> None:
        if self.manifest.naming_problem:
            raise DataError(f"{self.folder / MANIFEST_NAME}: {self.manifest.naming_problem}: {_REPAIR}")
        counts = SplitCounts.of([entry.split for entry in self._entries])
        if counts != self.manifest.pairs or len({entry.key for entry in self._entries}) != counts.total:
            raise DataError(f"{self.folder / MANIFEST_NAME}: does not agree with the shards' indexes: {_REPAIR}")


def _label(path: Path, entry: PairEntry, role: str) -> str:
    return f"{path}: {role} of pair {entry.key} ({entry.source})"


def _check_finished(folder: Path) -> None:
    try:
        has_manifest, has_plan = (folder / MANIFEST_NAME).exists(), (folder / PLAN_NAME).exists()
    except OSError as error:  # the folder may not be entered
        raise DataError(f"{folder}: cannot be read: {error.strerror or error}") from error
    if has_manifest:
        return
    if has_plan:
        raise DataError(f"{folder}: this pair set is not finished: run the same make-pairs again to continue")
    problem = "there is no pair set in it" if folder.is_dir() else "no such folder"
    raise DataError(f"{folder}: {problem} (no {MANIFEST_NAME}): make one with pix2style make-pairs")


def _check_bounds(entry: PairEntry, shard: int, shard_bytes: int, path: Path) -> None:
    for member in (entry.content, entry.target):
        if entry.shard != shard or member.offset + member.size > shard_bytes:
            raise DataError(f"{path}: pair {entry.key} lies outside its shard: {_REPAIR}")


def _read_member(path: Path, member: Member, member_name: str, label: str) -> bytes:
    """Read a member's data from its offset, and check by its tar header that it is the expected member.

    The file is opened for this read alone: threads and forked processes share no file position.
    """
    start = member.offset - tarfile.BLOCKSIZE
    try:
        with path.open("rb", buffering=0) as stream:
            # Never read beyond the end of the file: an entry of another set must not make us allocate its size.
            size = min(member.offset + member.size, os.fstat(stream.fileno()).st_size) - start
            data = b""
            if start >= 0 and size > 0:  # systems refuse to seek to an offset that is far beyond the end
                stream.seek(start)
                data = stream.read(size)
    except OSError as error:
        raise DataError(f"{label}: cannot be read: {error.strerror or error}: {_REPAIR}") from error
    try:
        info = tarfile.TarInfo.frombuf(data[: tarfile.BLOCKSIZE], "ascii", "strict")
    except (tarfile.HeaderError, UnicodeDecodeError) as error:
        raise DataError(f"{label}: is damaged: there is no tar header at its offset: {_REPAIR}") from error
    if (info.name, info.size) != (member_name, member.size):
        raise DataError(f"{label}: is damaged: another member is at its offset: {_REPAIR}")
    return data[tarfile.BLOCKSIZE :]
