"""Declare arguments and options as Typer does, without importing Typer.

>>> from pix2style.cli import lazy_typer as typer
>>> Quality = Annotated[int, typer.Option(min=1, max=100, help="Quality of JPEG files.")]

Importing Typer takes longer than stylizing a small photo. So commands that `plain_arguments` can run without it declare
their options here, and `Application.command` turns the declarations into Typer's.
"""

from __future__ import annotations

import operator
from typing import Annotated, Any, Literal, get_args, get_origin

from pix2style.light_dataclass import dataclass


@dataclass(frozen=True)
class Declaration:
    """An argument or option.

    Attributes:
        kind: Name of Typer's function that declares it.
        names: How it is written on the command line; empty for the name of the parameter.
        settings: Further arguments of that function.
    """

    kind: Literal["Argument", "Option"]
    names: tuple[str, ...]
    settings: dict[str, Any]

    def __hash__(self) -> int:
        return id(self)  # `Annotated` hashes what is in it

    def for_typer(self) -> Any:
        """Return what Typer's function returns."""
        import typer

        return getattr(typer, self.kind)(*self.names, **self.settings)


def Option(*names: str, **settings: Any) -> Any:  # noqa: N802 - as in Typer
    """Declare an option; see `typer.Option`."""
    return Declaration("Option", names, settings)


def Argument(**settings: Any) -> Any:  # noqa: N802
    """Declare an argument; see `typer.Argument`."""
    return Declaration("Argument", (), settings)


def annotation_for_typer(annotation: Any) -> Any:
    """Return an annotation with Typer's declarations in place of those of this module."""
    if get_origin(annotation) is not Annotated:
        return annotation
    value_type, *extra = get_args(annotation)
    declared = tuple(item.for_typer() if isinstance(item, Declaration) else item for item in extra)
    return operator.getitem(Annotated, (value_type, *declared))  # Annotated[...] of a number of items known at run time
