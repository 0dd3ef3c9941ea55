"""Tests of cut nodes: compared with removing each node and searching for a remaining path."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pix2style.teachers.magenta.graph_cut import ancestors, cut_nodes


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, list[str]]:
    """Draw a graph with nodes n0, n1, ...; each reads some of the nodes before it."""
    count = draw(st.integers(2, 14))
    inputs = {0: st.just([])} | {i: st.lists(st.integers(0, i - 1), max_size=3, unique=True) for i in range(1, count)}
    return {f"n{i}": [f"n{number}" for number in draw(inputs[i])] for i in range(count)}


def _has_path(graph: dict[str, list[str]], source: str, sink: str, without: str | None = None) -> bool:
    if without in (source, sink):
        return False
    return source in ancestors(
        {node: [name for name in names if name != without] for node, names in graph.items()}, sink
    )


@given(graphs(), st.data())
def test_a_cut_node_is_on_every_path(graph: dict[str, list[str]], data: st.DataObject) -> None:
    sink = f"n{len(graph) - 1}"
    source = data.draw(st.sampled_from(sorted(graph)))
    nodes = cut_nodes(graph, source, sink)
    if not _has_path(graph, source, sink):
        assert nodes == []
        return
    expected = {node for node in graph if not _has_path(graph, source, sink, node) and node in ancestors(graph, sink)}
    assert set(nodes) == expected
    assert nodes == sorted(nodes, key=lambda node: int(node[1:]))  # from the source to the sink


def test_a_deep_graph_needs_no_recursion() -> None:
    graph = {f"n{i}": [f"n{i - 1}"] if i else [] for i in range(50_000)}
    assert len(cut_nodes(graph, "n0", "n49999")) == 50_000
