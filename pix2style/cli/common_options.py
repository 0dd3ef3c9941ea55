"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

from pix2style.cli import lazy_typer as typer


def complete_config(incomplete: str) -> list[str]:
    """Return what `--config` may be completed to: shipped configurations, and YAML files and folders here."""
    from pix2style.config.shipped import shipped_configs

    names = [*shipped_configs(), *_files(incomplete, ".yaml", ".yml")]
    return [name for name in names if name.startswith(incomplete)]


def complete_filter(incomplete: str) -> list[str]:
    """Return what a filter may be completed to: names of the gallery, and filter files and folders here."""
    from pix2style import gallery

    return [name for name in (*gallery.names(), *_files(incomplete, ".onnx")) if name.startswith(incomplete)]


def _files(incomplete: str, *suffixes: str) -> list[str]:
    """Return the folders, and the files with one of the suffixes, in the folder that a word has reached."""
    from pathlib import Path

    folder = Path(incomplete) if incomplete.endswith(("/", "\\")) else Path(incomplete).parent
    found = sorted(path for path in folder.glob("*") if path.suffix in suffixes or path.is_dir())
    return [f"{path}/" if path.is_dir() else str(path) for path in found]


JsonOption = Annotated[bool, typer.Option("--json", help="Print the report as JSON on stdout.")]
