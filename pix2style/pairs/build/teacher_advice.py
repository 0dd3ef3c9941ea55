"""Say which settings help if a painting overpowers the photos or hardly changes them."""

from __future__ import annotations

from pathlib import Path

from pix2style.config.pairs import PairsConfig
from pix2style.pairs.build.style_figures import Verdict
from pix2style.teacher_table import find_teacher

# The range that is advised: at 64 pixels the style is another one, and at 1024 strokes blur into washes of colour.
_MIN_PAINTING_SIZE, _MAX_PAINTING_SIZE = 128, 512


def has_painting(settings: PairsConfig) -> bool:
    """Return whether the teacher takes its style from paintings."""
    return settings.style is not None or bool(settings.styles)


def style_paintings(settings: PairsConfig, style: int) -> tuple[Path, ...]:
    """Return the image files of a style's paintings."""
    return (settings.style,) if settings.style is not None else settings.styles[style].paintings


def advise(settings: PairsConfig, style: int, verdict: Verdict) -> str | None:
    """Return what helps against a verdict.

    Args:
        settings: Section `pairs` of the configuration.
        style: Number of the style.
        verdict: What was measured.

    Returns:
        One sentence, or None if nothing has to be changed or the teacher takes no painting.
    """
    if verdict == "good" or not has_painting(settings):
        return None
    problem = {
        "overpowered": "the painting overpowers the photos",
        "unchanged": "the painting hardly changes the photos",
        "weak": "the painting changes the photos little",
    }[verdict]
    return f"{problem}: try {' or '.join(_remedies(settings, style, verdict))}"


def _remedies(settings: PairsConfig, style: int, verdict: Verdict) -> list[str]:
    strength = settings.styles[style].strength if settings.styles else 1.0
    if verdict == "overpowered":
        stronger = [f"--strength {max(0.1, strength * 0.6):.1g}"]
    else:
        stronger = [f"--strength {min(1.0, strength + 0.4):.1g}"] if strength < 1 else []
    return [*stronger, *_painting_sizes(settings, verdict)] or ["another painting"]


def _painting_sizes(settings: PairsConfig, verdict: Verdict) -> list[str]:
    """Return the painting sizes that help: larger ones keep more of the photo, smaller ones give denser texture."""
    size = settings.painting_size
    other = 2 * size if verdict == "overpowered" else size // 2
    is_possible = find_teacher(settings.teacher).scales_painting and _MIN_PAINTING_SIZE <= other <= _MAX_PAINTING_SIZE
    return [f"--painting-size {other}"] if is_possible else []
