"""Dataclasses that are defined quickly behave as those of the standard library."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from typing import Any, ClassVar

import pytest

from pix2style import light_dataclass


@light_dataclass.dataclass(frozen=True, slots=True, order=True)
class Frozen:
    """A frozen class."""

    name: str
    size: int = 3
    tags: tuple[str, ...] = dataclasses.field(default=(), kw_only=True)


@light_dataclass.dataclass(slots=True)
class Growing:
    """A class with a list."""

    items: list[int] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        self.items.append(len(self.items))


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Standard:
    """What `Frozen` is compared with."""

    name: str
    size: int = 3
    tags: tuple[str, ...] = dataclasses.field(default=(), kw_only=True)


def test_it_behaves_as_the_standard_librarys() -> None:
    mine: list[Any] = [Frozen("b"), Frozen("a", 5), Frozen(name="a", tags=("x",)), Frozen("b", 3)]
    theirs: list[Any] = [Standard("b"), Standard("a", 5), Standard(name="a", tags=("x",)), Standard("b", 3)]
    assert [repr(item).replace("Frozen", "Standard") for item in sorted(mine)] == [
        repr(item) for item in sorted(theirs)
    ]
    for compare in (lambda a, b: a == b, lambda a, b: a <= b, lambda a, b: hash(a) == hash(b)):
        pairs = [(a, b) for a in range(4) for b in range(4)]
        assert [compare(mine[a], mine[b]) for a, b in pairs] == [compare(theirs[a], theirs[b]) for a, b in pairs]
    assert [dataclasses.asdict(item) for item in mine] == [dataclasses.asdict(item) for item in theirs]
    assert dataclasses.replace(mine[2], size=9) == Frozen("a", 9, tags=("x",))
    assert mine[0] != theirs[0]
    assert str(inspect.signature(Frozen)) == str(inspect.signature(Standard)).replace(" -> None", "")
    assert Frozen.__slots__ == Standard.__slots__


@light_dataclass.dataclass(frozen=True, slots=True, order=True)
class Partly:
    """A class whose fields differ in what they count for."""

    kind: ClassVar[str] = "partly"
    name: str
    secret: str = dataclasses.field(default="s", repr=False)
    cache: dict[str, int] = dataclasses.field(default_factory=dict, compare=False)
    weight: int = dataclasses.field(default=0, hash=False)

    def __call__(self, number: int) -> int:
        return number


def test_fields_count_for_what_they_say() -> None:
    standard = dataclasses.make_dataclass(
        "Partly",
        [(field.name, field.type, copy.copy(field)) for field in dataclasses.fields(Partly)],
        frozen=True,
        order=True,
    )
    first, second = (made("a", cache={"x": 1}) for made in (Partly, standard))
    assert repr(first) == repr(second) == "Partly(name='a', cache={'x': 1}, weight=0)"
    assert hash(first) == hash(second) == hash(Partly("a", weight=7))
    assert first == Partly("a") != Partly("a", "t")
    assert first <= Partly("a") < Partly("a", weight=1)
    assert list(inspect.signature(first).parameters) == ["number"]
    with pytest.raises(TypeError, match="init=False"):
        light_dataclass.dataclass()(type("X", (), {"__annotations__": {"n": int}, "n": dataclasses.field(init=False)}))


def test_objects_are_copied_and_pickled() -> None:
    for item in (Frozen("a", 5, tags=("x",)), Growing([4]), Partly("a", cache={"x": 1})):
        assert pickle.loads(pickle.dumps(item)) == item
        assert copy.copy(item) == copy.deepcopy(item) == item


def test_frozen_objects_do_not_change() -> None:
    frozen: Any = Frozen("a")
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'size'"):
        frozen.size = 4
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot delete field 'size'"):
        del frozen.size


def test_dataclasses_inherit() -> None:
    @dataclasses.dataclass(frozen=True, slots=True)
    class Longer(Frozen):
        length: int = 1

    assert Longer("a", length=2) == Longer("a", 3, 2)
    assert repr(Longer("a")).endswith("Longer(name='a', size=3, tags=(), length=1)")


def test_each_object_has_a_default_of_its_own() -> None:
    first, second = Growing(), Growing()
    first.items.append(7)
    assert (first.items, second.items) == ([0, 7], [0])
    with pytest.raises(TypeError, match="unhashable"):
        hash(first)


@pytest.mark.parametrize(
    ("arguments", "named", "message"),
    [
        ((), {}, r"Frozen\(\) needs the argument name"),
        (("a", 1, 2), {}, r"Frozen\(\) takes 2 arguments, but 3 were given"),
        (("a",), {"name": "b"}, r"Frozen\(\) got name twice"),
        (("a",), {"colour": 1}, r"Frozen\(\) has no argument colour"),
    ],
)
def test_wrong_arguments_are_refused(arguments: tuple[Any, ...], named: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        Frozen(*arguments, **named)
