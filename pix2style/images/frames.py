"""Count the frames of animations and the pages of documents in an opened image file."""

from __future__ import annotations

import struct

from PIL import Image

from pix2style.errors import ImageError

_ANIMATED_FORMATS = frozenset(("AVIF", "GIF", "PNG", "WEBP"))
_NEW_SUBFILE_TYPE, _SUBFILE_TYPE = 254, 255  # tags of TIFF 6.0, section 8 and appendix on bilevel images
_REDUCED_OR_MASK = 0b101
_REDUCED = 2


def find_frames(image: Image.Image) -> list[int]:
    """Return the numbers of the frames or pages of an opened image file; one number for an ordinary picture.

    Smaller versions and masks of a page in a TIFF file are no pages. Nor are the further pictures in MPO and HEIF
    files (previews, depth, gain maps, the view of the other eye).

    Raises:
        ValueError: A page cannot be read.
    """
    if image.format == "TIFF":
        return _find_pages(image) or [0]
    count = getattr(image, "n_frames", 1) if image.format in _ANIMATED_FORMATS else 1
    return list(range(count))


def select_only_frame(image: Image.Image, name: str) -> None:
    """Select the frame of an ordinary picture, and refuse an animation or a document of several pages.

    Raises:
        ImageError: There are several frames or pages.
    """
    frames = find_frames(image)
    if len(frames) > 1:
        raise ImageError(name, f"holds {len(frames)} {frame_noun(image)}, not one picture: save one of them as a file")
    if image.format == "TIFF":
        image.seek(frames[0])


def further_pictures_notes(image: Image.Image) -> tuple[str, ...]:
    """Return what a person should know of the pictures in an MPO or HEIC file that are not used."""
    count = getattr(image, "n_frames", 1) if image.format in ("HEIF", "MPO") else 1
    return (f"holds {count} pictures: only the main one is used",) if count > 1 else ()


def frame_noun(image: Image.Image) -> str:
    """Return `pages` for documents, and `frames` for animations."""
    return "pages" if image.format == "TIFF" else "frames"


def _find_pages(image: Image.Image) -> list[int]:
    pages = []
    try:
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            tags = getattr(image, "tag_v2", {})
            is_reduced = tags.get(_SUBFILE_TYPE, 0) == _REDUCED
            if not is_reduced and not tags.get(_NEW_SUBFILE_TYPE, 0) & _REDUCED_OR_MASK:
                pages.append(number)
    except (OSError, EOFError, SyntaxError, TypeError, KeyError, struct.error) as error:
        raise ValueError(f"page {len(pages) + 1}: {error}") from error
    image.seek(0)
    return pages
