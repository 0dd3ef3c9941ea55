"""Recover the complete pairs of a shard whose writing was interrupted."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from pix2style.files import sha256_bytes
from pix2style.pairs.format.plan import PlannedPair
from pix2style.pairs.format.records import PairEntry, PairFormat, StoredPair
from pix2style.pairs.format.shards import BLOCK_BYTES, member_bytes, member_names, member_size, pair_entry

_MEMBERS_PER_PAIR = 3


def recover_pairs(path: Path, pairs: Sequence[PlannedPair], image_format: PairFormat) -> list[tuple[PairEntry, int]]:
    """Return the complete pairs at the beginning of a partial shard.

    Args:
        path: The partial shard; it need not exist.
        pairs: Planned pairs of the shard, in order. Some may be missing in the file, because their photos failed, but
            recovery ends at a pair that is out of order.
        image_format: Format of the images.

    Returns:
        The entry of each complete pair, and the offset of its end in the file.

    Raises:
        OSError: The file cannot be read.
    """
    if not path.exists():
        return []
    recovered = []
    position_by_key = {pair.key: i for i, pair in enumerate(pairs)}
    with path.open("rb") as stream:
        end, next_position = 0, 0
        while (read := _read_pair(stream, end, image_format)) is not None:
            position = position_by_key.get(read.stored.key, -1)
            if position < next_position or not _matches(read.stored, pairs[position]):
                break
            recovered.append((pair_entry(read.stored, pairs[position].photo.shard, end, read.sizes), read.end))
            end, next_position = read.end, position + 1
    return recovered


@dataclass(frozen=True, slots=True)
class _CompletePair:
    """A complete pair of a partial shard: its description, the sizes of its two images, and the offset of its end."""

    stored: StoredPair
    sizes: tuple[int, int]
    end: int


def _matches(stored: StoredPair, planned: PlannedPair) -> bool:
    photo = planned.photo
    expected = (photo.source, photo.sha256, photo.split, planned.style)
    return (stored.source, stored.sha256, stored.split, stored.style) == expected


def _read_pair(stream: BinaryIO, start: int, image_format: PairFormat) -> _CompletePair | None:
    """Read the pair at an offset; None if it is not complete."""
    stream.seek(start)
    members = list(_read_members(stream))
    if len(members) != _MEMBERS_PER_PAIR:
        return None
    (_, content), (_, target), (_, description) = members
    try:
        stored = StoredPair.model_validate_json(description)
    except ValidationError:
        return None
    if tuple(name for name, _ in members) != member_names(stored.key, image_format):
        return None
    if (sha256_bytes(content), sha256_bytes(target)) != (stored.content_sha256, stored.target_sha256):
        return None
    # Equal values may be written as other bytes, which would make the set differ from an uninterrupted one.
    if stored.model_dump_json().encode() != description:
        return None
    end = start + sum(member_size(len(data)) for _, data in members)
    return _CompletePair(stored, (len(content), len(target)), end)


def _read_members(stream: BinaryIO) -> Iterator[tuple[str, bytes]]:
    """Yield name and data of up to three complete members from the stream's position."""
    file_size = os.fstat(stream.fileno()).st_size
    for _ in range(_MEMBERS_PER_PAIR):
        header = stream.read(BLOCK_BYTES)
        try:
            info = tarfile.TarInfo.frombuf(header, "ascii", "strict")
        except (tarfile.HeaderError, UnicodeDecodeError):
            return
        # Checked before reading: a damaged header may state any size, and must not make us allocate it.
        if info.size < 0 or stream.tell() + member_size(info.size) - BLOCK_BYTES > file_size:
            return
        raw = header + stream.read(member_size(info.size) - BLOCK_BYTES)
        data = raw[BLOCK_BYTES : BLOCK_BYTES + info.size]
        if not _is_own_encoding(info.name, data, raw):
            return
        yield info.name, data


def _is_own_encoding(name: str, data: bytes, raw: bytes) -> bool:
    """Return whether a member has exactly the bytes that ShardWriter writes."""
    try:
        return raw == member_bytes(name, data)
    except ValueError:  # the name does not fit into a tar header of our format
        return False
