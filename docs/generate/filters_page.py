"""The page of the gallery, written from the filters' cards."""

from __future__ import annotations

from markdown_table import table

from pix2style import gallery
from pix2style.gallery.card import FIGURES, Card, read_card
from pix2style.gallery.folder import FOLDER


def gallery_page() -> str:
    """Return a section for each filter of the gallery, and a table of all metrics."""
    cards = [read_card(FOLDER / f"{name}.json") for name in gallery.names()]
    common = [limit for limit in cards[0].limits if all(limit in card.limits for card in cards)]
    sections = [_section(card, [limit for limit in card.limits if limit not in common]) for card in cards]
    return "\n\n".join([_list(common), *sections, "## Metrics", _explanations(), _figures(cards)])


def _section(card: Card, limits: list[str]) -> str:
    painting = card.painting
    origin = f"After *{painting.title}* by {painting.artist}, {painting.year}." if painting else "After no painting."
    return (
        f"## {card.title} {{ #{card.name} }}\n\n`{card.name}`: {card.summary} {origin}\n\n"
        f"![A photo, and what {card.name} makes of it](gallery/{card.name}.jpg)\n\n{_list(limits)}"
    )


def _list(sentences: list[str]) -> str:
    return "\n".join(f"* {sentence}" for sentence in sentences)


def _explanations() -> str:
    return _list([f"`{name}`: {meaning}." for name, meaning in FIGURES.items()])


def _figures(cards: list[Card]) -> str:
    rows = [[f"[{card.name}](#{card.name})", *(f"{card.figures[name]:g}" for name in FIGURES)] for card in cards]
    return table(["Filter", *(f"`{name}`" for name in FIGURES)], rows)
