"""Options of a command that stand together in a dataclass, so that a command can have many and stay readable."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import typing
from collections.abc import Callable
from typing import Any


def with_option_groups(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a command whose options are the parameters of a function, and the fields of its dataclass parameters.

    A parameter that is annotated with a dataclass is replaced by an option for each field. The field's annotation is
    that of the option, and its default the option's default. The function gets the dataclass with the values.

    Raises:
        TypeError: Two options have one name.
    """
    hints = typing.get_type_hints(function, include_extras=True)
    groups = {name: hint for name, hint in hints.items() if dataclasses.is_dataclass(hint) and isinstance(hint, type)}
    if not groups:
        return function
    fields = {name: [field.name for field in dataclasses.fields(group)] for name, group in groups.items()}

    @functools.wraps(function)
    def run(**options: Any) -> Any:
        for name, group in groups.items():
            options[name] = group(**{field: options.pop(field) for field in fields[name]})
        return function(**options)

    parameters = [
        option
        for name, value in inspect.signature(function).parameters.items()
        for option in (_options_of(groups[name]) if name in groups else [value.replace(annotation=hints[name])])
    ]
    keyword_only = [option.replace(kind=inspect.Parameter.KEYWORD_ONLY) for option in parameters]
    names = [option.name for option in keyword_only]
    if twice := {name for name in names if names.count(name) > 1}:
        raise TypeError(f"{function.__name__}: two options are called {', '.join(sorted(twice))}")
    run.__signature__ = inspect.Signature(keyword_only)  # type: ignore[attr-defined]
    run.__annotations__ = {option.name: option.annotation for option in keyword_only}
    return run


def _options_of(group: type) -> list[inspect.Parameter]:
    """Return a parameter for each field of a dataclass."""
    hints = typing.get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in dataclasses.fields(group)
    ]
