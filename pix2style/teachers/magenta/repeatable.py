"""tf2onnx made to write the same graph each time."""

from __future__ import annotations

import contextlib
import importlib
import itertools
import sys
from collections.abc import Iterable, Iterator, MutableSet
from typing import Any, Self, TypeVar

_T = TypeVar("_T")
# All numbers have its length, so that names with them sort as numbers do.
_FIRST_NUMBER = 10**9


@contextlib.contextmanager
def repeatable() -> Iterator[None]:
    """While it lasts, what tf2onnx does follows from the network alone.

    tf2onnx 1.17 keeps a graph's nodes in the order of a set of objects (graph.py, extract_sub_graph_nodes), so in that
    of their addresses; and its optimisers remove nodes from that list while they go through it, and so skip others
    (transpose_optimizer.py, post_optimize_action). It also sorts by names, in which there are addresses
    (einsum_optimizer.py) and the number of all names so far. So sets get the order in which they were filled, objects
    are numbered as they come, and names are counted from the start.
    """
    importlib.import_module("tf2onnx.convert")  # most of tf2onnx is only loaded when it is used
    utils: Any = importlib.import_module("tf2onnx.utils")
    builtins = {"set": _OrderedSet, "id": _Numbers()}
    names_before = utils.INTERNAL_NAME
    with contextlib.ExitStack() as stack:
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] == "tf2onnx":
                stack.enter_context(_shadowed(vars(module), builtins))
        utils.INTERNAL_NAME = 1
        try:
            yield
        finally:
            utils.INTERNAL_NAME = names_before


@contextlib.contextmanager
def _shadowed(module: dict[str, Any], builtins: dict[str, Any]) -> Iterator[None]:
    """The module sees these instead of Python's own."""
    before = {name: module[name] for name in builtins if name in module}
    module.update(builtins)
    try:
        yield
    finally:
        for name in builtins:
            del module[name]
        module.update(before)


class _Numbers:
    """`id`, the same from run to run."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[int, object]] = {}

    def __call__(self, one: object) -> int:
        # The object is kept, for another could get its address.
        number, _ = self._known.setdefault(id(one), (_FIRST_NUMBER + len(self._known), one))
        return number


class _OrderedSet(MutableSet[_T]):
    """`set`, in the order in which it was filled."""

    def __init__(self, items: Iterable[_T] = ()) -> None:
        self._items = dict.fromkeys(items)

    def __contains__(self, item: object) -> bool:
        return item in self._items

    def __iter__(self) -> Iterator[_T]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def add(self, item: _T) -> None:
        self._items[item] = None

    def discard(self, item: _T) -> None:
        self._items.pop(item, None)

    def update(self, *others: Iterable[_T]) -> None:
        self._items.update(dict.fromkeys(itertools.chain(*others)))

    def union(self, *others: Iterable[_T]) -> Self:
        return type(self)(itertools.chain(self, *others))

    def intersection(self, other: Iterable[_T]) -> Self:
        kept = set(other)
        return type(self)(one for one in self if one in kept)

    def issubset(self, other: Iterable[_T]) -> bool:
        return self <= set(other)
