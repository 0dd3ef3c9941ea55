"""The wanted style of a run that holds several, alone."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from pix2style.errors import ConfigError
from pix2style.files import sha256_json
from pix2style.runs.folder import CheckpointMeta
from pix2style.style_choice import StyleChoice, format_style

if TYPE_CHECKING:
    from pix2style.nets.generator import Generator

_SHOWN_NAMES = 12


def select_style(
    generator: Generator, meta: CheckpointMeta, choice: StyleChoice | None, *, run: Path
) -> tuple[Generator, CheckpointMeta]:
    """A generator that holds the wanted style alone, and where that style comes from.

    Args:
        generator: of one style (then it is given back) or of several.
        meta: of its checkpoint.
        choice: None for a generator of one style.
        run: for messages.

    Raises:
        ConfigError: a style is not given, not wanted, or not there.
    """
    if generator.styles == 1:
        if choice is not None:
            raise ConfigError(
                f"{run}: holds one style, so there is no style {format_style(choice)} to choose: name none"
            )
        return generator, meta
    if choice is None:
        raise ConfigError(
            f"{run}: holds {generator.styles} styles{_names(meta)}: say which, {run}@0 to {run}@{generator.styles - 1},"
            f" or a weight for each, {run}@{format_style(_evenly(generator.styles))} (to export: --style 0)"
        )
    try:
        return generator.with_fixed_style(choice), _narrowed(meta, choice)
    except ValueError as error:
        raise ConfigError(f"{run}@{format_style(choice)}: {error}{_names(meta)}") from error


def _narrowed(meta: CheckpointMeta, choice: StyleChoice) -> CheckpointMeta:
    """The checkpoint's origin, as far as this style or mixture goes."""
    chosen = [meta.styles[choice]] if isinstance(choice, int) and meta.styles else []
    if not isinstance(choice, int):
        chosen = [one for one, weight in zip(meta.styles, choice, strict=False) if weight > 0]
    if not chosen:  # a checkpoint that does not tell its styles apart
        return meta
    digests = list(dict.fromkeys(one.teacher_sha256 for one in chosen))
    return dataclasses.replace(
        meta,
        teacher=" + ".join(one.name for one in chosen),
        teacher_sha256=digests[0] if len(digests) == 1 else sha256_json(digests),
        style_sha256=tuple(digest for one in chosen for digest in one.style_sha256),
        styles=tuple(chosen),
    )


def _names(meta: CheckpointMeta) -> str:
    if not meta.styles:
        return ""
    shown = [f"{number}: {one.name}" for number, one in enumerate(meta.styles[:_SHOWN_NAMES])]
    return f" ({', '.join(shown)}{', ...' if len(meta.styles) > _SHOWN_NAMES else ''})"


def _evenly(styles: int) -> tuple[float, ...]:
    return (0.5, 0.5) if styles == 2 else (1.0, *[0.0] * (styles - 1))
