"""Stylize only where a mask is white: one mask for all, one for each file, or the photo's own transparency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pix2style.effects.effect import Effect, PixelEffect, split_pixel_effects
from pix2style.effects.mask import Edge, Mask, blend_by_mask, mask_of_file, mask_of_image
from pix2style.effects.mask_folder import MaskFolder
from pix2style.effects.part import box_of, only_part
from pix2style.errors import ConfigError, DataError, ImageError
from pix2style.images import Image8, Picture, PillowImage
from pix2style.stylizer import Setting, Stylizer

ALPHA = "alpha"
"""Instead of a mask: the transparency of each photo."""


def with_mask(
    stylizer: Stylizer,
    mask: str | Path | NDArray[np.generic] | PillowImage,
    *,
    feather_px: float | None = None,
    invert: bool = False,
) -> Stylizer:
    """Return a stylizer that stylizes only where a mask is white. Where it is black, photos stay exactly as they are.

    >>> stylize = with_mask(load_stylizer("filter.onnx"), "mask.png")
    >>> painted = stylize(photo)

    Args:
        stylizer: Any stylizer.
        mask: Path of a mask for all photos and clips, which is scaled to their size; or the mask itself, as an array
            [height, width] of bool, uint8 (0 to 255) or floats (0 to 1), or as a Pillow image. Or the path of a folder
            with a mask for each file, of the same name (`portrait.png` for `portrait.jpg`), for `stylize_files`,
            `stylize_inputs` and `stylize_clip`. Or `"alpha"`: each photo is stylized where it is not transparent.
        feather_px: Width in pixels over which the edges of the mask fade; None for 1 % of the photo's longer side.
        invert: Whether to stylize where the mask is black instead.

    Raises:
        DataError: The mask cannot be read.
        ConfigError: The width is no number from 0 on.
        TypeError: The mask is nothing of these.
    """
    edge = Edge(feather_px, invert)
    if isinstance(mask, str) and mask == ALPHA:
        return AlphaMasked(stylizer, edge)
    if isinstance(mask, str | Path):
        path = Path(mask)
        if path.is_dir():
            return MaskedByName(stylizer, MaskFolder(path), edge)
        loaded = mask_of_file(path)
    else:
        loaded = mask_of_image(mask)
    if not loaded.levels.size:  # decoded here, so that a damaged mask is said before any work
        raise DataError(f"the mask {loaded.name} is empty")
    return Masked(stylizer, loaded, edge)


class Masked(PixelEffect):
    """Another stylizer, where a mask is white.

    Args:
        inner: The stylizer.
        mask: The mask.
        edge: How its edges are treated.
    """

    def __init__(self, inner: Stylizer, mask: Mask, edge: Edge) -> None:
        super().__init__(inner)
        self._mask, self._edge = mask, edge

    @property
    def settings(self) -> Mapping[str, Setting]:
        """See `Effect.settings`."""
        return {"mask": self._mask.sha256, **self._edge.settings}

    def combine(self, photo: Image8, stylized: Image8, alpha: Image8 | None = None) -> Image8:
        """See `PixelEffect.combine`; raises a DataError if the mask has other proportions than the photo."""
        del alpha
        return blend_by_mask(photo, stylized, self._mask.shares(photo, self._edge))

    def stylize_picture(self, picture: Picture) -> Picture:
        """See `Stylizer.stylize_picture`. Where the mask is black, pixels stay exactly as they are."""
        shares, note = self._mask.shares(picture.rgb, self._edge), self.note()
        return _combined(self, picture, shares, (note,) if note else ())

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        """See `Stylizer.stylize`. Filters compute only the part that the mask shows."""
        outputs = []
        for image in images:
            shares = self._mask.shares(image, self._edge)
            [stylized] = only_part(self.inner, box_of(shares)).stylize([image])
            outputs.append(blend_by_mask(image, stylized, shares))
        return outputs

    def note(self) -> str:
        """Return what a person should know about the mask; empty if it is usual."""
        return self._mask.note(self._edge)


class AlphaMasked(PixelEffect):
    """Another stylizer, where a photo is not transparent.

    Args:
        inner: The stylizer.
        edge: How the edges of the transparency are treated. The transparency itself stays.
    """

    def __init__(self, inner: Stylizer, edge: Edge) -> None:
        super().__init__(inner)
        self._edge = edge

    @property
    def settings(self) -> Mapping[str, Setting]:
        """See `Effect.settings`."""
        return {"mask": ALPHA, **self._edge.settings}

    def combine(self, photo: Image8, stylized: Image8, alpha: Image8 | None = None) -> Image8:
        """See `PixelEffect.combine`. A photo without transparency is opaque everywhere."""
        if alpha is None:
            return photo if self._edge.is_inverted else stylized
        return blend_by_mask(photo, stylized, self._edge.apply(alpha))

    def stylize_picture(self, picture: Picture) -> Picture:
        """See `Stylizer.stylize_picture`."""
        if picture.alpha is None:
            opaque = np.full(picture.rgb.shape[:2], 0 if self._edge.is_inverted else 255, np.uint8)
            return _combined(self, picture, opaque, (self.note_without_alpha(),))
        return _combined(self, picture, self._edge.apply(picture.alpha), ())

    def note_without_alpha(self) -> str:
        """Return what is to be said about a photo or clip without transparency."""
        return f"has no transparency for the mask: {'nothing' if self._edge.is_inverted else 'all'} of it is stylized"


class MaskedByName(Effect):
    """Another stylizer, with a mask for each file; see `for_source`.

    Args:
        inner: The stylizer.
        folder: The masks.
        edge: How their edges are treated.
    """

    def __init__(self, inner: Stylizer, folder: MaskFolder, edge: Edge) -> None:
        super().__init__(inner)
        self._folder, self._edge = folder, edge

    @property
    def settings(self) -> Mapping[str, Setting]:
        """Settings without those of a mask, which `for_source` adds."""
        return {"mask": "by name", **self._edge.settings}

    def for_source(self, path: Path) -> Stylizer:
        """Return the stylizer with the mask for a file.

        Raises:
            DataError: There is no mask for it, or several, or it cannot be read.
        """
        found = self._folder.find(path)
        try:
            mask = mask_of_file(found)
        except ImageError as error:  # which reports would take for one of the photo
            raise DataError(f"the mask {found}: {error.reason}") from error
        return Masked(self.inner.for_source(path), mask, self._edge)

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        """Raise a ConfigError: only files have names."""
        del images
        raise ConfigError(
            f"{self._folder.path}: a folder of masks works with files only, because a mask is found by the name of its"
            " photo: for an image without a file, give the mask itself"
        )


def notes_about_masks(stylizer: Stylizer, *, has_alpha: bool) -> list[str]:
    """Return what a person should know about the masks of a stylizer for a clip.

    Args:
        stylizer: The stylizer for this clip.
        has_alpha: Whether the clip has transparency.
    """
    notes = []
    for effect in split_pixel_effects(stylizer)[1]:
        if isinstance(effect, Masked) and (note := effect.note()):
            notes.append(note)
        if isinstance(effect, AlphaMasked) and not has_alpha:
            notes.append(effect.note_without_alpha())
    return notes


def _combined(effect: PixelEffect, picture: Picture, shares: Image8, notes: tuple[str, ...]) -> Picture:
    """Stylize a picture and mix both in the picture's own colour space, where nothing of the photo is lost."""
    stylized = only_part(effect.inner, box_of(shares)).stylize_picture(picture)
    rgb = blend_by_mask(picture.rgb, stylized.rgb, shares)
    return replace(stylized, rgb=rgb, notes=(*stylized.notes, *notes))
