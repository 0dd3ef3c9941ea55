"""Hooks of MkDocs: reference pages are written from the code whenever the site is built, so they cannot go stale."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from commands import command_reference
from configuration import configuration_reference
from exit_codes import exit_code_table
from filters_page import gallery_page
from record_fields import field_table
from repository import listing, outside_pages, relink

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

_GENERATED = re.compile(r"^<!-- generated: ([a-z-]+) -->$", re.MULTILINE)
_FIELDS = re.compile(r"^<!-- fields: ([\w.]+) -->$", re.MULTILINE)
_WRITERS = {
    "commands": command_reference,
    "configuration": configuration_reference,
    "exit-codes": exit_code_table,
    "gallery": gallery_page,
    "experiments": lambda: listing("configs"),
    "pipelines": lambda: listing("pipelines"),
}
_FOREIGN = re.compile(r"""<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)=["']?(?:https?:)?//[^>]*>""")
_HARMLESS_RELATIONS = ('rel="canonical"', 'rel="next"', 'rel="prev"')


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that lie outside of docs/."""
    from mkdocs.structure.files import File

    for place, source in outside_pages():
        files.append(File.generated(config, place, abs_src_path=str(source)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Fill in what is written from the code, and turn links to files into links to pages.

    `<!-- generated: NAME -->` becomes what NAME's writer returns, and `<!-- fields: MODEL -->` a table of the fields of
    a pydantic model.
    """
    from mkdocs.exceptions import PluginError

    try:
        linked = relink(markdown, page.file.src_uri, Path(page.file.abs_src_path or ""))
    except FileNotFoundError as error:
        raise PluginError(str(error)) from error
    with_fields = _FIELDS.sub(lambda match: field_table(match.group(1)), linked)
    return _GENERATED.sub(lambda match: _WRITERS[match.group(1)](), with_fields)


def on_post_build(config: MkDocsConfig, **_: object) -> None:
    """Refuse pages that would make a reader's browser fetch something from another server."""
    from mkdocs.exceptions import PluginError

    for path in Path(config.site_dir).rglob("*.html"):
        for tag in _FOREIGN.findall(path.read_text(encoding="utf-8")):
            if not any(relation in tag for relation in _HARMLESS_RELATIONS):
                raise PluginError(f"{path}: makes browsers ask another server: {tag}")
