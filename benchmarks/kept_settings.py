"""Keep what was measured together with its settings, so that it is never shown under others."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def check_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    """Write the settings into a folder of results that is new; end the program if the folder has results of others.

    Args:
        folder: The folder; it is made if it does not exist.
        settings: What changes the results, as values for JSON.
    """
    file, now = folder / "settings.json", json.loads(json.dumps(settings, default=str))
    if file.is_file():
        then = json.loads(file.read_text(encoding="utf-8"))
        names = sorted({*then, *now})
        changed = [
            f"{name} {then.get(name)!r} and not {now.get(name)!r}" for name in names if then.get(name) != now.get(name)
        ]
        if changed:
            sys.exit(
                f"{folder}: holds results with {'; '.join(changed)}: name another folder with --out, or delete this one"
            )
    elif folder.is_dir() and any(folder.iterdir()):
        sys.exit(
            f"{folder}: holds results that do not say their settings: name another folder with --out, or delete it"
        )
    else:
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(now, indent=2), encoding="utf-8")
