"""A filter file as a `Stylizer`: numpy and ONNX Runtime only, on any machine that runs Python."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pix2style.errors import ConfigError, DataError
from pix2style.files import sha256_bytes
from pix2style.images import Image8
from pix2style.images.glimpse import glimpse
from pix2style.onnx_session import RUN_ERRORS, default_providers, is_out_of_memory, shrink_arena_after_run
from pix2style.runtime.filter_file import open_filter, optional_inputs, read_file, read_spec
from pix2style.runtime.strength import blend, check_strength
from pix2style.runtime.tiles import cut, paint_in_tiles
from pix2style.spec import GLIMPSE_NAME, INPUT_NAME, OUTPUT_NAME, STRENGTH_NAME, STYLE_NAME
from pix2style.style_choice import StyleChoice, as_style_choice, format_style, style_weights
from pix2style.stylizer import Setting, Stylizer, StylizerIdentity

# ONNX Runtime keeps the memory it ever had, in pieces that fit the next photo badly: two photos of 20 megapixels (lite
# generator) peaked at 4.7 GB. Giving it back after each makes that 2.7 GB, then 0.4; but photos of 1 megapixel take a
# third longer so. Hence only beyond this size, which is a little more than 1920x1080.
_LARGE_PIXELS = 2_100_000
# Larger photos are painted in tiles where that paints the same. Of 24 megapixels (lite, 32 bits) memory then grew by
# 165 MB, 72 of them the painting, at no more processor time; by 288 MB with tiles of 2048, by 1,033 MB whole.
_WHOLE_PIXELS = 4_000_000
_TILE_PX = 1024
# A network that sees far keeps more of each tile, so that at most 5/9 of the work are margins.
_TILE_MARGINS = 4


class OnnxStylizer(Stylizer):
    """An exported filter.

    Args:
        path: the `.onnx` file that `pix2style export` wrote.
        strength: from 0, the photo, to 1, the filter's whole style.
        style: of a file that holds several: an id from 0 on, a weight for each, or either as text (`"1"`, `"0.5,0.5"`);
            None: the first one.
        tile: pixels of a tile's side; photos that are larger are painted in tiles, like the whole, with less memory. 0:
            never; None: 1024 or more, for photos of more than 4 megapixels. Without effect on filters whose every pixel
            depends on the whole photo, unless it can be told to a tile (an input `glimpse`).
        threads: for one picture; None: as many as there are cores.
        providers: ONNX Runtime's execution providers, best first; None: CUDA where this ONNX Runtime has it, then the
            CPU.

    Attributes:
        spec: what the file says of itself.
        bytes: size of the file.
        styles: that the file holds.
        tiled: photos that were painted in tiles so far.

    Raises:
        ArtifactError: missing, not an ONNX file, not one of ours, or of an unknown schema version.
        ConfigError: strength, style or tile are not possible with this file.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        strength: float = 1.0,
        style: StyleChoice | Sequence[float] | str | None = None,
        tile: int | None = None,
        threads: int | None = None,
        providers: Sequence[str] | None = None,
    ) -> None:
        path = Path(path)
        data = read_file(path)
        self._session = open_filter(data, path, threads, list(providers or default_providers()))
        self.spec = read_spec(self._session, path)
        self.bytes, self.tiled = len(data), 0
        optional = optional_inputs(self._session)
        self.styles = int(optional[STYLE_NAME][0]) if STYLE_NAME in optional else 1
        self._sees_glimpse = GLIMPSE_NAME in optional
        if tile is not None and tile < 0:
            raise ConfigError(f"tile is {tile}: give a tile's side in pixels, or 0 for no tiles")
        self._tile = tile
        self._blend: float | None = None  # the strength, where the file has no such input
        self._fixed: dict[str, NDArray[np.float32]] = {}  # inputs that are the same for all photos
        settings = {**self._set_strength(strength, optional), **self._set_style(style, path)}
        self._identity = StylizerIdentity(
            name=f"{self.spec.name}@{settings['style']}" if "style" in settings else self.spec.name,
            sha256=sha256_bytes(data),
            style_sha256=self.spec.provenance.style_sha256,
            licence=self.spec.licence,
            settings=settings,
        )

    def _set_strength(self, strength: float, optional: dict[str, Any]) -> dict[str, Setting]:
        if check_strength(strength) == 1:
            return {}
        if STRENGTH_NAME in optional:
            self._fixed[STRENGTH_NAME] = np.array([strength], np.float32)
        else:
            self._blend = strength
        return {"strength": float(strength)}

    def _set_style(self, style: StyleChoice | Sequence[float] | str | None, path: Path) -> dict[str, Setting]:
        if style is None:
            return {}
        choice = as_style_choice(style)
        if self.styles == 1:
            raise ConfigError(f"{path}@{format_style(choice)}: the file holds one style: name none")
        try:
            self._fixed[STYLE_NAME] = np.array(style_weights(choice, self.styles), np.float32)
        except ValueError as error:
            raise ConfigError(f"{path}@{format_style(choice)}: {error}") from error
        return {"style": format_style(choice)}

    @property
    def identity(self) -> StylizerIdentity:
        """The filter's name, and the digest of its file."""
        return self._identity

    @property
    def can_tile(self) -> bool:
        """Whether tiles are painted like parts of the whole photo."""
        return self._sees_glimpse or not self.spec.global_context

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        """Stylize pictures of any sizes, one at a time.

        One at a time: batches of 4 and 16 were no faster on a CPU at 256 and 512 pixels (16: 1.3 to 1.6 times slower,
        as they leave the caches), and take as many times the memory.

        Raises:
            DataError: a picture needs more memory than there is.
        """
        return [self._stylize_one(image) for image in images]

    def run(self, batch: Image8) -> Image8:
        """Stylize equally sized pictures, never in tiles: uint8 [batch, height, width, 3] in and out.

        At once, where the file takes several; those of 8 bits take one.

        Raises:
            DataError: they need more memory than there is.
        """
        if self._session.get_inputs()[0].shape[0] == 1:
            return np.concatenate([self._run(photo[None], self._fixed) for photo in batch])
        return self._run(batch, self._fixed)

    def _stylize_one(self, photo: Image8) -> Image8:
        height, width = photo.shape[:2]
        if self._tile == 0 or (self._tile is None and height * width <= _WHOLE_PIXELS) or not self.can_tile:
            return self._run_one(photo, self._fixed)
        multiple, margin = self.spec.size_multiple, self.spec.receptive_field_px
        tile = self._tile or max(_TILE_PX, _TILE_MARGINS * margin)
        rows, columns = (cut(size, tile, multiple=multiple, margin=margin) for size in (height, width))
        if len(rows.stretches) == len(columns.stretches) == 1:
            return self._run_one(photo, self._fixed)
        self.tiled += 1
        inputs = {**self._fixed, GLIMPSE_NAME: glimpse(photo)[None]} if self._sees_glimpse else self._fixed
        return paint_in_tiles(lambda part: self._run_one(part, inputs), photo, rows, columns)

    def _run_one(self, photo: Image8, inputs: dict[str, Any]) -> Image8:
        stylized: Image8 = self._run(photo[None], inputs)[0]
        return stylized

    def _run(self, batch: Image8, inputs: dict[str, Any]) -> Image8:
        large = batch.shape[0] * batch.shape[1] * batch.shape[2] > _LARGE_PIXELS
        options = shrink_arena_after_run() if large else None
        try:
            photo = np.ascontiguousarray(batch)
            stylized: Image8 = self._session.run([OUTPUT_NAME], {INPUT_NAME: photo, **inputs}, options)[0]
            return stylized if self._blend is None else blend(photo, stylized, self._blend)
        except RUN_ERRORS as error:
            if not is_out_of_memory(error):
                raise
            height, width = batch.shape[1:3]
            raise DataError(
                f"{width}x{height} pixels need more memory than there is for the filter {self.spec.name!r}:"
                f" {self._advice()}"
            ) from error

    def _advice(self) -> str:
        if self.can_tile:
            return "paint in smaller tiles (--tile 256), or close other programs"
        return (
            "make the photo smaller, or close other programs (it cannot be cut into tiles, for with this filter every"
            " pixel depends on the whole photo)"
        )
