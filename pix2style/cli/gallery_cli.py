"""The command `pix2style gallery`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pix2style import gallery
from pix2style.cli.app import app
from pix2style.cli.common_options import JsonOption
from pix2style.cli.terminal import json_text
from pix2style.errors import ConfigError, DataError
from pix2style.printable import printable, text_of_file_name

if TYPE_CHECKING:
    from pix2style.gallery.card import Card


def complete_name(incomplete: str) -> list[str]:
    """Return the names in the gallery that a word may be completed to."""
    return [name for name in gallery.names() if name.startswith(incomplete)]


@app.command("gallery")
def gallery_command(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            autocompletion=complete_name,
            help="Print the card of this filter, for example great-wave.",
        ),
    ] = None,
    copy: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Copy the filter NAME to this new file, or into this folder, for example wave.onnx."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the filters that come with pix2style, or print the card of one: painting, licences, metrics, limits.

    Wherever a filter is taken, its name will do: `pix2style infer great-wave photo.jpg -o painted.jpg`
    """
    from pix2style.gallery.card import read_card
    from pix2style.loading import gallery_file

    if name is None:
        if copy is not None:
            raise ConfigError("--copy: name the filter, too: pix2style gallery NAME --copy FILE")
        _print_list([read_card(gallery_file(each)) for each in gallery.names()], as_json=as_json)
        return
    file = gallery_file(name)
    target = None if copy is None else _copy(file, copy)
    if as_json:
        copied = {} if target is None else {"copy": text_of_file_name(str(target))}
        print(json_text(read_card(file).to_json() | {"file": str(file)} | copied))
    elif target is not None:
        print(printable(f"{target}: the filter {name}"))
    else:
        from pix2style.gallery.pages import card_page

        print(card_page(read_card(file)), end="")


def _print_list(cards: list[Card], *, as_json: bool) -> None:
    if as_json:
        print(json_text([card.to_json() | {"file": str(gallery.find(card.name))} for card in cards]))
        return
    width = max((len(card.name) for card in cards), default=0)
    for card in cards:
        print(f"{card.name:<{width}}  {', '.join(text for text in (card.title, card.artist) if text)}")
        print(f"{'':<{width}}  {card.summary}")
    print("\npix2style infer NAME PHOTOS -o OUT stylizes with one; pix2style gallery NAME prints its card;")
    print("pix2style sheet PHOTO -o sheet.jpg shows a photo in all of them")


def _copy(file: Path, target: Path) -> Path:
    """Copy a filter to a new file or into a folder, and return the path of the copy."""
    from pix2style.files import write_bytes
    from pix2style.writable import check_can_write

    path = target / file.name if target.is_dir() else target
    if path.exists():
        raise DataError(f"{path}: exists: name another file, or remove it")
    check_can_write(path)
    write_bytes(path, file.read_bytes())
    return path
