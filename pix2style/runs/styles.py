"""Select one style, or a mixture of styles, of a run whose generator holds several."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from pix2style.errors import ConfigError
from pix2style.files import sha256_json
from pix2style.plural import counted
from pix2style.runs.folder import CheckpointMeta
from pix2style.style_choice import StyleChoice, format_style

if TYPE_CHECKING:
    from pix2style.nets.generator import Generator

_SHOWN_NAMES = 12


def select_style(
    generator: Generator, meta: CheckpointMeta, choice: StyleChoice | None, *, run: Path
) -> tuple[Generator, CheckpointMeta]:
    """Return a generator of one style, and the checkpoint's description with the origin of that style alone.

    Args:
        generator: Generator of one style, which is returned as it is, or of several.
        meta: Description of its checkpoint.
        choice: The style or mixture to select; None for a generator of one style.
        run: Run folder, for messages.

    Raises:
        ConfigError: The generator holds several styles and `choice` is None, or the other way round, or there is no
            such style.
    """
    if generator.styles == 1:
        if choice is not None:
            raise ConfigError(
                f"{run}: holds one style, so there is no style {format_style(choice)} to choose: name none"
            )
        return generator, meta
    if choice is None:
        last = generator.styles - 1
        raise ConfigError(
            f"{run}: holds {counted(generator.styles, 'style')}{_list_styles(meta)}: choose one, {run}@0 to"
            f" {run}@{last}, or a"
            f" weight for each, {run}@{format_style(_example_weights(generator.styles))} (to export: --style 0)"
        )
    try:
        return generator.with_fixed_style(choice), _with_selected_origin(meta, choice)
    except ValueError as error:
        raise ConfigError(f"{run}@{format_style(choice)}: {error}{_list_styles(meta)}") from error


def _with_selected_origin(meta: CheckpointMeta, choice: StyleChoice) -> CheckpointMeta:
    """Keep the origin of the selected styles only."""
    selected = [meta.styles[choice]] if isinstance(choice, int) and meta.styles else []
    if not isinstance(choice, int):
        selected = [style for style, weight in zip(meta.styles, choice, strict=False) if weight > 0]
    if not selected:  # the checkpoint does not list its styles
        return meta
    digests = list(dict.fromkeys(style.teacher_sha256 for style in selected))
    return dataclasses.replace(
        meta,
        teacher=" + ".join(style.name for style in selected),
        teacher_sha256=digests[0] if len(digests) == 1 else sha256_json(digests),
        style_sha256=tuple(digest for style in selected for digest in style.style_sha256),
        styles=tuple(selected),
    )


def _list_styles(meta: CheckpointMeta) -> str:
    """Return the styles' ids and names in parentheses, for a message; empty if they are not known."""
    if not meta.styles:
        return ""
    shown = [f"{number}: {style.name}" for number, style in enumerate(meta.styles[:_SHOWN_NAMES])]
    return f" ({', '.join(shown)}{', ...' if len(meta.styles) > _SHOWN_NAMES else ''})"


def _example_weights(styles: int) -> tuple[float, ...]:
    """Return weights to show in a message: short ones, whatever the number of styles."""
    return (0.5, 0.5) if styles == 2 else (1.0, *[0.0] * (styles - 1))
