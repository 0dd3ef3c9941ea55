"""State-dict keys of earlier versions, and the names that they have now.

Attribute names of networks are the keys of their state dicts, and so of every checkpoint and package. When an attribute
is renamed, the old name is listed here, so that files with old keys still load. No new name is equal to an old one of
the same architecture; that is how old files are recognised, and renaming twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

_Value = TypeVar("_Value")

KEY_SCHEMA_VERSION = 2
"""Version of the keys that networks write now. Version 1 was written until November 2026."""

# For each architecture: old attribute name (one part of a dotted key) -> the name since version 2.
_RENAMED_SINCE_1: dict[str, dict[str, str]] = {
    "lite": {
        "observe": "context_network",
        "look": "patch_layers",
        "tell": "statistics_layers",
    },
    "transformer": {
        "encode": "encoder",
        "decode": "decoder",
        "halve": "downsample",
        "project": "upsample_projection",
        "draw": "head",
        "look": "depthwise",
        "weigh": "channel_attention",
        "merge": "attention_projection",
        "think": "ffn",
        "conclude": "ffn_projection",
    },
}


def with_current_keys(state_dict: Mapping[str, _Value], architecture: str) -> dict[str, _Value]:
    """Return a state dict of any version with today's keys, in the same order.

    Args:
        state_dict: Tensors (or anything else) by dotted key.
        architecture: The generator's `architecture`.
    """
    renamed = _RENAMED_SINCE_1.get(architecture, {})
    return {".".join(renamed.get(part, part) for part in key.split(".")): value for key, value in state_dict.items()}
