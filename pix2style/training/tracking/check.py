"""Check the section `tracking` before a run begins: packages, and names that W&B refuses."""

from __future__ import annotations

from typing import Any

from pix2style.config.train import TrackingConfig
from pix2style.errors import ConfigError, require

# The rules of wandb 0.21 to 0.30 (`Settings.validate_project` and `validate_run_tags`) and of W&B's addresses.
_REFUSED_CHARACTERS = "/\\#?%:"
_MAX_PROJECT_LENGTH = 128
_MAX_TAG_LENGTH = 64


def check_trackers(tracking: TrackingConfig) -> None:
    """Refuse settings with which a tracker could not start.

    Raises:
        MissingExtraError: A tracker's package is not installed. The message names the extra to install.
        ConfigError: W&B does not accept the project, the entity or a tag.
    """
    if tracking.wandb != "off":
        [wandb] = require("train", "wandb")
        _check_names(wandb, tracking)
    if tracking.tensorboard:
        require("tensorboard", "tensorboard")


def _check_names(wandb: Any, tracking: TrackingConfig) -> None:
    _check_name("project", tracking.project, _MAX_PROJECT_LENGTH, _REFUSED_CHARACTERS)
    if tracking.entity is not None:
        _check_name("entity", tracking.entity, _MAX_PROJECT_LENGTH, f"{_REFUSED_CHARACTERS} ")
    for tag in tracking.tags:
        _check_name("tags", tag, _MAX_TAG_LENGTH, "")
    try:  # whatever else the installed version refuses
        wandb.Settings(project=tracking.project, entity=tracking.entity, run_tags=list(tracking.tags))
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise ConfigError(f"[tracking] W&B refuses project, entity or tags: {reason}") from error


def _check_name(key: str, name: str, max_length: int, refused: str) -> None:
    found = sorted({character for character in name if character in refused or not character.isprintable()})
    if found:
        shown = " ".join(map(repr, found))
        raise ConfigError(f"[tracking -> {key}] W&B takes no {shown} in {name!r}: write it without them")
    if not 1 <= len(name.strip()) <= len(name) <= max_length:
        shown = repr(name) if len(name) <= max_length else f"{name[:20]!r}... ({len(name)} characters)"
        raise ConfigError(f"[tracking -> {key}] W&B takes names of 1 to {max_length} characters, not {shown}")
