"""Compare a shard byte by byte with what its index says.

Everything in a shard except the images follows from its index: tar headers, padding, each pair's KEY.json and the end
of the archive. The file is read once from beginning to end, and each piece is compared with what should be there, so
that damage in one piece does not hide the next one. Memory holds the images of one pair at a time.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from pix2style.errors import ImageError
from pix2style.files import sha256_bytes
from pix2style.images import Image8, decode_picture, open_file
from pix2style.pairs.check.damage import REMAKE_SHARD, Damage
from pix2style.pairs.format.manifest import ShardIndex
from pix2style.pairs.format.records import Member, PairEntry, PairFormat, StoredPair
from pix2style.pairs.format.shards import BLOCK_BYTES, member_names, tar_header

IntactPairCallback = Callable[[PairEntry, Image8, Image8], None]
"""Called with the entry, the content and the target of each pair whose images are intact."""


@dataclass(slots=True)
class ShardCheck:
    """The check of one shard.

    Attributes:
        tar: The tar file.
        index: Index of the shard.
        image_format: Format of the images.
        on_intact_pair: Called for each intact pair, or None to skip decoding the images.
        damage: Damage found so far.
    """

    tar: Path
    index: ShardIndex
    image_format: PairFormat
    on_intact_pair: IntactPairCallback | None
    damage: list[Damage] = field(default_factory=list)
    _position: int = 0
    _file_size: int = 0

    def run(self) -> list[Damage]:
        """Check the file and return its damage."""
        try:
            with open_file(self.tar) as stream:
                self._file_size = os.fstat(stream.fileno()).st_size
                if self._file_size != self.index.size:
                    self._report(f"has {self._file_size} bytes instead of {self.index.size}", offset=None)
                for entry in self.index.pairs:
                    self._check_pair(stream, entry)
                self._check_end(stream)
                if not self.damage:
                    self._check_digest(stream)
        except OSError as error:
            self._report(f"cannot be read: {error.strerror or error}", offset=None)
        return self.damage

    def _check_pair(self, stream: BinaryIO, entry: PairEntry) -> None:
        names = member_names(entry.key, self.image_format)
        content = self._check_image(stream, entry, "content", names[0], entry.content)
        target = self._check_image(stream, entry, "target", names[1], entry.target)
        self._check_description(stream, entry, names[2])
        if self.on_intact_pair is not None and content is not None and target is not None:
            self.on_intact_pair(entry, content, target)

    def _check_image(self, stream: BinaryIO, entry: PairEntry, role: str, name: str, member: Member) -> Image8 | None:
        """Check one image; return it decoded if it is intact and images are to be decoded."""
        self._check_header(stream, entry, name, member.size)
        if member.offset != self._position:
            problem = f"the index says that its {role} begins at byte {member.offset}, not at {self._position}"
            self._report(problem, entry)
        start = self._position
        # Checked before reading: a damaged index may state any size, and must not make us allocate it.
        if start + member.size > self._file_size:
            offset = min(start, self._file_size)
            self._report(f"its {role} is cut off: the file ends before it does", entry, offset=offset)
            self._skip(member.size)
            return None
        stream.seek(start)
        data = stream.read(member.size)
        self._position += member.size
        intact = sha256_bytes(data) == member.sha256
        if not intact:
            self._report(f"its {role} is damaged: its digest is not the one in the index", entry, offset=start)
        self._check_padding(stream, entry, role, member.size)
        return self._decode(entry, role, data, start) if intact and self.on_intact_pair is not None else None

    def _decode(self, entry: PairEntry, role: str, data: bytes, offset: int) -> Image8 | None:
        try:
            rgb = decode_picture(data, name=role).rgb
        except ImageError as error:
            problem = f"its {role} has the right digest, but cannot be decoded: {error.reason}"
            self._report(problem, entry, offset)
            return None
        if rgb.shape[:2] != (entry.height_px, entry.width_px):
            problem = (
                f"its {role} is {rgb.shape[1]}x{rgb.shape[0]} px, but the index says {entry.width_px}x{entry.height_px}"
            )
            self._report(problem, entry, offset)
            return None
        return rgb

    def _check_description(self, stream: BinaryIO, entry: PairEntry, name: str) -> None:
        description = _stored_pair(entry).model_dump_json().encode()
        self._check_header(stream, entry, name, len(description))
        self._compare(stream, description, entry, f"{name} is not what the index says")
        self._check_padding(stream, entry, name, len(description))

    def _check_header(self, stream: BinaryIO, entry: PairEntry, name: str, size: int) -> None:
        try:
            header = tar_header(name, size)
        except ValueError:  # the size in the index is too large for a tar header
            header = b"\0" * BLOCK_BYTES
        self._compare(stream, header, entry, f"the tar header of {name} is not as it was written")

    def _check_padding(self, stream: BinaryIO, entry: PairEntry, role: str, size: int) -> None:
        padding = -size % BLOCK_BYTES
        if padding:
            self._compare(stream, b"\0" * padding, entry, f"the padding after its {role} is not empty")

    def _check_end(self, stream: BinaryIO) -> None:
        end = 2 * BLOCK_BYTES
        end += -(self._position + end) % tarfile.RECORDSIZE
        self._compare(stream, b"\0" * end, None, "the end of the archive is not as it was written")
        if self._position < self._file_size:
            extra = self._file_size - self._position
            self._report(f"{extra} bytes follow the end of the archive", offset=self._position)

    def _check_digest(self, stream: BufferedReader) -> None:
        """Check the digest of the whole file; last and only without other damage, which is reported with its offset."""
        stream.seek(0)
        if hashlib.file_digest(stream, "sha256").hexdigest() != self.index.sha256:
            self._report("its digest is not the one in the index, although all its parts are right", offset=None)

    def _compare(self, stream: BinaryIO, expected: bytes, entry: PairEntry | None, problem: str) -> None:
        stream.seek(self._position)
        actual = stream.read(len(expected))
        if actual != expected:
            differing = (i for i, (a, b) in enumerate(zip(actual, expected, strict=False)) if a != b)
            first = next(differing, len(actual))
            suffix = " (the file ends there)" if first == len(actual) else ""
            self._report(problem + suffix, entry, offset=self._position + first)
        self._position += len(expected)

    def _skip(self, size: int) -> None:
        self._position += size + -size % BLOCK_BYTES

    def _report(self, problem: str, entry: PairEntry | None = None, offset: int | None = None) -> None:
        advice = REMAKE_SHARD.format(self.tar.stem)
        key, source = (entry.key, entry.source) if entry else (None, None)
        self.damage.append(Damage(f"shards/{self.tar.name}", problem, advice, key, source, offset))


def _stored_pair(entry: PairEntry) -> StoredPair:
    """Return the content of the pair's KEY.json."""
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
