"""Read a blend as people write it: `great-wave:0.6,poppies:0.4`, or without weights `a.onnx,b.onnx@1`."""

from __future__ import annotations

import re
from pathlib import Path

from pix2style.effects.blend import check_weights
from pix2style.errors import ConfigError
from pix2style.teacher_table import parse_teacher

# A weight stands between a colon and a comma, or the end. `C:\x.onnx` has no weight.
_WEIGHT = re.compile(r":\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?:nan|inf))\s*(?:,|$)", re.IGNORECASE)
_STYLE = re.compile(r"[\d.,\s]+")
_EXAMPLE = "A:0.6,B:0.4"


def parse_blend(text: str) -> list[tuple[str, float]] | None:
    """Return the parts of a blend and their weights; None if the text names one stylizer.

    A path that exists is taken as it is, whatever colons and commas its name has, also as a part. So is the painting of
    a teacher, unless every part has a weight (`magenta:a.jpg:1,great-wave:1`). Without weights all are equal.

    Raises:
        ConfigError: The text is meant as a blend, but has one part, or only some of its weights, or a wrong weight.
    """
    if _exists(text) or ("," not in text and not _WEIGHT.search(text)):
        return None
    parts = _weighted(text)
    if (named := parse_teacher(text)) and (named[1] is None or named[1].exists() or parts is None or len(parts) < 2):
        return None
    parts = parts or _unweighted(text)
    if len(parts) == 1 and not _WEIGHT.search(text):
        return None
    try:
        check_weights([weight for _, weight in parts])
    except ConfigError as error:
        raise ConfigError(f"{text}: {error}{_advice(parts)}") from error
    return parts


def _advice(parts: list[tuple[str, float]]) -> str:
    return f": for less of one style give {parts[0][0]} alone and a strength" if len(parts) == 1 else ""


def _exists(text: str) -> bool:
    """Return whether a text is the path of something, or such a path with a style behind an @."""
    before, _, style = text.rpartition("@")
    try:
        return Path(text).expanduser().exists() or bool(
            before and _STYLE.fullmatch(style) and Path(before).expanduser().exists()
        )
    except (RuntimeError, OSError):  # there is no such user, or the text is too long for a path
        return False


def _weighted(text: str) -> list[tuple[str, float]] | None:
    """Return the parts if every part has a weight, else None."""
    parts, start = [], 0
    while start < len(text):
        ends = list(_WEIGHT.finditer(text, start))
        if not ends:
            return None
        # A file's name may look as if it ended with a weight: then it goes on as far as there is a file.
        existing = [end for end in ends if _exists(text[start : end.start()])]
        end = existing[-1] if existing else ends[0]
        parts.append((text[start : end.start()].strip(), float(end[1])))
        start = end.end()
    return None if text.endswith(",") or not all(source for source, _ in parts) else parts


def _unweighted(text: str) -> list[tuple[str, float]]:
    """Return the parts with equal weights."""
    pieces = text.split(",")
    sources: list[str] = []
    while pieces:
        counts = range(len(pieces), 0, -1)
        count = next((n for n in counts if _exists(",".join(pieces[:n]))), 1)
        source, pieces = ",".join(pieces[:count]), pieces[count:]
        if sources and "@" in sources[-1] and _STYLE.fullmatch(source):
            sources[-1] += f",{source}"  # weights of styles, as in x.onnx@0.5,0.5
        else:
            sources.append(source)
    if not all(source.strip() for source in sources):
        raise ConfigError(f"{text}: a part of the blend is empty: write it as {_EXAMPLE}")
    if any(_WEIGHT.search(source) and not _exists(source) for source in sources):
        raise ConfigError(f"{text}: give every part of the blend a weight, or none of them, for example {_EXAMPLE}")
    return [(source.strip() if not _exists(source) else source, 1.0) for source in sources]
