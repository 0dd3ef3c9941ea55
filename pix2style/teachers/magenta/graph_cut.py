"""Where a network can be cut: its narrow places, found by structure alone. Plain Python, no TensorFlow."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

Graph = Mapping[str, Collection[str]]
"""Each node's name, and the names of the nodes that it reads."""


def gates(graph: Graph, source: str, sink: str) -> list[str]:
    """The nodes that every path from `source` to `sink` goes through, in order, both ends included.

    A node is one exactly if, in topological order and among the nodes on such paths, no edge leaps over it: an edge
    from before it to behind it would be a way around.

    Args:
        graph: without cycles.
        source: where paths begin.
        sink: where they end.

    Returns:
        Names; empty if no path leads from `source` to `sink`.
    """
    readers = _readers(graph)
    on_paths = ancestors(graph, sink) & _reachable(readers, source)
    order = [node for node in _topological(graph, sink) if node in on_paths]
    position = {node: i for i, node in enumerate(order)}
    found, farthest = [], 0  # how far the edges seen so far reach
    for i, node in enumerate(order):
        if farthest <= i:
            found.append(node)
        farthest = max([farthest, *(position[reader] for reader in readers.get(node, ()) if reader in position)])
    return found


def ancestors(graph: Graph, node: str) -> set[str]:
    """`node` and whatever it depends on."""
    return _reachable(graph, node)


def _readers(graph: Graph) -> dict[str, list[str]]:
    readers: dict[str, list[str]] = {}
    for node, inputs in graph.items():
        for one in inputs:
            readers.setdefault(one, []).append(node)
    return readers


def _reachable(edges: Mapping[str, Iterable[str]], start: str) -> set[str]:
    seen, waiting = {start}, [start]
    while waiting:
        for one in edges.get(waiting.pop(), ()):
            if one not in seen:
                seen.add(one)
                waiting.append(one)
    return seen


def _topological(graph: Graph, sink: str) -> list[str]:
    """What `sink` depends on, inputs before readers; a stack, as networks are deeper than Python's recursion."""
    order: list[str] = []
    seen: set[str] = set()
    waiting = [(sink, False)]
    while waiting:
        node, inputs_done = waiting.pop()
        if inputs_done:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            waiting.append((node, True))
            waiting.extend((one, False) for one in graph.get(node, ()))
    return order
