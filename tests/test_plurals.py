"""No message says "1 photos": numbers and nouns are put together in one place."""

from __future__ import annotations

import re
from pathlib import Path

import pix2style

_PLURALS = (
    "photos|files|pairs|pictures|images|steps|lines|styles|problems|paintings|variants|weights|shards|frames|pages"
)
# A number in braces before a plural.
_SUSPECT = re.compile(r"(?<!\\)\{([^{}]+)\} (?:\w+ )?(" + _PLURALS + r")\b")
# Numbers that are never 1, or fractions.
_ALLOWED = (
    "{report.pairs_per_second:.1f} pairs/s",
    "images_per_s:.0f} images/s",
    "{report.images_per_s:.1f} images/s",
    "{plan.images_per_s:.3g} images/s",
    "{images_per_s:.0f} images/s",
    "frames_per_s:.1f} frames/s",
    "{rate:.1f} frames/s",
    "{report.rate:.1f} frames/s",
)


def test_numbers_that_may_be_one_have_a_singular() -> None:
    folder = Path(pix2style.__file__).parent
    lines = [
        f"{path.relative_to(folder)}:{number}: {line.strip()}"
        for path in sorted((folder / "cli").glob("*.py"))
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if _SUSPECT.search(line) and not any(allowed in line for allowed in _ALLOWED) and "> 1 else" not in line
    ]
    assert lines == []
