"""Write the reference of the configuration from the descriptions of its keys."""

from __future__ import annotations

import re

from markdown_table import table

from pix2style.config.describe import KeyDescription, SectionDescription, describe_sections


def configuration_reference() -> str:
    """Return one Markdown section for each section of the configuration, with a table of its keys."""
    return "\n".join(_section(section) for section in describe_sections())


def _section(section: SectionDescription) -> str:
    title = f"`{section.name}`" if section.name else "Top level"
    heading = "#" * (2 if not section.name else min(2 + section.depth - 1, 4))
    text = f"{heading} {title}\n\n{section.meaning}\n"
    if not section.keys:
        return text
    return f"{text}\n{table(('Key', 'Value', 'Unit', 'Range', 'Default', 'Meaning'), map(_row, section.keys))}\n"


def _row(key: KeyDescription) -> tuple[str, ...]:
    anchor = key.key.replace("[]", "").replace("[", ".").replace("]", "")
    limits = re.sub(r"matching (.*)", r"matching `\1`", key.range)
    return f"`{key.key}`{{ #{anchor} }}", key.type, key.unit, limits, f"`{key.default}`", key.meaning
