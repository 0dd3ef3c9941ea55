"""Find where a network can be cut into two, from the structure of its graph alone. Plain Python, no TensorFlow."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

Graph = Mapping[str, Collection[str]]
"""The name of each node, and the names of the nodes whose outputs it reads."""


def cut_nodes(graph: Graph, source: str, sink: str) -> list[str]:
    """Return the nodes that every path from `source` to `sink` passes through, in order, both ends included.

    These are the sink's dominators. In topological order, and among the nodes on such paths, a node is one of them
    exactly if no edge leads from a node before it to a node behind it: such an edge would be a path around it.

    Args:
        graph: Graph without cycles.
        source: Node where the paths begin.
        sink: Node where the paths end.

    Returns:
        Names of nodes; empty if no path leads from `source` to `sink`.
    """
    readers = _readers(graph)
    on_paths = ancestors(graph, sink) & _reachable(readers, source)
    order = [node for node in _topological_order(graph, sink) if node in on_paths]
    position = {node: i for i, node in enumerate(order)}
    dominators, farthest = [], 0  # farthest: the last position that an edge from an earlier node leads to
    for i, node in enumerate(order):
        if farthest <= i:
            dominators.append(node)
        farthest = max([farthest, *(position[reader] for reader in readers.get(node, ()) if reader in position)])
    return dominators


def ancestors(graph: Graph, node: str) -> set[str]:
    """Return `node` and all nodes that it depends on."""
    return _reachable(graph, node)


def _readers(graph: Graph) -> dict[str, list[str]]:
    """Return the graph with its edges turned round: for each node, the nodes that read its output."""
    readers: dict[str, list[str]] = {}
    for node, inputs in graph.items():
        for source in inputs:
            readers.setdefault(source, []).append(node)
    return readers


def _reachable(edges: Mapping[str, Iterable[str]], start: str) -> set[str]:
    reached, stack = {start}, [start]
    while stack:
        new = set(edges.get(stack.pop(), ())) - reached
        reached |= new
        stack += new
    return reached


def _topological_order(graph: Graph, sink: str) -> list[str]:
    """Return the nodes that `sink` depends on, each behind the nodes that it reads.

    A stack and not recursion: the networks are deeper than Python's recursion limit.
    """
    order: list[str] = []
    visited: set[str] = set()
    stack = [(sink, False)]
    while stack:
        node, inputs_done = stack.pop()
        if inputs_done:
            order.append(node)
        elif node not in visited:
            visited.add(node)
            stack.append((node, True))
            stack.extend((source, False) for source in graph.get(node, ()))
    return order
