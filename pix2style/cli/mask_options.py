"""Options of `infer` that limit the stylized part of photos."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pix2style.cli import lazy_typer as typer
from pix2style.errors import ConfigError, DataError
from pix2style.light_dataclass import dataclass

if TYPE_CHECKING:
    from pix2style.stylizer import Stylizer

MaskOption = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|FOLDER|alpha",
        help="Stylize only where a mask is white, for example --mask sky.png: an image for all inputs, a folder with"
        " one for each, of the same name, or alpha for the transparency of each photo.",
    ),
]
FeatherOption = Annotated[
    float | None,
    typer.Option(
        metavar="PX",
        help="Width over which the edges of the mask fade, for example 20; 0: none. Default: 1 % of the longer side.",
    ),
]
InvertOption = Annotated[
    bool, typer.Option("--mask-invert", help="Stylize where the mask is black, for example to leave a face as it is.")
]


@dataclass(frozen=True, slots=True)
class MaskOptions:
    """The mask, and how its edges are treated."""

    mask: MaskOption = None
    feather: FeatherOption = None
    mask_invert: InvertOption = False

    def around(self, stylizer: Stylizer, inputs: Iterable[Path], *, recursive: bool = True) -> Stylizer:
        """Return a stylizer that stylizes only where the mask is white; the stylizer itself if there is no mask.

        Args:
            stylizer: Any stylizer.
            inputs: The inputs of the call.
            recursive: Whether folders inside of input folders are searched.

        Raises:
            ConfigError: There is no mask for the other options, or it lies among the inputs.
            DataError: The mask cannot be read.
        """
        if self.mask is None:
            if self.feather is not None or self.mask_invert:
                option = "--mask-invert" if self.mask_invert else "--feather"
                raise ConfigError(f"{option}: is for a mask, and there is none: add --mask, or leave it out")
            return stylizer
        from pix2style.effects.mask_folder import check_apart
        from pix2style.effects.masked import ALPHA, with_mask

        if self.mask != ALPHA:
            if not Path(self.mask).exists():
                raise DataError(f"--mask {self.mask}: no such file or folder")
            check_apart(Path(self.mask), inputs, recursive=recursive)
        return with_mask(stylizer, self.mask, feather_px=self.feather, invert=self.mask_invert)
