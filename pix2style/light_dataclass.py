"""Dataclasses that cost little to define, for the modules that `infer` imports before it can stylize a photo.

`dataclasses.dataclass` compiles up to eight methods of each class when the class is defined. For the forty dataclasses
on the way to one small photo this took a tenth of the whole program's time. `dataclass` in this module lets the
standard library find the fields and make the slots, and adds methods that all classes share. They take a few
microseconds longer for each object.

`dataclasses.fields`, `replace` and `asdict`, pickling, copying, comparing and hashing work as for other dataclasses.
Fields may have all options of `dataclasses.field` but `init=False`.
"""

from __future__ import annotations

import dataclasses
import inspect  # which `dataclasses` imports as well
from collections.abc import Callable
from operator import ge, gt, le, lt
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]

if TYPE_CHECKING:  # type checkers see the standard library's decorator, whose fields they know
    from dataclasses import dataclass
else:

    def dataclass(*, frozen: bool = False, order: bool = False, slots: bool = False) -> Callable[[type], type]:
        """Return the decorator that makes a class a dataclass with slots; see `dataclasses.dataclass`."""

        def decorate(cls: type) -> type:
            cls.__doc__ = cls.__doc__ or cls.__name__  # else the standard library writes the signature
            cls = dataclasses.dataclass(init=False, repr=False, eq=False, slots=slots)(cls)
            if not all(field.init for field in dataclasses.fields(cls)):
                raise TypeError(f"{cls.__name__} has a field with init=False: take dataclasses.dataclass")
            cls.__dataclass_params__.frozen = frozen  # a dataclass that inherits from this one has to be the same
            shared = _SHARED | (_FROZEN if frozen else {"__hash__": None}) | (_ORDERED if order else {})
            for name, value in shared.items():
                if name not in cls.__dict__:
                    setattr(cls, name, value)
            return cls

        return decorate


def _init(self: Any, /, *values: Any, **named: Any) -> None:
    fields = dataclasses.fields(self)
    positional = [field.name for field in fields if not field.kw_only]
    if len(values) > len(positional):
        raise TypeError(f"{type(self).__name__}() takes {len(positional)} arguments, but {len(values)} were given")
    given = dict(zip(positional, values, strict=False))
    if both := given.keys() & named.keys():
        raise TypeError(f"{type(self).__name__}() got {', '.join(sorted(both))} twice")
    given |= named
    for field in fields:
        object.__setattr__(self, field.name, given.pop(field.name) if field.name in given else _default(self, field))
    if given:
        raise TypeError(f"{type(self).__name__}() has no argument {', '.join(given)}")
    if post_init := getattr(self, "__post_init__", None):
        post_init()


def _default(instance: Any, field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    raise TypeError(f"{type(instance).__name__}() needs the argument {field.name}")


def _values(self: Any) -> tuple[Any, ...]:
    return tuple(getattr(self, field.name) for field in dataclasses.fields(self))


def _set_values(self: Any, values: tuple[Any, ...]) -> None:
    for field, value in zip(dataclasses.fields(self), values, strict=True):
        object.__setattr__(self, field.name, value)


def _compared(self: Any) -> tuple[Any, ...]:
    return tuple(getattr(self, field.name) for field in dataclasses.fields(self) if field.compare)


def _hashed(self: Any) -> int:
    fields = [field for field in dataclasses.fields(self) if (field.compare if field.hash is None else field.hash)]
    return hash(tuple(getattr(self, field.name) for field in fields))


def _repr(self: Any) -> str:
    fields = ", ".join(
        f"{field.name}={getattr(self, field.name)!r}" for field in dataclasses.fields(self) if field.repr
    )
    return f"{type(self).__qualname__}({fields})"


def _compare(operator: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def compare(self: Any, other: Any) -> Any:
        return operator(_compared(self), _compared(other)) if type(self) is type(other) else NotImplemented

    return compare


def _refuse_setting(_self: Any, name: str, _value: Any) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_deleting(_self: Any, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


class _Signature:
    """The parameters of a class, for `help` and `inspect.signature`, which would else see those of `_init`."""

    def __get__(self, instance: Any, owner: type) -> inspect.Signature:
        if instance is not None:  # the signature of an object is that of its `__call__`
            raise AttributeError("__signature__")
        parameters = []
        for field in dataclasses.fields(owner):
            kind = inspect.Parameter.KEYWORD_ONLY if field.kw_only else inspect.Parameter.POSITIONAL_OR_KEYWORD
            default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory
            default = inspect.Parameter.empty if default is dataclasses.MISSING else default
            parameters.append(inspect.Parameter(field.name, kind, default=default, annotation=field.type))
        return inspect.Signature(parameters)


_SHARED = {
    "__init__": _init,
    "__signature__": _Signature(),
    "__repr__": _repr,
    "__eq__": _compare(lambda mine, others: mine == others),
    "__getstate__": _values,
    "__setstate__": _set_values,
}
_FROZEN = {
    "__hash__": _hashed,
    "__setattr__": _refuse_setting,
    "__delattr__": _refuse_deleting,
}
_ORDERED = {f"__{operator.__name__}__": _compare(operator) for operator in (lt, le, gt, ge)}
