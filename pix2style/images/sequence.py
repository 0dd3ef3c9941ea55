"""Read and write image files that hold several pictures: animations, and documents of several pages."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image, TiffImagePlugin

from pix2style.errors import DataError, ImageError
from pix2style.files import atomic_path
from pix2style.images.decode import MAX_PIXELS, decode_picture, picture_from_pillow, read_image_file
from pix2style.images.encode import format_of
from pix2style.images.file_facts import FileFacts, read_facts
from pix2style.images.frames import find_frames, frame_noun
from pix2style.images.kinds import formats_for
from pix2style.images.metadata import PictureMetadata
from pix2style.images.metadata_choice import KeepMetadata
from pix2style.images.origin import origin_options
from pix2style.images.picture import Picture
from pix2style.images.store_metadata import add_metadata, metadata_options, of_size
from pix2style.images.tiff import UnsupportedPictureError, damage_notes, load_image, reopen_if_needed
from pix2style.light_dataclass import dataclass
from pix2style.printable import one_line

_ERRORS = (OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, RuntimeError, struct.error)
_CAN_HOLD = {"frames": {"PNG": ".png", "WEBP": ".webp", "AVIF": ".avif"}, "pages": {"TIFF": ".tif"}}
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
        self, facts: FileFacts, name: str, image: Image.Image, numbers: list[int], metadata: KeepMetadata
    ) -> None:
        self._facts, self._name, self._numbers, self._metadata = facts, name, numbers, metadata
        self.notes: list[str] = []
        self.noun: Literal["frames", "pages"] = "pages" if frame_noun(image) == "pages" else "frames"
        self.plays = _plays(image)
        self.has_default_image = bool(getattr(image, "default_image", False))
        self.lossless = image.format in ("GIF", "PNG") or facts.lossless
        self._check_frames(image)

    def __len__(self) -> int:
        return len(self._numbers)

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
                if self.noun == "pages" and pixels_of_pages > MAX_PIXELS_OF_PAGES:
                    reason = f"the first {position} of {len(self)} pages are more than {MAX_PIXELS_OF_PAGES} pixels"
                    raise ImageError(self._name, f"{reason} in all: split the document first")
                yield frame

    def _check_frames(self, image: Image.Image) -> None:
        """Refuse an animation that would not fit in memory. A later frame of a GIF file enlarges all frames."""
        if self.noun == "frames" and len(self) * image.width * image.height > MAX_PIXELS:
            raise ImageError(
                self._name,
                f"{len(self)} frames of {image.width}x{image.height} are more than {MAX_PIXELS} pixels in all: make it"
                " smaller or shorter first",
            )

    def _decode(self, image: Image.Image, position: int, number: int) -> Frame:
        place = f"{self.noun.removesuffix('s')} {position} of {len(self)}"
        try:
            image.seek(number)
            self._check_frames(image)
            image = reopen_if_needed(image, self._facts.data)
            if image.width * image.height > MAX_PIXELS:
                size = f"{image.width}x{image.height}"
                raise ImageError(self._name, f"{place}: {size} is more than {MAX_PIXELS} pixels: make it smaller first")
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
            raise ImageError(self._name, f"{place}: {error}") from error
        except Image.DecompressionBombError as error:
            raise ImageError(self._name, f"{place}: more than {MAX_PIXELS} pixels: make it smaller first") from error
        except MemoryError as error:
            raise ImageError(self._name, f"{place}: needs more memory than there is: make it smaller first") from error
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


def decode_images(data: bytes, *, name: str, metadata: KeepMetadata = KeepMetadata.NONE) -> Picture | PictureSequence:
    """Do as `open_images`, with the content of a file.

    Args:
        data: Content of the file.
        name: Name of the image in error messages.
        metadata: What to keep of its metadata.
    """
    facts = read_facts(data)
    sequence = _find_sequence(data, name, facts, metadata)
    return sequence or decode_picture(data, name=name, facts=facts, metadata=metadata)


def _find_sequence(data: bytes, name: str, facts: FileFacts, metadata: KeepMetadata) -> PictureSequence | None:
    try:
        with Image.open(io.BytesIO(facts.data), formats=formats_for(data, name)) as image:
            numbers = find_frames(image)
            return PictureSequence(facts, name, image, numbers, metadata) if len(numbers) > 1 else None
    except (*_ERRORS, Image.DecompressionBombError):
        return None  # decoding it as a single picture raises the error that says what is wrong


def _plays(image: Image.Image) -> int:
    """Return how often an animation is played. GIF files count repetitions, and are played once without a count."""
    loop = image.info.get("loop")
    if image.format == "GIF":
        return 1 if loop is None else 0 if loop == 0 else int(loop) + 1
    return int(loop or 0)


def check_can_hold(path: Path, sequence: PictureSequence) -> None:
    """Check that the format named by the suffix of `path` holds animations, or documents of several pages.

    Raises:
        DataError: It does not. The message names formats that do.
    """
    formats = _CAN_HOLD[sequence.noun]
    if format_of(path) not in formats:
        raise DataError(
            f"{path}: cannot be written: it would hold only one of {len(sequence)} {sequence.noun}: write it as"
            f" {' or '.join(formats.values())}"
        )


def write_sequence(
    path: Path, frames: Iterable[Frame], like: PictureSequence, *, quality: int = 95, origin: str | None = None
) -> None:
    """Write an animation or a document of several pages. No partial file is left behind on failure.

    Args:
        path: File to write; its suffix selects the format. See `check_can_hold`.
        frames: The pictures. Pages are written one at a time, while all frames of an animation are kept in memory.
        like: The sequence that the frames were made from; it says how often they are played.
        quality: Quality of WebP files, 1 to 100. What was stored without loss in a WebP file becomes so again.
        origin: A note in the file that says what made it; see `read_origin`.

    Raises:
        DataError: The file cannot be written.
    """
    check_can_hold(path, like)
    try:
        with atomic_path(path) as temporary:
            if like.noun == "pages":
                _write_pages(temporary, frames, origin)
            else:
                kind = str(format_of(path))
                pictures = list(frames)
                metadata = of_size(pictures[0].picture.metadata, pictures[0].picture.rgb)
                note = metadata_options(kind, metadata, origin_options(kind, origin))
                options = {**_animation_options(kind, like, quality), **note}
                shows_first = kind != "PNG" or not like.has_default_image
                if shows_first and like.has_default_image:
                    pictures = pictures[1:]  # only PNG files hold a picture that is no frame
                _write_animation(temporary, kind, pictures, options, shows_first=shows_first)
    except DataError:
        raise
    except (OSError, ValueError, RuntimeError, struct.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path}: cannot be written: {reason}") from error


def _write_pages(path: Path, frames: Iterable[Frame], origin: str | None) -> None:
    first: PictureMetadata | None = None
    with TiffImagePlugin.AppendingTiffWriter(str(path), new=True) as writer:
        for number, frame in enumerate(frames):
            picture = frame.picture
            first = of_size(picture.metadata, picture.rgb) if number == 0 else first
            image = _as_pillow(picture, has_alpha=picture.alpha is not None)
            note = metadata_options("TIFF", picture.metadata, origin_options("TIFF", origin))
            image.save(writer, "TIFF", compression="tiff_lzw", **_profile(picture), **note)
            writer.newFrame()
    add_metadata(path, "TIFF", first)


def _animation_options(kind: str, like: PictureSequence, quality: int) -> dict[str, Any]:
    """Return the options of Pillow's `save` for an animation of a format."""
    webp = {"lossless": True, "quality": 50, "exact": True} if like.lossless else {"quality": quality, "method": 4}
    options: dict[str, dict[str, Any]] = {
        # Whole frames: nothing of the one before it shows through.
        "PNG": {"disposal": 0, "blend": 0, "default_image": like.has_default_image, "loop": like.plays},
        "WEBP": {**webp, "loop": like.plays},
        "AVIF": {"quality": 90},
    }
    return options[kind]


