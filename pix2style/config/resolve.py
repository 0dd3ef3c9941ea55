"""Give each value without quotes the meaning that its key asks for: text, number, path, or true and false."""

from __future__ import annotations

import types
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from pix2style.config.plain_scalar import PlainScalar
from pix2style.errors import ConfigError

_Location = tuple[str, ...]


class UnclearValueError(ConfigError):
    """It cannot be told what a value means.

    Attributes:
        location: Keys that lead to the value.
        reason: What is unclear, and what to do.
    """

    def __init__(self, location: _Location, reason: str) -> None:
        super().__init__(f"[{' -> '.join(location)}] {reason}")
        self.location, self.reason = location, reason


def resolve_scalars(values: Any, annotation: Any, location: _Location = ()) -> Any:
    """Return the values with each `PlainScalar` replaced by what the type of its key makes of it.

    Args:
        values: Values of a section, or of a key.
        annotation: Type of the section or key; `Any` where it is not known.
        location: Keys that lead to the values, for messages.

    Raises:
        UnclearValueError: What is meant cannot be told.
    """
    members = tuple(_members(annotation))
    if isinstance(values, PlainScalar):
        return _resolve_scalar(values, members, location)
    if isinstance(values, dict):
        return {key: resolve_scalars(v, _key_type(members, values, key), (*location, key)) for key, v in values.items()}
    if isinstance(values, list):
        return [resolve_scalars(v, _item_type(members, i), (*location, str(i))) for i, v in enumerate(values)]
    return values


def section_type(annotation: Any) -> type[BaseModel] | None:
    """Return the section class of a field; None if the field holds a plain value."""
    return next((member for member in _members(annotation) if _is_section(member)), None)


def _resolve_scalar(scalar: PlainScalar, members: Sequence[Any], location: _Location) -> Any:
    value = scalar.value
    is_text = any(member in (str, Path) or _is_text_choice(member) for member in members)
    if is_text and scalar.comment:
        reason = f"is it {scalar.text!r} with a comment, or {f'{scalar.text} {scalar.comment}'!r}?"
        raise UnclearValueError(
            location, f"line {scalar.line}: {reason} Put the value in quotes, or a space after the #"
        )
    if value is None:
        if scalar.text == "~" and Path in members:
            raise UnclearValueError(location, "~ alone may be no value or your home folder: write null or ~/")
        # A section whose keys are all left out has its defaults.
        return {} if any(map(_is_section, members)) else None
    if is_text:
        return scalar.text
    # pydantic takes true for 1, where a number is expected.
    return scalar.text if isinstance(value, bool) and {int, float} & set(members) else value


def _members(annotation: Any) -> Iterator[Any]:
    """Yield the types that a value may have: those of a union, without their constraints."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _members(get_args(annotation)[0])
    elif origin in (Union, types.UnionType):
        for member in get_args(annotation):
            yield from _members(member)
    else:
        yield annotation


def _key_type(members: Sequence[Any], values: dict[str, Any], key: str) -> Any:
    section = _chosen_section([member for member in members if _is_section(member)], values)
    if section is not None and key in section.model_fields:
        return section.model_fields[key].annotation
    return next((get_args(member)[1] for member in members if get_origin(member) is dict), Any)


def _chosen_section(sections: Sequence[type[BaseModel]], values: dict[str, Any]) -> type[BaseModel] | None:
    """Return the section of these; of several, the one that the value of `name` selects."""
    if len(sections) <= 1:
        return next(iter(sections), None)
    name = values.get("name")
    text = name.text if isinstance(name, PlainScalar) else name
    return next((s for s in sections if text in get_args(s.model_fields["name"].annotation)), None)


def _item_type(members: Sequence[Any], index: int) -> Any:
    items = next((get_args(member) for member in members if get_origin(member) is tuple), ())
    if len(items) == 2 and items[1] is Ellipsis:
        return items[0]
    return items[index] if index < len(items) else Any


def _is_section(member: Any) -> bool:
    return isinstance(member, type) and issubclass(member, BaseModel)


def _is_text_choice(member: Any) -> bool:
    return get_origin(member) is Literal and all(isinstance(choice, str) for choice in get_args(member))
