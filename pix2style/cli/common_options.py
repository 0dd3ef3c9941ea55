"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

from pix2style.cli import lazy_typer as typer


def complete_config(incomplete: str) -> list[str]:
    """Return what `--config` may be completed to: shipped configurations, and YAML files and folders here."""
    from pathlib import Path

    from pix2style.config.shipped import shipped_configs

    folder = Path(incomplete).parent
    files = [path for path in folder.glob("*") if path.suffix in (".yaml", ".yml") or path.is_dir()]
    names = [*shipped_configs(), *(f"{path}/" if path.is_dir() else str(path) for path in sorted(files))]
    return [name for name in names if name.startswith(incomplete)]


JsonOption = Annotated[bool, typer.Option("--json", help="Print the report as JSON on stdout.")]
