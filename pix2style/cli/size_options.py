"""Options of `infer` for the size of strokes and of outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pix2style.cli import lazy_typer as typer

if TYPE_CHECKING:
    from pix2style.stylizer import Stylizer

StrokeOption = Annotated[
    float | None,
    typer.Option(
        metavar="0.5..4",
        help="Size of the strokes: for example 2 makes them twice as large as without this option. Outputs keep their"
        " size and the photo's detail.",
    ),
]
LookOption = Annotated[
    int | None,
    typer.Option(
        metavar="PX",
        help="Give larger photos and clips the strokes of their version with this longer side, for example 1024: so"
        " strokes do not depend on the size of a photo. Outputs keep their size. --look 1024 --stroke 2 makes"
        " those strokes twice as large.",
    ),
]
MaxSideOption = Annotated[
    int | None,
    typer.Option(
        metavar="PX",
        help="Shrink photos and clips to this longer side first, for example 1280: outputs are smaller and are made"
        " faster. Default: outputs have the size of the inputs; see also --look.",
    ),
]


def shrinking(stylizer: Stylizer, max_side_px: int | None) -> Stylizer:
    """Return a stylizer that shrinks photos to a longer side first; the stylizer itself for None."""
    if max_side_px is None:
        return stylizer
    from pix2style.effects.max_side import MaxSide

    return MaxSide(stylizer, max_side_px)
