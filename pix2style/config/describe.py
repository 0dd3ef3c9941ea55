"""Describe every key of the configuration: type, unit, range, default and meaning, as the models state them.

`pix2style config keys`, the JSON schema and the page of the documentation are made from these descriptions.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from pix2style.config.root import Config
from pix2style.config.section import Section
from pix2style.config.units import unit_of

_TYPE_NAMES: dict[object, str] = {str: "text", int: "integer", float: "number", bool: "true or false", Path: "path"}
_LIMIT_WORDS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}


@dataclass(frozen=True, slots=True)
class KeyDescription:
    """One key of the configuration.

    Attributes:
        key: Full name, such as `train.batch`. `[]` stands after a list of sections, and `[NAME]` after a list whose
            entries have a `name` that selects what they are.
        type: Type of the value in words, such as `integer`, or the words that are allowed.
        unit: Unit of a number, such as `pixels`, or `none`; empty for other values.
        range: Limits in words, such as `at least 1`; empty if there are none.
        default: Default as it is written in YAML; `required` if there is none.
        meaning: What the key does.
    """

    key: str
    type: str
    unit: str
    range: str
    default: str
    meaning: str

    def to_json(self) -> dict[str, str]:
        """Return the description as JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class SectionDescription:
    """One section of the configuration.

    Attributes:
        name: Full name, such as `train.augment`; empty for the top level.
        depth: Number of sections that it lies in.
        meaning: What the section is for.
        keys: Its keys that hold values; sections inside it are described by themselves.
    """

    name: str
    depth: int
    meaning: str
    keys: tuple[KeyDescription, ...]


def describe_sections(section: type[Section] = Config, prefix: str = "") -> Iterator[SectionDescription]:
    """Yield a section and all sections inside it, in their order.

    Args:
        section: Class of the section.
        prefix: What stands before its keys, such as `train.augment.`.
    """
    fields = section.model_fields.items()
    keys = tuple(_key(f"{prefix}{name}", field) for name, field in fields if not _nested(field) or _variants(field))
    yield SectionDescription(prefix.rstrip("."), prefix.count("."), inspect.getdoc(section) or "", keys)
    for name, field in fields:
        if nested := _nested(field):
            entry = "[]" if typing.get_origin(field.annotation) is tuple else ""
            yield from describe_sections(nested, f"{prefix}{name}{entry}.")
        for variant, members in _variants(field).items():
            yield from describe_sections(members, f"{prefix}{name}[{variant}].")


def _key(key: str, field: FieldInfo) -> KeyDescription:
    type_, limits = _type_and_limits(field)
    unit = unit_of(key) or ("none" if "number" in type_ or "integer" in type_ else "")
    return KeyDescription(key, type_, unit, limits, _default(field), " ".join((field.description or "").split()))


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


def _type_and_limits(field: FieldInfo) -> tuple[str, str]:
    if _variants(field):
        return "list of sections, each with one of the names below", ""
    members = [member for member in typing.get_args(field.annotation) if member is not type(None)]
    is_optional = type(None) in typing.get_args(field.annotation)
    annotation = members[0] if is_optional and len(members) == 1 else field.annotation
    name, inner = _type_name(annotation)
    words = _allowed_words(field) or name
    limits = [*inner, *_limits(field.metadata)]
    return words + (" or null" if is_optional else ""), ", ".join(limits)


def _allowed_words(field: FieldInfo) -> str:
    """Return the words that a text is checked against by a function, if the field states them."""
    extra = field.json_schema_extra
    words = extra.get("enum") if isinstance(extra, dict) else None
    return ", ".join(map(str, words)) if isinstance(words, list) else ""


def _type_name(annotation: Any) -> tuple[str, list[str]]:
    """Return the name of a type, and the limits of the values in it."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        name, limits = _type_name(arguments[0])
        return name, [*limits, *_limits(arguments[1:])]
    if origin in {types.UnionType, typing.Union}:
        return " or ".join("null" if member is type(None) else _type_name(member)[0] for member in arguments), []
    if origin is Literal:
        return ", ".join(map(str, arguments)), []
    if origin is tuple:
        name, limits = _type_name(arguments[0])
        count = "" if arguments[-1] is Ellipsis else f"{len(arguments)} "
        plural = f"{name}s" if name in _TYPE_NAMES.values() else name
        return f"list of {count}{plural}", [f"each {limit}" for limit in limits]
    if origin is dict:
        return f"mapping of {_type_name(arguments[0])[0]} to {_type_name(arguments[1])[0]}", []
    return _TYPE_NAMES[annotation], []


def _limits(metadata: typing.Iterable[Any]) -> Iterator[str]:
    """Describe pydantic's constraints in words."""
    for constraint in metadata:
        members = getattr(constraint, "metadata", None) or (constraint,)  # a FieldInfo inside Annotated has several
        for member in members:
            yield from (
                f"{word} {_number(getattr(member, key))}" for key, word in _LIMIT_WORDS.items() if hasattr(member, key)
            )
            if hasattr(member, "min_length"):
                yield f"at least {member.min_length} of them"
            if hasattr(member, "max_length"):
                yield f"at most {member.max_length} of them"
            if getattr(member, "pattern", None):
                yield f"matching {member.pattern}"


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True, validated_data={})
    return "required" if value is PydanticUndefined else _plain(value)


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
