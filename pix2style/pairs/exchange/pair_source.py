"""A pair as somebody else stores it, and what becomes of its two pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from pix2style.errors import ImageError
from pix2style.files import sha256_bytes
from pix2style.images import Image8, decode_picture, encode_png
from pix2style.pairs.format.manifest import Failure, PairFormat, Split, TeacherRecord

LONGEST_SIDE_PX = 65536  # what the index of a set holds
_JPEG_MAGIC = b"\xff\xd8\xff"
_EXIF = b"Exif\0\0"
_HEAD_BYTES = 1 << 18  # markers before the picture: EXIF and profiles are 64 KiB pieces at its beginning


@dataclass(frozen=True, slots=True)
class SourcePair:
    """A pair from a source, its pictures not yet looked at.

    Attributes:
        source: for people.
        content: a picture file's bytes, or pixels uint8 [height, width, 3].
        target: likewise.
        split: if the source says so.
        style: id, if the source says so.
        key: if the source says so.
        photo_sha256: of the photo that the content was made from, if the source says so.
        photo_px: height and width of that photo, if the source says so.
    """

    source: str
    content: bytes | Image8
    target: bytes | Image8
    split: Split | None = None
    style: int = 0
    key: str | None = None
    photo_sha256: str | None = None
    photo_px: tuple[int, int] | None = None


class PairSource(Protocol):
    """Where pairs come from.

    Attributes:
        kind: folders, side-by-side or parquet.
        teachers: of each style, if the source says so; else empty.
        splits_given: whether the source says which split a pair is in.
    """

    kind: str
    teachers: tuple[TeacherRecord, ...]
    splits_given: bool

    def __len__(self) -> int: ...

    def pairs(self) -> Iterator[SourcePair | Failure]:
        """Each pair, one at a time, and what gives none."""


@dataclass(frozen=True, slots=True)
class DecodedPair:
    """A pair, decoded.

    Attributes:
        content: uint8 [height, width, 3], upright, sRGB, on white.
        target: likewise, of the same shape.
        content_bytes: as it will be stored.
        target_bytes: as it will be stored.
        photo_sha256: of the photo; of the content's file or pixels if the source does not know.
    """

    content: Image8
    target: Image8
    content_bytes: bytes
    target_bytes: bytes
    photo_sha256: str


class NotPlainJpegError(Exception):
    """A set cannot be stored as JPEG without loss: this picture is none, or is not what its bytes say."""


def decode_pair(pair: SourcePair, picture_format: PairFormat) -> DecodedPair:
    """Decode both pictures fully, and encode them as they will be stored, without loss.

    Args:
        pair: from anywhere; its bytes are not trusted.
        picture_format: png: encoded anew; jpeg: the bytes as they came, which must be plain JPEG.

    Raises:
        ImageError: a picture cannot be read, or the two differ in size; the reason says which.
        NotPlainJpegError: the set has to be stored as png.
    """
    pictures: list[Image8] = []
    stored: list[bytes] = []
    for role, given in (("content", pair.content), ("target", pair.target)):
        rgb = _decoded(given, role)
        if picture_format == "jpeg" and not (isinstance(given, bytes) and is_plain_jpeg(given)):
            raise NotPlainJpegError(role)
        stored.append(given if picture_format == "jpeg" and isinstance(given, bytes) else encode_png(rgb))
        pictures.append(rgb)
    content, target = pictures
    if content.shape != target.shape:
        (height, width), (target_height, target_width) = content.shape[:2], target.shape[:2]
        reason = f"content is {width}x{height} px, but target is {target_width}x{target_height}"
        raise ImageError(pair.source, f"{reason}: make them equal")
    if max(content.shape) > LONGEST_SIDE_PX:
        raise ImageError(pair.source, f"is more than {LONGEST_SIDE_PX} px long: make it smaller first")
    digest = pair.photo_sha256 or _digest(pair.content)
    return DecodedPair(content, target, stored[0], stored[1], digest)


def is_plain_jpeg(data: bytes) -> bool:
    """Whether JPEG bytes can be stored as they are: nothing turns the picture, names places, or changes colours."""
    head = data[:_HEAD_BYTES]
    return head.startswith(_JPEG_MAGIC) and _EXIF not in head and b"ICC_PROFILE\0" not in head


def _decoded(given: bytes | Image8, role: str) -> Image8:
    if not isinstance(given, bytes):
        return given
    try:
        return decode_picture(given, name=role, to_srgb=True).on_white()
    except ImageError as error:
        raise ImageError(role, f"{role}: {error.reason}") from error


def _digest(given: bytes | Image8) -> str:
    """Of pixels where there is no file of the content alone."""
    if isinstance(given, bytes):
        return sha256_bytes(given)
    digest = hashlib.sha256(f"{given.shape[0]}x{given.shape[1]}:".encode())
    digest.update(given.tobytes())
    return digest.hexdigest()
