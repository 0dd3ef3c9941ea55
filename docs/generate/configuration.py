"""Write the reference of the configuration from its pydantic models."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from markdown_table import table
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from pix2style.config import Config
from pix2style.config.section import Section

_TYPE_NAMES: dict[object, str] = {str: "text", int: "integer", float: "number", bool: "`true` or `false`", Path: "path"}


def configuration_reference() -> str:
    """Return one Markdown section for each section of the configuration, with a table of its keys."""
    return "\n".join(_sections(Config, "", 2))


def _sections(section: type[Section], prefix: str, level: int) -> Iterator[str]:
    title = f"`{prefix.rstrip('.')}`" if prefix else "Top level"
    rows = [
        (
            f"`{prefix}{name}`{{ #{prefix.replace('[]', '').replace('[', '.').replace(']', '')}{name} }}",
            _type_and_range(field),
            _default(field),
            field.description or "",
        )
        for name, field in section.model_fields.items()
        if not _nested(field) or _variants(field)
    ]
    yield f"{'#' * level} {title}\n\n{inspect.getdoc(section)}\n"
    if rows:
        yield table(("Key", "Value", "Default", "Meaning"), rows) + "\n"
    for name, field in section.model_fields.items():
        nested = _nested(field)
        if nested:
            entry = "[]" if typing.get_origin(field.annotation) is tuple else ""
            yield from _sections(nested, f"{prefix}{name}{entry}.", min(level + (1 if prefix else 0), 4))
        for variant, members in _variants(field).items():
            yield from _sections(members, f"{prefix}{name}[{variant}].", min(level + (1 if prefix else 0), 4))


def _nested(field: FieldInfo) -> type[Section] | None:
    """Return the section that a key holds, or whose list it holds; None for a key with a plain value."""
    for candidate in (field.annotation, *typing.get_args(field.annotation)):
        if isinstance(candidate, type) and issubclass(candidate, Section):
            return candidate
    return None


def _variants(field: FieldInfo) -> dict[str, type[Section]]:
    """Return the sections that the entries of a list may be, by the `name` that selects them; empty for other keys."""
    arguments = typing.get_args(field.annotation)
    if typing.get_origin(field.annotation) is not tuple or typing.get_origin(arguments[0]) is not typing.Annotated:
        return {}
    members = typing.get_args(typing.get_args(arguments[0])[0])
    sections = [member for member in members if isinstance(member, type) and issubclass(member, Section)]
    return {typing.get_args(section.model_fields["name"].annotation)[0]: section for section in sections}


def _type_and_range(field: FieldInfo) -> str:
    if _variants(field):
        return "list of sections, each with one of the names below"
    members = [member for member in typing.get_args(field.annotation) if member is not type(None)]
    is_optional = type(None) in typing.get_args(field.annotation)
    annotation = members[0] if is_optional and len(members) == 1 else field.annotation
    return ", ".join([_type_name(annotation), *_limits(field.metadata)]) + (", or `null`" if is_optional else "")


def _type_name(annotation: Any) -> str:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return ", ".join([_type_name(arguments[0]), *_limits(arguments[1:])])
    if origin in {types.UnionType, typing.Union}:
        return " or ".join("`null`" if member is type(None) else _type_name(member) for member in arguments)
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in arguments)
    if origin is tuple:
        return f"list of {_type_name(arguments[0])}"
    if origin is dict:
        return f"mapping of {_type_name(arguments[0])} to {_type_name(arguments[1])}"
    return _TYPE_NAMES[annotation]


def _limits(metadata: typing.Iterable[Any]) -> Iterator[str]:
    """Describe pydantic's constraints in words."""
    words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    for constraint in metadata:
        members = getattr(constraint, "metadata", None) or (constraint,)  # a FieldInfo inside Annotated has several
        for member in members:
            yield from (
                f"{word} {_number(getattr(member, key))}" for key, word in words.items() if hasattr(member, key)
            )
            if hasattr(member, "min_length"):
                yield f"at least {member.min_length} of them"
            if getattr(member, "pattern", None):
                yield f"matching `{member.pattern}`"


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is PydanticUndefined:
        return "required"
    return f"`{_plain(value)}`"


def _plain(value: Any) -> str:
    """Return a value as it is written in YAML."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_plain, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_plain(number)}" for key, number in value.items()) + "}"
    return _number(value) if isinstance(value, int | float) else str(value)


def _number(value: float) -> str:
    if isinstance(value, int) or float(value).is_integer():
        return f"{int(value):_}" if abs(value) >= 10_000 else str(int(value))
    return f"{value:g}"
