"""The JSON schema of configuration files, by which editors complete and check keys while somebody types."""

from __future__ import annotations

from typing import Any

from pix2style.config.describe import describe_sections
from pix2style.config.root import Config

# Editors read YAML 1.2, in which 400_000 is a text.
_WITH_UNDERSCORES = {"type": "string", "pattern": r"^[-+]?[0-9][0-9_]*$"}


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of a configuration file, with units and meanings of all keys."""
    schema = Config.model_json_schema()
    _allow_underscores(schema)
    for section in describe_sections():
        for key in section.keys:
            if key.unit not in ("", "none"):
                _property(schema, key.key)["description"] = f"{key.meaning}\n\nUnit: {key.unit}."
    title = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "pix2style configuration"}
    return {**schema, **title}


def _allow_underscores(node: Any) -> None:
    """Let every integer inside a part of the schema be written as 400_000, too."""
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        _allow_underscores(child)
    if isinstance(node, dict) and node.get("type") == "integer" and "enum" not in node:
        limits = {key: node.pop(key) for key in list(node) if key not in ("title", "description", "default")}
        node["anyOf"] = [limits, _WITH_UNDERSCORES]


def _property(schema: dict[str, Any], key: str) -> dict[str, Any]:
    """Return the schema of a key such as `train.augment.photo[jpeg].quality`."""
    node: dict[str, Any] = schema
    for part in key.split("."):
        name, _, variant = part.rstrip("]").partition("[")
        node = node["properties"][name]
        node = _resolved(schema, node, variant) if part != key.rpartition(".")[2] or "[" in part else node
    return node


def _resolved(schema: dict[str, Any], node: dict[str, Any], variant: str) -> dict[str, Any]:
    """Return the section that a property holds; of a list, its entries', or those that `variant` selects."""
    items = node.get("items", node)
    reference = items["discriminator"]["mapping"][variant] if variant else items["$ref"]
    definition: dict[str, Any] = schema["$defs"][reference.rpartition("/")[2]]
    return definition
