"""A shard, compared with what its index says byte for byte.

Of a shard everything but the pictures follows from its index: tar headers, padding, each pair's KEY.json and the end of
the archive. So the file is walked once, each piece compared with what should stand there, and damage in one piece does
not hide the next. Memory holds one picture at a time.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from pix2style.errors import ImageError
from pix2style.files import sha256_bytes
from pix2style.images import Image8, decode_picture, open_file
from pix2style.pairs.check.damage import MAKE_SHARD_AGAIN, Damage
from pix2style.pairs.format.manifest import Member, PairEntry, PairFormat, ShardIndex, StoredPair
from pix2style.pairs.format.shards import member_names, shard_name, tar_header

_BLOCK_BYTES = tarfile.BLOCKSIZE
_PIECE_BYTES = 1 << 20

OnPair = Callable[[PairEntry, Image8, Image8], None]
"""Told of each pair whose two pictures are sound."""


@dataclass(slots=True)
class ShardCheck:
    """One shard being walked.

    Attributes:
        tar: the file.
        index: what it should hold.
        picture_format: of its pictures.
        on_pair: told of sound pairs; None: pictures are not decoded.
        damage: found so far.
    """

    tar: Path
    index: ShardIndex
    picture_format: PairFormat
    on_pair: OnPair | None
    damage: list[Damage] = field(default_factory=list)
    _position: int = 0
    _size: int = 0

    def run(self) -> list[Damage]:
        """Walk the file."""
        try:
            with open_file(self.tar) as stream:
                self._size = os.fstat(stream.fileno()).st_size
                if self._size != self.index.size:
                    self._report(f"has {self._size} bytes instead of {self.index.size}", offset=None)
                for entry in self.index.pairs:
                    self._check_pair(stream, entry)
                self._check_end(stream)
                if not self.damage:
                    self._check_digest(stream)
        except OSError as error:
            self._report(f"cannot be read: {error.strerror or error}", offset=None)
        return self.damage

    def _check_pair(self, stream: BinaryIO, entry: PairEntry) -> None:
        names = member_names(entry.key, self.picture_format)
        pictures = []
        for role, name, member in zip(("content", "target"), names, (entry.content, entry.target), strict=False):
            pictures.append(self._check_picture(stream, entry, role, name, member))
        self._check_description(stream, entry, names[2])
        content, target = pictures
        if self.on_pair is not None and content is not None and target is not None:
            self.on_pair(entry, content, target)

    def _check_picture(self, stream: BinaryIO, entry: PairEntry, role: str, name: str, member: Member) -> Image8 | None:
        self._check_header(stream, entry, name, member.size)
        if member.offset != self._position:
            what = f"the index says that its {role} begins at byte {member.offset}, not at {self._position}"
            self._report(what, entry)
        start = self._position
        if start + member.size > self._size:
            self._report(f"its {role} is cut off: the file ends before it does", entry, offset=min(start, self._size))
            self._skip(member.size)
            return None
        stream.seek(start)
        data = stream.read(member.size)
        self._position += member.size
        sound = sha256_bytes(data) == member.sha256
        if not sound:
            self._report(f"its {role} is damaged: its digest is not the one in the index", entry, offset=start)
        self._check_padding(stream, entry, role, member.size)
        return self._decoded(entry, role, data, start) if sound and self.on_pair is not None else None

    def _decoded(self, entry: PairEntry, role: str, data: bytes, offset: int) -> Image8 | None:
        try:
            rgb = decode_picture(data, name=role).rgb
        except ImageError as error:
            self._report(f"its {role} was stored as it is, but is no sound picture: {error.reason}", entry, offset)
            return None
        if rgb.shape[:2] != (entry.height_px, entry.width_px):
            what = f"its {role} is {rgb.shape[1]}x{rgb.shape[0]} px, the index says {entry.width_px}x{entry.height_px}"
            self._report(what, entry, offset)
            return None
        return rgb

    def _check_description(self, stream: BinaryIO, entry: PairEntry, name: str) -> None:
        description = stored_pair(entry).model_dump_json().encode()
        self._check_header(stream, entry, name, len(description))
        self._compare(stream, description, entry, f"{name} is not what the index says")
        self._check_padding(stream, entry, name, len(description))

    def _check_header(self, stream: BinaryIO, entry: PairEntry, name: str, size: int) -> None:
        try:
            header = tar_header(name, size)
        except ValueError:  # no header holds such a number
            header = b"\0" * _BLOCK_BYTES
        self._compare(stream, header, entry, f"the tar header of {name} is not as it was written")

    def _check_padding(self, stream: BinaryIO, entry: PairEntry, role: str, size: int) -> None:
        padding = -size % _BLOCK_BYTES
        if padding:
            self._compare(stream, b"\0" * padding, entry, f"the padding after its {role} is not empty")

    def _check_end(self, stream: BinaryIO) -> None:
        end = 2 * _BLOCK_BYTES
        end += -(self._position + end) % tarfile.RECORDSIZE
        self._compare(stream, b"\0" * end, None, "the end of the archive is not as it was written")
        if self._position < self._size:
            self._report(f"{self._size - self._position} bytes follow the end of the archive", offset=self._position)

    def _check_digest(self, stream: BinaryIO) -> None:
        """Last: damage that has a place is told by its place."""
        stream.seek(0)
        digest = hashlib.sha256()
        while piece := stream.read(_PIECE_BYTES):
            digest.update(piece)
        if digest.hexdigest() != self.index.sha256:
            self._report("its digest is not the one in the index, although each part agrees", offset=None)

    def _compare(self, stream: BinaryIO, expected: bytes, entry: PairEntry | None, what: str) -> None:
        stream.seek(self._position)
        found = stream.read(len(expected))
        if found != expected:
            wrong = next((i for i, (a, b) in enumerate(zip(found, expected, strict=False)) if a != b), len(found))
            cut = " (the file ends there)" if wrong == len(found) else ""
            self._report(what + cut, entry, offset=self._position + wrong)
        self._position += len(expected)

    def _skip(self, size: int) -> None:
        self._position += size + -size % _BLOCK_BYTES

    def _report(self, what: str, entry: PairEntry | None = None, offset: int | None = None) -> None:
        advice = MAKE_SHARD_AGAIN.format(shard_name(self.index.shard))
        key, source = (entry.key, entry.source) if entry else (None, None)
        self.damage.append(Damage(f"shards/{self.tar.name}", what, advice, key, source, offset))


def stored_pair(entry: PairEntry) -> StoredPair:
    """What stands in the pair's KEY.json."""
    return StoredPair(
        key=entry.key,
        source=entry.source,
        sha256=entry.sha256,
        split=entry.split,
        style=entry.style,
        height_px=entry.height_px,
        width_px=entry.width_px,
        photo_height_px=entry.photo_height_px,
        photo_width_px=entry.photo_width_px,
        content_sha256=entry.content.sha256,
        target_sha256=entry.target.sha256,
    )
