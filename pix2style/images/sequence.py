"""Read image files that hold several pictures: animations, and documents of several pages."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from PIL import Image

from pix2style.errors import ImageError, TooLargeImageError, UnknownImageError
from pix2style.images import reasons
from pix2style.images.decode import MAX_PIXELS, decode_picture, picture_from_pillow
from pix2style.images.file_content import explain_memory_errors, read_image_file
from pix2style.images.file_facts import FileFacts, read_facts
from pix2style.images.frames import find_frames, frame_noun
from pix2style.images.kinds import formats_for
from pix2style.images.metadata_choice import KeepMetadata
from pix2style.images.picture import Picture
from pix2style.images.tiff import UnsupportedPictureError, damage_notes, load_image, reopen_if_needed
from pix2style.light_dataclass import dataclass
from pix2style.printable import one_line

_ERRORS = (OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, RuntimeError, struct.error)
# Browsers show frames without a duration for this long.
_USUAL_DURATION_MS = 100
# Pages are read and written one at a time. So a document may have more pixels than the memory holds, but not without
# end: the pages of a small TIFF file can all have the same pixels.
MAX_PIXELS_OF_PAGES = 20 * MAX_PIXELS


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame of an animation, or a page.

    Attributes:
        picture: Its whole picture, as a viewer shows it.
        duration_ms: How long an animation shows it.
    """

    picture: Picture
    duration_ms: int


class PictureSequence:
    """An animation or a document of several pages, whose pictures are decoded one at a time.

    Attributes:
        noun: `frames` for animations, `pages` for documents.
        plays: How often an animation is played; 0 for no end.
        has_default_image: Whether the first picture is no frame, but shown by programs that cannot play animations
            (PNG).
        lossless: Whether the pictures were stored without loss.
        notes: What a person should know about how the pictures that were decoded so far were read.
    """

    def __init__(
        self,
        facts: FileFacts,
        name: str,
        image: Image.Image,
        numbers: list[int],
        *,
        metadata: KeepMetadata,
        max_pixels: int | None = None,
    ) -> None:
        self._facts, self._name, self._numbers, self._metadata = facts, name, numbers, metadata
        self._limit = max_pixels
        self.notes: list[str] = []
        self.noun: Literal["frames", "pages"] = "pages" if frame_noun(image) == "pages" else "frames"
        self.plays = _plays(image)
        self.has_default_image = bool(getattr(image, "default_image", False))
        self.lossless = image.format in ("GIF", "PNG") or facts.lossless
        self._check_frames(image)
        if max_pixels and self.noun == "pages":
            self._check_pages(image)

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def _max_pixels(self) -> int:
        return self._limit or MAX_PIXELS

    @property
    def _max_pixels_of_pages(self) -> int:
        return self._limit or MAX_PIXELS_OF_PAGES

    def frames(self) -> Iterator[Frame]:
        """Decode the pictures in order.

        Raises:
            ImageError: A picture cannot be decoded. The message names its number.
        """
        data = self._facts.data
        with Image.open(io.BytesIO(data), formats=formats_for(data, self._name)) as image:
            pixels_of_pages = 0
            for position, number in enumerate(self._numbers, start=1):
                frame = self._decode(image, position, number)
                pixels_of_pages += frame.picture.rgb.size // 3
                if self.noun == "pages" and pixels_of_pages > self._max_pixels_of_pages:
                    raise self._too_many_pages(position)
                yield frame

    def _check_pages(self, image: Image.Image) -> None:
        """Refuse a document of too many pixels before its first page is decoded."""
        pixels_of_pages = 0
        for position, number in enumerate(self._numbers, start=1):
            image.seek(number)
            pixels_of_pages += image.width * image.height
            if pixels_of_pages > self._max_pixels_of_pages:
                raise self._too_many_pages(position)

    def _too_many_pages(self, position: int) -> ImageError:
        reason = f"the first {position} of {len(self)} pages are more than {self._max_pixels_of_pages} pixels"
        return TooLargeImageError(self._name, f"{reason} in all: split the document first")

    def _check_frames(self, image: Image.Image) -> None:
        """Refuse an animation that would not fit in memory. A later frame of a GIF file enlarges all frames."""
        if self.noun == "frames" and len(self) * image.width * image.height > self._max_pixels:
            raise TooLargeImageError(
                self._name,
                f"{len(self)} frames of {image.width}x{image.height} are more than {self._max_pixels} pixels in all:"
                " make it smaller or shorter first",
            )

    def _decode(self, image: Image.Image, position: int, number: int) -> Frame:
        place = f"{self.noun.removesuffix('s')} {position} of {len(self)}"
        try:
            image.seek(number)
            self._check_frames(image)
            image = reopen_if_needed(image, self._facts.data)
            if image.width * image.height > self._max_pixels:
                reason = reasons.too_large(image.width, image.height, self._max_pixels)
                raise TooLargeImageError(self._name, f"{place}: {reason}")
            library_lines: list[str] = []
            load_image(image, library_lines)
            duration = round(image.info.get("duration") or 0) or _USUAL_DURATION_MS
            picture = picture_from_pillow(image, to_srgb=False, facts=self._facts, metadata=self._metadata)
            notes = (*picture.notes, *damage_notes(library_lines))
            self.notes += [note for note in notes if note not in self.notes]
            return Frame(picture, duration)
        except ImageError:
            raise
        except UnsupportedPictureError as error:
            raise UnknownImageError(self._name, f"{place}: {error}") from error
        except Image.DecompressionBombError as error:
            reason = f"{place}: more than {self._max_pixels} pixels: make it smaller first"
            raise TooLargeImageError(self._name, reason) from error
        except MemoryError as error:
            raise TooLargeImageError(self._name, f"{place}: {reasons.NO_MEMORY}") from error
        except _ERRORS as error:
            raise ImageError(self._name, f"{place}: damaged or cut off ({one_line(error)})") from error


