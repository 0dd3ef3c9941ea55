"""The parts of a report's HTML: page, tables, images inside the file, and a row of images behind a slider."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Sequence

from pix2style.images import Image8, encode_jpeg, fit_within
from pix2style.version import __version__

_JPEG_QUALITY = 88
# The page shows itself alone: nothing is loaded from anywhere, and the script is the one below.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
_STYLE = """
:root { color-scheme: light dark; --line: #8886; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 75rem; padding: 1rem 1.5rem 4rem; }
h2 { border-top: 1px solid var(--line); margin-top: 2.5rem; padding-top: 1rem; }
img, svg { height: auto; max-width: 100%; }
table { border-collapse: collapse; }
.scroll { overflow-x: auto; }
th, td { border-bottom: 1px solid var(--line); padding: .25rem .75rem .25rem 0; text-align: left; vertical-align: top; }
td.number { font-variant-numeric: tabular-nums; text-align: right; }
figure { margin: 1rem 0; }
figcaption { font-size: .9em; }
pre { background: #8882; overflow-x: auto; padding: 1rem; }
input[type=range] { width: min(40rem, 100%); }
.charts { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(30rem, 100%), 1fr)); }
svg text { fill: currentColor; }
"""
_SCRIPT = """
for (const slider of document.querySelectorAll('input[type=range]')) {
  const images = slider.closest('figure').querySelectorAll('img');
  const show = () => {
    images.forEach((image, i) => { image.hidden = i !== Number(slider.value); });
    const name = images[slider.value].alt;
    slider.closest('figure').querySelector('output').textContent = name;
    slider.setAttribute('aria-valuetext', name);
  };
  slider.addEventListener('input', show);
  show();
}
"""


def page(title: str, lead: str, sections: Iterable[str]) -> str:
    """Return a whole page.

    Args:
        title: Title as plain text.
        lead: What the report is about, in a sentence of plain text.
        sections: HTML of the sections; empty ones are left out.
    """
    body = "\n".join(part for part in sections if part)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{text(title)}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{text(title)}</h1>\n<p>{text(lead)}</p>\n{body}\n</main>\n"
        f"<footer><p>Written by pix2style {__version__}.</p></footer>\n<script>{_SCRIPT}</script>\n</body>\n</html>\n"
    )


def text(value: object) -> str:
    """Return plain text as HTML."""
    return html.escape(str(value))


def section(title: str, *parts: str) -> str:
    """Return a section with a heading; empty if it has no content."""
    content = "\n".join(part for part in parts if part)
    return f"<section>\n<h2>{text(title)}</h2>\n{content}\n</section>" if content else ""


def paragraph(sentence: str) -> str:
    """Return a paragraph of plain text."""
    return f"<p>{text(sentence)}</p>"


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table. Numbers are aligned to the right, and None is an empty cell."""
    head = "".join(f'<th scope="col">{text(heading)}</th>' for heading in headings)
    lines = [f"<tr>{''.join(_cell(value) for value in row)}</tr>" for row in rows]
    rows_html = "\n".join(lines)
    table_html = f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows_html}\n</tbody>\n</table>"
    # Reachable by the keyboard, because a wide table has to be scrolled on a phone.
    return f'<div class="scroll" tabindex="0">\n{table_html}\n</div>'


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f'<td class="number">{value:.4g}</td>'
    if isinstance(value, int):
        return f'<td class="number">{value}</td>'
    return f"<td>{'' if value is None else text(value)}</td>"


def image(rgb: Image8, description: str, max_side_px: int = 1200, *, hidden: bool = False) -> str:
    """Return an image, which is stored inside the page as JPEG.

    Args:
        rgb: uint8 [height, width, 3].
        description: What it shows, for people who cannot see it.
        max_side_px: Larger images are shrunk to this longer side.
        hidden: Whether the page's script will show it.
    """
    small = fit_within(rgb, max_side_px)
    data = base64.b64encode(encode_jpeg(small, _JPEG_QUALITY)).decode()
    height, width = small.shape[:2]
    size = f'width="{width}" height="{height}"'
    return f'<img {size} alt="{text(description)}" src="data:image/jpeg;base64,{data}"{" hidden" if hidden else ""}>'


def figure(content: str, caption: str) -> str:
    """Return an image or a drawing with its caption."""
    return f"<figure>\n{content}\n<figcaption>{text(caption)}</figcaption>\n</figure>"


def slider(name: str, images: Sequence[tuple[str, Image8]]) -> str:
    """Return images of which a slider shows one at a time, at first the last one.

    Args:
        name: What the slider chooses.
        images: Description and pixels of each image.
    """
    last = len(images) - 1
    shown = "\n".join(image(rgb, label, hidden=i != last) for i, (label, rgb) in enumerate(images))
    control = f'<input type="range" min="0" max="{last}" step="1" value="{last}" aria-label="{text(name)}">'
    return f"<figure>\n<p>{control} <output>{text(images[last][0])}</output></p>\n{shown}\n</figure>"


def details(summary: str, preformatted: str) -> str:
    """Return text that a reader can unfold."""
    return f'<details>\n<summary>{text(summary)}</summary>\n<pre tabindex="0">{text(preformatted)}</pre>\n</details>'