def _write_animation(path: Path, kind: str, frames: list[Frame], options: dict[str, Any], *, shows_first: bool) -> None:
    frames = _on_one_canvas(frames)
    has_alpha = any(frame.picture.alpha is not None for frame in frames)
    first, *others = [_as_pillow(frame.picture, has_alpha=has_alpha) for frame in frames]
    durations = [frame.duration_ms for frame in (frames if shows_first else frames[1:])]
    extra = {**_profile(frames[0].picture), **options}
    first.save(path, kind, save_all=True, append_images=others, duration=durations, **extra)


def _on_one_canvas(frames: list[Frame]) -> list[Frame]:
    """Extend frames to the size of the largest one, by transparency: in GIF files, later frames may be larger."""
    height = max(frame.picture.rgb.shape[0] for frame in frames)
    width = max(frame.picture.rgb.shape[1] for frame in frames)
    return [_extended(frame, height, width) for frame in frames]


def _extended(frame: Frame, height: int, width: int) -> Frame:
    picture = frame.picture
    below, right = height - picture.rgb.shape[0], width - picture.rgb.shape[1]
    if not below and not right:
        return frame
    alpha = np.full(picture.rgb.shape[:2], 255, np.uint8) if picture.alpha is None else picture.alpha
    rgb = np.pad(picture.rgb, ((0, below), (0, right), (0, 0)), constant_values=255)
    return replace(frame, picture=replace(picture, rgb=rgb, alpha=np.pad(alpha, ((0, below), (0, right)))))


def _as_pillow(picture: Picture, *, has_alpha: bool) -> Image.Image:
    if not has_alpha:
        return Image.fromarray(picture.rgb)
    alpha = np.full(picture.rgb.shape[:2], 255, np.uint8) if picture.alpha is None else picture.alpha
    return Image.fromarray(np.dstack([picture.rgb, alpha]))


def _profile(picture: Picture) -> dict[str, bytes]:
    return {"icc_profile": picture.icc_profile} if picture.icc_profile else {}
