"""Cards of the gallery as text and as Markdown pages. `python -m pix2style.gallery.pages` writes the pages."""

from __future__ import annotations

from pix2style.gallery.card import FIGURES, Card, read_card
from pix2style.gallery.folder import FOLDER, names


def card_page(card: Card) -> str:
    """Return a card as a Markdown page."""
    painting, licences = card.painting, ", ".join(card.photos.licences)
    rows = [] if painting is None else [f"* Painting: *{painting.title}*, {painting.artist}, {painting.year}."]
    rows += [] if painting is None else [f"  Source: {painting.source}. Licence: {painting.licence}."]
    rows += [
        f"* Teacher: `{card.teacher.name}`. Source: {card.teacher.source}. Licence: {card.teacher.licence}.",
        f"* Photos: {card.photos.count}, in [{card.photos.list}]({card.photos.list}). Licences: {licences}.",
        f"* Licence of the weights: {card.licence}.",
    ]
    parts = [
        f"# {card.title}",
        card.summary,
        f"```text\npix2style infer {card.name} PHOTOS -o OUT\n```",
        "## Where it comes from\n\n" + "\n".join(rows),
        "## Metrics on held-out photos\n\n| Metric | Value |\n|---|---|\n"
        + "\n".join(f"| {meaning} | {card.figures[name]:g} |" for name, meaning in FIGURES.items()),
        "## Known limits\n\n" + "\n".join(f"* {limit}" for limit in card.limits),
    ]
    return "\n\n".join(parts) + "\n"


def write_pages() -> None:
    """Write the page NAME.md beside each card of the gallery."""
    for name in names():
        page = card_page(read_card(FOLDER / f"{name}.json"))
        (FOLDER / f"{name}.md").write_text(page, "utf-8", newline="\n")


if __name__ == "__main__":
    write_pages()