def open_images(path: Path, *, metadata: KeepMetadata = KeepMetadata.NONE) -> Picture | PictureSequence:
    """Read an image file: decode a single picture; open an animation or a document of several pages.

    Args:
        path: The file.
        metadata: What to keep of its metadata.

    Raises:
        ImageError: The file cannot be read or decoded. The message gives the reason.
    """
    return decode_images(read_image_file(path), name=str(path), metadata=metadata)


def decode_images(
    data: bytes, *, name: str, metadata: KeepMetadata = KeepMetadata.NONE, max_pixels: int | None = None
) -> Picture | PictureSequence:
    """Do as `open_images`, with the content of a file.

    Args:
        data: Content of the file.
        name: Name of the image in error messages.
        metadata: What to keep of its metadata.
        max_pixels: Images with more pixels, in all their frames or pages together, are refused before they are decoded.
            None for `MAX_PIXELS`, and for `MAX_PIXELS_OF_PAGES` in documents.
    """
    with explain_memory_errors(name):
        facts = read_facts(data)
        sequence = _find_sequence(data, name, facts, metadata, max_pixels)
    limit = max_pixels or MAX_PIXELS
    return sequence or decode_picture(data, name=name, facts=facts, metadata=metadata, max_pixels=limit)


def _find_sequence(
    data: bytes, name: str, facts: FileFacts, metadata: KeepMetadata, max_pixels: int | None
) -> PictureSequence | None:
    try:
        with Image.open(io.BytesIO(facts.data), formats=formats_for(data, name)) as image:
            numbers = find_frames(image)
            if len(numbers) < 2:
                return None
            return PictureSequence(facts, name, image, numbers, metadata=metadata, max_pixels=max_pixels)
    except (*_ERRORS, Image.DecompressionBombError):
        return None  # decoding it as a single picture raises the error that says what is wrong


def _plays(image: Image.Image) -> int:
    """Return how often an animation is played. GIF files count repetitions, and are played once without a count."""
    loop = image.info.get("loop")
    if image.format == "GIF":
        return 1 if loop is None else 0 if loop == 0 else int(loop) + 1
    return int(loop or 0)
