"""Use a filter file as a `Stylizer`, with numpy and ONNX Runtime only."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from pix2style.errors import ArtifactError, ConfigError
from pix2style.files import sha256_bytes
from pix2style.images import Image8
from pix2style.images.glimpse import glimpse
from pix2style.onnx_session import CPU_PROVIDER, RUN_ERRORS, Spinning, shrink_arena_after_run
from pix2style.runtime.filter_description import check_digest, read_file
from pix2style.runtime.filter_file import open_filter, read_spec
from pix2style.runtime.filter_inputs import read_inputs
from pix2style.runtime.prove import prove
from pix2style.runtime.run_errors import run_error
from pix2style.runtime.strength import blend, check_strength
from pix2style.runtime.tiles import split_axis, stylize_in_tiles
from pix2style.spec import GLIMPSE_NAME, INPUT_NAME, OUTPUT_NAME, STRENGTH_NAME, STYLE_NAME
from pix2style.style_choice import StyleChoice, as_style_choice, format_style, style_weights
from pix2style.stylizer import Setting, Stylizer, StylizerIdentity

# ONNX Runtime's memory arena keeps the largest amount that any photo needed, in blocks that rarely fit the next photo:
# two photos of 20 megapixels (lightweight generator) peaked at 4.7 GB. Releasing it after each photo lowers the peak to
# 2.7 GB and what is kept to 0.4 GB, but makes photos of 1 megapixel a third slower. So the arena is released only after
# photos larger than this, which is a little more than 1920x1080.
_KEEP_ARENA_PIXELS = 2_100_000
# Larger photos are stylized in tiles, if that gives the same result. For 24 megapixels (lightweight generator, fp32)
# memory then grew by 165 MB, of which the output is 72 MB, and processor time did not grow. With tiles of 2048 pixels
# it grew by 288 MB, and without tiles by 1033 MB.
_MAX_UNTILED_PIXELS = 4_000_000
_TILE_PX = 1024
# Tiles are at least so many margins wide, so that the overlapping margins are at most 5/9 of the work.
_MIN_TILE_MARGINS = 4
_MAX_GRID_PX = 32


class OnnxStylizer(Stylizer):
    """An exported filter.

    Args:
        path: Path of the `.onnx` file that `pix2style export` wrote.
        strength: How much of the style is applied, from 0 (returns the photo) to 1 (full style).
        style: For a file of several styles: the id of a style, counted from 0; a weight for each style; or either of
            them as text (`"1"`, `"0.5,0.5"`). None for the first style.
        tile: Side of a tile in pixels. Larger photos are then stylized tile by tile, which gives the same result with
            less memory. 0 for no tiles. None for tiles of 1024 pixels or more, for photos of more than 4 megapixels.
            Without effect on filters for which `can_tile` is False.
        threads: Number of threads for one photo; None for as many as there are cores.
        providers: ONNX Runtime's execution providers, the preferred one first; see `devices.providers_of`. A device
            that cannot be used is an error.
        spinning: When ONNX Runtime's waiting threads keep a core busy; None for "always", and "never" with clips.

    Attributes:
        spec: Description of the filter from the file's metadata.
        inputs: Inputs that the file really has.
        digest: Whether the file was compared with the digest that it holds: "matches", "changed" if another program has
            written it anew, or "absent" in files of older versions.
        proof: Whether the filter computes here what it computed where it was exported; see `runtime.prove`.
        bytes: Size of the file in bytes.
        styles: Number of styles in the file.
        tiled: Number of photos that were stylized in tiles so far.

    Raises:
        ArtifactError: The file does not exist, is no ONNX file or no filter of pix2style, or has an unknown schema
            version; or it computes other values here than where it was exported.
        ConfigError: Strength, style or tile are not possible with this file, or the device cannot be used.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        strength: float = 1.0,
        style: StyleChoice | Sequence[float] | str | None = None,
        tile: int | None = None,
        threads: int | None = None,
        providers: Sequence[str] = (CPU_PROVIDER,),
        spinning: Spinning | None = None,
    ) -> None:
        path = Path(path)
        self._path, data = path, read_file(path)
        self._session = open_filter(data, path, threads, list(providers), spinning or "always")
        self._spinning = spinning
        self.spec = read_spec(self._session.get(), path)
        self.inputs = read_inputs(self._session.get(), str(path))
        self.digest = check_digest(data, path)  # after the checks that can say more exactly what is wrong
        self._session, self.proof = prove(self._session, self.inputs, self.spec.precision, path)
        self.bytes, self.tiled, self.styles = len(data), 0, self.inputs.styles
        self._has_glimpse_input = GLIMPSE_NAME in self.inputs.others
        if tile is not None and (not isinstance(tile, SupportsIndex) or tile < 0):
            raise ConfigError(f"tile is {tile!r}: give a tile's side in pixels, or 0 for no tiles")
        self._tile = tile
        self._sha256 = sha256_bytes(data)
        self._set(strength, style)

    def with_settings(
        self, *, strength: float = 1.0, style: StyleChoice | Sequence[float] | str | None = None
    ) -> OnnxStylizer:
        """Return a stylizer with the same session, as if the file had been loaded with another strength and style.

        Raises:
            ArtifactError, ConfigError: Strength or style are not possible with this file.
        """
        made = copy.copy(self)
        made._set(strength, style)
        return made

    def _set(self, strength: float, style: StyleChoice | Sequence[float] | str | None) -> None:
        """Store strength and style, and the identity that results."""
        self._blend_strength: float | None = None  # set if the strength has to be applied outside of the file
        # Inputs that are the same for all photos.
        self._fixed_inputs: dict[str, NDArray[Any]] = dict(self.inputs.defaults)
        self._strength = check_strength(strength)
        settings = {**self._set_strength(strength), **self._set_style(style, self._path)}
        self._identity = StylizerIdentity(
            name=f"{self.spec.name}@{settings['style']}" if "style" in settings else self.spec.name,
            sha256=self._sha256,
            style_sha256=self.spec.provenance.style_sha256,
            licence=self.spec.licence,
            settings=settings,
        )

    def _set_strength(self, strength: float) -> dict[str, Setting]:
        """Store the strength, and return what it adds to the settings of the identity."""
        if check_strength(strength) == 1:
            return {}
        if STRENGTH_NAME in self.inputs.others:
            self._fixed_inputs[STRENGTH_NAME] = np.array([strength], np.float32)
        else:
            self._blend_strength = strength
        return {"strength": float(strength)}

    def _set_style(self, style: StyleChoice | Sequence[float] | str | None, path: Path) -> dict[str, Setting]:
        """Store the style, and return what it adds to the settings of the identity."""
        if style is None:
            return {}
        choice = as_style_choice(style)
        if len(self.spec.styles) > self.styles and choice != 0:
            raise ArtifactError(
                f"{path}@{format_style(choice)}: the input {STYLE_NAME} was removed after the export, as programs that"
                " simplify ONNX files do, so only the first style is left: name none, or export the file again"
            )
        if self.styles == 1 >= len(self.spec.styles):
            raise ConfigError(f"{path}@{format_style(choice)}: the file holds one style, so do not name a style")
        if self.styles == 1:  # the first style is all that is left
            return {"style": format_style(choice)}
        try:
            self._fixed_inputs[STYLE_NAME] = np.array(style_weights(choice, self.styles), np.float32)
        except ValueError as error:
            raise ConfigError(f"{path}@{format_style(choice)}: {error}") from error
        return {"style": format_style(choice)}

    def copy(self) -> OnnxStylizer:
        """Return a stylizer with the same session and the same settings, which `adjust` changes independently."""
        copied = copy.copy(self)
        copied._fixed_inputs = dict(self._fixed_inputs)
        return copied

    @property
    def max_frames_at_once(self) -> int:
        """See `Stylizer.max_frames_at_once`."""
        return self._session.threads

    def copy_for_clips(self, frames_at_once: int = 1) -> OnnxStylizer:
        """Return a copy whose waiting threads leave the cores to those that read and write frames."""
        copied = self.copy()
        copied._session = self._session.for_clips(self._spinning or "never", frames_at_once)
        return copied

    def adjust(self, *, strength: float | None = None, style: Sequence[float] | None = None) -> None:
        """Change strength or mixture of styles from the next photo on, as between the frames of a clip.

        The identity stays that of the beginning.

        Args:
            strength: New strength, from 0 to 1; None to leave it.
            style: New weight for each style, with the sum 1; None to leave them. Only for files of several styles.
        """
        if strength is not None:
            self._strength = check_strength(strength)
            if STRENGTH_NAME in self.inputs.others:
                self._fixed_inputs[STRENGTH_NAME] = np.array([strength], np.float32)
            else:
                self._blend_strength = None if strength == 1 else strength
        if style is not None and self.styles > 1:
            self._fixed_inputs[STYLE_NAME] = np.array(style_weights(tuple(style), self.styles), np.float32)

    @property
    def identity(self) -> StylizerIdentity:
        """The filter's name, and the digest of its file."""
        return self._identity

    @property
    def strength(self) -> float:
        """Share of the style in the outputs, as it was given."""
        return self._strength

    @property
    def can_tile(self) -> bool:
        """Whether tiles give the same result as the whole photo.

        They do not if every output pixel depends on the whole photo and the file has no input `glimpse` to tell a tile
        about it.
        """
        return self._has_glimpse_input or not self.spec.global_context

    @property
    def grid_px(self) -> int:
        """Distance of the grid on which strokes hang: `size_multiple` of the filter, or 32 if that is larger.

        A frame is padded by up to this many pixels to lie on the grid. Coarser layers change an image little.
        """
        return min(self.spec.size_multiple, _MAX_GRID_PX)

    @property
    def takes_glimpse(self) -> bool:
        """Whether the file has the input `glimpse`."""
        return self._has_glimpse_input

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        """Stylize photos of any sizes, one at a time: batches of 4 took as long on a CPU, and batches of 16 longer.

        Args:
            images: Photos, uint8 [height, width, 3] each.

        Raises:
            DataError: A photo needs more memory than there is.
            ValueError: A photo has other dimensions, as if a single photo was given instead of a list.
        """
        if any(image.ndim != 3 for image in images):
            raise ValueError(f"stylize takes a list of photos [height, width, 3], and got one {list(images[0].shape)}")
        return [self._stylize_photo(image) for image in images]

    def stylize_with_glimpse(self, image: Image8, glimpse: Image8 | None) -> Image8:
        """See `Stylizer.stylize_with_glimpse`.

        Raises:
            DataError: The image needs more memory than there is.
        """
        return self._stylize_photo(image, glimpse)

    def run(self, batch: Image8) -> Image8:
        """Stylize a batch of photos of the same size, without tiles: at once if the file allows it (int8 does not).

        Args:
            batch: Photos, uint8 [batch, height, width, 3].

        Returns:
            Stylized photos of the same shape.

        Raises:
            DataError: The batch needs more memory than there is.
        """
        if self.inputs.photo[0] == 1:
            return np.concatenate([self._run(photo[None], self._fixed_inputs) for photo in batch])
        return self._run(batch, self._fixed_inputs)

    def _stylize_photo(self, photo: Image8, given_glimpse: Image8 | None = None) -> Image8:
        inputs: dict[str, Any] = dict(self._fixed_inputs)
        if given_glimpse is not None and self._has_glimpse_input:
            inputs[GLIMPSE_NAME] = given_glimpse[None]
        height, width = photo.shape[:2]
        is_small = self._tile is None and height * width <= _MAX_UNTILED_PIXELS
        if self._tile == 0 or is_small or not self.can_tile:
            return self._run_one(photo, inputs)
        multiple, margin = self.spec.size_multiple, self.spec.receptive_field_px
        tile = self._tile or max(_TILE_PX, _MIN_TILE_MARGINS * margin)
        rows, columns = (split_axis(size, tile, multiple=multiple, margin=margin) for size in (height, width))
        if len(rows.spans) == len(columns.spans) == 1:
            return self._run_one(photo, inputs)
        self.tiled += 1
        if self._has_glimpse_input and given_glimpse is None:
            inputs[GLIMPSE_NAME] = glimpse(photo)[None]  # all tiles get the global context of the whole photo
        return stylize_in_tiles(lambda tile_image: self._run_one(tile_image, inputs), photo, rows, columns)

    def _run_one(self, photo: Image8, inputs: dict[str, Any]) -> Image8:
        return self._run(photo[None], inputs)[0]  # type: ignore[no-any-return]

    def _run(self, batch: Image8, inputs: dict[str, Any]) -> Image8:
        is_large = batch.shape[0] * batch.shape[1] * batch.shape[2] > _KEEP_ARENA_PIXELS
        options = shrink_arena_after_run() if is_large else None
        try:
            photo = np.ascontiguousarray(batch)
            stylized: Image8 = self._session.get().run([OUTPUT_NAME], {INPUT_NAME: photo, **inputs}, options)[0]
        except RUN_ERRORS as error:
            shape = batch.shape
            raise run_error(error, self._path, self.spec.name, self.inputs, shape, can_tile=self.can_tile) from error
        if stylized.shape != batch.shape:
            raise ArtifactError(
                f"{self._path}: turns photos of the shape {list(batch.shape)} into {list(stylized.shape)}: it is"
                " damaged or was changed after its export; export it again"
            )
        return stylized if self._blend_strength is None else blend(photo, stylized, self._blend_strength)
