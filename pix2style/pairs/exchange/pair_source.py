"""Define sources of pairs for an import, and decode and re-encode the pairs that they yield."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from pix2style.errors import ImageError
from pix2style.files import sha256_bytes
from pix2style.images import Image8, decode_picture, encode_png
from pix2style.pairs.format.manifest import TeacherRecord
from pix2style.pairs.format.records import Failure, PairFormat, Split

MAX_SIDE_PX = 65536  # the limit of a shard's index
_JPEG_MAGIC = b"\xff\xd8\xff"
_EXIF = b"Exif\0\0"
_ICC_PROFILE = b"ICC_PROFILE\0"
_HEAD_BYTES = 1 << 18  # EXIF and colour profiles are segments of up to 64 KiB before the image data


@dataclass(frozen=True, slots=True)
class SourcePair:
    """A pair as a source yields it; its images are not decoded or checked yet.

    Attributes:
        source: Source of the pair, for people.
        content: Content as the bytes of an image file, or as pixels uint8 [height, width, 3].
        target: Target as the bytes of an image file, or as pixels uint8 [height, width, 3].
        split: Split of the pair, or None if the source does not say it.
        style: Id of the pair's style; 0 if the source does not say it.
        key: Key of the pair, or None if the source does not say it.
        photo_sha256: SHA-256 of the photo that the content was made from, or None if the source does not say it.
        photo_px: Height and width of that photo, or None if the source does not say them.
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
    """A place that pairs are imported from.

    Attributes:
        kind: Layout of the source: folders, side-by-side, stacked or parquet.
        teachers: Teachers of the styles, or an empty tuple if the source does not say them.
        splits_given: Whether the source says the split of each pair.
        split_reason: Where the splits come from, for people: `by the folders train/ and test/`.
        content_note: Which half of the images holds the content, and who says so, for people; empty for other layouts.
    """

    kind: str
    teachers: tuple[TeacherRecord, ...]
    splits_given: bool
    split_reason: str
    content_note: str

    def __len__(self) -> int: ...

    def pairs(self) -> Iterator[SourcePair | Failure]:
        """Yield the pairs one by one, and a failure for each file or row without a pair."""


@dataclass(frozen=True, slots=True)
class DecodedPair:
    """A decoded pair, and its images as they are stored in the set.

    Attributes:
        content: uint8 [height, width, 3], upright, in sRGB, without transparency (on white).
        target: uint8 of the same shape as `content`.
        content_bytes: File of the content.
        target_bytes: File of the target.
        photo_sha256: SHA-256 of the photo; if the source does not say it, of the content's file or pixels.
    """

    content: Image8
    target: Image8
    content_bytes: bytes
    target_bytes: bytes
    photo_sha256: str


class NotPlainJpegError(Exception):
    """An image of the source is no JPEG file that can be stored unchanged, so the set has to be stored as PNG."""


def decode_pair(pair: SourcePair, image_format: PairFormat) -> DecodedPair:
    """Decode both images of a pair completely, and encode them without loss as they are stored in the set.

    Args:
        pair: The pair. Its bytes are not trusted.
        image_format: With png, images are encoded anew; with jpeg, the bytes are kept and must be plain JPEG.

    Raises:
        ImageError: An image cannot be decoded, or the images differ in size. The reason names the image.
        NotPlainJpegError: The set has to be stored as PNG.
    """
    images: list[Image8] = []
    files: list[bytes] = []
    for role, data in (("content", pair.content), ("target", pair.target)):
        rgb = _decode(data, role)
        if image_format == "png":
            files.append(encode_png(rgb))
        elif isinstance(data, bytes) and is_plain_jpeg(data):
            files.append(data)
        else:
            raise NotPlainJpegError(role)
        images.append(rgb)
    content, target = images
    if content.shape != target.shape:
        (height, width), (target_height, target_width) = content.shape[:2], target.shape[:2]
        reason = f"content is {width}x{height} px, but target is {target_width}x{target_height}"
        raise ImageError(pair.source, f"{reason}: make them equal")
    if max(content.shape) > MAX_SIDE_PX:
        raise ImageError(pair.source, f"is more than {MAX_SIDE_PX} px long: make it smaller first")
    digest = pair.photo_sha256 or _digest(pair.content)
    return DecodedPair(content, target, files[0], files[1], digest)


def is_plain_jpeg(data: bytes) -> bool:
    """Return whether a JPEG file can be stored unchanged: it has no EXIF data and no colour profile.

    EXIF data may say that the image has to be rotated, and may reveal where a photo was taken.
    """
    head = data[:_HEAD_BYTES]
    return head.startswith(_JPEG_MAGIC) and _EXIF not in head and _ICC_PROFILE not in head


def _decode(data: bytes | Image8, role: str) -> Image8:
    if not isinstance(data, bytes):
        return data
    try:
        return decode_picture(data, name=role, to_srgb=True).on_white()
    except ImageError as error:
        raise ImageError(role, f"{role}: {error.reason}") from error


def _digest(data: bytes | Image8) -> str:
    """Return the SHA-256 of a file, or of size and pixels if the content has no file of its own."""
    if isinstance(data, bytes):
        return sha256_bytes(data)
    digest = hashlib.sha256(f"{data.shape[0]}x{data.shape[1]}:".encode())
    digest.update(data.tobytes())
    return digest.hexdigest()
